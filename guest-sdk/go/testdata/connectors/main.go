// The service connectors uses the generated functions of connectors; each path
// is named after the type that it uses. At other paths it moves bodies.
package main

import (
	stdsql "database/sql"
	"encoding/json"
	"errors"
	"io"
	"time"

	serai "github.com/seraihost/serai/guest-sdk/go"
	"github.com/seraihost/serai/guest-sdk/go/amqp"
	"github.com/seraihost/serai/guest-sdk/go/config"
	"github.com/seraihost/serai/guest-sdk/go/crypto"
	"github.com/seraihost/serai/guest-sdk/go/http"
	"github.com/seraihost/serai/guest-sdk/go/invoke"
	"github.com/seraihost/serai/guest-sdk/go/kv"
	"github.com/seraihost/serai/guest-sdk/go/lock"
	"github.com/seraihost/serai/guest-sdk/go/memcached"
	"github.com/seraihost/serai/guest-sdk/go/redis"
	"github.com/seraihost/serai/guest-sdk/go/sql"
)

func init() {
	serai.HandleStream(func(req *serai.Request) (*serai.Response, error) {
		use := uses[req.Path]
		if use == nil {
			return move(req)
		}
		c := &checks{req: req}
		use(c)
		return serai.JSON(c.seen)
	})
}

var uses = map[string]func(c *checks){
	"/sql": database, "/redis": commands, "/amqp": messages, "/memcached": cached, "/http": requests, "/own": own, "/invoke": services, "": called,
}

// checks collects what operations return.
type checks struct {
	req  *serai.Request
	seen []any
}

func (c *checks) add(v any, err error) {
	var e *serai.Error
	switch {
	case errors.As(err, &e):
		v = e.Op + " " + e.Code.String()
	case err != nil:
		v = err.Error()
	}
	c.seen = append(c.seen, v)
}

func (c *checks) done(err error) { c.add("done", err) }

func database(c *checks) {
	db := sql.Connection("Orders")
	run := func(statement string, parameters any) sql.ExecuteReply {
		reply, err := db.Execute(sql.ExecuteRequest{Statement: statement, Parameters: parameters})
		c.done(err)
		return reply
	}
	run("CREATE TEMPORARY TABLE IF NOT EXISTS nothing (id int)", nil)
	run("DROP TABLE IF EXISTS orders", nil)
	run("CREATE TABLE orders (id bigint PRIMARY KEY, note text)", nil)
	changed, err := db.Batch(sql.BatchRequest{
		Statement: "INSERT INTO orders VALUES (:id, :note)",
		Batch:     []any{map[string]any{"id": 1, "note": `a "quoted" <note>`}, map[string]any{"id": 2, "note": nil}},
	})
	c.add(changed, err)
	t, err := db.Begin()
	c.done(err)
	reply, err := db.Execute(sql.ExecuteRequest{Transaction: t, Statement: "UPDATE orders SET note = $1 WHERE id = 2", Parameters: []any{"b"}})
	c.add(reply.Affected, err)
	c.done(db.Rollback(t))
	c.add(nil, db.Commit(t))
	c.add(run("SELECT id, note FROM orders WHERE id <= :most ORDER BY id", map[string]any{"most": 2}).Body, nil)
	many := run("SELECT n FROM generate_series(1, 2500) AS s(n)", nil)
	next, err := db.Next(many.Cursor)
	c.add([]bool{many.Affected == nil, len(next.Body) > 0}, err)
	c.done(db.Close(many.Cursor))
	c.add(nil, func() error { _, err := sql.Connection("Other").Begin(); return err }())
	_, err = db.Execute(sql.ExecuteRequest{Statement: "SELECT 1", Parameters: make(chan int)})
	c.add(nil, err)
	standard(c)
}

var standardDB = sql.Open("Orders")

