package connectortest

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

// StartMemcached starts a server whose user "test" has a password; each start
// begins empty. It ends with the test.
func StartMemcached(t testing.TB, password string) *Daemon {
	t.Helper()
	newest(t, "/usr/bin/memcached", "memcached")
	users := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(users, []byte("test:"+password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-l", "127.0.0.1", "-m", "16", "-Y", users}
	if os.Geteuid() == 0 {
		args = append(args, "-u", "root") // the folder is root's
	}
	return StartDaemon(t, func(addr string) *Process {
		_, port, _ := net.SplitHostPort(addr)
		return Launch(t, "/", nil, "/usr/bin/memcached", append(args, "-p", port)...)
	}, speaks)
}
