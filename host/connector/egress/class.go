// Package egress decides which network addresses a connection may reach.
//
// A name says nothing about where it leads: its addresses may change between
// two look-ups, and a redirect may name any host. So a [Dialer] judges each
// address at the moment at which a socket is about to connect to it.
// Everything that is not the public Internet is refused, unless the operator
// allowed its network for the connection.
package egress

import "net/netip"

// Class names the kind of network that an address belongs to.
type Class string

// The classes. Everything but Public is refused by default.
const (
	Public      Class = "public"
	Invalid     Class = "invalid"
	Unspecified Class = "unspecified"
	Loopback    Class = "loopback"
	LinkLocal   Class = "link-local"
	Private     Class = "private"
	Shared      Class = "shared" // carrier-grade NAT, RFC 6598
	Multicast   Class = "multicast"
	Metadata    Class = "metadata"    // a cloud's own service at a public address
	Translated  Class = "translated"  // IPv6 that hides an IPv4 address or a tunnel
	Reserved    Class = "reserved"    // special use, documentation, benchmarks
	NonUnicast6 Class = "not-unicast" // IPv6 outside 2000::/3
)

type block struct {
	prefix netip.Prefix
	class  Class
}

// blocks4 and blocks6 are the special-purpose blocks of IANA's registries
// (RFC 6890 and its updates) that are not globally reachable, and the
// addresses at which clouds offer services to their own machines.
var (
	blocks4 = []block{
		of("0.0.0.0/8", Unspecified), // "this network": Linux connects 0.0.0.0 to loopback
		of("10.0.0.0/8", Private),
		of("100.64.0.0/10", Shared),
		of("127.0.0.0/8", Loopback),
		of("168.63.129.16/32", Metadata), // Azure's virtual public address
		of("169.254.0.0/16", LinkLocal),  // with 169.254.169.254, the metadata of most clouds
		of("172.16.0.0/12", Private),
		of("192.0.0.0/24", Reserved),
		of("192.0.2.0/24", Reserved),
		of("192.31.196.0/24", Reserved),
		of("192.52.193.0/24", Reserved),
		of("192.88.99.0/24", Translated), // 6to4 relays
		of("192.168.0.0/16", Private),
		of("192.175.48.0/24", Reserved),
		of("198.18.0.0/15", Reserved),
		of("198.51.100.0/24", Reserved),
		of("203.0.113.0/24", Reserved),
		of("224.0.0.0/4", Multicast),
		of("240.0.0.0/4", Reserved), // with the broadcast address
	}
	blocks6 = []block{
		of("::/128", Unspecified),
		of("::1/128", Loopback),
		of("::/96", Translated),           // IPv4-compatible, deprecated
		of("::ffff:0:0:0/96", Translated), // SIIT, RFC 2765
		of("64:ff9b:1::/48", Translated),  // NAT64 of local use, RFC 8215
		of("2001::/23", Reserved),         // protocol assignments: Teredo, ORCHID, benchmarks
		of("2001:db8::/32", Reserved),
		of("2002::/16", Translated), // 6to4
		of("2620:4f:8000::/48", Reserved),
		of("3fff::/20", Reserved),
		of("fc00::/7", Private), // unique local, with fd00:ec2::254
		of("fe80::/10", LinkLocal),
		of("fec0::/10", Private), // site-local, deprecated
		of("ff00::/8", Multicast),
	}
	nat64  = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052, well-known prefix
	global = netip.MustParsePrefix("2000::/3")
)

func of(prefix string, class Class) block { return block{netip.MustParsePrefix(prefix), class} }

// ClassOf returns the class of an address. An IPv4 address inside an IPv6
// one, mapped or behind the well-known NAT64 prefix, is judged as itself.
func ClassOf(a netip.Addr) Class {
	a = a.WithZone("").Unmap()
	switch {
	case !a.IsValid():
		return Invalid
	case a.Is4():
		return search(blocks4, a, Public)
	case nat64.Contains(a):
		b := a.As16()
		if ClassOf(netip.AddrFrom4([4]byte(b[12:]))) == Public {
			return Public
		}
		return Translated
	case global.Contains(a):
		return search(blocks6, a, Public)
	default:
		return search(blocks6, a, NonUnicast6)
	}
}

func search(blocks []block, a netip.Addr, otherwise Class) Class {
	for i := range blocks {
		if blocks[i].prefix.Contains(a) {
			return blocks[i].class
		}
	}
	return otherwise
}
