package redisdb_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/connector/redisdb"
)

// sources are channels of each kind.
var sources = map[string]string{
	"stream":    `{"stream": "orders", "body": "b"}`,
	"subscribe": `{"kind": "subscribe", "channels": ["news"]}`,
}

// TestTLS reaches a server that asks for a certificate, by operations and by
// channels, and one that is not who it says.
func TestTLS(t *testing.T) {
	server := connectortest.StartRedisTLS(t)
	secrets := map[string]string{"key": server.Key}
	secret := func(name string) (string, error) { return secrets[name], nil }
	right := map[string]string{"mode": "on", "ca_pem": server.CA, "server_name": "localhost", "cert_pem": server.Cert, "key_pem": "${secret:key}"}
	for _, c := range []struct {
		name   string
		change func(tls map[string]string)
		code   abi.Code
		want   string
	}{
		{"trusted", func(map[string]string) {}, abi.OK, ""},
		{"any", func(s map[string]string) { s["mode"] = "insecure" }, abi.OK, ""},
		{"another name", func(s map[string]string) { delete(s, "server_name") }, abi.Remote, "certificate"},
		{"unknown authority", func(s map[string]string) { delete(s, "ca_pem") }, abi.Remote, "certificate"},
		{"no TLS", func(s map[string]string) { clear(s); s["mode"] = "off" }, abi.Unavailable, "cannot be reached"},
	} {
		t.Run(c.name, func(t *testing.T) {
			settings := maps.Clone(right)
			c.change(settings)
			raw, err := json.Marshal(map[string]any{"host": "127.0.0.1", "port": server.Port, "tls": settings})
			if err != nil {
				t.Fatal(err)
			}
			f := connectortest.Open(t, redisdb.Connector(), string(raw), secrets)
			if err := f.Ping(t.Context()); host.CodeOf(err) != c.code || err != nil && !strings.Contains(host.MessageOf(err), c.want) {
				t.Errorf("%v (%s)", err, host.CodeOf(err))
			}
			for kind, channel := range sources {
				source, _, err := redisdb.Source().Open(t.Context(), raw, []byte(channel), secret, testEnv)
				switch {
				case err == nil:
					_ = source.Close()
				case c.code == abi.Remote && (errors.Is(err, connector.ErrNotConnected) || !strings.Contains(err.Error(), c.want)),
					c.code == abi.Unavailable && !errors.Is(err, connector.ErrNotConnected):
					t.Errorf("%s: %v", kind, err)
				}
				if (err == nil) != (c.code == abi.OK) {
					t.Errorf("%s: %v", kind, err)
				}
			}
		})
	}
}

// TestTLSWithoutCertificate is about a server that asks for one. It says so
// after the handshake, by TLS 1.3, when the client may see the end only.
func TestTLSWithoutCertificate(t *testing.T) {
	t.Parallel()
	server := connectortest.StartRedisTLS(t)
	raw, err := json.Marshal(map[string]any{"host": "127.0.0.1", "port": server.Port, "tls": map[string]string{"mode": "insecure"}})
	if err != nil {
		t.Fatal(err)
	}
	f := connectortest.Open(t, redisdb.Connector(), string(raw), nil)
	switch err := f.Ping(t.Context()); host.CodeOf(err) {
	case abi.Remote:
		if !strings.Contains(host.MessageOf(err), "certificate required") {
			t.Error(err)
		}
	case abi.Unavailable:
	default:
		t.Errorf("%v (%s)", err, host.CodeOf(err))
	}
}

