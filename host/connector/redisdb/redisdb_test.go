package redisdb_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/connector/redisdb"
)

const password = "a-long-password"

var secrets = map[string]string{"redis": password}

func config(addr string) string {
	h, port, _ := net.SplitHostPort(addr)
	return fmt.Sprintf(`{"host": %q, "port": %s, "password": "${secret:redis}"}`, h, port)
}

// resp writes commands, whose words are parted by spaces.
func resp(commands ...string) string {
	var b strings.Builder
	for _, c := range commands {
		words := strings.Split(c, " ")
		fmt.Fprintf(&b, "*%d\r\n", len(words))
		for _, w := range words {
			fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
		}
	}
	return b.String()
}

// readable is a reply with its lines parted by spaces.
func readable(r *connector.Result) string {
	if r == nil {
		return "no result"
	}
	return strings.TrimSpace(strings.ReplaceAll(string(r.Body), "\r\n", " "))
}

func field(name, value string) abi.Envelope { return abi.Envelope{{Name: name, Value: value}} }

func TestConformance(t *testing.T) {
	server := connectortest.StartRedis(t, "--requirepass", password)
	connectortest.Run(t, connectortest.Suite{
		Connector: redisdb.Connector(), Server: server, Config: config, Secrets: secrets,
		Ops: []connectortest.Op{
			{Name: "redis.commands", Body: resp("SET a 1", "INCR a", "GET a"), Check: func(t *testing.T, r *connector.Result) {
				t.Helper()
				if got := readable(r); got != "$2 OK :2 $1 2" {
					t.Error(got)
				}
			}},
			{Name: "redis.commands", Body: resp("GET a")},
			{Name: "redis.commands", Body: resp("SET b 1", "GET b"), Fields: field("transaction", "1")},
			{Name: "redis.commands", Body: resp("DEL nothing", "BLPOP nothing 0.01")},
			{Name: "redis.watch", Body: resp("a")},
		},
		Fails: []connectortest.OpFailure{
			{Op: connectortest.Op{Name: "redis.commands", Body: resp("SHUTDOWN")}, Code: abi.Denied},
			{Op: connectortest.Op{Name: "redis.commands", Body: "GET a"}, Code: abi.Invalid},
			{Op: connectortest.Op{Name: "redis.watch", Body: "a"}, Code: abi.Invalid},
			{Op: connectortest.Op{Name: "redis.watch", Fields: field("watch", "none")}, Code: abi.Invalid},
		},
	})
}

func newClient(t *testing.T) *connectortest.Client {
	t.Helper()
	return connectortest.Open(t, redisdb.Connector(), config(connectortest.StartRedis(t, "--requirepass", password).Addr()), secrets)
}

func TestReplies(t *testing.T) {
	t.Parallel()
	f := newClient(t)
	for _, c := range []struct{ commands, want string }{
		{resp("SET k v"), "$2 OK"},
		{resp("GET none"), "$-1"},
		{resp("INCR k"), "-ERR value is not an integer or out of range"},
		{resp("INCR k", "GET k"), "-ERR value is not an integer or out of range $1 v"},
		{resp("LRANGE none 0 -1"), "*0"},
		{resp("MGET k none"), "*2 $1 v $-1"},
		{resp("BLPOP none 0.01"), "$-1"},
		{resp("EVAL return{1,{2,'x'},redis.error_reply('no')} 0"), "*3 :1 *2 :2 $1 x -ERR no"},
		{"*3\r\n$3\r\nSET\r\n$3\r\n\x00\r\n\r\n$2\r\n\xff\xfe\r\n*2\r\n$3\r\nGET\r\n$3\r\n\x00\r\n\r\n", "$2 OK $2 \xff\xfe"},
		{resp("NOSUCH x"), "-ERR unknown command 'NOSUCH', with args beginning with: 'x'"},
	} {
		if got := readable(f.Must(t, "redis.commands", nil, c.commands)); got != c.want {
			t.Errorf("%q: %s, want %s", c.commands, got, c.want)
		}
	}
}

