package connectortest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// Redis is a server of a test's own.
type Redis struct {
	Port int

	t       testing.TB
	args    []string
	dir     string
	process *Process
}

// StartRedis starts a server with further arguments, such as "--requirepass".
// It ends with the test.
func StartRedis(t testing.TB, args ...string) *Redis {
	t.Helper()
	newest(t, "/usr/bin/redis-server", "redis-server")
	r := &Redis{Port: freePort(t), t: t, dir: t.TempDir()}
	r.args = append([]string{"--port", strconv.Itoa(r.Port), "--bind", "127.0.0.1", "--save", "", "--dir", r.dir}, args...)
	r.Start()
	return r
}

// Addr is the address of the server.
func (r *Redis) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.Port)) }

// Start starts the server again.
func (r *Redis) Start() {
	r.t.Helper()
	r.process = Launch(r.t, r.dir, nil, "/usr/bin/redis-server", r.args...)
	r.process.Await(r.t, func() bool { return speaks(r.Addr()) })
}

// Stop stops the server.
func (r *Redis) Stop() { r.process.Kill() }

// Freeze has the server do nothing until Thaw.
func (r *Redis) Freeze() { r.process.Freeze() }

// Thaw ends Freeze.
func (r *Redis) Thaw() { r.process.Signal(syscall.SIGCONT) }

// speaks reports whether a server answers to PING, with whatever.
func speaks(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	n, err := conn.Read(make([]byte, 1))
	return n == 1 && err == nil
}

// RedisCluster starts three servers that are a cluster and returns their addresses.
func RedisCluster(t testing.TB) []string {
	t.Helper()
	var addrs []string
	for range 3 {
		bus := freePort(t)
		r := StartRedis(t, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(bus), "--cluster-node-timeout", "2000")
		addrs = append(addrs, r.Addr())
	}
	args := append([]string{"--cluster", "create"}, addrs...)
	if out, err := exec.Command("redis-cli", append(args, "--cluster-yes")...).CombinedOutput(); err != nil {
		t.Fatalf("redis-cli: %v\n%s", err, out)
	}
	await(t, func() bool {
		for _, addr := range addrs {
			_, port, _ := net.SplitHostPort(addr)
			out, _ := exec.Command("redis-cli", "-p", port, "CLUSTER", "INFO").Output()
			if len(out) < 16 || string(out[:16]) != "cluster_state:ok" {
				return false
			}
		}
		return true
	})
	return addrs
}

// RedisSentinel starts a sentinel that watches a server under the name
// "main", and returns its address.
func RedisSentinel(t testing.TB, master *Redis) string {
	t.Helper()
	newest(t, "/usr/bin/redis-server", "redis-server")
	s := &Redis{Port: freePort(t), t: t, dir: t.TempDir()}
	file := filepath.Join(s.dir, "sentinel.conf")
	text := fmt.Sprintf("port %d\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 %d 1\n", s.Port, master.Port)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.args = []string{file, "--sentinel"}
	s.Start()
	return s.Addr()
}