// standard uses a database as the standard library has it.
func standard(c *checks) {
	db := standardDB
	exec := func(statement string, args ...any) {
		result, err := db.Exec(statement, args...)
		if err != nil {
			c.add(nil, err)
			return
		}
		c.add(result.RowsAffected())
	}
	exec("CREATE TABLE payments (id bigint PRIMARY KEY, amount numeric(12, 2), at timestamptz, day date, paid boolean, raw bytea, tags text[], extra jsonb, rate float8, note text)")
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.FixedZone("", 3600))
	exec("INSERT INTO payments VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
		1, sql.Decimal("12.50"), at, at, true, []byte{0, 255}, []string{"a", `b"c`}, json.RawMessage(`{"a": [1]}`), 0.1, nil)
	var (
		id               int64
		amount           string
		when, day        time.Time
		paid             bool
		raw, tags, extra []byte
		rate             float64
		note             *string
	)
	err := db.QueryRow("SELECT * FROM payments WHERE id = :id", stdsql.Named("id", 1)).Scan(&id, &amount, &when, &day, &paid, &raw, &tags, &extra, &rate, &note)
	c.add([]any{id, amount, when.Equal(at), day.Format(time.DateOnly), paid, raw, string(tags), string(extra), rate, note}, err)

	rows, err := db.Query("SELECT n FROM generate_series(1, 2500) AS s(n)")
	c.done(err)
	sum := 0
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			c.add(nil, err)
		}
		sum += n
	}
	c.add(sum, rows.Err())
	if rows, err = db.Query("SELECT n FROM generate_series(1, 2500) AS s(n)"); err == nil {
		rows.Next()
		c.done(rows.Close())
	}

	tx, err := db.Begin()
	c.done(err)
	_, err = tx.Exec("UPDATE payments SET note = 'x'")
	c.done(err)
	c.done(tx.Rollback())
	c.add(nil, db.QueryRow("SELECT id FROM payments WHERE note = $1", "x").Scan(&id))
	exec("INSERT INTO payments VALUES (1)")
	c.add(nil, sql.Open("Other").Ping())
}

func commands(c *checks) {
	server := redis.Connection("Cache")
	raw, err := server.Commands(redis.CommandsRequest{
		Body: append(append(redis.Command("SET", "k", "v"), redis.Command("GET", "k")...), redis.Command("NO")...), Transaction: false,
	})
	c.done(err)
	replies, err := redis.Replies(raw)
	if len(replies) == 3 {
		_, refused := replies[2].(redis.Error)
		c.add([]any{replies[0], replies[1], refused}, err)
	}
	watch, err := server.Watch(redis.WatchRequest{Body: redis.Command("k")})
	c.done(err)
	_, err = server.Commands(redis.CommandsRequest{Body: redis.Command("SET", "k", "w")})
	c.done(err)
	_, err = server.Commands(redis.CommandsRequest{Watch: watch, Transaction: true, Body: redis.Command("SET", "k", "x")})
	c.add(nil, err)
}

func messages(c *checks) {
	broker := amqp.Connection("Broker")
	queue, err := broker.Declare(amqp.DeclareRequest{Queue: "orders", Durable: new(false), AutoDelete: true})
	c.add(queue, err)
	c.done(broker.Publish(amqp.PublishRequest{
		RoutingKey: "orders", Body: []byte("tea"), Priority: new(int64(3)), Headers: map[string]any{"x": 1}, ContentType: "text/plain",
	}))
	queue, err = broker.Declare(amqp.DeclareRequest{Queue: "orders", Durable: new(false), AutoDelete: true})
	c.add(queue.Messages, err)
	c.done(broker.Publish(amqp.PublishRequest{RoutingKey: "nowhere", Mandatory: new(true)}))
	_, err = broker.Request(amqp.RequestRequest{RoutingKey: "orders", Timeout: time.Millisecond})
	c.add(nil, err)
}

func cached(c *checks) {
	cache := memcached.Connection("Cached")
	stored, err := cache.Set(memcached.SetRequest{Key: "n", Body: []byte("40"), Expires: time.Minute})
	c.add(stored, err)
	stored, err = cache.Set(memcached.SetRequest{Key: "n", Mode: "add"})
	c.add(stored, err)
	found, err := cache.Get("n")
	c.add([]any{found.Found, string(found.Body)}, err)
	n, err := cache.Incr(memcached.IncrRequest{Key: "n"})
	c.add(n, err)
	n, err = cache.Incr(memcached.IncrRequest{Key: "n", By: new(int64(0))})
	c.add(n, err)
	deleted, err := cache.Delete("n")
	c.add(deleted, err)
	_, err = cache.Set(memcached.SetRequest{Key: "n", Mode: "sometimes"})
	c.add(nil, err)
}