func TestTransactions(t *testing.T) {
	t.Parallel()
	f := newClient(t)
	once := field("transaction", "1")
	if got := readable(f.Must(t, "redis.commands", once, resp("SET n 1", "INCR n", "LPUSH n x"))); got != "$2 OK :2 -WRONGTYPE Operation against a key holding the wrong kind of value" {
		t.Error(got)
	}
	if got := readable(f.Must(t, "redis.commands", once, resp("SET n 7", "SET n"))); !strings.Contains(got, "EXECABORT") || !strings.Contains(got, "wrong number of arguments") {
		t.Error(got)
	}
	if got := readable(f.Must(t, "redis.commands", nil, resp("GET n"))); got != "$1 2" {
		t.Errorf("after a transaction that was given up: %s", got)
	}
	watch := func() abi.Envelope {
		r := f.Must(t, "redis.watch", nil, resp("n"))
		return field("watch", r.Envelope.Get("watch"))
	}
	w := watch()
	if got := readable(f.Must(t, "redis.commands", w, resp("GET n"))); got != "$1 2" {
		t.Error(got)
	}
	f.Must(t, "redis.watch", w, resp("m"))
	if got := readable(f.Must(t, "redis.commands", append(w, once...), resp("INCR n"))); got != ":3" {
		t.Error(got)
	}
	if _, err := f.Do(t.Context(), "redis.commands", w, resp("GET n")); host.CodeOf(err) != abi.Invalid {
		t.Errorf("a watch that has ended: %v", err)
	}
	w = watch()
	f.Must(t, "redis.commands", nil, resp("SET n 10"))
	if _, err := f.Do(t.Context(), "redis.commands", append(w, once...), resp("INCR n")); host.CodeOf(err) != abi.Conflict {
		t.Errorf("a key that changed: %v", err)
	}
	w = watch()
	f.Must(t, "redis.watch", w, "")
	// Sockets come back when calls end: there are ten of them.
	for range 30 {
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := f.Do(ctx, "redis.watch", nil, resp("n")); err != nil {
			t.Fatal(err)
		}
		cancel()
	}
	if got := readable(f.Must(t, "redis.commands", once, resp("GET n"))); got != "$2 10" {
		t.Error(got)
	}
}

func TestRefusedCommands(t *testing.T) {
	t.Parallel()
	f := newClient(t)
	for name := range strings.FieldsSeq("subscribe PSUBSCRIBE MONITOR AUTH SELECT HELLO RESET QUIT CLIENT SHUTDOWN DEBUG CONFIG REPLICAOF MULTI EXEC WATCH FLUSHALL MIGRATE") {
		if _, err := f.Do(t.Context(), "redis.commands", nil, resp("GET a", name+" 1")); host.CodeOf(err) != abi.Denied || !strings.Contains(host.MessageOf(err), strings.ToUpper(name)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, c := range []string{"SCRIPT KILL", "COPY a b DB 1"} {
		if _, err := f.Do(t.Context(), "redis.commands", nil, resp(c)); host.CodeOf(err) != abi.Denied {
			t.Errorf("%s: %v", c, err)
		}
	}
	for _, body := range []string{"", "PING\r\n", "*0\r\n", "*-1\r\n", "*1\r\n$-1\r\n", "*1\r\n$04\r\nPING\r\n", "*1\r\n:4\r\n", "*1\r\n$4\r\nPINGx\r\n", "*99999999\r\n", "*1\r\n$4\r\nPING", "*1\r\n+PING\r\n"} {
		if _, err := f.Do(t.Context(), "redis.commands", nil, body); host.CodeOf(err) != abi.Invalid {
			t.Errorf("%q: %v", body, err)
		}
	}
}

// TestWaitingEndsWithTheCall also holds the server to it: what is pushed
// later must not go to somebody who has gone.
func TestWaitingEndsWithTheCall(t *testing.T) {
	t.Parallel()
	f := newClient(t)
	for _, c := range []string{"BLPOP q 0", "XREAD BLOCK 0 STREAMS s $"} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		began := time.Now()
		_, err := f.Do(ctx, "redis.commands", nil, resp(c))
		if took := time.Since(began); host.CodeOf(err) != abi.Cancelled || took > time.Second {
			t.Errorf("%s: %v after %s", c, err, took)
		}
		cancel()
		ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
		if _, err := f.Do(ctx, "redis.commands", nil, resp(c)); host.CodeOf(err) != abi.Timeout {
			t.Errorf("%s: %v", c, err)
		}
		cancel()
	}
	time.Sleep(100 * time.Millisecond)
	if got := readable(f.Must(t, "redis.commands", nil, resp("RPUSH q x", "LLEN q"))); got != ":1 :1" {
		t.Error(got)
	}
	// Longer than the timeout of other commands.
	pushed := make(chan struct{})
	time.AfterFunc(200*time.Millisecond, func() {
		defer close(pushed)
		f.Must(t, "redis.commands", nil, resp("RPUSH r x"))
	})
	if got := readable(f.Must(t, "redis.commands", nil, resp("BLPOP r 0"))); got != "*2 $1 r $1 x" {
		t.Error(got)
	}
	<-pushed
}

func TestRepliesAreBounded(t *testing.T) {
	t.Parallel()
	f := newClient(t)
	big := "local t = {} for i = 1, 20 do t[i] = string.rep('x', 1024 * 1024) end return t"
	_, err := f.Do(t.Context(), "redis.commands", nil, fmt.Sprintf("*3\r\n$4\r\nEVAL\r\n$%d\r\n%s\r\n$1\r\n0\r\n", len(big), big))
	if host.CodeOf(err) != abi.TooLarge {
		t.Errorf("20 MiB: %v", err)
	}
	// A server may say what it likes.
	for _, says := range []string{
		"*1000000000\r\n", "$1000000000\r\n", strings.Repeat("*1\r\n", 100_000), "$99999999999999999999\r\n", "?1\r\n", strings.Repeat("%1\r\n", 100_000), "*-7\r\n", "\r\n", "x\r\n",
		strings.Repeat("*1000000\r\n", 30), "+" + strings.Repeat("x", 100_000),
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = c.Read(make([]byte, 1024))
				_, _ = c.Write([]byte(says))
			}
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		bad := connectortest.Open(t, redisdb.Connector(), config(l.Addr().String()), secrets)
		if _, err := bad.Do(ctx, "redis.commands", nil, resp("GET a")); err == nil || ctx.Err() != nil {
			t.Errorf("a server that says %.20q: %v", says, err)
		}
		cancel()
		_ = l.Close()
	}
}

