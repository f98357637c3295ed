package egress

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/seraihost/serai/host"
)

// ErrDenied is wrapped by the errors of addresses that the policy refuses.
var ErrDenied = errors.New("address is not allowed for the connection")

// DeniedError says which address was refused, and why. It is for the host's
// log: a guest must not learn what a name resolves to inside the network.
type DeniedError struct {
	Addr  netip.Addr
	Class Class
}

// Error names the address and its class.
func (e *DeniedError) Error() string {
	return fmt.Sprintf("%s is a %s address, outside what the connection may reach", e.Addr, e.Class)
}

// Unwrap returns [ErrDenied].
func (e *DeniedError) Unwrap() error { return ErrDenied }

// Policy is what a connection may reach: the public Internet and Allow.
type Policy struct {
	// Allow are networks outside the public Internet that are permitted.
	Allow []netip.Prefix
}

// Check returns a *[DeniedError] unless a connection may reach the address.
func (p Policy) Check(a netip.Addr) error {
	class := ClassOf(a)
	if class == Public {
		return nil
	}
	plain := a.WithZone("").Unmap()
	for _, n := range p.Allow {
		if plain.IsValid() && n.Contains(plain) {
			return nil
		}
	}
	return &DeniedError{Addr: a, Class: class}
}

// maxNetworks bounds the list of one connection.
const maxNetworks = 64

// ParseNetworks reads a connection's list of CIDR prefixes or single
// addresses. Its errors name the field allow_networks.
func ParseNetworks(list []string) ([]netip.Prefix, error) {
	if len(list) > maxNetworks {
		return nil, host.FieldErrorf("allow_networks", "allow_networks has %d entries, at most %d", len(list), maxNetworks)
	}
	var out []netip.Prefix
	for i, s := range list {
		field := fmt.Sprintf("allow_networks[%d]", i)
		p, err := parseNetwork(s)
		if err != nil {
			return nil, host.FieldErrorf(field, "%s %q: use an address or a network such as 127.0.0.0/8 or fd00::/8", field, host.Clip(s))
		}
		out = append(out, p)
	}
	return out, nil
}

// parseNetwork reads a prefix without bits beyond its length, which would
// hint at a mistake, or an address. IPv4 mapped into IPv6 becomes IPv4.
func parseNetwork(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		if a.Zone() != "" {
			return netip.Prefix{}, errors.New("zone in an address")
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return netip.Prefix{}, fmt.Errorf("parsing prefix: %w", err)
	case p.Addr().Is4In6():
		return netip.Prefix{}, errors.New("IPv4 mapped into IPv6")
	case p != p.Masked():
		return netip.Prefix{}, errors.New("bits beyond the prefix length")
	}
	return p, nil
}
