package wasi

// clockID is $clockid.
type clockID uint32

const (
	clockRealtime  clockID = 0
	clockMonotonic clockID = 1
	clockProcess   clockID = 2
	clockThread    clockID = 3
)

// clockResGet writes the resolution of a clock in nanoseconds.
//
//	clock_res_get(id, result_ptr i32) errno
//
// Errors: EINVAL for an unknown clock, EFAULT.
func clockResGet(c *call) (errno, error) {
	if _, ok := c.sys.now(clockID(c.u32(0))); !ok {
		return errInvalid, nil
	}
	if !c.mem.putU64(c.u32(1), 1) {
		return errFault, nil
	}
	return success, nil
}

// clockTimeGet writes the time of a clock in nanoseconds.
//
//	clock_time_get(id i32, precision i64, result_ptr i32) errno
//
// Errors: EINVAL for an unknown clock, EFAULT.
func clockTimeGet(c *call) (errno, error) {
	t, ok := c.sys.now(clockID(c.u32(0)))
	if !ok {
		return errInvalid, nil
	}
	if !c.mem.putU64(c.u32(2), t) {
		return errFault, nil
	}
	return success, nil
}

// now returns the time of a clock.
func (s *System) now(id clockID) (uint64, bool) {
	var t int64
	switch id {
	case clockRealtime:
		t = s.realtime()
	case clockMonotonic:
		t = s.monotonic()
	case clockProcess, clockThread:
		t = s.cpuTime()
	default:
		return 0, false
	}
	return uint64(max(t, 0)), true
}
