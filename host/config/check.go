package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/seraihost/serai/host"
)

// Check finds what the types do not: names and combinations that make no
// sense whatever a host holds. The problems have paths and no positions.
func Check(doc *Document) []Problem {
	var c checker
	for name, s := range sorted(doc.Security) {
		c.name(Path("security", name), "security definition", name)
		c.security(Path("security", name), s)
	}
	for name, conn := range sorted(doc.Connections) {
		path := Path("connections", name)
		c.name(path, "connection", name)
		if conn.Type == "" {
			c.missing(path, "type", "the connector, such as http")
		}
	}
	for i, s := range doc.Services {
		c.service(Index("services", i), s)
	}
	for name, channel := range sorted(doc.Channels) {
		path := Path("channels", name)
		c.name(path, "channel", name)
		if channel.Service == "" {
			c.missing(path, "service", "the name of the service that gets the requests or messages")
		}
		if !channel.Channel("", name).REST() {
			if channel.Connection == "" {
				c.missing(path, "connection", "the name of the connection that messages come from")
			}
			continue
		}
		if channel.Path == "" {
			c.missing(path, "path", "such as /user/{id}")
		}
	}
	return c.problems
}

// sorted yields the items of a map in the order of their names.
func sorted[T any](m map[string]T) func(yield func(string, T) bool) {
	return func(yield func(string, T) bool) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if !yield(name, m[name]) {
				return
			}
		}
	}
}

type checker struct{ problems []Problem }

func (c *checker) service(path string, s Service) {
	switch {
	case s.Path == "" && s.Name == "":
		c.missing(path, "path", "a file or folder; or name alone for the settings of a service that is there")
	case s.Path == "" && s.Services != nil:
		c.found(Path(path, "services"), "services of a path are listed here; give the path")
	case s.Name != "" && s.Services != nil:
		c.found(Path(path, "services"), "a path with a name has one service; put its settings beside the name")
	}
	if s.Name != "" {
		c.name(Path(path, "name"), "service", s.Name)
	}
	if s.Path == "" {
		c.content(path, s.Settings, "belongs to the content of a service; give its path too")
	}
	c.isolation(path, s.Settings)
	for name, settings := range sorted(s.Services) {
		at := Path(path, "services", name)
		c.name(at, "service", name)
		c.isolation(at, settings)
		c.content(at, settings, "is of the whole path; put it beside path")
	}
}

// content refuses the settings that belong to an upload as a whole.
func (c *checker) content(path string, s Settings, why string) {
	if s.Entry != "" {
		c.found(Path(path, "entry"), "entry %s", why)
	}
	if s.Export != "" {
		c.found(Path(path, "export"), "export %s", why)
	}
}

func (c *checker) security(path string, s Security) {
	switch s.Type {
	case host.AuthBasic:
		if s.Username == "" {
			c.missing(path, "username", "the name that clients send")
		}
		c.unused(path, "header", s.Header != "", "basic")
		c.unused(path, "key", s.Key != nil, "basic")
	case host.AuthAPIKey:
		c.unused(path, "username", s.Username != "", "api-key")
		c.unused(path, "realm", s.Realm != "", "api-key")
		c.unused(path, "password", s.Password != nil, "api-key")
	case "":
		c.missing(path, "type", "basic or api-key")
	default:
		c.found(Path(path, "type"), "%q: use basic or api-key", host.Clip(string(s.Type)))
	}
}

func (c *checker) isolation(path string, s Settings) {
	switch s.Isolation {
	case "", host.Pristine, host.Warm:
	default:
		c.found(Path(path, "isolation"), "%q: use pristine or warm", host.Clip(string(s.Isolation)))
	}
}

func (c *checker) name(path, what, name string) {
	if err := host.CheckName(what, name); err != nil {
		c.found(path, "%s", host.MessageOf(err))
	}
}

func (c *checker) missing(path, key, what string) {
	c.found(path, "%s is missing: %s", key, what)
}

func (c *checker) unused(path, key string, given bool, kind string) {
	if given {
		c.found(Path(path, key), "a definition of type %s has no %s; remove it", kind, key)
	}
}

func (c *checker) found(path, format string, args ...any) {
	c.problems = append(c.problems, Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}
