package hosttest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector/connectortest"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/hosttest"
)

// consumer does what messages tell it to, and keeps their order in a list.
const consumer = `
import json
from serai import Service

class Consumer(Service):
    name = 'consumer'

    def handle(self):
        body = self.request.raw.decode()
        self.kvdb.conn.rpush('seen', body)
        if body == 'fail':
            raise ValueError('it cannot be done')
        if body == 'once' and self.kvdb.conn.incr('once') == 1:
            raise ValueError('not yet')
        if body == 'reject':
            self.request.amqp.reject()
        if body == 'status':
            self.response.status_code = 503
            self.request.amqp.ack()
        if body == 'look':
            msg = self.request.amqp.msg
            self.kvdb.conn.set('look', json.dumps([self.channel.type, self.channel.name, msg.body, msg.properties, msg.headers,
                self.request.field('message.routing-key')]))

class Seen(Service):
    name = 'seen'

    def handle(self):
        look = self.kvdb.conn.get('look')
        self.response.payload = {'seen': self.kvdb.conn.lrange('seen', 0, -1), 'look': look and json.loads(look)}
`

type seen struct {
	Seen []string
	Look []any
}

// look asks the consumer what it has seen.
func look(t *testing.T, url string) (s seen) {
	t.Helper()
	resp, err := http.Get(url + "/seen")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil || resp.StatusCode != 200 {
		t.Fatalf("%d %v", resp.StatusCode, err)
	}
	return s
}

// receive sets the channel of a queue up.
func receive(t *testing.T, operator *client.Client, queue, config string) {
	t.Helper()
	c := host.Channel{Service: "consumer", Type: "amqp", Connection: "Broker", Config: json.RawMessage(fmt.Sprintf(`{"queue": %q, "backoff": "20ms"%s}`, queue, config))}
	if _, err := operator.PutChannel(t.Context(), host.DefaultTenant, queue, c); err != nil {
		t.Fatal(err)
	}
}

func sendTo(t *testing.T, ch *amqp091.Channel, queue string, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		m := amqp091.Publishing{Body: []byte(body), DeliveryMode: amqp091.Persistent, CorrelationId: "c", Headers: amqp091.Table{"n": int64(1)}}
		if err := ch.Publish("", queue, false, false, m); err != nil {
			t.Fatal(err)
		}
	}
}

