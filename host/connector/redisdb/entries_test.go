package redisdb_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/connector/redisdb"
)

// receive has a channel's entries for a while, or until there are n.
func receive(t *testing.T, addr, channel string, n int) (got []connector.Message) {
	t.Helper()
	source, _, err := redisdb.Source().Open(t.Context(), []byte(config(addr)), []byte(channel), func(string) (string, error) { return password, nil },
		connector.Env{Tenant: "t", Name: "C", Dial: new(net.Dialer).DialContext})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err = source.Run(ctx, func(_ context.Context, m connector.Message) (connector.Disposition, error) {
		if got = append(got, m); len(got) == n {
			cancel()
		}
		return connector.Done, nil
	})
	if err := source.Close(); err != nil {
		t.Error(err)
	}
	if err != nil {
		t.Logf("it ended: %v", err)
	}
	return got
}

func TestSourceEntries(t *testing.T) {
	server := connectortest.StartRedis(t, "--requirepass", password)
	c := redis.NewClient(&redis.Options{Addr: server.Addr(), Password: password})
	defer c.Close()
	add := func(stream string, values ...string) {
		t.Helper()
		if err := c.XAdd(t.Context(), &redis.XAddArgs{Stream: stream, Values: values}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	add("json", "a", "1", "b", "x\"y")
	got := receive(t, server.Addr(), `{"stream": "json"}`, 1)
	if len(got) != 1 || string(got[0].Body) != `{"a":"1","b":"x\"y"}` || got[0].Envelope.Get("message.stream") != "json" || got[0].Envelope.Get("message.id") == "" {
		t.Errorf("%q", got)
	}
	// A consumer that died has the first entry, which is claimed and comes first.
	add("dead", "b", "one")
	c.XGroupCreate(t.Context(), "dead", "serai", "0")
	c.XReadGroup(t.Context(), &redis.XReadGroupArgs{Group: "serai", Consumer: "gone", Streams: []string{"dead", ">"}})
	add("dead", "b", "two")
	got = receive(t, server.Addr(), `{"stream": "dead", "body": "b", "claim_after": "300ms"}`, 2)
	if len(got) != 2 || string(got[0].Body) != "one" || got[0].Envelope.Get("message.redelivered") != "1" || string(got[1].Body) != "two" || got[1].Envelope.Get("message.redelivered") == "1" {
		t.Errorf("%q", got)
	}
	// One that is too large to be read ends the first source, and is parked by the second.
	add("large", "b", strings.Repeat("x", 17<<20))
	add("large", "b", "small")
	got = receive(t, server.Addr(), `{"stream": "large", "body": "b", "claim_after": "300ms"}`, 1)
	if len(got) == 0 {
		got = receive(t, server.Addr(), `{"stream": "large", "body": "b", "claim_after": "300ms"}`, 1)
	}
	parked, err := c.XRange(t.Context(), "large.parked", "-", "+").Result()
	if err != nil || len(got) != 1 || string(got[0].Body) != "small" || len(parked) != 1 || parked[0].Values["serai-id"] == "" {
		t.Errorf("%d %v %v", len(got), parked, err)
	}
}
