package connector

import (
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// CheckConnection returns a Denied error unless the scope may use the named connection.
func (s Scope) CheckConnection(name string) error {
	for _, p := range s.Grants.Connections {
		if match(p, name) {
			return nil
		}
	}
	return s.denied("connection", name)
}

// CheckService returns a Denied error unless the scope may invoke the named service.
func (s Scope) CheckService(name string) error { return s.check("service", s.Grants.Services, name) }

// CheckKey returns a Denied error unless the scope may use the key. For a
// listing the key is the prefix.
func (s Scope) CheckKey(key string) error { return s.check("key", s.Grants.Keys, key) }

// CheckConfig returns a Denied error unless the scope may read the configuration key.
func (s Scope) CheckConfig(key string) error { return s.check("config", s.Grants.Config, key) }

func (s Scope) check(what string, patterns *[]string, name string) error {
	if patterns == nil {
		return nil // the tenant's own things, by default
	}
	for _, p := range *patterns {
		if match(p, name) {
			return nil
		}
	}
	return s.denied(what, name)
}

func (s Scope) denied(what, name string) error {
	return host.Errorf(abi.Denied, "service %q has no grant for %s %q; deploy it with --grant %s:NAME",
		s.Service, what, host.Clip(name), what)
}

// match reports whether name is the pattern, or begins with it where the
// pattern ends in "*".
func match(pattern, name string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, prefix)
	}
	return pattern == name
}
