package connectortest

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// Memcached is a server of a test's own.
type Memcached struct {
	Port int

	t       testing.TB
	args    []string
	process *Process
}

// StartMemcached starts a server whose user "test" has a password. It ends
// with the test.
func StartMemcached(t testing.TB, password string) *Memcached {
	t.Helper()
	newest(t, "/usr/bin/memcached", "memcached")
	users := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(users, []byte("test:"+password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := &Memcached{Port: freePort(t), t: t}
	m.args = []string{"-l", "127.0.0.1", "-p", strconv.Itoa(m.Port), "-m", "16", "-Y", users}
	if os.Geteuid() == 0 {
		m.args = append(m.args, "-u", "root") // the folder is root's
	}
	m.Start()
	return m
}

// Addr is the address of the server.
func (m *Memcached) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(m.Port)) }

// Start starts the server again, empty.
func (m *Memcached) Start() {
	m.t.Helper()
	m.process = Launch(m.t, "/", nil, "/usr/bin/memcached", m.args...)
	m.process.Await(m.t, func() bool { return speaks(m.Addr()) })
}

// Stop stops the server.
func (m *Memcached) Stop() { m.process.Kill() }

// Freeze has the server do nothing until Thaw.
func (m *Memcached) Freeze() { m.process.Freeze() }

// Thaw ends Freeze.
func (m *Memcached) Thaw() { m.process.Signal(syscall.SIGCONT) }