// declareQueue makes a durable queue.
func declareQueue(t *testing.T, ch *amqp091.Channel, name string) {
	t.Helper()
	if _, err := ch.QueueDeclare(name, true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
}

// depth is how many messages a queue holds that nobody has.
func depth(t *testing.T, ch *amqp091.Channel, queue string) int {
	t.Helper()
	q, err := ch.QueueDeclare(queue, true, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return q.Messages
}

func deployConsumer(t *testing.T, operator *client.Client) {
	t.Helper()
	_, err := operator.DeployAll(t.Context(), host.DefaultTenant, hosttest.Python(consumer), client.Settings{})
	if err != nil {
		t.Fatal(hosttest.Explain(err))
	}
	if _, err := operator.PutChannel(t.Context(), host.DefaultTenant, "seen", host.Channel{Service: "seen", Path: "/seen"}); err != nil {
		t.Fatal(err)
	}
}

func TestAMQPChannel(t *testing.T) {
	r := connectortest.StartRabbitMQ(t)
	ch := broker(t, r)
	declareQueue(t, ch, "in")
	h := hosttest.Start(t, nil)
	connectBroker(t, h.Operator, "Broker", r)

	// The service comes later than the messages.
	receive(t, h.Operator, "in", `, "prefetch": 1, "attempts": 3`)
	sendTo(t, ch, "in", "look", "once", "fail", "reject", "status", "last")
	deployConsumer(t, h.Operator)
	eventually(t, "the messages are dealt with", func() bool { return slices.Contains(look(t, h.URL).Seen, "last") && depth(t, ch, "in") == 0 })
	s := look(t, h.URL)
	if want := strings.Fields("look once once fail fail fail reject status last"); !slices.Equal(s.Seen, want) {
		t.Errorf("seen: %q, want %q", s.Seen, want)
	}
	if got := fmt.Sprint(s.Look); got != "[amqp in look map[correlation_id:c delivery_mode:2] map[n:1] in]" {
		t.Errorf("the message: %s", got)
	}
	eventually(t, "two are parked", func() bool { return depth(t, ch, "in.dead") == 2 })
	parkedMessages(t, h, ch)
	t.Run("refusals", func(t *testing.T) { refusedChannels(t, h) })
	t.Run("changes", func(t *testing.T) { changedChannel(t, h, ch) })
	t.Run("restart", func(t *testing.T) { restartedBroker(t, h, r) })
}

// parkedMessages looks at what was put aside, gives one back and drops the rest.
func parkedMessages(t *testing.T, h *hosttest.Host, ch *amqp091.Channel) {
	all, err := h.Operator.Parked(t.Context(), host.DefaultTenant, "in", 10)
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	reasons := map[string]string{}
	for _, m := range all {
		reasons[m.Body] = m.Reason
	}
	for body, want := range map[string]string{"fail": "after 3 attempts: the service failed: ValueError: it cannot be done", "reject": "the service has decided so: reject"} {
		if !strings.Contains(reasons[body], want) {
			t.Errorf("%s is parked because of %q", body, reasons[body])
		}
	}
	state := func() host.ChannelState {
		channels, err := h.Operator.Channels(t.Context(), host.DefaultTenant)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range channels {
			if c.Name == "in" && c.State != nil {
				return *c.State
			}
		}
		return host.ChannelState{}
	}
	if s := state(); !s.Receiving || s.Since.IsZero() || s.Done != 4 || s.Parked != 2 || s.Failed != 4 {
		t.Errorf("the state is %+v", s)
	}
	if n, err := h.Operator.RetryParked(t.Context(), host.DefaultTenant, "in", all[0].ID); n != 1 || err != nil {
		t.Errorf("gave back %d: %v", n, err)
	}
	eventually(t, "it is parked again", func() bool { return state().Parked == 3 && depth(t, ch, "in.dead") == 2 })
	if _, err := h.Operator.DropParked(t.Context(), host.DefaultTenant, "in", "none"); err == nil || !strings.Contains(err.Error(), "no message") {
		t.Errorf("a message that there is not: %v", err)
	}
	if n, err := h.Operator.DropParked(t.Context(), host.DefaultTenant, "in", ""); n != 2 || err != nil || depth(t, ch, "in.dead") != 0 {
		t.Errorf("deleted %d: %v", n, err)
	}
	if _, err := h.Operator.Parked(t.Context(), host.DefaultTenant, "seen", 10); err == nil || !strings.Contains(err.Error(), "puts nothing aside") {
		t.Errorf("of a REST channel: %v", err)
	}
}

func refusedChannels(t *testing.T, h *hosttest.Host) {
	for field, c := range map[string]host.Channel{
		"type":               {Service: "s", Type: "smoke", Connection: "Broker"},
		"connection":         {Service: "s", Type: "amqp", Config: json.RawMessage(`{"queue": "q"}`)},
		"config.queue":       {Service: "s", Type: "amqp", Connection: "Broker"},
		`no field "que"`:     {Service: "s", Type: "amqp", Connection: "Broker", Config: json.RawMessage(`{"queue": "q", "que": 1}`)},
		"config.attempts":    {Service: "s", Type: "amqp", Connection: "Broker", Config: json.RawMessage(`{"queue": "q", "attempts": 0}`)},
		"path":               {Service: "s", Type: "amqp", Connection: "Broker", Config: json.RawMessage(`{"queue": "q"}`), Path: "/x"},
		"config":             {Service: "s", Path: "/x", Config: json.RawMessage(`{}`)},
		"config.dead_letter": {Service: "s", Type: "amqp", Connection: "Broker", Config: json.RawMessage(`{"queue": "q", "dead_letter": "q"}`)},
	} {
		_, err := h.Operator.PutChannel(t.Context(), host.DefaultTenant, "bad", c)
		if host.CodeOf(err) == abi.OK || !strings.Contains(fmt.Sprint(err), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// changedChannel disables, deletes and points channels elsewhere while they run.
func changedChannel(t *testing.T, h *hosttest.Host, ch *amqp091.Channel) {
	c, err := h.Operator.Channel(t.Context(), host.DefaultTenant, "in")
	if err != nil {
		t.Fatal(err)
	}
	c.Disabled = true
	if _, err := h.Operator.PutChannel(t.Context(), host.DefaultTenant, "in", *c); err != nil {
		t.Fatal(err)
	}
	consumers := func(n int) func() bool {
		return func() bool {
			q, err := ch.QueueDeclarePassive("in", true, false, false, false, nil)
			return err == nil && q.Consumers == n
		}
	}
	eventually(t, "nobody receives", consumers(0))
	sendTo(t, ch, "in", "later")
	receive(t, h.Operator, "missing", "") // its queue does not exist, which is nobody else's concern
	c.Disabled = false
	if _, err := h.Operator.PutChannel(t.Context(), host.DefaultTenant, "in", *c); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the message came", func() bool { return slices.Contains(look(t, h.URL).Seen, "later") })
	declareQueue(t, ch, "missing")
	sendTo(t, ch, "missing", "found")
	eventually(t, "the queue is there", func() bool { return slices.Contains(look(t, h.URL).Seen, "found") })
	for _, name := range []string{"in", "missing"} {
		if err := h.Operator.DeleteChannel(t.Context(), host.DefaultTenant, name); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "nobody receives any more", consumers(0))
}

// load is how many messages are counted while something goes away.
const load = 400

// fillQueue makes a queue with so many numbers.
func fillQueue(t *testing.T, ch *amqp091.Channel, queue string) {
	t.Helper()
	declareQueue(t, ch, queue)
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	for i := range load {
		m := amqp091.Publishing{Body: []byte(strconv.Itoa(i)), DeliveryMode: amqp091.Persistent}
		confirm, err := ch.PublishWithDeferredConfirm("", queue, true, false, m)
		if err != nil || i == load-1 && !confirm.Wait() {
			t.Fatal(err)
		}
	}
}

// numbers are those that the consumer has seen, with how often.
func numbers(t *testing.T, url string) map[string]int {
	t.Helper()
	found := map[string]int{}
	for _, body := range look(t, url).Seen {
		if _, err := strconv.Atoi(body); err == nil {
			found[body]++
		}
	}
	return found
}

// restartedBroker kills the broker while messages are received: none is lost.
func restartedBroker(t *testing.T, h *hosttest.Host, r *connectortest.RabbitMQ) {
	fillQueue(t, broker(t, r), "load")
	receive(t, h.Operator, "load", `, "prefetch": 4`)
	eventually(t, "some are received", func() bool { return len(numbers(t, h.URL)) > 20 })
	r.Kill()
	r.Start()
	eventually(t, "all are received", func() bool { return len(numbers(t, h.URL)) == load })
	again := -load
	for _, n := range numbers(t, h.URL) {
		again += n
	}
	t.Logf("of %d messages, %d came again", load, again)
	after := broker(t, r)
	eventually(t, "the queue is empty", func() bool { return depth(t, after, "load") == 0 })
}

// TestAMQPChannelKilledHost kills the host while it receives, and stops it
// then as operators do: no message is lost.
func TestAMQPChannelKilledHost(t *testing.T) {
	r := connectortest.StartRabbitMQ(t)
	ch := broker(t, r)
	fillQueue(t, ch, "load")
	dir := t.TempDir()
	p := startChild(t, dir)
	connectBroker(t, p.c, "Broker", r)
	deployConsumer(t, p.c)
	receive(t, p.c, "load", `, "prefetch": 4`)
	eventually(t, "some are received", func() bool { return len(numbers(t, p.url)) > 20 })
	p.kill()
	p = startChild(t, dir)
	before := len(numbers(t, p.url))
	eventually(t, "more are received", func() bool { return len(numbers(t, p.url)) > min(before+20, load-1) })
	p.terminate(t)
	p = startChild(t, dir)
	eventually(t, "all are received", func() bool { return len(numbers(t, p.url)) == load })
	eventually(t, "the queue is empty", func() bool { return depth(t, ch, "load") == 0 })
}