func TestClusterAndSentinel(t *testing.T) {
	t.Parallel()
	nodes := connectortest.RedisCluster(t)
	master := connectortest.StartRedis(t)
	for mode, raw := range map[string]string{
		"cluster":  fmt.Sprintf(`{"mode": "cluster", "addresses": [%q, %q]}`, nodes[0], nodes[1]),
		"sentinel": fmt.Sprintf(`{"mode": "sentinel", "addresses": [%q], "master": "main"}`, connectortest.RedisSentinel(t, master)),
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			f := connectortest.Open(t, redisdb.Connector(), raw, nil)
			if err := f.Ping(t.Context()); err != nil {
				t.Fatal(err)
			}
			for i := range 20 { // on all nodes
				key := fmt.Sprintf("k%d", i)
				if got := readable(f.Must(t, "redis.commands", nil, resp("SET "+key+" 1", "INCR "+key, "SET other x", "GET "+key))); got != "$2 OK :2 $2 OK $1 2" {
					t.Error(got)
				}
				w := field("watch", f.Must(t, "redis.watch", nil, resp(key)).Envelope.Get("watch"))
				if got := readable(f.Must(t, "redis.commands", append(w, field("transaction", "1")...), resp("INCR "+key, "GET "+key))); got != ":3 $1 3" {
					t.Error(got)
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(100*time.Millisecond, cancel)
			began := time.Now()
			if _, err := f.Do(ctx, "redis.commands", nil, resp("BLPOP q 0")); host.CodeOf(err) != abi.Cancelled || time.Since(began) > time.Second {
				t.Errorf("%v after %s", err, time.Since(began))
			}
		})
	}
}

func TestConfigurations(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`{}`:                                "config.host is missing",
		`{"host": "h", "password": "x"}`:    "is in clear",
		`{"mode": "cluster"}`:               "config.addresses are missing",
		`{"mode": "ring"}`:                  "use single, cluster, sentinel",
		`{"host": "h", "addresses": ["a"]}`: "use host and port",
		`{"mode": "cluster", "addresses": ["a:1"], "database": 2}`: "database 0 only",
		`{"mode": "cluster", "addresses": ["a"]}`:                  "is no HOST:PORT",
		`{"mode": "sentinel", "addresses": ["a:1"]}`:               "config.master",
		`{"mode": "cluster", "addresses": ["a:1"], "host": "h"}`:   "use addresses",
		`{"host": "h", "sentinel_password": "${secret:x}"}`:        "goes with the mode sentinel",
		`{"mode": "cluster", "addresses": ["a:70000"]}`:            "is no HOST:PORT",
		`{"mode": "cluster", "addresses": ["a:redis"]}`:            "is no HOST:PORT",
		`{"host": "redis://h"}`:                                    "is a URL",
		`{"host": "h", "tls": {"ca_pem": "x"}}`:                    "config.tls.mode is off",
	} {
		if err := redisdb.Connector().Validate([]byte(raw)); err == nil || !strings.Contains(host.MessageOf(err), want) {
			t.Errorf("%s: %v, want %q", raw, err, want)
		}
	}
}