func requests(c *checks) {
	system := http.Connection("CRM")
	r, err := system.Request(http.RequestRequest{
		Method: "POST", Path: "/users/{id}", Param: serai.Values{{Name: "id", Value: "7"}}, Query: serai.Values{{Name: "a", Value: "1"}, {Name: "a", Value: "2"}},
		Header: serai.Values{{Name: "X-Mine", Value: "yes"}}, Body: []byte("hi"), Timeout: time.Minute,
	})
	c.add([]any{r.Status, string(r.Body), r.Header.Get("x-answer")}, err)
	r, err = system.Request(http.RequestRequest{Path: "/moved", Redirects: new(false)})
	c.add([]any{r.Status, r.Header.Get("location")}, err)
}

func own(c *checks) {
	one, err := kv.Set(kv.SetRequest{Key: "a", Body: []byte("1"), IfRevision: new(int64(0)), TTL: time.Hour})
	c.add(one > 0, err)
	_, err = kv.Set(kv.SetRequest{Key: "a", IfRevision: new(int64(0))})
	c.add(nil, err)
	got, err := kv.Get(kv.GetRequest{Key: "a"})
	c.add([]any{string(got.Body), got.Revision == one, *got.TTL > time.Minute, *got.TTL <= time.Hour}, err)
	_, err = kv.Expire(kv.ExpireRequest{Key: "a"})
	c.done(err)
	got, err = kv.Get(kv.GetRequest{Key: "a"})
	c.add(got.TTL == nil, err)
	list, err := kv.List(kv.ListRequest{Limit: 1})
	c.add(list, err)
	batch, err := kv.Batch(kv.BatchRequest{Others: serai.Values{{Name: "get", Value: "a"}, {Name: "set", Value: "b"}, {Name: "length", Value: "2"}}, Body: []byte("22")})
	c.add([]any{string(batch.Body), len(batch.Others), batch.Others.Get("length")}, err)
	cleared, err := kv.Clear(kv.ClearRequest{})
	c.add(cleared, err)
	deleted, err := kv.Delete(kv.DeleteRequest{Key: "a"})
	c.add(deleted, err)

	token, err := lock.Acquire(lock.AcquireRequest{Name: "l", TTL: time.Minute})
	c.add(token != "", err)
	released, err := lock.Release(lock.ReleaseRequest{Name: "l", Token: token})
	c.add(released, err)

	value, err := config.Get("app.color")
	c.add(string(value), err)
	_, err = config.Get("app.none")
	c.add(nil, err)
	keys, err := config.List(config.ListRequest{Prefix: "app."})
	c.add(keys.Key, err)

	secret, err := crypto.Encrypt([]byte("tea"))
	c.add(len(secret) > 3, err)
	secret, err = crypto.Decrypt(secret)
	c.add(string(secret), err)
	hash, err := crypto.Hash("pass")
	c.add(hash != "", err)
	verified, err := crypto.Verify(crypto.VerifyRequest{Hash: hash, Body: "pass"})
	c.add(verified, err)
}

func services(c *checks) {
	r, err := invoke.Call(invoke.CallRequest{
		Service: "peer", Header: serai.Values{{Name: "content-type", Value: "text/plain"}}, Body: []byte("hi"), CID: "c-1", Timeout: time.Minute,
	})
	c.add([]any{r.Status, r.Header.Get("content-type"), string(r.Body)}, err)
	_, err = invoke.Call(invoke.CallRequest{Service: "nobody"})
	c.add(nil, err)
	_, err = invoke.Call(invoke.CallRequest{Service: "peer", Timeout: 48 * time.Hour})
	c.add(nil, err)
	c.add(invoke.Async(invoke.AsyncRequest{
		Service: "peer", CID: "c-2", Callback: []string{"peer"}, Delay: time.Hour, RetryTimes: new(int64(1)), Context: map[string]int{"a": 1},
	}))
	c.add(invoke.Group(invoke.GroupRequest{
		Service: []string{"peer", "connectors"}, ContentType: []string{"text/plain", ""}, Size: []string{"2", "1"}, OnFinal: []string{"peer"},
		CID: "c-3", Body: []byte("abc"),
	}))
	_, err = invoke.Group(invoke.GroupRequest{Service: []string{"peer"}})
	c.add(nil, err)
}

// called is what services gets from a service that it calls.
func called(c *checks) {
	body, err := io.ReadAll(c.req.Stream())
	c.add([]string{c.req.Channel, c.req.Header("content-type"), string(body), c.req.CID}, err)
}

func main() {}
