package main

import (
	"errors"
	"strings"
	"time"

	"github.com/seraihost/serai/host"
)

// listValue is a flag that may be given several times.
type listValue []string

func (v *listValue) String() string { return strings.Join(*v, ", ") }

func (v *listValue) Set(s string) error {
	*v = append(*v, s)
	return nil
}

// bytesValue is a size such as 64MiB; nil unless given.
type bytesValue struct{ v *host.Bytes }

func (b *bytesValue) String() string {
	if b.v == nil {
		return ""
	}
	return b.v.String()
}

func (b *bytesValue) Set(s string) error {
	n, err := host.ParseBytes(s)
	if err != nil {
		return errors.New("use a whole number with B, KiB, MiB or GiB, such as 64MiB")
	}
	b.v = &n
	return nil
}

// durationValue is a time such as 5s; nil unless given.
type durationValue struct{ v *host.Duration }

func (d *durationValue) String() string {
	if d.v == nil {
		return ""
	}
	return d.v.String()
}

func (d *durationValue) Set(s string) error {
	n, err := time.ParseDuration(s)
	if err != nil || n <= 0 {
		return errors.New("use a time such as 500ms, 5s or 2m")
	}
	v := host.Duration(n)
	d.v = &v
	return nil
}

// parseRoute reads "METHOD [host]/path" or "/path".
func parseRoute(s string) (host.Route, error) {
	words := strings.Fields(s)
	var r host.Route
	switch len(words) {
	case 1:
		words = []string{"", words[0]}
	case 2:
		if words[0] != "*" {
			r.Method = strings.ToUpper(words[0])
		}
	default:
		return r, usagef(`--route %q: use "METHOD /path", such as "POST /api/v1/user"`, s)
	}
	at := strings.IndexByte(words[1], '/')
	if at < 0 {
		return r, usagef(`--route %q: the path begins with a slash, such as "POST /api/v1/user"`, s)
	}
	r.Host, r.Path = words[1][:at], words[1][at:]
	return r, nil
}

// parseGrants reads KIND:NAME values; "KIND:" alone grants none of the kind.
func parseGrants(all []string) (*host.Grants, error) {
	if len(all) == 0 {
		return nil, nil //nolint:nilnil // nil means that the flag was not given
	}
	g := &host.Grants{Connections: []string{}}
	for _, s := range all {
		kind, name, ok := strings.Cut(s, ":")
		var to **[]string
		switch {
		case !ok:
		case kind == "connection":
			if name != "" {
				g.Connections = append(g.Connections, name)
			}
			continue
		case kind == "service":
			to = &g.Services
		case kind == "key":
			to = &g.Keys
		case kind == "config":
			to = &g.Config
		}
		if to == nil {
			return nil, usagef("--grant %q: use connection:NAME, service:NAME, key:NAME or config:NAME", s)
		}
		if *to == nil {
			*to = &[]string{}
		}
		if name != "" {
			**to = append(**to, name)
		}
	}
	return g, nil
}
