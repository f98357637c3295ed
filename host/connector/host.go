package connector

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/seraihost/serai/host"
)

// maxHost bounds names of hosts (RFC 1035, section 2.3.4).
const maxHost = 253

// CheckHost refuses what is no name or address of a server, such as a URL, as
// a connector's own check does. The port has a field of its own.
func CheckHost(field, value string) error {
	if _, err := netip.ParseAddr(value); err == nil {
		return nil
	}
	_, port, colon := strings.Cut(value, ":")
	_, err := strconv.ParseUint(port, 10, 64)
	switch {
	case strings.Contains(value, "://"):
		return host.FieldErrorf(field, "config.%s %q is a URL: give the name of the host alone, such as server.example.com, and what else it says in fields of their own", field, host.Clip(value))
	case colon && err == nil && !strings.HasPrefix(value, "["):
		return host.FieldErrorf(field, "config.%s %q has a port: give the name alone, and the port as config.port", field, host.Clip(value))
	case len(value) > maxHost || strings.ContainsFunc(value, unfit):
		return host.FieldErrorf(field, "config.%s %q is no name or address of a host, such as server.example.com, 192.0.2.1 or 2001:db8::1", field, host.Clip(value))
	}
	return nil
}

// unfit reports whether no name of a host has a character.
func unfit(c rune) bool {
	return c <= ' ' || c == 0x7f || strings.ContainsRune(`/\@?#%:;,[]()<>"'=&*`, c)
}
