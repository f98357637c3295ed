package egress

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// DefaultTimeout bounds a dial, name resolution included.
const DefaultTimeout = 10 * time.Second

// Dialer opens TCP connections to the addresses that its policy permits. It
// is safe for concurrent use.
type Dialer struct {
	dialer net.Dialer
}

// NewDialer returns a dialer for the policy.
func NewDialer(p Policy) *Dialer {
	return &Dialer{dialer: net.Dialer{
		Timeout:   DefaultTimeout,
		KeepAlive: 30 * time.Second,
		// The resolver in Go waits without holding a thread.
		Resolver: &net.Resolver{PreferGo: true},
		// Control runs for each address after resolution, right before
		// connect(2), so no second look-up can slip in between.
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return &DeniedError{Class: Invalid} // a listener's address, such as ":80"
			}
			return p.Check(to.Addr())
		},
	}}
}

// DialContext connects to an address of the form "host:port" over "tcp",
// "tcp4" or "tcp6". The error wraps [ErrDenied] when the policy refused.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return nil, fmt.Errorf("dialling network %q: %w", network, net.UnknownNetworkError(network))
	}
	conn, err := d.dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("dialling: %w", err)
	}
	return conn, nil
}
