package redisdb_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/connector/redisdb"
)

// named returns addresses with the name that is in the certificate.
func named(addrs []string) (out []string) {
	for _, a := range addrs {
		_, port, _ := net.SplitHostPort(a)
		out = append(out, net.JoinHostPort("localhost", port))
	}
	return out
}

// clusterPassword is that of the user serai.
const clusterPassword = "another-long-password"

// TestSeveralServersWithTLS reaches clusters and Sentinel, where servers say
// who the others are.
func TestSeveralServersWithTLS(t *testing.T) { //nolint:tparallel // its parts share a cluster, which the last one changes
	t.Parallel()
	acl := filepath.Join(t.TempDir(), "users.acl")
	// serai may do what the documentation says is needed, and little else.
	users := "user default on nopass ~* &* +@all\nuser serai on >" + clusterPassword + " ~k* &news +get +set +ping +cluster|slots +command +subscribe +ssubscribe\n"
	if err := os.WriteFile(acl, []byte(users), 0o600); err != nil {
		t.Fatal(err)
	}
	cluster := connectortest.StartRedisClusterTLS(t, "--aclfile", acl)
	t.Run("certificates", func(t *testing.T) { checkCertificates(t, cluster, connectortest.RedisSentinelTLS(t)) })
	t.Run("a user", func(t *testing.T) { checkUser(t, cluster) })
	t.Run("announced names", func(t *testing.T) { checkAnnounced(t, cluster) })
}

func checkCertificates(t *testing.T, cluster *connectortest.RedisClusterTLS, sentinel *connectortest.RedisTLS) {
	t.Helper()
	for mode, to := range map[string]struct {
		addrs   []string
		secrets connectortest.RedisSecrets
		more    map[string]any
	}{
		"cluster":  {cluster.Addrs, cluster.RedisSecrets, nil},
		"sentinel": {[]string{sentinel.Addr()}, sentinel.RedisSecrets, map[string]any{"master": "main"}},
	} {
		for _, c := range []struct {
			name   string
			change func(config map[string]any, tls map[string]string)
			code   abi.Code
			want   string
		}{
			{"by a name", func(_ map[string]any, s map[string]string) { s["server_name"] = "localhost" }, abi.OK, ""},
			{"by the names that are announced", func(c map[string]any, _ map[string]string) { c["addresses"] = named(to.addrs) }, abi.OK, ""},
			{"any certificate", func(_ map[string]any, s map[string]string) { s["mode"] = "insecure" }, abi.OK, ""},
			{"another name", func(_ map[string]any, s map[string]string) { s["server_name"] = "elsewhere" }, abi.Remote, "certificate"},
			{"another authority", func(c map[string]any, s map[string]string) {
				c["addresses"], s["ca_pem"] = named(to.addrs), s["cert_pem"]
			}, abi.Remote, "certificate"},
			{"the system's authorities", func(c map[string]any, s map[string]string) { c["addresses"] = named(to.addrs); delete(s, "ca_pem") }, abi.Remote, "certificate"},
			{"no certificate of its own", func(_ map[string]any, s map[string]string) {
				delete(s, "cert_pem")
				delete(s, "key_pem")
				s["mode"] = "insecure"
			}, abi.Remote, "certificate required"},
			{"no TLS", func(_ map[string]any, s map[string]string) { clear(s); s["mode"] = "off" }, abi.Unavailable, "cannot be reached"},
		} {
			t.Run(mode+", "+c.name, func(t *testing.T) {
				t.Parallel()
				secrets := map[string]string{"key": to.secrets.Key}
				settings := map[string]string{"mode": "on", "ca_pem": to.secrets.CA, "cert_pem": to.secrets.Cert, "key_pem": "${secret:key}"}
				config := map[string]any{"mode": mode, "addresses": to.addrs, "tls": settings}
				maps.Copy(config, to.more)
				c.change(config, settings)
				raw, err := json.Marshal(config)
				if err != nil {
					t.Fatal(err)
				}
				f := connectortest.Open(t, redisdb.Connector(), string(raw), secrets)
				err = f.Ping(t.Context())
				// TLS 1.3 says after the handshake that a certificate is required,
				// when the client may see the end only.
				late := c.want == "certificate required" && host.CodeOf(err) == abi.Unavailable
				if host.CodeOf(err) != c.code && !late || err != nil && !late && !strings.Contains(host.MessageOf(err), c.want) {
					t.Fatalf("%v (%s)", err, host.CodeOf(err))
				}
				for i := range 10 { // on all nodes
					if err != nil {
						break
					}
					key := fmt.Sprint("k", i)
					if got := readable(f.Must(t, "redis.commands", nil, resp("SET "+key+" 1", "GET "+key))); got != "$2 OK $1 1" {
						t.Error(got)
					}
				}
				secret := func(name string) (string, error) { return secrets[name], nil }
				for _, channel := range []string{sources["stream"], sources["subscribe"], `{"kind": "subscribe", "channels": ["a", "b", "c"], "sharded": true}`} {
					source, _, err := redisdb.Source().Open(t.Context(), raw, []byte(channel), secret, testEnv)
					if err == nil {
						_ = source.Close()
					}
					if (err == nil) != (c.code == abi.OK) || err != nil && errors.Is(err, connector.ErrNotConnected) != (c.code == abi.Unavailable) && c.want != "certificate required" {
						t.Errorf("%s: %v", channel, err)
					}
				}
			})
		}
	}
}