// TestUser logs in as a user who may do little, and says what that is.
func TestUser(t *testing.T) {
	t.Parallel()
	server := connectortest.StartRedis(t, "--requirepass", password)
	admin := redis.NewClient(&redis.Options{Addr: server.Addr(), Password: password})
	defer admin.Close()
	const own = "another-long-password"
	if err := admin.Do(t.Context(), "ACL", "SETUSER", "serai", "on", ">"+own, "~orders*", "~mine*", "&news", "+@all", "-@admin").Err(); err != nil {
		t.Fatal(err)
	}
	raw := strings.Replace(config(server.Addr()), "{", `{"username": "serai", `, 1)
	f := connectortest.Open(t, redisdb.Connector(), raw, map[string]string{"redis": own})
	if got := readable(f.Must(t, "redis.commands", nil, resp("SET mine 1", "GET mine", "GET theirs"))); !strings.HasPrefix(got, "$2 OK $1 1 -NOPERM") {
		t.Error(got)
	}
	secret := func(string) (string, error) { return own, nil }
	for kind, channel := range sources {
		source, _, err := redisdb.Source().Open(t.Context(), []byte(raw), []byte(channel), secret, testEnv)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		_ = source.Close()
		for _, c := range []struct{ password, change, want string }{
			{own, "secret", "NOPERM"},
			{"wrong", "", "WRONGPASS"},
		} {
			channel := strings.NewReplacer("orders", "orders"+c.change, "news", "news"+c.change).Replace(channel)
			if kind == "stream" && c.change != "" {
				channel = strings.Replace(channel, "orders", "", 1)
			}
			_, _, err := redisdb.Source().Open(t.Context(), []byte(raw), []byte(channel), func(string) (string, error) { return c.password, nil }, testEnv)
			if err == nil || errors.Is(err, connector.ErrNotConnected) || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("%s: %v, want %s", channel, err, c.want)
			}
		}
	}
	other := connectortest.Open(t, redisdb.Connector(), raw, map[string]string{"redis": "wrong password"})
	if err := other.Ping(t.Context()); host.CodeOf(err) != abi.Remote || !strings.Contains(host.MessageOf(err), "refuses: WRONGPASS") {
		t.Errorf("%v", err)
	}
}

// TestFailover kills a master under load: what its replica had is dealt with,
// and what comes after, of a stream and of what is published.
func TestFailover(t *testing.T) {
	t.Parallel()
	master := connectortest.StartRedis(t)
	replica := connectortest.RedisReplica(t, master)
	sentinel := connectortest.RedisSentinel(t, master)
	raw := `{"mode": "sentinel", "addresses": ["` + sentinel + `"], "master": "main", "timeout": "2s"}`
	s := connectortest.SourceSuite{
		Source: redisdb.Source(), Server: master, Config: func(string) string { return raw },
		Send: func(*testing.T, string, ...string) {},
	}
	c := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "main", SentinelAddrs: []string{sentinel}, MaxRetries: -1, DialTimeout: time.Second})
	defer c.Close()
	eventually(t, "the sentinel knows the replica", func() bool {
		sc := redis.NewSentinelClient(&redis.Options{Addr: sentinel})
		defer sc.Close()
		found, err := sc.Replicas(t.Context(), "main").Result()
		return err == nil && len(found) == 1
	})
	entries, stop := s.Receive(t, "s", `{"stream": "s", "body": "b", "prefetch": 4, "claim_after": "500ms"}`)
	published, stopOther := s.Receive(t, "p", `{"kind": "subscribe", "channels": ["p"], "heartbeat": "500ms"}`)
	add := func(body string, copies int) error {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		conn := c.Conn() // WAIT is about what was sent on the same socket
		defer conn.Close()
		if err := conn.XAdd(ctx, &redis.XAddArgs{Stream: "s", Values: []string{"b", body}}).Err(); err != nil {
			return err
		}
		n, err := conn.Wait(ctx, copies, time.Second).Result()
		if err == nil && int(n) < copies {
			err = errors.New("it is on the master only")
		}
		return err
	}
	all := numberedBodies(200)
	for _, body := range all[:100] {
		if err := add(body, 1); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "some have come", func() bool { return len(entries()) > 20 })
	master.Stop()
	for _, body := range all[100:] {
		eventually(t, "another master takes entries", func() bool { return add(body, 0) == nil })
	}
	eventually(t, "all have come", func() bool { return len(entries()) == len(all) })
	eventually(t, "what is published comes again", func() bool {
		_ = c.Publish(t.Context(), "p", "after").Err()
		return published()["after"] > 0
	})
	stop()
	stopOther()
	direct := redis.NewClient(&redis.Options{Addr: replica.Addr()})
	defer direct.Close()
	if left, err := direct.XPending(t.Context(), "s", "serai").Result(); err != nil || left.Count != 0 {
		t.Errorf("%v %v are left", left, err)
	}
}
