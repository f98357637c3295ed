package amqp_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/connectortest"
)

// testPoison parks messages that are hard to publish again.
func testPoison(t *testing.T, broker *connectortest.RabbitMQ) {
	ch := fill(t, broker, "poison", 0, nil)
	if _, err := ch.QueueDeclare("copies", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	strange := amqp091.Table{
		"nested": amqp091.Table{"list": []any{int8(1), int16(2), int32(3), int64(4), float32(5), 6.5, true, nil, []byte{0xff}, time.Unix(7, 0)}},
		"price":  amqp091.Decimal{Scale: 2, Value: 1999}, "CC": []any{"copies"}, "bytes": []byte("\xff\xfe"),
	}
	for _, m := range []amqp091.Publishing{
		{Body: nil, Headers: strange, Type: "strange"},
		{Body: []byte("\xff\x00"), Headers: amqp091.Table{"large": strings.Repeat("x", 125<<10)}, Type: "large"},
		{Body: []byte("x"), Type: "reason"},
	} {
		if err := ch.Publish("", "poison", false, false, m); err != nil {
			t.Fatal(err)
		}
	}
	wait(t, "the copy is there", func() bool { return left(t, ch, "copies") == 1 })
	var n atomic.Int64
	err := run(t, openSource(t, broker, `{"queue": "poison"}`), func(context.Context, connector.Message) (connector.Disposition, error) {
		defer n.Add(1)
		return connector.Park, errors.New(strings.Repeat("long ", 100_000))
	}, func() bool { return n.Load() == 3 })
	if err != nil || n.Load() != 3 {
		t.Errorf("%d deliveries: %v", n.Load(), err)
	}
	found := map[string]amqp091.Delivery{}
	for range 3 {
		d, ok, err := ch.Get("poison.dead", true)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		found[d.Type] = d
	}
	h := found["strange"].Headers
	if price, _ := h["price"].(amqp091.Decimal); price.Value != 1999 || h["CC"] != nil || len(found["strange"].Body) != 0 {
		t.Errorf("strange: %v", found["strange"])
	}
	if h := found["large"].Headers; h["large"] != nil || h["x-serai-queue"] != "poison" || string(found["large"].Body) != "\xff\x00" {
		t.Errorf("large: %.200v", found["large"])
	}
	if left(t, ch, "copies") != 1 || left(t, ch, "poison") != 0 {
		t.Error("parking sends copies elsewhere, or the messages come again")
	}
}
