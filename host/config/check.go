package config

import (
	"fmt"

	"github.com/seraihost/serai/host"
)

// check finds what the types do not: names and combinations that make no
// sense whatever a host holds.
func (d *decoder) check(doc *Document) {
	for name, s := range doc.Security {
		d.name(Path("security", name), "security definition", name)
		d.security(Path("security", name), s)
	}
	for name, c := range doc.Connections {
		path := Path("connections", name)
		d.name(path, "connection", name)
		if c.Type == "" {
			d.missing(path, "type", "the connector, such as http")
		}
	}
	for i, s := range doc.Services {
		path := Index("services", i)
		if s.Path == "" && s.Name == "" {
			d.missing(path, "path", "a file or folder; or name alone for the settings of a service that is there")
		}
		if s.Path == "" && s.Services != nil {
			d.found(Path(path, "services"), "services of a path are listed here; give the path")
		}
		d.isolation(path, s.Settings)
		for name, settings := range s.Services {
			d.name(Path(path, "services", name), "service", name)
			d.isolation(Path(path, "services", name), settings)
		}
	}
	for name, c := range doc.Channels {
		path := Path("channels", name)
		d.name(path, "channel", name)
		if c.Service == "" {
			d.missing(path, "service", "the name of the service that gets the requests")
		}
		if c.Path == "" {
			d.missing(path, "path", "such as /user/{id}")
		}
	}
}

func (d *decoder) security(path string, s Security) {
	switch s.Type {
	case host.AuthBasic:
		if s.Username == "" {
			d.missing(path, "username", "the name that clients send")
		}
		d.unused(path, "header", s.Header != "", "basic")
		d.unused(path, "key", s.Key != nil, "basic")
	case host.AuthAPIKey:
		d.unused(path, "username", s.Username != "", "api-key")
		d.unused(path, "realm", s.Realm != "", "api-key")
		d.unused(path, "password", s.Password != nil, "api-key")
	case "":
		d.missing(path, "type", "basic or api-key")
	default:
		d.found(Path(path, "type"), "%q: use basic or api-key", host.Clip(string(s.Type)))
	}
}

func (d *decoder) isolation(path string, s Settings) {
	switch s.Isolation {
	case "", host.Pristine, host.Warm:
	default:
		d.found(Path(path, "isolation"), "%q: use pristine or warm", host.Clip(string(s.Isolation)))
	}
}

func (d *decoder) name(path, what, name string) {
	if err := host.CheckName(what, name); err != nil {
		d.found(path, "%s", host.MessageOf(err))
	}
}

func (d *decoder) missing(path, key, what string) {
	d.found(path, "%s is missing: %s", key, what)
}

func (d *decoder) unused(path, key string, given bool, kind string) {
	if given {
		d.found(Path(path, key), "a definition of type %s has no %s; remove it", kind, key)
	}
}

// found notes a problem at a path.
func (d *decoder) found(path, format string, args ...any) {
	at, _ := d.at.Find(path)
	d.problem(at.Line, at.Column, path, "%s", fmt.Sprintf(format, args...))
}
