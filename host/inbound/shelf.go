package inbound

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// DefaultAside is how many bytes the channels of one tenant put aside in the
// store, together.
const DefaultAside = 256 << 20

const (
	maxShelved = 10_000 // messages of a tenant
	// perStep is how many messages one transaction changes at most.
	perStep = 500
)

// shelf keeps the messages that channels have put aside whose systems have no
// place for that, because they forget what they have handed out. It is safe
// for concurrent use.
type shelf struct {
	store host.Store
	bytes int64 // of a tenant
}

// Kinds of records of a tenant. The counts come first, so that they are read
// without the messages.
const (
	kindCount   = 'c' // of a channel: what it has on the shelf
	kindMessage = 'm' // of a channel and an id
	kindReturn  = 'r' // the same: the message is to be delivered again
)

// shelfArea is the prefix of all that is on the shelf.
const shelfArea = "inbound/"

// Prefix returns the prefix under which the store holds what a tenant's
// channels have put aside.
func Prefix(tenant string) []byte {
	p := append([]byte(shelfArea), byte(len(tenant))) //nolint:gosec // a tenant's name has at most 63 bytes
	return append(p, tenant...)
}

func countKey(k key) []byte {
	return append(append(Prefix(k.tenant), kindCount), k.name...)
}

// messagePrefix is the prefix of a channel's records of a kind.
func messagePrefix(k key, kind byte) []byte {
	p := append(Prefix(k.tenant), kind)
	p = binary.BigEndian.AppendUint16(p, uint16(len(k.name))) //nolint:gosec // names have at most 255 bytes
	return append(p, k.name...)
}

func messageKey(k key, kind byte, id string) []byte { return append(messagePrefix(k, kind), id...) }

// shelved is how much there is of something on the shelf.
type shelved struct {
	Messages int   `json:"messages"`
	Bytes    int64 `json:"bytes"`
}

// put puts a message on the shelf under an id, instead of one that is there.
// With again it is to be delivered again. The error is Unavailable if the
// tenant's channels have too much there.
func (s shelf) put(ctx context.Context, k key, id string, m connector.Message, why error, again bool) error {
	reason := host.MessageOf(why)
	head := append(abi.Envelope{{Name: "reason", Value: strings.ToValidUTF8(reason[:min(len(reason), maxError)], "")}}, m.Envelope...)
	value := binary.BigEndian.AppendUint32(nil, uint32(head.Size())) //nolint:gosec // far below
	value = append(head.Append(value), m.Body...)
	return s.store.Update(ctx, func(tx host.Tx) error {
		if err := s.remove(tx, k, id); err != nil {
			return err
		}
		all, err := s.total(tx, k.tenant)
		if err != nil {
			return err
		}
		if all.Messages >= maxShelved || all.Bytes+int64(len(value)) > s.bytes {
			return host.Errorf(abi.Unavailable, "the channels of a tenant put at most %d messages of %d bytes aside: give them back or drop them", maxShelved, s.bytes)
		}
		if err := s.add(tx, k, 1, int64(len(value))); err != nil {
			return err
		}
		if again {
			if err := tx.Set(messageKey(k, kindReturn, id), nil, 0); err != nil {
				return err
			}
		}
		return tx.Set(messageKey(k, kindMessage, id), value, 0)
	})
}

// total counts what a tenant has on the shelf.
func (s shelf) total(tx host.Tx, tenant string) (all shelved, err error) {
	var broken error
	err = tx.Scan(append(Prefix(tenant), kindCount), nil, func(_, value []byte) bool {
		var of shelved
		broken = json.Unmarshal(value, &of)
		all.Messages, all.Bytes = all.Messages+of.Messages, all.Bytes+of.Bytes
		return broken == nil
	})
	return all, errors.Join(err, broken)
}

// add changes what a channel has.
func (s shelf) add(tx host.Tx, k key, messages int, bytes int64) error {
	var of shelved
	raw, err := tx.Get(countKey(k))
	if err == nil {
		err = json.Unmarshal(raw, &of)
	}
	if err != nil && !errors.Is(err, host.ErrNoKey) {
		return fmt.Errorf("reading what a channel has put aside: %w", err)
	}
	of.Messages, of.Bytes = of.Messages+messages, of.Bytes+bytes
	if of.Messages <= 0 {
		return tx.Delete(countKey(k))
	}
	raw, err = json.Marshal(of)
	if err != nil {
		return fmt.Errorf("counting what a channel has put aside: %w", err)
	}
	return tx.Set(countKey(k), raw, 0)
}

