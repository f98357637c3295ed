package config

import (
	"bytes"
	"encoding/json"

	"github.com/seraihost/serai/host"
)

// Resolve returns the settings of a service: what is left out is base's.
// A time limit bounds CPU time too, unless that is given.
func (s Settings) Resolve(base host.Settings) host.Settings {
	out := base
	l := &out.Limits
	if s.Timeout != nil {
		l.Timeout, l.CPU = *s.Timeout, *s.Timeout
	}
	put(&l.Memory, s.Memory)
	put(&l.CPU, s.CPU)
	put(&l.RequestBytes, s.RequestSize)
	put(&l.ReplyBytes, s.ReplySize)
	put(&l.LogBytes, s.LogSize)
	put(&l.InFlight, s.InFlight)
	put(&l.Queue, s.Queue)
	put(&l.InvokeDepth, s.InvokeDepth)
	put(&out.Grants, s.Grants)
	set(&out.Isolation, s.Isolation)
	set(&out.Entry, s.Entry)
	set(&out.Export, s.Export)
	if s.Routes != nil {
		out.Routes = s.Routes
	}
	return out
}

func put[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// SettingsOf returns what a document says of settings: where they differ from
// base, so that Resolve gives them back.
func SettingsOf(s, base host.Settings) Settings {
	l, b := s.Limits, base.Limits
	out := Settings{
		Memory: other(l.Memory, b.Memory), Timeout: other(l.Timeout, b.Timeout),
		RequestSize: other(l.RequestBytes, b.RequestBytes), ReplySize: other(l.ReplyBytes, b.ReplyBytes),
		LogSize: other(l.LogBytes, b.LogBytes), InFlight: other(l.InFlight, b.InFlight),
		Queue: other(l.Queue, b.Queue), InvokeDepth: other(l.InvokeDepth, b.InvokeDepth),
		Routes: s.Routes, Entry: s.Entry, Export: s.Export,
	}
	if s.Isolation != base.Isolation {
		out.Isolation = s.Isolation
	}
	implied := b.CPU
	if out.Timeout != nil {
		implied = l.Timeout
	}
	out.CPU = other(l.CPU, implied)
	if !same(s.Grants, base.Grants) {
		out.Grants = &s.Grants
	}
	return out
}

func other[T comparable](v, base T) *T {
	if v == base {
		return nil
	}
	return &v
}

// same reports whether two values are the same as JSON.
func same(a, b any) bool {
	x, errA := json.Marshal(a)
	y, errB := json.Marshal(b)
	return errA == nil && errB == nil && bytes.Equal(x, y)
}
