package hosttest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
)

// anyConsumer does what messages of any system tell it to.
const anyConsumer = `
import json
from serai import Service

class Consumer(Service):
    name = 'consumer'

    def handle(self):
        message = self.request.message
        body = message.msg.body
        self.kvdb.conn.rpush('seen', body)
        if body == 'fail':
            raise ValueError('it cannot be done')
        if body == 'reject':
            message.reject()
        if body == 'retry' and self.kvdb.conn.incr('retried') == 1:
            message.retry()
        if body == 'status':
            self.response.status_code = 503
            message.ack()
        if body == 'look':
            fields = {k: v for k, v in message.msg.fields.items() if k not in ('id', 'pid')}
            one = {'redis': self.request.redis, 'sql': self.request.sql}[message.kind]
            self.kvdb.conn.set('look', json.dumps([self.channel.type, message.kind, one.msg.body, bool(self.request.amqp), sorted(fields.items())]))

class Seen(Service):
    name = 'seen'

    def handle(self):
        look = self.kvdb.conn.get('look')
        self.response.payload = {'seen': self.kvdb.conn.lrange('seen', 0, -1), 'look': look and json.loads(look)}
`

// deployAny deploys the consumer of any messages.
func deployAny(t *testing.T, operator *client.Client) {
	t.Helper()
	if _, err := operator.DeployAll(t.Context(), host.DefaultTenant, hosttest.Python(anyConsumer), client.Settings{}); err != nil {
		t.Fatal(hosttest.Explain(err))
	}
	if _, err := operator.PutChannel(t.Context(), host.DefaultTenant, "seen", host.Channel{Service: "seen", Path: "/seen"}); err != nil {
		t.Fatal(err)
	}
}

