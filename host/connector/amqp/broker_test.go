package amqp_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/amqp"
	"github.com/seraihost/serai/host/connector/connectortest"
)

// testAlarm has the broker short of memory: it takes no messages, and hands
// out those that it has.
func testAlarm(t *testing.T, broker *connectortest.RabbitMQ) {
	f := connectortest.Open(t, amqp.Connector(), config(broker.Addr()), map[string]string{"broker": "guest"})
	f.Must(t, "amqp.declare", fields("queue", "alarm"), "")
	fill(t, broker, "held", 30, nil)
	f.Must(t, "amqp.publish", fields("routing-key", "alarm"), "before")
	publish := func(within time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		_, err := f.Do(ctx, "amqp.publish", fields("routing-key", "alarm"), "x")
		return err
	}
	broker.Control("set_vm_memory_high_watermark", "0")
	restored := sync.OnceFunc(func() { broker.Control("set_vm_memory_high_watermark", "0.4") })
	defer restored()
	// The broker says so when something is published.
	for range 3 {
		if err := publish(time.Second); host.CodeOf(err) != abi.Unavailable || !strings.Contains(host.MessageOf(err), "takes no messages for now: low on memory") {
			t.Errorf("%v (%s)", err, host.CodeOf(err))
		}
	}
	began := time.Now()
	if err := publish(time.Minute); host.CodeOf(err) != abi.Unavailable || time.Since(began) > 20*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
	var n atomic.Int64
	err := run(t, openSource(t, broker, `{"queue": "held"}`), func(context.Context, connector.Message) (connector.Disposition, error) {
		n.Add(1)
		return connector.Done, nil
	}, func() bool { return n.Load() == 30 })
	if err != nil {
		t.Errorf("receiving meanwhile: %v", err)
	}
	restored()
	wait(t, "messages are published again", func() bool { return publish(10*time.Second) == nil })
}

// testForcedClose has an operator close all connections while messages are
// published and received: each that was confirmed is received.
func testForcedClose(t *testing.T, broker *connectortest.RabbitMQ) {
	f := connectortest.Open(t, amqp.Connector(), config(broker.Addr()), map[string]string{"broker": "guest"})
	f.Must(t, "amqp.declare", fields("queue", "forced"), "")
	suite := connectortest.SourceSuite{
		Source: amqp.Source(), Server: broker, Config: config, Secrets: map[string]string{"broker": "guest"},
		Send: func(*testing.T, string, ...string) {},
	}
	seen, stop := suite.Receive(t, "forced", `{"queue": "forced", "prefetch": 4}`)
	var confirmed []string
	publish := func(n int) {
		for end := len(confirmed) + n; len(confirmed) < end; {
			body := fmt.Sprintf("f%d", len(confirmed))
			if _, err := f.Do(t.Context(), "amqp.publish", fields("routing-key", "forced"), body); err == nil {
				confirmed = append(confirmed, body)
			} else if host.CodeOf(err) != abi.Unavailable {
				t.Fatalf("%v (%s)", err, host.CodeOf(err))
			}
		}
	}
	publish(200)
	wait(t, "some are received", func() bool { return len(seen()) > 20 })
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		broker.Control("close_all_connections", "for maintenance")
	}()
	for open := true; open; {
		publish(10)
		select {
		case <-closed:
			open = false
		default:
		}
	}
	publish(100)
	wait(t, "all are received", func() bool {
		got := seen()
		return !slices.ContainsFunc(confirmed, func(body string) bool { return got[body] == 0 })
	})
	stop()
}

