package sqldb_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/connector/egress"
	"github.com/seraihost/serai/host/connector/sqldb"
)

// notify sends notifications over a connection of its own.
func notify(t *testing.T, server *connectortest.Database, channel string, bodies ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, fmt.Sprintf("postgres://test:%s@%s/postgres?sslmode=disable", conformancePassword, server.Addr()))
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close(ctx)
	for _, body := range bodies {
		if _, err := c.Exec(ctx, "SELECT pg_notify($1, $2)", channel, body); err != nil {
			t.Error(err)
		}
	}
}

func TestNotifications(t *testing.T) {
	server := connectortest.StartPostgreSQL(t, conformancePassword)
	config := func(addr string) string {
		h, port, _ := strings.Cut(addr, ":")
		return fmt.Sprintf(`{"engine": "postgresql", "host": %q, "port": %s, "database": "postgres", "username": "test", "password": "${secret:db}"}`, h, port)
	}
	channel := func(place string) string { return fmt.Sprintf(`{"channels": [%q], "heartbeat": "1s"}`, place) }
	secret := func(string) (string, error) { return conformancePassword, nil }
	t.Run("suite", func(t *testing.T) {
		connectortest.RunSource(t, connectortest.SourceSuite{
			Source: sqldb.Source(), Server: server, Config: config, Secrets: map[string]string{"db": conformancePassword},
			Channel: channel, Ordered: channel, Most: 1, Lossy: true, Text: true, Longest: 7000,
			Send: func(t *testing.T, place string, bodies ...string) {
				t.Helper()
				notify(t, server, place, bodies...)
			},
		})
	})
	allowed, err := egress.ParseNetworks([]string{"127.0.0.0/8"})
	if err != nil {
		t.Fatal(err)
	}
	env := connector.Env{Tenant: "t", Name: "DB", Dial: egress.NewDialer(egress.Policy{Allow: allowed}).DialContext}
	t.Run("catch up", func(t *testing.T) {
		source, _, err := sqldb.Source().Open(t.Context(), []byte(config(server.Addr())), []byte(`{"channels": ["Orders", "x\"y"], "catch_up": true}`), secret, env)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		var got []string
		err = source.Run(ctx, func(_ context.Context, m connector.Message) (connector.Disposition, error) {
			if len(got) == 0 {
				notify(t, server, "Orders", "one")
				notify(t, server, `x"y`, "")
			}
			if m.Envelope.Get("message.kind") == "notification" && m.Envelope.Get("message.pid") == "" {
				t.Error("no pid")
			}
			if got = append(got, m.Envelope.Get("message.kind")+" "+m.Envelope.Get("message.channel")+" "+string(m.Body)); len(got) == 3 {
				cancel()
			}
			return connector.Done, nil
		})
		if want := []string{"listening  ", "notification Orders one", `notification x"y `}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%q %v, want %q", got, err, want)
		}
		if err := source.Close(); err != nil {
			t.Error(err)
		}
	})
	_, _, err = sqldb.Source().Open(t.Context(), []byte(`{"engine": "sqlite", "database": "x"}`), []byte(channel("c")), secret, env)
	if host.CodeOf(err) != abi.Invalid || !strings.Contains(host.MessageOf(err), "only PostgreSQL has notifications") {
		t.Errorf("of SQLite: %v", err)
	}
	if err := sqldb.Source().Suits([]byte(`{"engine": "mysql", "host": "h", "database": "x", "password": "${secret:db}"}`)); host.CodeOf(err) != abi.Invalid || !strings.Contains(host.MessageOf(err), "the connection is to mysql") {
		t.Errorf("of MySQL: %v", err)
	}
	if err := sqldb.Source().Suits([]byte(config("127.0.0.1:1"))); err != nil {
		t.Errorf("of PostgreSQL: %v", err)
	}
	for raw, want := range map[string]string{
		`{}`:                          "config.channels",
		`{"channels": []}`:            "use 1 to 100",
		`{"channels": ["a", "a"]}`:    "twice",
		`{"channels": [""]}`:          "no channel of PostgreSQL",
		`{"channels": ["a"], "x": 1}`: `no field "x"`,
		`{"channels": ["` + strings.Repeat("a", 64) + `"]}`: "1 to 63 bytes",
	} {
		if err := sqldb.Source().Validate([]byte(raw)); err == nil || !strings.Contains(host.MessageOf(err), want) {
			t.Errorf("%.40s: %v, want %q", raw, err, want)
		}
	}
}
