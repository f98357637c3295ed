package connectortest

import (
	"net"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// Daemon is a [Server] that is one program, which listens on one port.
type Daemon struct {
	Port int

	t       testing.TB
	launch  func(addr string) *Process
	process *Process
}

// StartDaemon starts a server by a function that launches it for an address.
// It serves when the port takes connections, and ends with the test.
func StartDaemon(t testing.TB, launch func(addr string) *Process) *Daemon {
	t.Helper()
	d := &Daemon{Port: freePort(t), t: t, launch: launch}
	d.Start()
	return d
}

// Addr is the address of the server.
func (d *Daemon) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(d.Port)) }

// Start starts the server again.
func (d *Daemon) Start() {
	d.t.Helper()
	d.process = d.launch(d.Addr())
	d.process.Await(d.t, func() bool {
		conn, err := net.DialTimeout("tcp", d.Addr(), time.Second)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	})
}

// Stop stops the server.
func (d *Daemon) Stop() { d.process.Kill() }

// Freeze has the server do nothing until Thaw.
func (d *Daemon) Freeze() { d.process.Freeze() }

// Thaw ends Freeze.
func (d *Daemon) Thaw() { d.process.Signal(syscall.SIGCONT) }