// remove takes a message away, if it is there.
func (s shelf) remove(tx host.Tx, k key, id string) error {
	value, err := tx.Get(messageKey(k, kindMessage, id))
	if errors.Is(err, host.ErrNoKey) {
		return nil
	}
	if err == nil {
		err = tx.Delete(messageKey(k, kindMessage, id))
	}
	if err == nil {
		err = tx.Delete(messageKey(k, kindReturn, id))
	}
	if err == nil {
		err = s.add(tx, k, -1, -int64(len(value)))
	}
	return err
}

// drop takes a message away for good.
func (s shelf) drop(ctx context.Context, k key, id string) error {
	return s.store.Update(ctx, func(tx host.Tx) error { return s.remove(tx, k, id) })
}

// decode reads what put has written.
func decode(value []byte) (m connector.Message, reason string, err error) {
	if len(value) < 4 || int64(binary.BigEndian.Uint32(value)) > int64(len(value)-4) {
		return m, "", host.Errorf(abi.Internal, "reading a message that was put aside: it is cut off")
	}
	end := 4 + int(binary.BigEndian.Uint32(value))
	head, err := abi.Decode(value[4:end])
	if err == nil && len(head) == 0 {
		err = errors.New("it has no reason")
	}
	if err != nil {
		return m, "", host.Errorf(abi.Internal, "reading a message that was put aside: %w", err)
	}
	return connector.Message{Envelope: head[1:], Body: append([]byte(nil), value[end:]...)}, head[0].Value, nil
}

// next returns the oldest message that is to be delivered again.
func (s shelf) next(ctx context.Context, k key) (id string, m connector.Message, found bool, err error) {
	err = s.store.View(ctx, func(tx host.Tx) error {
		prefix := messagePrefix(k, kindReturn)
		err := tx.Scan(prefix, nil, func(key, _ []byte) bool {
			id, found = string(key[len(prefix):]), true
			return false
		})
		if err != nil || !found {
			return err
		}
		value, err := tx.Get(messageKey(k, kindMessage, id))
		if err == nil {
			m, _, err = decode(value)
		}
		return err
	})
	return id, m, found, err
}

// sweep takes away what channels have that exist does not report.
func (s shelf) sweep(ctx context.Context, exist func(k key) bool) error {
	var after []byte
	for {
		var gone []key
		tenant := ""
		err := s.store.View(ctx, func(tx host.Tx) error {
			err := tx.Scan([]byte(shelfArea), after, func(found, _ []byte) bool {
				rest := found[len(shelfArea):]
				if n := int(rest[0]); len(rest) > n {
					tenant = string(rest[1 : 1+n])
				}
				return false
			})
			if err != nil || tenant == "" {
				return err
			}
			counts := append(Prefix(tenant), kindCount)
			return tx.Scan(counts, nil, func(found, _ []byte) bool {
				if k := (key{tenant, string(found[len(counts):])}); !exist(k) {
					gone = append(gone, k)
				}
				return true
			})
		})
		if err != nil || tenant == "" {
			return err
		}
		for _, k := range gone {
			if err := s.clear(ctx, k); err != nil {
				return err
			}
		}
		after = append(Prefix(tenant), 0xff)
	}
}

// clear takes away all that a channel has.
func (s shelf) clear(ctx context.Context, k key) error {
	for {
		var ids []string
		err := s.store.Update(ctx, func(tx host.Tx) error {
			ids = nil
			prefix := messagePrefix(k, kindMessage)
			err := tx.Scan(prefix, nil, func(found, _ []byte) bool {
				ids = append(ids, string(found[len(prefix):]))
				return len(ids) < perStep
			})
			for _, id := range ids {
				err = errors.Join(err, s.remove(tx, k, id))
			}
			return err
		})
		if err != nil || len(ids) < perStep {
			return err
		}
	}
}

// newID returns an id that sorts by time.
func newID(at time.Time) string {
	return fmt.Sprintf("%016x%s", at.UnixNano(), newCID()[:8])
}
