package egress

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

func TestClassOf(t *testing.T) {
	for addr, want := range map[string]Class{
		"1.1.1.1":                Public,
		"8.8.8.8":                Public,
		"169.253.255.255":        Public,
		"100.63.255.255":         Public,
		"172.32.0.1":             Public,
		"11.0.0.1":               Public,
		"2606:4700:4700::1111":   Public,
		"2a00:1450:4001:829::1":  Public,
		"::ffff:1.1.1.1":         Public,
		"64:ff9b::1.1.1.1":       Public,
		"0.0.0.0":                Unspecified,
		"0.1.2.3":                Unspecified,
		"::":                     Unspecified,
		"127.0.0.1":              Loopback,
		"127.255.255.254":        Loopback,
		"::1":                    Loopback,
		"::ffff:127.0.0.1":       Loopback,
		"::ffff:10.0.0.1":        Private,
		"::127.0.0.1":            Translated,
		"10.0.0.1":               Private,
		"172.16.0.1":             Private,
		"172.31.255.255":         Private,
		"192.168.1.1":            Private,
		"fd00:ec2::254":          Private,
		"fc00::1":                Private,
		"fec0::1":                Private,
		"100.64.0.1":             Shared,
		"100.100.100.200":        Shared,
		"169.254.169.254":        LinkLocal,
		"169.254.170.2":          LinkLocal,
		"::ffff:169.254.169.254": LinkLocal,
		"fe80::1":                LinkLocal,
		"fe80::1%eth0":           LinkLocal,
		"168.63.129.16":          Metadata,
		"224.0.0.1":              Multicast,
		"239.255.255.250":        Multicast,
		"ff02::1":                Multicast,
		"255.255.255.255":        Reserved,
		"240.0.0.1":              Reserved,
		"192.0.0.192":            Reserved,
		"198.18.0.1":             Reserved,
		"203.0.113.5":            Reserved,
		"2001:db8::1":            Reserved,
		"2001::7f00:1":           Reserved, // Teredo
		"2001:10::1":             Reserved,
		"3fff::1":                Reserved,
		"2002:7f00:1::":          Translated, // 6to4 of 127.0.0.1
		"2002:808:808::":         Translated,
		"64:ff9b::127.0.0.1":     Translated,
		"64:ff9b::10.1.2.3":      Translated,
		"64:ff9b::a9fe:a9fe":     Translated,
		"64:ff9b:1::1.1.1.1":     Translated,
		"::ffff:0:127.0.0.1":     Translated,
		"100::1":                 NonUnicast6,
		"4000::1":                NonUnicast6,
		"5f00::1":                NonUnicast6,
	} {
		if got := ClassOf(netip.MustParseAddr(addr)); got != want {
			t.Errorf("ClassOf(%s) = %s, want %s", addr, got, want)
		}
	}
	if got := ClassOf(netip.Addr{}); got != Invalid {
		t.Errorf("ClassOf of no address = %s, want %s", got, Invalid)
	}
}

func TestPolicyCheck(t *testing.T) {
	allow, err := ParseNetworks([]string{"127.0.0.0/8", "10.1.2.3", "fd00::/8"})
	if err != nil {
		t.Fatal(err)
	}
	p := Policy{Allow: allow}
	for addr, ok := range map[string]bool{
		"9.9.9.9": true, "127.0.0.1": true, "::ffff:127.0.0.1": true, "10.1.2.3": true, "fd00::5": true,
		"10.1.2.4": false, "::1": false, "169.254.169.254": false, "64:ff9b::7f00:1": false, "fe80::1%lo": false,
	} {
		err := p.Check(netip.MustParseAddr(addr))
		if (err == nil) != ok {
			t.Errorf("Check(%s) = %v, want allowed %t", addr, err, ok)
		}
		if err != nil && !errors.Is(err, ErrDenied) {
			t.Errorf("Check(%s) = %v, does not wrap ErrDenied", addr, err)
		}
	}
	if (Policy{Allow: allow}).Check(netip.Addr{}) == nil {
		t.Error("Check of no address succeeded")
	}
}

func TestParseNetworks(t *testing.T) {
	for _, bad := range []string{"", "localhost", "10.0.0.1/8", "10.0.0.0/33", "::ffff:10.0.0.0/104", "fe80::1%eth0", "1.2.3"} {
		_, err := ParseNetworks([]string{"8.8.8.8", bad})
		var e *host.Error
		if !errors.As(err, &e) || e.Code != abi.Invalid || e.Field != "allow_networks[1]" {
			t.Errorf("ParseNetworks(%q) = %v, want an error about allow_networks[1]", bad, err)
		}
	}
	if _, err := ParseNetworks(make([]string, maxNetworks+1)); host.CodeOf(err) != abi.Invalid {
		t.Errorf("too many networks: %v", err)
	}
	got, err := ParseNetworks([]string{"::ffff:10.0.0.1"})
	if err != nil || got[0].String() != "10.0.0.1/32" {
		t.Errorf("mapped address = %v, %v", got, err)
	}
}

func TestDialer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())

	denied := NewDialer(Policy{})
	for _, name := range []string{"127.0.0.1", "localhost", "::ffff:127.0.0.1", "0.0.0.0", "[::]", ""} {
		address := net.JoinHostPort(name, port)
		if name == "[::]" {
			address = name + ":" + port
		}
		conn, err := denied.DialContext(t.Context(), "tcp", address)
		if err == nil {
			conn.Close()
		}
		if !errors.Is(err, ErrDenied) {
			t.Errorf("dialling %q: %v, want ErrDenied", address, err)
		}
	}
	if _, err := denied.DialContext(t.Context(), "unix", "/x"); err == nil {
		t.Error("dialling a unix socket succeeded")
	}

	allowed := NewDialer(Policy{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	conn, err := allowed.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

// FuzzClassOf compares the tables with the predicates of the standard
// library, and an IPv4 address with its disguises.
func FuzzClassOf(f *testing.F) {
	for _, s := range []string{"127.0.0.1", "1.1.1.1", "::1", "fe80::1", "2002:7f00:1::", "64:ff9b::a9fe:a9fe", "2606:4700::1"} {
		f.Add(netip.MustParseAddr(s).AsSlice())
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, ok := netip.AddrFromSlice(raw)
		if !ok {
			return
		}
		class := ClassOf(a)
		plain := a.Unmap()
		if class == Public && (!plain.IsGlobalUnicast() || plain.IsPrivate() || plain.IsLoopback() ||
			plain.IsLinkLocalUnicast() || plain.IsMulticast() || plain.IsUnspecified()) {
			t.Errorf("%s is public", a)
		}
		if err := (Policy{}).Check(a); (err == nil) != (class == Public) {
			t.Errorf("Check(%s) = %v, class %s", a, err, class)
		}
		if !plain.Is4() {
			return
		}
		four := plain.As4()
		if got := ClassOf(netip.AddrFrom16(plain.As16())); got != class {
			t.Errorf("%s mapped is %s, plain %s", a, got, class)
		}
		var six [16]byte
		binary.BigEndian.PutUint32(six[:], 0x0064ff9b)
		copy(six[12:], four[:])
		if got := ClassOf(netip.AddrFrom16(six)); (got == Public) != (class == Public) {
			t.Errorf("%s behind NAT64 is %s, plain %s", a, got, class)
		}
	})
}
