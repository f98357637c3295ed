package amqp

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/seraihost/serai/host"
)

// Bounds of a message beside its body.
const (
	maxShort   = 255      // bytes of names and properties, as the protocol has it
	maxHeaders = 64 << 10 // bytes of headers as JSON; with the properties they fit a frame
	maxDepth   = 16       // of headers in headers
)

func checkShort(field, value string) error {
	if len(value) > maxShort {
		return host.FieldErrorf(field, "%s has %d bytes; AMQP takes at most %d", field, len(value), maxShort)
	}
	return nil
}

// address is where a message goes.
type address struct {
	Exchange string `field:"exchange" doc:"exchange; without one the default exchange, which leads to the queue that routing-key names"`
	Key      string `field:"routing-key" doc:"routing key"`
}

// properties are those of a message.
type properties struct {
	ContentType     string          `field:"content-type" doc:"media type of the body"`
	ContentEncoding string          `field:"content-encoding" doc:"such as gzip"`
	DeliveryMode    *int            `field:"delivery-mode" min:"1" max:"2" doc:"2, which is what a message without it is sent with, survives a restart of the broker in a durable queue; 1 does not"`
	Priority        *int            `field:"priority" min:"0" max:"255" doc:"priority, for queues that have some"`
	CorrelationID   string          `field:"correlation-id" doc:"what the message answers"`
	ReplyTo         string          `field:"reply-to" doc:"queue for the answer"`
	Expiration      string          `field:"expiration" doc:"milliseconds after which the broker drops the message"`
	MessageID       string          `field:"message-id" doc:"id of the message"`
	Timestamp       *int64          `field:"timestamp" min:"0" max:"1099511627776" doc:"seconds since 1970"`
	Type            string          `field:"type" doc:"kind of the message"`
	UserID          string          `field:"user-id" doc:"the user who publishes, checked by the broker"`
	AppID           string          `field:"app-id" doc:"the program that publishes"`
	Headers         json.RawMessage `field:"headers" doc:"an object of headers"`
}

// publishing returns the message with the properties and a body.
func (p properties) publishing(body []byte) (amqp091.Publishing, error) {
	out := amqp091.Publishing{
		Body: body, ContentType: p.ContentType, ContentEncoding: p.ContentEncoding, DeliveryMode: amqp091.Persistent,
		CorrelationId: p.CorrelationID, ReplyTo: p.ReplyTo, Expiration: p.Expiration, MessageId: p.MessageID,
		Type: p.Type, UserId: p.UserID, AppId: p.AppID,
	}
	for _, f := range []struct{ name, value string }{
		{"content-type", p.ContentType},
		{"content-encoding", p.ContentEncoding},
		{"correlation-id", p.CorrelationID},
		{"reply-to", p.ReplyTo},
		{"message-id", p.MessageID},
		{"type", p.Type},
		{"user-id", p.UserID},
		{"app-id", p.AppID},
	} {
		if err := checkShort(f.name, f.value); err != nil {
			return out, err
		}
	}
	if p.DeliveryMode != nil {
		out.DeliveryMode = uint8(*p.DeliveryMode) //nolint:gosec // 1 or 2
	}
	if p.Priority != nil {
		out.Priority = uint8(*p.Priority) //nolint:gosec // at most 255
	}
	if p.Timestamp != nil {
		out.Timestamp = time.Unix(*p.Timestamp, 0)
	}
	if p.Expiration != "" {
		if _, err := strconv.ParseUint(p.Expiration, 10, 32); err != nil {
			return out, host.FieldErrorf("expiration", "expiration %q: use a whole number of milliseconds from 0 to %d", host.Clip(p.Expiration), uint32(math.MaxUint32))
		}
	}
	var err error
	out.Headers, err = table("headers", p.Headers)
	return out, err
}

// traced adds the call's place in a trace, unless the service names one.
func traced(ctx context.Context, headers amqp091.Table) amqp091.Table {
	place := host.TraceOf(ctx)
	if _, own := headers["traceparent"]; own || place.Parent == "" {
		return headers
	}
	if headers == nil {
		headers = amqp091.Table{}
	}
	headers["traceparent"] = place.Parent
	if place.State != "" {
		headers["tracestate"] = place.State
	}
	return headers
}

// table reads a JSON object as AMQP's typed table.
func table(field string, text json.RawMessage) (amqp091.Table, error) {
	if len(text) == 0 {
		return nil, nil
	}
	if len(text) > maxHeaders {
		return nil, host.FieldErrorf(field, "%s have %d bytes; at most %d fit", field, len(text), maxHeaders)
	}
	var values map[string]any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&values); err != nil {
		return nil, host.FieldErrorf(field, "%s: give a JSON object", field)
	}
	v, err := toAMQP(field, values, 0)
	t, _ := v.(amqp091.Table) // it is one
	return t, err
}

func toAMQP(field string, v any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, host.FieldErrorf(field, "%s are nested more than %d deep", field, maxDepth)
	}
	switch v := v.(type) {
	case map[string]any:
		out := make(amqp091.Table, len(v))
		for name, item := range v {
			if err := checkShort(field, name); err != nil {
				return nil, err
			}
			x, err := toAMQP(field, item, depth+1)
			if err != nil {
				return nil, err
			}
			out[name] = x
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			x, err := toAMQP(field, item, depth+1)
			if err != nil {
				return nil, err
			}
			out[i] = x
		}
		return out, nil
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n, nil
		}
		n, err := v.Float64()
		if err != nil {
			return nil, host.FieldErrorf(field, "%s: the number %s fits nowhere", field, host.Clip(v.String()))
		}
		return n, nil
	default: // text, a boolean or null
		return v, nil
	}
}

// propertiesOf returns those of a message that came.
func propertiesOf(d amqp091.Delivery) properties {
	valid := func(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }
	number := func(n uint8) *int {
		if n == 0 {
			return nil
		}
		return new(int(n))
	}
	p := properties{
		ContentType: valid(d.ContentType), ContentEncoding: valid(d.ContentEncoding), DeliveryMode: number(d.DeliveryMode),
		Priority: number(d.Priority), CorrelationID: valid(d.CorrelationId), ReplyTo: valid(d.ReplyTo),
		Expiration: valid(d.Expiration), MessageID: valid(d.MessageId), Type: valid(d.Type), UserID: valid(d.UserId), AppID: valid(d.AppId),
	}
	if !d.Timestamp.IsZero() {
		p.Timestamp = new(d.Timestamp.Unix())
	}
	if len(d.Headers) > 0 {
		if text, err := json.Marshal(fromAMQP(d.Headers)); err == nil && len(text) <= maxReceived {
			p.Headers = bytes.ToValidUTF8(text, []byte("\uFFFD"))
		}
	}
	return p
}

// maxReceived bounds the headers of a message that a service gets, as JSON.
// A frame holds less of them in all but strange cases, which come without.
const maxReceived = 512 << 10

// fromAMQP returns a value of a table as JSON has it: times as text, decimals
// as numbers, bytes as text.
func fromAMQP(v any) any {
	switch v := v.(type) {
	case amqp091.Table:
		out := make(map[string]any, len(v))
		for name, item := range v {
			out[name] = fromAMQP(item)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = fromAMQP(item)
		}
		return out
	case []byte:
		return string(v)
	case time.Time:
		return v.UTC().Format(time.RFC3339)
	case amqp091.Decimal:
		return json.Number(fmt.Sprintf("%de-%d", v.Value, v.Scale))
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return v
	case float32:
		return fromAMQP(float64(v))
	default:
		return v
	}
}
