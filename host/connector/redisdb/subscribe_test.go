package redisdb_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/connector/redisdb"
)

func TestSubscriberSuite(t *testing.T) {
	server := connectortest.StartRedis(t, "--requirepass", password)
	channel := func(prefetch int) func(string) string {
		return func(place string) string {
			return fmt.Sprintf(`{"kind": "subscribe", "channels": ["c.%s"], "prefetch": %d, "heartbeat": "1s"}`, place, prefetch)
		}
	}
	connectortest.RunSource(t, connectortest.SourceSuite{
		Source: redisdb.Source(), Server: server, Config: config, Secrets: secrets, Lossy: true,
		Channel: channel(4), Most: 4, Ordered: channel(1),
		Send: func(t *testing.T, place string, bodies ...string) {
			t.Helper()
			c := redis.NewClient(&redis.Options{Addr: server.Addr(), Password: password})
			defer c.Close()
			for _, body := range bodies {
				if err := c.Publish(context.Background(), "c."+place, body).Err(); err != nil {
					t.Error(err)
				}
			}
		},
	})
}

// listener is a source that runs, with what it has received.
type listener struct {
	mu      sync.Mutex
	got     []string // channel, pattern and body
	dropped int
	cancel  context.CancelFunc
	ended   chan error
}

// listen runs a source until the test ends. serve, if not nil, is called
// before a message is noted.
func listen(t *testing.T, raw, channel string, serve func()) *listener {
	t.Helper()
	l := &listener{ended: make(chan error, 1)}
	env := testEnv
	env.Dropped = func(n int) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.dropped += n
	}
	source, _, err := redisdb.Source().Open(t.Context(), []byte(raw), []byte(channel), secret, env)
	if err != nil {
		t.Fatal(err)
	}
	var ctx context.Context
	ctx, l.cancel = context.WithCancel(context.Background())
	go func() {
		err := source.Run(ctx, func(_ context.Context, m connector.Message) (connector.Disposition, error) {
			if serve != nil {
				serve()
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			l.got = append(l.got, m.Envelope.Get("message.channel")+"|"+m.Envelope.Get("message.pattern")+"|"+string(m.Body))
			return connector.Done, nil
		})
		_ = source.Close()
		l.ended <- err
	}()
	t.Cleanup(l.cancel)
	return l
}

func (l *listener) seen() ([]string, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.got...), l.dropped
}

// eventually waits for what takes a moment.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not happen that %s", what)
		}
	}
}

