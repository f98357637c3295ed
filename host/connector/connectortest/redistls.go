package connectortest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// RedisSecrets are what clients of servers with TLS need. All are PEM.
type RedisSecrets struct {
	// CA signed the servers' certificate for localhost, and Cert, which they
	// ask of clients.
	CA, Cert, Key string

	dir string // of cert.pem and key.pem, the servers' own
}

func redisSecrets(t testing.TB) (r RedisSecrets) {
	t.Helper()
	newest(t, "/usr/bin/redis-server", "redis-server")
	cert, key := certificate(t)
	r.CA, r.dir = cert, t.TempDir()
	r.Cert, r.Key = ClientCertificate(t, cert, key, "client")
	for name, text := range map[string]string{"cert.pem": cert, "key.pem": key} {
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// settings are those of a server, without its port.
func (r RedisSecrets) settings() []string {
	file := func(name string) string { return filepath.Join(r.dir, name) }
	return []string{
		"--port", "0", "--bind", "127.0.0.1", "--tls-cert-file", file("cert.pem"), "--tls-key-file", file("key.pem"),
		"--tls-ca-cert-file", file("cert.pem"), "--tls-auth-clients", "yes", "--tls-replication", "yes", "--tls-cluster", "yes",
	}
}

// start starts a server. It ends with the test.
func (r RedisSecrets) start(t testing.TB, args ...string) *Daemon {
	t.Helper()
	dir := t.TempDir()
	return StartDaemon(t, func(addr string) *Process {
		_, port, _ := net.SplitHostPort(addr)
		own := append(r.settings(), "--tls-port", port, "--save", "", "--dir", dir)
		return Launch(t, dir, nil, "/usr/bin/redis-server", append(own, args...)...)
	}, Accepts)
}

// RedisTLS is a server that takes connections with TLS only.
type RedisTLS struct {
	*Daemon
	RedisSecrets
}

// StartRedisTLS starts a server that asks for a certificate. It ends with the
// test.
func StartRedisTLS(t testing.TB, args ...string) *RedisTLS {
	t.Helper()
	r := redisSecrets(t)
	return &RedisTLS{r.start(t, args...), r}
}

// RedisClusterTLS is a cluster like [RedisCluster] whose servers take
// connections with TLS only, and announce that they are called localhost.
type RedisClusterTLS struct {
	Addrs []string
	RedisSecrets
}

// StartRedisClusterTLS starts servers with further arguments that are a cluster.
func StartRedisClusterTLS(t testing.TB, args ...string) *RedisClusterTLS {
	t.Helper()
	c := &RedisClusterTLS{RedisSecrets: redisSecrets(t)}
	for range 3 {
		own := []string{
			"--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(freePort(t)), "--cluster-node-timeout", "2000",
			"--cluster-announce-hostname", "localhost", "--cluster-preferred-endpoint-type", "hostname",
		}
		c.Addrs = append(c.Addrs, c.start(t, append(own, args...)...).Addr())
	}
	file := func(name string) string { return filepath.Join(c.dir, name) }
	formCluster(t, c.Addrs, "--tls", "--cacert", file("cert.pem"), "--cert", file("cert.pem"), "--key", file("key.pem"))
	return c
}

// RedisSentinelTLS starts a server and a sentinel that watches it under the
// name "main", and returns the sentinel. Both take connections with TLS only,
// and the sentinel says that the server is called localhost.
func RedisSentinelTLS(t testing.TB) *RedisTLS {
	t.Helper()
	r := redisSecrets(t)
	master := r.start(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "sentinel.conf")
	text := fmt.Sprintf("sentinel resolve-hostnames yes\nsentinel announce-hostnames yes\nsentinel monitor main localhost %d 1\n", master.Port)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := StartDaemon(t, func(addr string) *Process {
		_, port, _ := net.SplitHostPort(addr)
		args := append([]string{file, "--sentinel"}, r.settings()...)
		return Launch(t, dir, nil, "/usr/bin/redis-server", append(args, "--tls-port", port)...)
	}, Accepts)
	return &RedisTLS{s, r}
}
