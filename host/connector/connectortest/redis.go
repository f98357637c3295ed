package connectortest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// StartRedis starts a server with further arguments, such as "--requirepass".
// It ends with the test.
func StartRedis(t testing.TB, args ...string) *Daemon {
	t.Helper()
	newest(t, "/usr/bin/redis-server", "redis-server")
	dir := t.TempDir()
	return StartDaemon(t, func(addr string) *Process {
		_, port, _ := net.SplitHostPort(addr)
		own := []string{"--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", dir}
		return Launch(t, dir, nil, "/usr/bin/redis-server", append(own, args...)...)
	}, speaks)
}

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
	formCluster(t, addrs)
	return addrs
}

// formCluster makes servers a cluster; with are further arguments of redis-cli.
func formCluster(t testing.TB, addrs []string, with ...string) {
	t.Helper()
	args := slices.Concat(with, []string{"--cluster", "create"}, addrs, []string{"--cluster-yes"})
	if out, err := exec.Command("redis-cli", args...).CombinedOutput(); err != nil {
		t.Fatalf("redis-cli: %v\n%s", err, out)
	}
	await(t, func() bool {
		for _, addr := range addrs {
			_, port, _ := net.SplitHostPort(addr)
			out, _ := exec.Command("redis-cli", append(with, "-p", port, "CLUSTER", "INFO")...).Output()
			if len(out) < 16 || string(out[:16]) != "cluster_state:ok" {
				return false
			}
		}
		return true
	})
}

// RedisReplica starts a server that copies another one.
func RedisReplica(t testing.TB, of *Daemon, args ...string) *Daemon {
	t.Helper()
	r := StartRedis(t, append([]string{"--replicaof", "127.0.0.1 " + strconv.Itoa(of.Port)}, args...)...)
	await(t, func() bool {
		out, err := exec.Command("redis-cli", "-p", strconv.Itoa(r.Port), "INFO", "replication").Output()
		return err == nil && strings.Contains(string(out), "master_link_status:up")
	})
	return r
}

// RedisSentinel starts a sentinel that watches a server under the name
// "main", and returns its address. It takes a server for gone after half a second.
func RedisSentinel(t testing.TB, master *Daemon) string {
	t.Helper()
	newest(t, "/usr/bin/redis-server", "redis-server")
	dir := t.TempDir()
	file := filepath.Join(dir, "sentinel.conf")
	s := StartDaemon(t, func(addr string) *Process {
		_, port, _ := net.SplitHostPort(addr)
		text := fmt.Sprintf("port %s\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 %d 1\nsentinel down-after-milliseconds main 500\nsentinel failover-timeout main 5000\n", port, master.Port)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return Launch(t, dir, nil, "/usr/bin/redis-server", file, "--sentinel")
	}, speaks)
	return s.Addr()
}
