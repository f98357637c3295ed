package amqp

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/seraihost/serai/abi"
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

// publishing returns the message that an operation's envelope and body describe.
func publishing(e abi.Envelope, body []byte) (amqp091.Publishing, error) {
	p := amqp091.Publishing{Body: body, DeliveryMode: amqp091.Persistent}
	texts := map[string]*string{
		fieldContentType: &p.ContentType, fieldContentEncoding: &p.ContentEncoding, fieldCorrelationID: &p.CorrelationId,
		fieldReplyTo: &p.ReplyTo, fieldExpiration: &p.Expiration, fieldMessageID: &p.MessageId, fieldType: &p.Type,
		fieldUserID: &p.UserId, fieldAppID: &p.AppId,
	}
	for _, f := range e {
		if to := texts[f.Name]; to != nil {
			if err := checkShort(f.Name, f.Value); err != nil {
				return p, err
			}
			*to = f.Value
		}
	}
	for name, n := range map[string]struct {
		low, high uint64
		set       func(uint64)
	}{
		fieldDeliveryMode: {1, 2, func(n uint64) { p.DeliveryMode = uint8(n) }},                  //nolint:gosec // bounded
		fieldPriority:     {0, 255, func(n uint64) { p.Priority = uint8(n) }},                    //nolint:gosec // bounded
		fieldTimestamp:    {0, 1 << 40, func(n uint64) { p.Timestamp = time.Unix(int64(n), 0) }}, //nolint:gosec // bounded
		fieldExpiration:   {0, math.MaxUint32, func(uint64) {}},
	} {
		text := e.Get(name)
		if text == "" {
			continue
		}
		v, err := strconv.ParseUint(text, 10, 64)
		if err != nil || v < n.low || v > n.high {
			return p, host.FieldErrorf(name, "%s %q: use a whole number from %d to %d", name, host.Clip(text), n.low, n.high)
		}
		n.set(v)
	}
	var err error
	p.Headers, err = table(fieldHeaders, e.Get(fieldHeaders))
	return p, err
}

// table reads a JSON object as AMQP's typed table.
func table(field, text string) (amqp091.Table, error) {
	if text == "" {
		return nil, nil
	}
	if len(text) > maxHeaders {
		return nil, host.FieldErrorf(field, "%s have %d bytes; at most %d fit", field, len(text), maxHeaders)
	}
	var values map[string]any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&values); err != nil {
		return nil, host.FieldErrorf(field, "%s: give a JSON object", field)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, host.FieldErrorf(field, "%s: there is data after the JSON object", field)
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

// properties appends those of a message to an envelope, under prefix.
func properties(e abi.Envelope, prefix string, d amqp091.Delivery) abi.Envelope {
	add := func(name, value string) {
		if value != "" {
			e.Add(prefix+name, strings.ToValidUTF8(value, "\uFFFD"))
		}
	}
	number := func(name string, n uint64) {
		if n != 0 {
			add(name, strconv.FormatUint(n, 10))
		}
	}
	add(fieldContentType, d.ContentType)
	add(fieldContentEncoding, d.ContentEncoding)
	number(fieldDeliveryMode, uint64(d.DeliveryMode))
	number(fieldPriority, uint64(d.Priority))
	add(fieldCorrelationID, d.CorrelationId)
	add(fieldReplyTo, d.ReplyTo)
	add(fieldExpiration, d.Expiration)
	add(fieldMessageID, d.MessageId)
	if !d.Timestamp.IsZero() {
		add(fieldTimestamp, strconv.FormatInt(d.Timestamp.Unix(), 10))
	}
	add(fieldType, d.Type)
	add(fieldUserID, d.UserId)
	add(fieldAppID, d.AppId)
	if len(d.Headers) > 0 {
		if text, err := json.Marshal(fromAMQP(d.Headers)); err == nil && len(text) <= maxReceived {
			add(fieldHeaders, string(bytes.TrimSpace(text)))
		}
	}
	return e
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