func TestSubscriptions(t *testing.T) {
	server := connectortest.StartRedis(t, "--requirepass", password)
	c := redis.NewClient(&redis.Options{Addr: server.Addr(), Password: password})
	defer c.Close()
	publish := func(channel, body string) {
		t.Helper()
		if err := c.Publish(t.Context(), channel, body).Err(); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("names", func(t *testing.T) {
		l := listen(t, config(server.Addr()), `{"kind": "subscribe", "channels": ["a", "b c"], "patterns": ["p.*", "[xy]"]}`, nil)
		for _, channel := range []string{"a", "b c", "p.1", "y", "z", "A"} {
			publish(channel, "of "+channel)
		}
		publish("a", "last")
		eventually(t, "the last one came", func() bool {
			got, _ := l.seen()
			return len(got) > 0 && strings.HasSuffix(got[len(got)-1], "last")
		})
		got, dropped := l.seen()
		if want := "a||of a, b c||of b c, p.1|p.*|of p.1, y|[xy]|of y, a||last"; strings.Join(got, ", ") != want || dropped != 0 {
			t.Errorf("%q %d, want %q", got, dropped, want)
		}
		l.cancel()
		if err := <-l.ended; err != nil {
			t.Error(err)
		}
	})
	t.Run("bounds", func(t *testing.T) {
		release := make(chan struct{})
		l := listen(t, config(server.Addr()), `{"kind": "subscribe", "channels": ["full"], "patterns": ["*"], "waiting": 10}`, func() { <-release })
		publish("full", "first") // it comes twice
		publish(strings.Repeat("n", 2000), "a long name")
		publish("large", strings.Repeat("x", 17<<20))
		for i := range 40 {
			publish("other", fmt.Sprint(i))
		}
		// One is in the service and ten wait, so of 44 there is no room for 33,
		// and two of these are too long.
		eventually(t, "33 are dropped", func() bool { _, dropped := l.seen(); return dropped == 33 })
		close(release)
		eventually(t, "eleven came", func() bool { got, _ := l.seen(); return len(got) == 11 })
		publish("full", "after")
		eventually(t, "the next came", func() bool { got, _ := l.seen(); return len(got) == 13 })
		if got, dropped := l.seen(); got[0] != "full||first" || got[1] != "full|*|first" || got[2] != "other|*|0" || got[10] != "other|*|8" || dropped != 33 {
			t.Errorf("%.300q %d", got, dropped)
		}
	})
	t.Run("sharded", func(t *testing.T) {
		l := listen(t, config(server.Addr()), `{"kind": "subscribe", "channels": ["s1", "s2"], "sharded": true}`, nil)
		publish("s1", "not sharded")
		for _, channel := range []string{"s2", "s1"} {
			if err := c.SPublish(t.Context(), channel, "x").Err(); err != nil {
				t.Fatal(err)
			}
		}
		eventually(t, "both came", func() bool { got, _ := l.seen(); return len(got) == 2 })
		if got, _ := l.seen(); got[0] != "s2||x" || got[1] != "s1||x" {
			t.Errorf("%q", got)
		}
	})
	t.Run("lost", func(t *testing.T) {
		release := make(chan struct{})
		l := listen(t, config(server.Addr()), `{"kind": "subscribe", "channels": ["lost"]}`, func() { <-release })
		for i := range 5 {
			publish("lost", fmt.Sprint(i))
		}
		n, err := c.Do(t.Context(), "CLIENT", "KILL", "TYPE", "pubsub").Int()
		if n == 0 || err != nil {
			t.Fatal(n, err)
		}
		close(release)
		if err := <-l.ended; !errors.Is(err, connector.ErrNotConnected) {
			t.Errorf("it ends with %v", err)
		}
		if got, _ := l.seen(); strings.Join(got, " ") != "lost||0 lost||1 lost||2 lost||3 lost||4" {
			t.Errorf("before it ends come %q", got)
		}
	})
}

func TestSubscriptionsInACluster(t *testing.T) {
	t.Parallel()
	nodes := connectortest.RedisCluster(t)
	quoted, err := json.Marshal(nodes)
	if err != nil {
		t.Fatal(err)
	}
	raw := fmt.Sprintf(`{"mode": "cluster", "addresses": %s}`, quoted)
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: nodes})
	defer c.Close()
	all := listen(t, raw, `{"kind": "subscribe", "channels": ["a", "b"], "patterns": ["c*"]}`, nil)
	sharded := listen(t, raw, `{"kind": "subscribe", "channels": ["a", "b", "c", "d", "e"], "sharded": true}`, nil)
	for i, addr := range nodes {
		n := redis.NewClient(&redis.Options{Addr: addr})
		if err := n.Publish(t.Context(), []string{"a", "b", "c1"}[i], "x").Err(); err != nil {
			t.Fatal(err)
		}
		_ = n.Close()
	}
	for _, channel := range []string{"a", "b", "c", "d", "e"} {
		if err := c.SPublish(t.Context(), channel, "s").Err(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "what is published at any node came", func() bool { got, _ := all.seen(); return len(got) == 3 })
	eventually(t, "what is published to shards came", func() bool { got, _ := sharded.seen(); return len(got) == 5 })
}

func TestSubscriberConfig(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("c", 1025)
	for raw, want := range map[string]string{
		`{"kind": "subscribe"}`:                                                "use 1 to 1000",
		`{"kind": "subscribe", "channels": [""]}`:                              "0 bytes",
		`{"kind": "subscribe", "patterns": ["` + long + `"]}`:                  "1025 bytes",
		`{"kind": "subscribe", "channels": ["a", "a"]}`:                        `"a" twice`,
		`{"kind": "subscribe", "channels": ["a"], "stream": "s"}`:              "are of the kind stream",
		`{"kind": "subscribe", "channels": ["a"], "dead_letter": "elsewhere"}`: "are of the kind stream",
		`{"kind": "subscribe", "channels": ["a"], "body": "b"}`:                "are of the kind stream",
		`{"kind": "subscribe", "patterns": ["a"], "sharded": true}`:            "sharded channels have none",
		`{"kind": "subscribe", "channels": ["a"], "waiting": 0}`:               "config.waiting",
		`{"kind": "subscribe", "channels": ["a"], "heartbeat": "1ms"}`:         "config.heartbeat",
		`{"kind": "subscribe", "channels": ["a"], "prefetch": 101}`:            "config.prefetch",
		`{"kind": "subscribe", "channels": "a"}`:                               "config.channels",
		`{"stream": "s", "channels": ["a"]}`:                                   "are of the kind subscribe",
		`{"stream": "s", "sharded": true}`:                                     "are of the kind subscribe",
	} {
		if err := redisdb.Source().Validate([]byte(raw)); err == nil || !strings.Contains(host.MessageOf(err), want) {
			t.Errorf("%.60s: %v, want %q", raw, err, want)
		}
	}
}