// checkAnnounced has nodes of a cluster announce names that are not in
// their certificates, as behind a name service of the cluster's own.
func checkAnnounced(t *testing.T, server *connectortest.RedisClusterTLS) {
	t.Helper()
	pair, err := tls.X509KeyPair([]byte(server.Cert), []byte(server.Key))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(server.CA))
	for _, addr := range server.Addrs {
		admin := redis.NewClient(&redis.Options{Addr: addr, TLSConfig: &tls.Config{ServerName: "localhost", RootCAs: roots, Certificates: []tls.Certificate{pair}}})
		if err := admin.ConfigSet(t.Context(), "cluster-announce-hostname", "node.example").Err(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the node announces its name", func() bool {
			nodes, err := admin.ClusterNodes(t.Context()).Result()
			return err == nil && strings.Contains(nodes, "node.example")
		})
		_ = admin.Close()
	}
	env := testEnv
	env.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		_, port, _ := net.SplitHostPort(address)
		return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	}
	for name, want := range map[string]string{"localhost": "", "": "certificate"} {
		raw, err := json.Marshal(map[string]any{
			"mode": "cluster", "addresses": named(server.Addrs),
			"tls": map[string]string{"mode": "on", "ca_pem": server.CA, "cert_pem": server.Cert, "key_pem": "${secret:key}", "server_name": name},
		})
		if err != nil {
			t.Fatal(err)
		}
		source, _, err := redisdb.Source().Open(t.Context(), raw, []byte(`{"kind": "subscribe", "channels": ["a", "b", "c", "d"], "sharded": true}`),
			func(string) (string, error) { return server.Key, nil }, env)
		if err == nil {
			_ = source.Close()
		}
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || errors.Is(err, connector.ErrNotConnected)) {
			t.Errorf("server_name %q: %v", name, err)
		}
	}
}

// checkUser logs in as a user who may do little, and says what that is.
func checkUser(t *testing.T, server *connectortest.RedisClusterTLS) {
	t.Helper()
	raw, err := json.Marshal(map[string]any{
		"mode": "cluster", "addresses": server.Addrs, "username": "serai", "password": "${secret:redis}",
		"tls": map[string]string{"mode": "on", "ca_pem": server.CA, "cert_pem": server.Cert, "key_pem": "${secret:key}", "server_name": "localhost"},
	})
	if err != nil {
		t.Fatal(err)
	}
	f := connectortest.Open(t, redisdb.Connector(), string(raw), map[string]string{"redis": clusterPassword, "key": server.Key})
	for i := range 10 {
		key := fmt.Sprint("k", i)
		if got := readable(f.Must(t, "redis.commands", nil, resp("SET "+key+" 1", "GET "+key))); got != "$2 OK $1 1" {
			t.Error(got)
		}
	}
	for command, want := range map[string]string{"GET other": "-NOPERM", "DEL k1": "-NOPERM"} {
		if got := readable(f.Must(t, "redis.commands", nil, resp(command))); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", command, got)
		}
	}
	for password, want := range map[string]string{clusterPassword: "", "wrong password": "WRONGPASS"} {
		secret := func(name string) (string, error) {
			return map[string]string{"redis": password, "key": server.Key}[name], nil
		}
		for _, channel := range []string{sources["subscribe"], `{"kind": "subscribe", "channels": ["news"], "sharded": true}`} {
			source, _, err := redisdb.Source().Open(t.Context(), raw, []byte(channel), secret, testEnv)
			if err == nil {
				_ = source.Close()
			}
			if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || errors.Is(err, connector.ErrNotConnected)) {
				t.Errorf("%s as %q: %v", channel, password, err)
			}
		}
	}
	other := connectortest.Open(t, redisdb.Connector(), string(raw), map[string]string{"redis": "wrong password", "key": server.Key})
	if err := other.Ping(t.Context()); host.CodeOf(err) != abi.Remote || !strings.Contains(host.MessageOf(err), "WRONGPASS") {
		t.Errorf("%v", err)
	}
}