// testQueues is about queues of all kinds.
func testQueues(t *testing.T, broker *connectortest.RabbitMQ) {
	f := connectortest.Open(t, amqp.Connector(), config(broker.Addr()), map[string]string{"broker": "guest"})
	publish := func(queue, body string, more ...string) error {
		_, err := f.Do(t.Context(), "amqp.publish", append(fields("routing-key", queue), fields(more...)...), body)
		return err
	}
	// receive has a source receive n messages, one at a time.
	receive := func(t *testing.T, queue string, n int, deliver func(m connector.Message) connector.Disposition) {
		t.Helper()
		var done atomic.Int64
		err := run(t, openSource(t, broker, fmt.Sprintf(`{"queue": %q, "prefetch": 1}`, queue)), func(_ context.Context, m connector.Message) (connector.Disposition, error) {
			defer done.Add(1)
			return deliver(m), errors.New("it is bad")
		}, func() bool { return done.Load() >= int64(n) })
		if err != nil {
			t.Error(err)
		}
	}
	t.Run("quorum", func(t *testing.T) {
		f.Must(t, "amqp.declare", fields("queue", "quorum", "arguments", `{"x-queue-type": "quorum"}`), "")
		for i := range 3 {
			if err := publish("quorum", fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		receive(t, "quorum", 4, func(m connector.Message) connector.Disposition {
			got = append(got, string(m.Body)+m.Envelope.Get("message.redelivered"))
			if len(got) == 1 {
				return connector.Again
			}
			return connector.Done
		})
		slices.Sort(got) // a queue of this kind need not put it back in its place
		if want := []string{"00", "01", "10", "20"}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		for i := range 2 {
			if err := publish("quorum", fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		receive(t, "quorum", 2, func(connector.Message) connector.Disposition { return connector.Park })
		if got := parkedIn(t, broker.Addr(), "quorum.dead"); len(got) != 2 {
			t.Errorf("parked: %q", got)
		}
	})
	t.Run("priority", func(t *testing.T) {
		f.Must(t, "amqp.declare", fields("queue", "priority", "arguments", `{"x-max-priority": 9}`), "")
		for _, p := range []string{"1", "9", "5", "9"} {
			if err := publish("priority", p, "priority", p); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		receive(t, "priority", 4, func(m connector.Message) connector.Disposition {
			got = append(got, string(m.Body)+"="+m.Envelope.Get("message.priority"))
			return connector.Done
		})
		if strings.Join(got, " ") != "9=9 9=9 5=5 1=1" {
			t.Errorf("%q", got)
		}
	})
	t.Run("exclusive", func(t *testing.T) {
		ch := dial(t, broker.Addr())
		if _, err := ch.QueueDeclare("exclusive", false, true, true, false, nil); err != nil {
			t.Fatal(err)
		}
		err := openSource(t, broker, `{"queue": "exclusive"}`).Run(t.Context(), nil)
		if err == nil || !strings.Contains(err.Error(), "RESOURCE_LOCKED") {
			t.Errorf("receiving from another connection's queue: %v", err)
		}
		if _, err := f.Do(t.Context(), "amqp.declare", fields("queue", "exclusive", "durable", "0"), ""); host.CodeOf(err) != abi.Remote || !strings.Contains(host.MessageOf(err), "RESOURCE_LOCKED") {
			t.Errorf("declaring it: %v", err)
		}
	})
	t.Run("full", func(t *testing.T) {
		f.Must(t, "amqp.declare", fields("queue", "full", "arguments", `{"x-max-length": 2, "x-overflow": "reject-publish"}`), "")
		for i := range 2 {
			if err := publish("full", fmt.Sprint(i)); err != nil {
				t.Fatal(err)
			}
		}
		wait(t, "the queue is full", func() bool { return publish("full", "one too many") != nil })
		if err := publish("full", "another"); host.CodeOf(err) != abi.Remote || !strings.Contains(host.MessageOf(err), "does not take the message over; is the queue full?") {
			t.Errorf("%v (%s)", err, host.CodeOf(err))
		}
		ch := dial(t, broker.Addr())
		if _, ok, err := ch.Get("full", true); !ok || err != nil {
			t.Fatal(ok, err)
		}
		wait(t, "there is room again", func() bool { return publish("full", "fits") == nil })
	})
	t.Run("expiry", func(t *testing.T) {
		f.Must(t, "amqp.declare", fields("queue", "expiry"), "")
		if err := errors.Join(publish("expiry", "short", "expiration", "1"), publish("expiry", "long", "expiration", "600000")); err != nil {
			t.Fatal(err)
		}
		ch := dial(t, broker.Addr())
		wait(t, "the first one has expired", func() bool { return left(t, ch, "expiry") == 1 })
		var got []string
		receive(t, "expiry", 1, func(m connector.Message) connector.Disposition {
			got = append(got, string(m.Body)+" "+m.Envelope.Get("message.expiration"))
			return connector.Done
		})
		if strings.Join(got, " ") != "long 600000" {
			t.Errorf("%q", got)
		}
	})
}

// testExternal logs in by certificate, with operations and with a channel.
func testExternal(t *testing.T, broker *connectortest.RabbitMQ) {
	secrets := map[string]string{"key": broker.Key}
	raw := func(cert bool) string {
		settings := map[string]string{"mode": "on", "ca_pem": broker.CA, "server_name": "localhost"}
		auth := "plain"
		if cert {
			settings["cert_pem"], settings["key_pem"], auth = broker.Cert, "${secret:key}", "external"
		}
		text, err := json.Marshal(map[string]any{"host": "127.0.0.1", "port": broker.TLSPort, "auth": auth, "tls": settings})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	stranger := connectortest.Open(t, amqp.Connector(), raw(true), secrets)
	if err := stranger.Ping(t.Context()); host.CodeOf(err) != abi.Remote || !strings.Contains(host.MessageOf(err), "refuses") {
		t.Errorf("a certificate of somebody unknown: %v (%s)", err, host.CodeOf(err))
	}
	broker.AddUser("client", "nobody logs in by this password")
	f := connectortest.Open(t, amqp.Connector(), raw(true), secrets)
	f.Must(t, "amqp.declare", fields("queue", "external"), "")
	f.Must(t, "amqp.publish", fields("routing-key", "external", "user-id", "client"), "by certificate")
	suite := connectortest.SourceSuite{
		Source: amqp.Source(), Server: broker, Config: func(string) string { return raw(true) }, Secrets: secrets,
		Send: func(*testing.T, string, ...string) {},
	}
	seen, stop := suite.Receive(t, "external", `{"queue": "external"}`)
	wait(t, "the message is received", func() bool { return seen()["by certificate"] == 1 })
	stop()
	if err := amqp.Connector().Validate([]byte(strings.Replace(raw(false), `"plain"`, `"external"`, 1))); err == nil || !strings.Contains(host.MessageOf(err), "cert_pem") {
		t.Errorf("without a certificate: %v", err)
	}
}

// testGreedy has a broker that ignores prefetch, which is one behind a relay
// that answers for it.
func testGreedy(t *testing.T, broker *connectortest.RabbitMQ) {
	fill(t, broker, "greedy", 50, nil)
	relay := connectortest.StartStub(t, func(client net.Conn) {
		server, err := net.Dial("tcp", broker.Addr())
		if err != nil {
			return
		}
		defer server.Close()
		go func() {
			_, _ = io.Copy(client, server) // nothing comes while it is asked for prefetch
			_ = client.Close()
		}()
		_ = withoutPrefetch(client, server)
	})
	source, _, err := amqp.Source().Open(t.Context(), []byte(config(relay.Addr())), []byte(`{"queue": "greedy", "prefetch": 2}`),
		func(string) (string, error) { return "guest", nil }, connector.Env{Tenant: "t", Name: "C", Dial: new(net.Dialer).DialContext})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	var now, most atomic.Int64
	err = source.Run(t.Context(), func(ctx context.Context, _ connector.Message) (connector.Disposition, error) {
		most.Store(max(most.Load(), now.Add(1)))
		defer now.Add(-1)
		<-ctx.Done()
		return connector.Again, ctx.Err()
	})
	if err == nil || !strings.Contains(err.Error(), "more messages than it was asked for") || most.Load() > 2 {
		t.Errorf("%v, %d at a time", err, most.Load())
	}
	ch := dial(t, broker.Addr())
	wait(t, "all are back", func() bool { return left(t, ch, "greedy") == 50 })
}

// withoutPrefetch passes frames on, but answers basic.qos (class 60, method
// 10) with basic.qos-ok (11).
func withoutPrefetch(client, server net.Conn) error {
	if _, err := io.CopyN(server, client, 8); err != nil { // the protocol's header
		return err
	}
	for {
		head := make([]byte, 7)
		if _, err := io.ReadFull(client, head); err != nil {
			return err
		}
		rest := make([]byte, binary.BigEndian.Uint32(head[3:])+1)
		if _, err := io.ReadFull(client, rest); err != nil {
			return err
		}
		to, frame := server, slices.Concat(head, rest)
		if head[0] == 1 && binary.BigEndian.Uint32(rest) == 60<<16|10 {
			to, frame = client, []byte{1, head[1], head[2], 0, 0, 0, 4, 0, 60, 0, 11, 0xce}
		}
		if _, err := to.Write(frame); err != nil {
			return err
		}
	}
}