// receiveOver sets a connection up, with what is to be received over it.
func receiveOver(t *testing.T, operator *client.Client, kind, connection, channel string) {
	t.Helper()
	_, err := operator.PutConnection(t.Context(), host.DefaultTenant, "C", client.Connection{
		Type: kind, Config: []byte(connection), AllowNetworks: []string{"127.0.0.0/8"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := operator.PutChannel(t.Context(), host.DefaultTenant, "in", host.Channel{Service: "consumer", Type: kind, Connection: "C", Config: json.RawMessage(channel)}); err != nil {
		t.Fatal(err)
	}
}

// TestMessagesOfAnySystem decides about messages of systems that keep them and
// of some that do not, in the same words, and gives parked ones back.
func TestMessagesOfAnySystem(t *testing.T) {
	t.Parallel()
	server := connectortest.StartRedis(t)
	c := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = c.Close() })
	overRedis := fmt.Sprintf(`{"host": "127.0.0.1", "port": %d}`, server.Port)
	t.Run("stream", func(t *testing.T) {
		t.Parallel()
		decide(t, "redis", overRedis, `{"stream": "in", "body": "b"`, func(t *testing.T, body string) {
			t.Helper()
			if err := c.XAdd(context.Background(), &redis.XAddArgs{Stream: "in", Values: []string{"b", body}}).Err(); err != nil {
				t.Fatal(err)
			}
		}, `[redis redis look false [[stream in]]]`)
	})
	t.Run("subscription", func(t *testing.T) {
		t.Parallel()
		decide(t, "redis", overRedis, `{"kind": "subscribe", "patterns": ["i?"]`, func(t *testing.T, body string) {
			t.Helper()
			if err := c.Publish(context.Background(), "in", body).Err(); err != nil {
				t.Fatal(err)
			}
		}, `[redis redis look false [[channel in] [pattern i?]]]`)
	})
	t.Run("notifications", func(t *testing.T) {
		t.Parallel()
		database := connectortest.StartPostgreSQL(t, "a-long-password")
		conn, err := pgx.Connect(t.Context(), fmt.Sprintf("postgres://test:%s@%s/postgres?sslmode=disable", url.QueryEscape("a-long-password"), database.Addr()))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		_, port, _ := strings.Cut(database.Addr(), ":")
		config := fmt.Sprintf(`{"engine": "postgresql", "host": "127.0.0.1", "port": %s, "database": "postgres", "username": "test", "password": "${secret:db}"}`, port)
		decide(t, "sql", config, `{"channels": ["in"]`, func(t *testing.T, body string) {
			t.Helper()
			if _, err := conn.Exec(context.Background(), "SELECT pg_notify('in', $1)", body); err != nil {
				t.Fatal(err)
			}
		}, `[sql sql look false [[channel in] [kind notification]]]`)
	})
}

// decide sends what tells the consumer to decide.
func decide(t *testing.T, kind, connection, channel string, send func(t *testing.T, body string), look1 string) {
	t.Helper()
	h := hosttest.Start(t, nil)
	deployAny(t, h.Operator)
	if err := h.Operator.SetSecret(t.Context(), host.DefaultTenant, "db", []byte("a-long-password")); err != nil {
		t.Fatal(err)
	}
	receiveOver(t, h.Operator, kind, connection, channel+`, "attempts": 3, "backoff": "5ms"}`)
	state := func() host.ChannelState { return stateOf(t, h.Operator, "in") }
	eventually(t, "it receives", func() bool { return state().Receiving })
	for body := range strings.FieldsSeq("look retry fail reject status last") {
		send(t, body)
	}
	eventually(t, "the messages are dealt with", func() bool { s := state(); return s.Done == 4 && s.Parked == 2 && s.InFlight == 0 })
	s := look(t, h.URL)
	if want := strings.Fields("look retry retry fail fail fail reject status last"); !slices.Equal(s.Seen, want) {
		t.Errorf("seen: %q, want %q", s.Seen, want)
	}
	if got := fmt.Sprint(s.Look); got != look1 {
		t.Errorf("the message: %s, want %s", got, look1)
	}
	// A message is counted a moment before it is put aside.
	var parked []host.ParkedMessage
	twoParked := func() bool {
		var err error
		if parked, err = h.Operator.Parked(t.Context(), host.DefaultTenant, "in", 10); err != nil {
			t.Fatal(err)
		}
		return len(parked) == 2
	}
	eventually(t, "two are parked", twoParked)
	if parked[0].Body != "fail" || !strings.Contains(parked[0].Reason, "ValueError: it cannot be done") || parked[1].Body != "reject" {
		t.Fatalf("%+v", parked)
	}
	if n, err := h.Operator.RetryParked(t.Context(), host.DefaultTenant, "in", parked[0].ID); n != 1 || err != nil {
		t.Errorf("gave back %d: %v", n, err)
	}
	eventually(t, "it is parked again", func() bool { return state().Parked == 3 && twoParked() })
	if n, err := h.Operator.DropParked(t.Context(), host.DefaultTenant, "in", ""); n != 2 || err != nil {
		t.Errorf("deleted %d: %v", n, err)
	}
}

// stateOf returns how a channel does.
func stateOf(t *testing.T, operator *client.Client, name string) (s host.ChannelState) {
	t.Helper()
	channels, err := operator.Channels(t.Context(), host.DefaultTenant)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range channels {
		if c.Name == name && c.State != nil {
			s = *c.State
		}
	}
	return s
}

// TestRedisChannelKilled kills the host, and then the server, while entries
// are received: each is dealt with.
func TestRedisChannelKilled(t *testing.T) {
	server := connectortest.StartRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	c := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1})
	defer c.Close()
	for i := range load {
		if err := c.XAdd(t.Context(), &redis.XAddArgs{Stream: "load", Values: []string{"b", strconv.Itoa(i)}}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	p := startChild(t, dir)
	deployAny(t, p.c)
	receiveOver(t, p.c, "redis", fmt.Sprintf(`{"host": "127.0.0.1", "port": %d}`, server.Port), `{"stream": "load", "body": "b", "prefetch": 4, "claim_after": "1s"}`)
	eventually(t, "some are received", func() bool { return len(numbers(t, p.url)) > 20 })
	p.kill()
	left, err := c.XPending(t.Context(), "load", "serai").Result()
	if err != nil || left.Count > 4 {
		t.Errorf("the killed host had %v %v", left, err)
	}
	p = startChild(t, dir)
	before := len(numbers(t, p.url))
	eventually(t, "more are received", func() bool { return len(numbers(t, p.url)) > min(before+20, load-1) })
	server.Stop()
	server.Start()
	eventually(t, "all are received", func() bool { return len(numbers(t, p.url)) == load })
	eventually(t, "none is left", func() bool {
		left, err := c.XPending(t.Context(), "load", "serai").Result()
		return err == nil && left.Count == 0
	})
	again := -load
	for _, n := range numbers(t, p.url) {
		again += n
	}
	t.Logf("of %d entries, %d came again", load, again)
	p.terminate(t)
	groups, err := c.XInfoConsumers(t.Context(), "load", "serai").Result()
	if err != nil || len(groups) > 2 { // those of the host that was killed, and that the server forgot
		t.Errorf("consumers: %v %v", groups, err)
	}
}
