package redisdb_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/connector/redisdb"
)

func TestSource(t *testing.T) {
	server := connectortest.StartRedis(t, "--requirepass", password, "--appendonly", "yes", "--appendfsync", "always")
	use := func(t *testing.T, do func(c *redis.Client) error) {
		t.Helper()
		c := redis.NewClient(&redis.Options{Addr: server.Addr(), Password: password})
		defer c.Close()
		if err := do(c); err != nil {
			t.Error(err)
		}
	}
	channel := func(prefetch int) func(string) string {
		return func(place string) string {
			return fmt.Sprintf(`{"kind": "stream", "stream": "s.%s", "body": "b", "prefetch": %d, "claim_after": "500ms"}`, place, prefetch)
		}
	}
	connectortest.RunSource(t, connectortest.SourceSuite{
		Source: redisdb.Source(), Server: server, Config: config, Secrets: secrets,
		Channel: channel(4), Most: 4, Ordered: channel(1),
		Send: func(t *testing.T, place string, bodies ...string) {
			t.Helper()
			use(t, func(c *redis.Client) error {
				for _, body := range bodies {
					if err := c.XAdd(t.Context(), &redis.XAddArgs{Stream: "s." + place, Values: []string{"b", body}}).Err(); err != nil {
						return err
					}
				}
				return nil
			})
		},
		Parked: func(t *testing.T, place string) (out []string) {
			t.Helper()
			use(t, func(c *redis.Client) error {
				found, err := c.XRange(t.Context(), "s."+place+".parked", "-", "+").Result()
				for _, e := range found {
					if e.Values["serai-id"] == "" || e.Values["serai-error"] == "" || e.Values["serai-stream"] != "s."+place {
						t.Errorf("parked: %v", e.Values)
					}
					out = append(out, fmt.Sprint(e.Values["b"]))
					c.XDel(t.Context(), "s."+place+".parked", e.ID)
				}
				return err
			})
			return out
		},
	})
	use(t, func(c *redis.Client) error {
		groups, err := c.XInfoGroups(t.Context(), "s.delivers").Result()
		if len(groups) != 1 || groups[0].Pending != 0 || groups[0].Consumers != 0 {
			t.Errorf("it leaves behind %+v", groups)
		}
		return err
	})
}

func numberedBodies(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("m%03d", i)
	}
	return out
}

func TestSourceConfig(t *testing.T) {
	for raw, want := range map[string]string{
		`{}`:                                              "config.stream",
		`{"stream": ""}`:                                  "config.stream",
		`{"stream": "s", "group": ""}`:                    "config.group",
		`{"stream": "s", "kind": "list"}`:                 "config.kind",
		`{"stream": "s", "dead_letter": "s"}`:             "the stream itself",
		`{"stream": "s", "prefetch": 0}`:                  "config.prefetch",
		`{"stream": "s", "claim_after": "1ms"}`:           "config.claim_after",
		`{"stream": "s", "start": "yesterday"}`:           "config.start",
		`{"stream": "` + strings.Repeat("s", 1025) + `"}`: "1 to 1024",
	} {
		if err := redisdb.Source().Validate([]byte(raw)); err == nil || !strings.Contains(host.MessageOf(err), want) {
			t.Errorf("%.50s: %v, want %q", raw, err, want)
		}
	}
}
