package amqp_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/amqp"
	"github.com/seraihost/serai/host/connector/connectortest"
)

func fields(pairs ...string) (e abi.Envelope) {
	for i := 0; i < len(pairs); i += 2 {
		e.Add(pairs[i], pairs[i+1])
	}
	return e
}

// dial connects as a test does that looks at the broker from outside.
func dial(t *testing.T, addr string) *amqp091.Channel {
	t.Helper()
	conn, err := amqp091.Dial("amqp://guest:guest@" + addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// answer replies to the messages of the queue "echo" with their bodies and
// priorities, until the test ends, through all restarts of the broker.
func answer(t *testing.T, addr string) {
	t.Helper()
	done, serving := make(chan struct{}), make(chan struct{})
	ready := sync.OnceFunc(func() { close(serving) })
	var work sync.WaitGroup
	serve := func() error {
		conn, err := amqp091.Dial("amqp://guest:guest@" + addr)
		if err != nil {
			return err
		}
		defer conn.Close()
		ch, err := conn.Channel()
		if err != nil {
			return err
		}
		if _, err := ch.QueueDeclare("echo", true, false, false, false, nil); err != nil {
			return err
		}
		messages, err := ch.Consume("echo", "", true, false, false, false, nil)
		ready()
		for err == nil {
			select {
			case d, ok := <-messages:
				if !ok {
					return amqp091.ErrClosed
				}
				reply := amqp091.Publishing{CorrelationId: d.CorrelationId, Headers: d.Headers, AppId: "echo", Body: d.Body}
				if string(d.Body) == "twice" { // the first one is about something else
					other := reply
					other.CorrelationId, other.Body = "other", []byte("wrong")
					err = ch.Publish("", d.ReplyTo, false, false, other)
				}
				if string(d.Body) != "silence" {
					err = ch.Publish("", d.ReplyTo, false, false, reply)
				}
			case <-done:
				return nil
			}
		}
		return err
	}
	work.Go(func() {
		for serve() != nil {
			select {
			case <-done:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
	t.Cleanup(func() {
		close(done)
		work.Wait()
	})
	<-serving
}

func config(addr string) string {
	name, port, _ := strings.Cut(addr, ":")
	return fmt.Sprintf(`{"host": %q, "port": %s, "password": "${secret:broker}", "heartbeat": "1s"}`, name, port)
}

func TestAMQP(t *testing.T) {
	broker := connectortest.StartRabbitMQ(t)
	broker.AddUser("serai", secret)
	answer(t, broker.Addr())
	connectortest.Run(t, connectortest.Suite{
		Connector: amqp.Connector(), Server: broker, Secrets: map[string]string{"broker": secret},
		Config: func(addr string) string { return strings.Replace(config(addr), "{", `{"username": "serai", `, 1) },
		Ops: []connectortest.Op{
			{Name: "amqp.declare", Fields: fields("queue", "orders", "exchange", "shop", "exchange-type", "topic", "routing-key", "order.*"), Check: has("consumers", "0")},
			{Name: "amqp.publish", Fields: fields("exchange", "shop", "routing-key", "order.new", "mandatory", "1"), Body: "tea"},
			{Name: "amqp.request", Fields: fields("routing-key", "echo", "headers", `{"n": 1}`), Body: "hello", Check: func(t *testing.T, r *connector.Result) {
				if string(r.Body) != "hello" || r.Envelope.Get("app-id") != "echo" || !strings.HasPrefix(r.Envelope.Get("headers"), `{"n":1,"traceparent":"00-`) {
					t.Errorf("reply: %s %v", r.Body, r.Envelope)
				}
			}},
		},
		Fails: []connectortest.OpFailure{
			{Op: connectortest.Op{Name: "amqp.declare"}, Code: abi.Invalid},
			{Op: connectortest.Op{Name: "amqp.declare", Fields: fields("queue", "orders", "durable", "0")}, Code: abi.Remote},
			{Op: connectortest.Op{Name: "amqp.publish", Fields: fields("exchange", "nowhere"), Body: "lost"}, Code: abi.Remote},
			{Op: connectortest.Op{Name: "amqp.publish", Body: "for nobody"}, Code: abi.Invalid},
			{Op: connectortest.Op{Name: "amqp.request", Fields: fields("routing-key", "no.queue")}, Code: abi.Remote},
		},
	})
	t.Run("messages", func(t *testing.T) { testMessages(t, broker) })
	t.Run("errors", func(t *testing.T) { testErrors(t, broker) })
	t.Run("many", func(t *testing.T) { testMany(t, broker) })
	t.Run("tls", func(t *testing.T) { testTLS(t, broker) })
	t.Run("queues", func(t *testing.T) { testQueues(t, broker) })
	t.Run("external", func(t *testing.T) { testExternal(t, broker) })
	t.Run("greedy", func(t *testing.T) { testGreedy(t, broker) })
	t.Run("forced close", func(t *testing.T) { testForcedClose(t, broker) })
	t.Run("alarm", func(t *testing.T) { testAlarm(t, broker) })
	t.Run("source", func(t *testing.T) { testSource(t, broker) })
	t.Run("source suite", func(t *testing.T) { testSourceSuite(t, broker) })
	t.Run("restart", func(t *testing.T) { testRestart(t, broker) })
}

const secret = "correct horse battery staple"

func has(name, value string) func(*testing.T, *connector.Result) {
	return func(t *testing.T, r *connector.Result) {
		if r.Envelope.Get(name) != value {
			t.Errorf("%s: %v, want %s", name, r.Envelope, value)
		}
	}
}

// testMessages checks that a message arrives as it was sent.
func testMessages(t *testing.T, broker *connectortest.RabbitMQ) {
	f := connectortest.Open(t, amqp.Connector(), config(broker.Addr()), map[string]string{"broker": "guest"})
	f.Must(t, "amqp.declare", fields("queue", "messages"), "")
	f.Must(t, "amqp.publish", fields(
		"routing-key", "messages", "content-type", "text/plain", "content-encoding", "identity", "delivery-mode", "1", "priority", "7",
		"correlation-id", "c", "reply-to", "r", "expiration", "60000", "message-id", "m", "timestamp", "1700000000", "type", "t",
		"user-id", "guest", "app-id", "a",
		"headers", `{"text": "x", "int": 9007199254740993, "float": 1.5, "yes": true, "none": null, "list": [1, "b"], "table": {"k": "v"}}`,
	), "body")
	f.Must(t, "amqp.publish", fields("routing-key", "messages"), "plain")
	ch := dial(t, broker.Addr())
	d, ok, err := ch.Get("messages", true)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if parent, _ := d.Headers["traceparent"].(string); !strings.HasPrefix(parent, "00-") {
		t.Errorf("it belongs to the trace %q", parent)
	}
	delete(d.Headers, "traceparent")
	got := amqp091.Publishing{
		Headers: d.Headers, ContentType: d.ContentType, ContentEncoding: d.ContentEncoding, DeliveryMode: d.DeliveryMode, Priority: d.Priority,
		CorrelationId: d.CorrelationId, ReplyTo: d.ReplyTo, Expiration: d.Expiration, MessageId: d.MessageId, Timestamp: d.Timestamp,
		Type: d.Type, UserId: d.UserId, AppId: d.AppId, Body: d.Body,
	}
	want := amqp091.Publishing{
		Headers: amqp091.Table{
			"text": "x", "int": int64(9007199254740993), "float": 1.5, "yes": true, "none": nil, "list": []any{int64(1), "b"}, "table": amqp091.Table{"k": "v"},
		},
		ContentType: "text/plain", ContentEncoding: "identity", DeliveryMode: 1, Priority: 7, CorrelationId: "c", ReplyTo: "r",
		Expiration: "60000", MessageId: "m", Timestamp: time.Unix(1700000000, 0), Type: "t", UserId: "guest", AppId: "a", Body: []byte("body"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if d, _, _ := ch.Get("messages", true); string(d.Body) != "plain" || d.DeliveryMode != amqp091.Persistent {
		t.Errorf("without properties: %+v", d)
	}
}

func testErrors(t *testing.T, broker *connectortest.RabbitMQ) {
	f := connectortest.Open(t, amqp.Connector(), config(broker.Addr()), map[string]string{"broker": "guest"})
	f.Must(t, "amqp.declare", fields("exchange", "nowhere", "exchange-type", "fanout"), "")
	f.Must(t, "amqp.publish", fields("exchange", "nowhere"), "nobody cares") // as the protocol has it
	f.Must(t, "amqp.declare", fields("queue", "fixed"), "")
	long := strings.Repeat("x", 256)
	for _, c := range []struct {
		op     string
		fields abi.Envelope
		code   abi.Code
		want   string
	}{
		{"amqp.publish", fields("routing-key", "no.queue"), abi.Remote, `the message to queue "no.queue" reaches no queue (NO_ROUTE)`},
		{"amqp.publish", fields("exchange", "nowhere", "routing-key", "k", "mandatory", "1"), abi.Remote, `exchange "nowhere" with routing key "k" reaches no queue`},
		{"amqp.publish", fields("exchange", "none"), abi.Remote, "NOT_FOUND - no exchange 'none' in vhost '/'"},
		{"amqp.publish", fields(), abi.Invalid, "give a routing key"},
		{"amqp.publish", fields("routing-key", long), abi.Invalid, "routing-key has 256 bytes; AMQP takes at most 255"},
		{"amqp.publish", fields("routing-key", "fixed", "app-id", long), abi.Invalid, "app-id has 256 bytes"},
		{"amqp.publish", fields("routing-key", "fixed", "priority", "256"), abi.Invalid, `priority "256": use a whole number from 0 to 255`},
		{"amqp.publish", fields("routing-key", "fixed", "delivery-mode", "0"), abi.Invalid, "from 1 to 2"},
		{"amqp.publish", fields("routing-key", "fixed", "expiration", "soon"), abi.Invalid, `expiration "soon"`},
		{"amqp.publish", fields("routing-key", "fixed", "user-id", "somebody"), abi.Remote, "PRECONDITION_FAILED"},
		{"amqp.publish", fields("routing-key", "fixed", "headers", "[]"), abi.Invalid, "give a JSON object"},
		{"amqp.publish", fields("routing-key", "fixed", "headers", "{} {}"), abi.Invalid, "headers is no JSON"},
		{"amqp.publish", fields("routing-key", "fixed", "headers", `{"n": 1e999}`), abi.Invalid, "the number 1e999"},
		{"amqp.publish", fields("routing-key", "fixed", "headers", `{"n": `+strings.Repeat("[", 20)+strings.Repeat("]", 20)+`}`), abi.Invalid, "nested"},
		{"amqp.publish", fields("routing-key", "fixed", "headers", `{"n": "`+strings.Repeat("x", 64<<10)+`"}`), abi.Invalid, "at most 65536"},
		{"amqp.request", fields("routing-key", "no.queue"), abi.Remote, "reaches no queue"},
		{"amqp.request", fields("routing-key", "echo", "reply-to", "x"), abi.Invalid, "leave reply-to out"},
		{"amqp.request", fields("routing-key", "echo", "timeout", "0"), abi.Invalid, `timeout "0"`},
		{"amqp.declare", fields("exchange", "e"), abi.Invalid, "nothing to declare"},
		{"amqp.declare", fields("exchange-type", "topic"), abi.Invalid, "exchange is missing"},
		{"amqp.declare", fields("exchange", "e", "exchange-type", "tropic"), abi.Invalid, `exchange-type "tropic": use direct`},
		{"amqp.declare", fields("queue", "fixed", "durable", "0"), abi.Remote, "PRECONDITION_FAILED - inequivalent arg 'durable'"},
		{"amqp.declare", fields("queue", "q", "exchange", "none"), abi.Remote, "NOT_FOUND - no exchange 'none'"},
	} {
		body := "x"
		if c.op == "amqp.declare" {
			body = ""
		}
		_, err := f.Do(t.Context(), c.op, c.fields, body)
		if host.CodeOf(err) != c.code || !strings.Contains(host.MessageOf(err), c.want) {
			t.Errorf("%s %.80v: %v (%s), want %s", c.op, c.fields, err, host.CodeOf(err), c.want)
		}
	}
	if r := f.Must(t, "amqp.request", fields("routing-key", "echo"), "twice"); string(r.Body) != "twice" {
		t.Errorf("a reply to something else is taken: %s", r.Body)
	}
	if _, err := f.Do(t.Context(), "amqp.request", fields("routing-key", "echo", "timeout", "50"), "silence"); host.CodeOf(err) != abi.Timeout {
		t.Errorf("without a reply: %v", err)
	}
	for change, want := range map[string]string{
		`"username": "nobody", `: "refuses: username or password not allowed",
		`"vhost": "none", `:      "refuses: NOT_ALLOWED - vhost none not found",
	} {
		other := connectortest.Open(t, amqp.Connector(), strings.Replace(config(broker.Addr()), "{", "{"+change, 1), map[string]string{"broker": "guest"})
		if _, err := other.Do(t.Context(), "amqp.declare", fields("queue", "q"), ""); host.CodeOf(err) != abi.Remote || !strings.Contains(host.MessageOf(err), want) {
			t.Errorf("%s: %v", change, err)
		}
	}
}

// testMany has more operations at a time than the connection has channels.
func testMany(t *testing.T, broker *connectortest.RabbitMQ) {
	f := connectortest.Open(t, amqp.Connector(), strings.Replace(config(broker.Addr()), "{", `{"channels": 4, `, 1), map[string]string{"broker": "guest"})
	f.Must(t, "amqp.declare", fields("queue", "many"), "")
	var work sync.WaitGroup
	for i := range 32 {
		work.Go(func() {
			for j := range 10 {
				body := fmt.Sprint(i, j)
				f.Must(t, "amqp.publish", fields("routing-key", "many"), body)
				if r := f.Must(t, "amqp.request", fields("routing-key", "echo"), body); r != nil && string(r.Body) != body {
					t.Errorf("the reply to %s is %s", body, r.Body)
				}
			}
		})
	}
	work.Wait()
	if r := f.Must(t, "amqp.declare", fields("queue", "many"), ""); r.Envelope.Get("messages") != "320" {
		t.Errorf("%v", r.Envelope)
	}
}

// testRestart publishes while the broker is killed and comes back: whatever
// was confirmed is there.
func testRestart(t *testing.T, broker *connectortest.RabbitMQ) {
	f := connectortest.Open(t, amqp.Connector(), config(broker.Addr()), map[string]string{"broker": "guest"})
	f.Must(t, "amqp.declare", fields("queue", "durable"), "")
	var mu sync.Mutex
	confirmed, failed := map[string]bool{}, 0
	done := make(chan struct{})
	var work sync.WaitGroup
	for i := range 8 {
		work.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				body := fmt.Sprintf("%d/%d", i, n)
				_, err := f.Do(t.Context(), "amqp.publish", fields("routing-key", "durable"), body)
				mu.Lock()
				if err == nil {
					confirmed[body] = true
				} else if failed++; host.CodeOf(err) != abi.Unavailable {
					t.Errorf("%s: %v", body, err)
				}
				mu.Unlock()
				if err != nil {
					time.Sleep(10 * time.Millisecond)
				}
			}
		})
	}
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(confirmed)
	}
	for _, end := range []func(){broker.Kill, broker.Stop} {
		now := count()
		wait(t, "messages are published", func() bool { return count() > now+200 })
		end()
		broker.Start()
	}
	now := count()
	wait(t, "messages are published again", func() bool { return count() > now+200 })
	close(done)
	work.Wait()
	found := map[string]bool{}
	ch := dial(t, broker.Addr())
	for {
		d, ok, err := ch.Get("durable", true)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		found[string(d.Body)] = true
	}
	for body := range confirmed {
		if !found[body] {
			t.Errorf("%s was confirmed and is lost", body)
		}
	}
	t.Logf("%d confirmed, %d failed while the broker was away, %d in the queue", len(confirmed), failed, len(found))
}

func wait(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it does not happen that %s", what)
		}
	}
}

func testTLS(t *testing.T, broker *connectortest.RabbitMQ) {
	for _, c := range []struct {
		name string
		tls  connector.TLS
		code abi.Code
		want string
	}{
		{"trusted", connector.TLS{Mode: "on", CA: broker.CA, ServerName: "localhost"}, abi.OK, ""},
		{"any", connector.TLS{Mode: "insecure"}, abi.OK, ""},
		{"another name", connector.TLS{Mode: "on", CA: broker.CA}, abi.Remote, "checking the broker's certificate"},
		{"unknown authority", connector.TLS{Mode: "on", ServerName: "localhost"}, abi.Remote, "checking the broker's certificate"},
		{"no TLS", connector.TLS{Mode: "off"}, abi.Unavailable, "cannot be reached"},
	} {
		raw, err := json.Marshal(map[string]any{"host": "127.0.0.1", "port": broker.TLSPort, "tls": map[string]string{
			"mode": c.tls.Mode, "ca_pem": c.tls.CA, "server_name": c.tls.ServerName,
		}})
		if err != nil {
			t.Fatal(err)
		}
		f := connectortest.Open(t, amqp.Connector(), string(raw), nil)
		if err := f.Ping(t.Context()); host.CodeOf(err) != c.code || err != nil && !strings.Contains(host.MessageOf(err), c.want) {
			t.Errorf("%s: %v (%s)", c.name, err, host.CodeOf(err))
		}
	}
}
