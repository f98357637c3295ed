package wasi

// argsGet writes the program's arguments, each with a zero byte at its end,
// and an array of pointers to them.
//
//	args_get(argv, argv_buf i32) errno
//
// With the arguments "a" and "bc" at argv_buf:
//
//	argv:     [argv_buf, argv_buf+2]  (u32 each)
//	argv_buf: 'a' 0 'b' 'c' 0
//
// Errors: EFAULT when either does not fit in memory.
func argsGet(c *call) (errno, error) { return c.strings(c.sys.Args), nil }

// argsSizesGet writes the number of arguments and the bytes they take.
//
//	args_sizes_get(count_ptr, size_ptr i32) errno
func argsSizesGet(c *call) (errno, error) { return c.stringSizes(c.sys.Args), nil }

// environGet writes the environment as argsGet writes the arguments.
//
//	environ_get(environ, environ_buf i32) errno
func environGet(c *call) (errno, error) { return c.strings(c.sys.Env), nil }

// environSizesGet writes the number of variables and the bytes they take.
//
//	environ_sizes_get(count_ptr, size_ptr i32) errno
func environSizesGet(c *call) (errno, error) { return c.stringSizes(c.sys.Env), nil }

func (c *call) strings(list []string) errno {
	count, size, fits := stringSizes(list)
	if !fits {
		return errOverflow
	}
	pointers, ok := c.mem.array(c.u32(0), count, 4)
	if !ok {
		return errFault
	}
	at := c.u32(1)
	buf, ok := c.mem.bytes(at, size)
	if !ok {
		return errFault
	}
	for i, s := range list {
		memory(pointers).putU32(uint32(i)*4, at)
		n := copy(buf, s)
		buf[n] = 0
		buf = buf[n+1:]
		at += uint32(n) + 1 //nolint:gosec // size fits
	}
	return success
}

func (c *call) stringSizes(list []string) errno {
	count, size, fits := stringSizes(list)
	switch {
	case !fits:
		return errOverflow
	case !c.mem.putU32(c.u32(0), count), !c.mem.putU32(c.u32(1), size):
		return errFault
	default:
		return success
	}
}

func stringSizes(list []string) (count, size uint32, fits bool) {
	const most = 1 << 30
	n := 0
	for _, s := range list {
		if n += len(s) + 1; n > most {
			return 0, 0, false
		}
	}
	return uint32(len(list)), uint32(n), true //nolint:gosec // every string takes a byte
}
