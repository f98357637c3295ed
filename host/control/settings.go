package control

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// options is the settings part of a deploy: [host.Settings] in which all is
// optional, and what only a deploy has.
type options struct {
	Routes    *[]host.Route   `json:"routes"`
	Isolation *host.Isolation `json:"isolation"`
	Limits    *limitOptions   `json:"limits"`
	Grants    *host.Grants    `json:"grants"`
	Entry     string          `json:"entry"`
	Export    string          `json:"export"`
	Debug     host.Debug      `json:"debug"`
	// Keep takes what is absent here from the version that runs, instead of
	// from the defaults. Entry and export belong to the content, debug to the one
	// deploy: they are never kept.
	Keep bool `json:"keep"`
}

// limitOptions are [host.Limits] in which all is optional.
type limitOptions struct {
	Memory       *host.Bytes    `json:"memory"`
	Timeout      *host.Duration `json:"timeout"`
	CPU          *host.Duration `json:"cpu"` // as timeout, unless given
	RequestBytes *host.Bytes    `json:"request_bytes"`
	ReplyBytes   *host.Bytes    `json:"reply_bytes"`
	LogBytes     *host.Bytes    `json:"log_bytes"`
	InFlight     *int           `json:"in_flight"`
	Queue        *int           `json:"queue"`
	InvokeDepth  *int           `json:"invoke_depth"`
}

// Bounds of limits that no quota names.
const (
	maxLogBytes    = 16 * host.MiB
	maxQueue       = 100_000
	maxInvokeDepth = 64
	maxRoutes      = 64
	maxGrants      = 1024 // patterns of one kind
)

// settings returns the service's settings: what the author chose over base,
// and checks them against the tenant's quota. Errors name the field.
func (o options) settings(base host.Settings, q host.Quota) (host.Settings, error) {
	out := base
	out.Entry, out.Export, out.Debug = o.Entry, o.Export, o.Debug
	if o.Routes != nil {
		out.Routes = *o.Routes
	}
	if o.Isolation != nil {
		out.Isolation = *o.Isolation
	}
	if o.Grants != nil {
		out.Grants = *o.Grants
	}
	if o.Limits != nil {
		o.Limits.over(&out.Limits)
	}
	return out, check(out, q)
}

// over puts what is given over l.
func (o limitOptions) over(l *host.Limits) {
	if o.Timeout != nil {
		l.Timeout, l.CPU = *o.Timeout, *o.Timeout
	}
	set(&l.Memory, o.Memory)
	set(&l.CPU, o.CPU)
	set(&l.RequestBytes, o.RequestBytes)
	set(&l.ReplyBytes, o.ReplyBytes)
	set(&l.LogBytes, o.LogBytes)
	set(&l.InFlight, o.InFlight)
	set(&l.Queue, o.Queue)
	set(&l.InvokeDepth, o.InvokeDepth)
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// defaultSettings are those of a service whose author chose nothing: the
// host's, as far as the tenant's quota allows.
func defaultSettings(q host.Quota) host.Settings {
	l := host.DefaultLimits()
	l.Memory = min(l.Memory, q.Memory)
	l.Timeout = min(l.Timeout, q.Timeout)
	l.CPU = min(l.CPU, q.Timeout)
	l.RequestBytes = min(l.RequestBytes, q.RequestBytes)
	l.ReplyBytes = min(l.ReplyBytes, q.ReplyBytes)
	l.InFlight = min(l.InFlight, q.InFlight)
	return host.Settings{Isolation: host.Pristine, Limits: l}
}

// check holds settings against the quota.
func check(s host.Settings, q host.Quota) error {
	if s.Isolation != host.Pristine && s.Isolation != host.Warm {
		return host.FieldErrorf("isolation", "isolation %q: use %q or %q", host.Clip(string(s.Isolation)), host.Pristine, host.Warm)
	}
	if s.Debug != host.DebugOff && s.Debug != host.DebugTraceback && s.Debug != host.DebugLocals {
		return host.FieldErrorf("debug", "debug %q: use %q or %q, or leave it out", host.Clip(string(s.Debug)), host.DebugTraceback, host.DebugLocals)
	}
	l := s.Limits
	for _, f := range []struct {
		name             string
		value, low, high int64
		show             func(int64) string
		quota            string
	}{
		{"memory", int64(l.Memory), int64(64 * host.KiB), int64(q.Memory), showBytes, "memory"},
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
		return host.FieldErrorf(field, "%s is %s; use %s to %s%s", field, f.show(f.value), f.show(f.low), f.show(f.high), bound)
	}
	return checkLists(s)
}

func checkLists(s host.Settings) error {
	if len(s.Routes) > maxRoutes {
		return host.FieldErrorf("routes", "a service has at most %d routes", maxRoutes)
	}
	for i, r := range s.Routes {
		if r.Path == "" || r.Path[0] != '/' {
			return host.FieldErrorf(fmt.Sprintf("routes[%d].path", i), "path %q: begin it with a slash, such as /user/{id}", host.Clip(r.Path))
		}
	}
	for name, patterns := range map[string]*[]string{
		"connections": &s.Grants.Connections, "services": s.Grants.Services, "keys": s.Grants.Keys, "config": s.Grants.Config,
	} {
		if patterns != nil && len(*patterns) > maxGrants {
			return host.FieldErrorf("grants."+name, "at most %d patterns", maxGrants)
		}
	}
	return nil
}

func showBytes(n int64) string    { return host.Bytes(n).String() }
func showDuration(n int64) string { return time.Duration(n).String() }
func showCount(n int64) string    { return strconv.FormatInt(n, 10) }

// within puts the field of an invalid-argument error below a parent.
func within(parent string, err error) error {
	var e *host.Error
	if !errors.As(err, &e) || e.Code != abi.Invalid {
		return err
	}
	out := *e
	switch e.Field {
	case "", "body":
		out.Field = parent
	default:
		out.Field = parent + "." + e.Field
	}
	out.Message = out.Field + ": " + e.Message
	return &out
}
