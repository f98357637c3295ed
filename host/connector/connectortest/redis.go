package connectortest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
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

// RedisTLS is a server that takes connections with TLS only.
type RedisTLS struct {
	*Daemon

	// CA signed the server's certificate for localhost, and Cert, which it asks
	// of clients. All are PEM.
	CA, Cert, Key string
}

// StartRedisTLS starts a server that asks for a certificate. It ends with the
// test.
func StartRedisTLS(t testing.TB, args ...string) *RedisTLS {
	t.Helper()
	newest(t, "/usr/bin/redis-server", "redis-server")
	dir := t.TempDir()
	cert, key := certificate(t)
	for name, text := range map[string]string{"cert.pem": cert, "key.pem": key} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := &RedisTLS{CA: cert}
	r.Cert, r.Key = ClientCertificate(t, cert, key, "client")
	r.Daemon = StartDaemon(t, func(addr string) *Process {
		_, port, _ := net.SplitHostPort(addr)
		own := []string{
			"--port", "0", "--tls-port", port, "--bind", "127.0.0.1", "--save", "", "--dir", dir,
			"--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem", "--tls-ca-cert-file", "cert.pem", "--tls-auth-clients", "yes",
		}
		return Launch(t, dir, nil, "/usr/bin/redis-server", append(own, args...)...)
	}, Accepts)
	return r
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
