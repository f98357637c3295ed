package redisdb_test

import (
	"context"
	"errors"
	"fmt"
	"net"
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

// parkAll has a channel park n entries.
func parkAll(t *testing.T, config, channel string, n int) {
	t.Helper()
	source, _, err := redisdb.Source().Open(t.Context(), []byte(config), []byte(channel), secret, testEnv)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	seen := 0
	err = source.Run(ctx, func(context.Context, connector.Message) (connector.Disposition, error) {
		if seen++; seen == n {
			cancel() // it is parked all the same
		}
		return connector.Park, host.Errorf(abi.Failed, "it is bad")
	})
	if err := errors.Join(err, source.Close()); err != nil || seen != n {
		t.Fatalf("parked %d: %v", seen, err)
	}
}

var testEnv = connector.Env{Tenant: "t", Name: "C", Dial: new(net.Dialer).DialContext}

func secret(string) (string, error) { return password, nil }

// openGraveyard returns what a channel has put aside.
func openGraveyard(t *testing.T, config, channel string) connector.Parked {
	t.Helper()
	p, err := redisdb.Source().Parked(t.Context(), []byte(config), []byte(channel), secret, testEnv)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func TestParked(t *testing.T) {
	server := connectortest.StartRedis(t, "--requirepass", password)
	c := redis.NewClient(&redis.Options{Addr: server.Addr(), Password: password})
	defer c.Close()
	add := func(stream string, values ...string) string {
		t.Helper()
		id, err := c.XAdd(t.Context(), &redis.XAddArgs{Stream: stream, Values: values}).Result()
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	const channel = `{"stream": "s", "body": "b"}`
	p := openGraveyard(t, config(server.Addr()), channel)
	settle := func(id string, retry bool, want int) {
		t.Helper()
		if n, err := p.Settle(t.Context(), id, retry); n != want || err != nil {
			t.Errorf("%q: %d %v, want %d", id, n, err, want)
		}
	}
	if all, err := p.List(t.Context(), 10); len(all) != 0 || err != nil {
		t.Errorf("before anything was parked: %v %v", all, err)
	}
	settle("", true, 0)
	settle("", false, 0)

	large := strings.Repeat("x", 2000) + "\xff"
	id := add("s", "b", "one", "n", "1", "b", "two", "\xfe", "\x00")
	add("s", "b", large)
	add("s", "other", "no body")
	parkAll(t, config(server.Addr()), channel, 3)
	all, err := p.List(t.Context(), 10)
	if err != nil || len(all) != 3 {
		t.Fatal(all, err)
	}
	for i, want := range []host.ParkedMessage{
		{ID: all[0].ID, Reason: "it is bad", Size: 3, Body: "two"},
		{ID: all[1].ID, Reason: "it is bad", Size: 2001, Body: large[:1024]},
		{ID: all[2].ID, Reason: "it is bad"},
	} {
		if all[i] != want {
			t.Errorf("%d: %+v, want %+v", i, all[i], want)
		}
	}
	if all, err := p.List(t.Context(), 2); len(all) != 2 || err != nil {
		t.Errorf("of at most two: %d %v", len(all), err)
	}
	for _, none := range []string{"1-1", "none", "- +", "18446744073709551616-0"[:20], "$"} {
		settle(none, true, 0)
		settle(none, false, 0)
	}
	settle(all[0].ID, true, 1)
	settle(all[0].ID, true, 0)
	raw, err := c.Do(t.Context(), "XREVRANGE", "s", "+", "-", "COUNT", 1).Slice()
	if got := fmt.Sprintf("%q", raw[0].([]any)[1]); err != nil || got != `["b" "one" "n" "1" "b" "two" "\xfe" "\x00"]` {
		t.Errorf("it comes back as %s %v", got, err)
	}
	if got := receive(t, server.Addr(), channel, 1); len(got) != 1 || string(got[0].Body) != "two" || got[0].Envelope.Get("message.id") == id {
		t.Errorf("%q", got)
	}
	settle(all[1].ID, false, 1)
	settle("", true, 1)
	parkAll(t, config(server.Addr()), channel, 1)
	settle("", false, 1)
	if n := c.XLen(t.Context(), "s.parked").Val(); n != 0 {
		t.Errorf("%d are left", n)
	}

	t.Run("large", func(t *testing.T) {
		const channel = `{"stream": "big", "body": "b", "dead_letter": "graves"}`
		p := openGraveyard(t, config(server.Addr()), channel)
		id := add("big", "b", strings.Repeat("x", 16<<20-64<<10)) // it can be read, and not with what parking adds
		parkAll(t, config(server.Addr()), channel, 1)
		add("graves", "b", strings.Repeat("y", 17<<20)) // of somebody else
		add("graves", "b", "whole")
		all, err := p.List(t.Context(), 10)
		if err != nil || len(all) != 3 || all[0].Reason != "it is bad" || !strings.Contains(all[1].Reason, "read it where it is") || all[2].Body != "whole" {
			t.Fatalf("%+v %v", all, err)
		}
		if _, err := p.Settle(t.Context(), all[0].ID, true); host.CodeOf(err) != abi.TooLarge || !strings.Contains(host.MessageOf(err), id) {
			t.Errorf("giving back what is not there: %v", err)
		}
		if _, err := p.Settle(t.Context(), all[1].ID, true); host.CodeOf(err) != abi.TooLarge {
			t.Errorf("giving back what is too large: %v", err)
		}
		if n, err := p.Settle(t.Context(), "", true); n != 1 || err != nil || c.XLen(t.Context(), "graves").Val() != 2 {
			t.Errorf("gave back %d: %v", n, err)
		}
		if n, err := p.Settle(t.Context(), all[1].ID, false); n != 1 || err != nil {
			t.Errorf("dropped %d: %v", n, err)
		}
	})
	t.Run("down", func(t *testing.T) {
		server.Stop()
		if _, err := p.List(t.Context(), 10); !errors.Is(err, connector.ErrNotConnected) {
			t.Errorf("of a server that is down: %v", err)
		}
	})
}

// TestParkedInACluster has the two streams on different nodes.
func TestParkedInACluster(t *testing.T) {
	t.Parallel()
	nodes := connectortest.RedisCluster(t)
	raw := fmt.Sprintf(`{"mode": "cluster", "addresses": [%q]}`, nodes[0])
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: nodes})
	defer c.Close()
	for _, stream := range []string{"a", "b", "c"} {
		channel := fmt.Sprintf(`{"stream": %q, "body": "b"}`, stream)
		if err := c.XAdd(t.Context(), &redis.XAddArgs{Stream: stream, Values: []string{"b", "tea"}}).Err(); err != nil {
			t.Fatal(err)
		}
		parkAll(t, raw, channel, 1)
		p := openGraveyard(t, raw, channel)
		if all, err := p.List(t.Context(), 10); len(all) != 1 || err != nil || all[0].Body != "tea" {
			t.Errorf("%v %v", all, err)
		}
		if n, err := p.Settle(t.Context(), "", true); n != 1 || err != nil {
			t.Errorf("gave back %d: %v", n, err)
		}
		parkAll(t, raw, channel, 1)
		if n, err := p.Settle(t.Context(), "", false); n != 1 || err != nil {
			t.Errorf("dropped %d: %v", n, err)
		}
	}
}
