package control

import (
	"errors"

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
	return out, out.Check(q)
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
