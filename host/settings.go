package host

import (
	"fmt"
	"strconv"
	"time"
)

// Bounds of limits that no quota names.
const (
	maxLogBytes    = 16 * MiB
	maxQueue       = 100_000
	maxInvokeDepth = 64
	maxRoutes      = 64
	maxGrants      = 1024 // patterns of one kind
)

// DefaultSettings are those of a service whose author chose nothing: the
// host's, as far as the tenant's quota allows.
func DefaultSettings(q Quota) Settings {
	l := DefaultLimits()
	l.Memory = min(l.Memory, q.Memory)
	l.Timeout = min(l.Timeout, q.Timeout)
	l.CPU = min(l.CPU, q.Timeout)
	l.RequestBytes = min(l.RequestBytes, q.RequestBytes)
	l.ReplyBytes = min(l.ReplyBytes, q.ReplyBytes)
	l.InFlight = min(l.InFlight, q.InFlight)
	return Settings{Isolation: Pristine, Limits: l}
}

// Check holds settings against the quota. An error is an *[Error] that names
// the field, such as "limits.memory".
func (s Settings) Check(q Quota) error {
	if s.Isolation != Pristine && s.Isolation != Warm {
		return FieldErrorf("isolation", "isolation %q: use %q or %q", Clip(string(s.Isolation)), Pristine, Warm)
	}
	if s.Debug != DebugOff && s.Debug != DebugTraceback && s.Debug != DebugLocals {
		return FieldErrorf("debug", "debug %q: use %q or %q, or leave it out", Clip(string(s.Debug)), DebugTraceback, DebugLocals)
	}
	l := s.Limits
	for _, f := range []struct {
		name             string
		value, low, high int64
		show             func(int64) string
		quota            string
	}{
		{"memory", int64(l.Memory), int64(64 * KiB), int64(q.Memory), showBytes, "memory"},
		{"timeout", int64(l.Timeout), int64(time.Millisecond), int64(q.Timeout), showDuration, "timeout"},
		{"cpu", int64(l.CPU), int64(time.Millisecond), int64(q.Timeout), showDuration, "timeout"},
		{"request_bytes", int64(l.RequestBytes), 1, int64(q.RequestBytes), showBytes, "request_bytes"},
		{"reply_bytes", int64(l.ReplyBytes), 1, int64(q.ReplyBytes), showBytes, "reply_bytes"},
		{"log_bytes", int64(l.LogBytes), 0, int64(maxLogBytes), showBytes, ""},
		{"in_flight", int64(l.InFlight), 1, int64(q.InFlight), showCount, "in_flight"},
		{"queue", int64(l.Queue), 0, maxQueue, showCount, ""},
		{"invoke_depth", int64(l.InvokeDepth), 0, maxInvokeDepth, showCount, ""},
	} {
		if f.value >= f.low && f.value <= f.high {
			continue
		}
		field := "limits." + f.name
		bound := ""
		if f.quota != "" && f.value > f.high {
			bound = fmt.Sprintf(", which is the tenant's quota.%s", f.quota)
		}
		return FieldErrorf(field, "%s is %s; use %s to %s%s", field, f.show(f.value), f.show(f.low), f.show(f.high), bound)
	}
	return s.checkLists()
}

func (s Settings) checkLists() error {
	if len(s.Routes) > maxRoutes {
		return FieldErrorf("routes", "a service has at most %d routes", maxRoutes)
	}
	for i, r := range s.Routes {
		if r.Path == "" || r.Path[0] != '/' {
			return FieldErrorf(fmt.Sprintf("routes[%d].path", i), "path %q: begin it with a slash, such as /user/{id}", Clip(r.Path))
		}
	}
	for name, patterns := range map[string]*[]string{
		"connections": &s.Grants.Connections, "services": s.Grants.Services, "keys": s.Grants.Keys, "config": s.Grants.Config,
	} {
		if patterns != nil && len(*patterns) > maxGrants {
			return FieldErrorf("grants."+name, "at most %d patterns", maxGrants)
		}
	}
	return nil
}

func showBytes(n int64) string    { return Bytes(n).String() }
func showDuration(n int64) string { return time.Duration(n).String() }
func showCount(n int64) string    { return strconv.FormatInt(n, 10) }
