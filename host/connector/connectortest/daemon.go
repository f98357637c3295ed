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
	ready   func(addr string) bool
	process *Process
}

// StartDaemon starts a server by a function that launches it for an address,
// and returns when ready says that it serves. It ends with the test.
func StartDaemon(t testing.TB, launch func(addr string) *Process, ready func(addr string) bool) *Daemon {
	t.Helper()
	d := &Daemon{Port: freePort(t), t: t, launch: launch, ready: ready}
	d.Start()
	return d
}

// Accepts reports whether a server takes connections.
func Accepts(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

// Addr is the address of the server.
func (d *Daemon) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(d.Port)) }

// Start starts the server again.
func (d *Daemon) Start() {
	d.t.Helper()
	d.process = d.launch(d.Addr())
	d.process.Await(d.t, func() bool { return d.ready(d.Addr()) })
}

// Stop stops the server.
func (d *Daemon) Stop() { d.process.Kill() }

// Freeze has the server do nothing until Thaw.
func (d *Daemon) Freeze() { d.process.Freeze() }

// Thaw ends Freeze.
func (d *Daemon) Thaw() { d.process.Signal(syscall.SIGCONT) }
