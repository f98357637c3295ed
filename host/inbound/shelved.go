package inbound

import (
	"context"
	"errors"
	"strings"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// preview bounds what is shown of a body.
const preview = 1 << 10

// storeParked are the messages of a channel that are on the shelf and stay there.
type storeParked struct {
	shelf
	key key
}

var _ connector.Parked = storeParked{}

// List implements [connector.Parked].
func (p storeParked) List(ctx context.Context, most int) (out []host.ParkedMessage, err error) {
	err = p.store.View(ctx, func(tx host.Tx) error {
		returning, err := p.returning(tx)
		if err != nil {
			return err
		}
		var broken error
		prefix := messagePrefix(p.key, kindMessage)
		err = tx.Scan(prefix, nil, func(found, value []byte) bool {
			id := string(found[len(prefix):])
			if returning[id] {
				return true
			}
			m, reason, err := decode(value)
			if broken = err; err != nil {
				return false
			}
			out = append(out, host.ParkedMessage{
				ID: id, Reason: reason, Size: len(m.Body), Body: strings.ToValidUTF8(string(m.Body[:min(len(m.Body), preview)]), "\uFFFD"),
			})
			return len(out) < most
		})
		if err == nil {
			err = broken
		}
		return err
	})
	return out, err
}

// returning are the ids of what is to be delivered again.
func (p storeParked) returning(tx host.Tx) (map[string]bool, error) {
	ids := map[string]bool{}
	prefix := messagePrefix(p.key, kindReturn)
	err := tx.Scan(prefix, nil, func(found, _ []byte) bool {
		ids[string(found[len(prefix):])] = true
		return true
	})
	return ids, err
}

// Settle implements [connector.Parked]. Without an id it is several steps,
// none of which is undone when a later one fails.
func (p storeParked) Settle(ctx context.Context, id string, retry bool) (n int, err error) {
	after := ""
	for {
		var ids []string
		err := p.store.Update(ctx, func(tx host.Tx) (err error) {
			if ids, err = p.some(tx, id, after); err != nil {
				return err
			}
			for _, id := range ids {
				if retry {
					err = tx.Set(messageKey(p.key, kindReturn, id), nil, 0)
				} else {
					err = p.remove(tx, p.key, id)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return n, err
		}
		n += len(ids)
		if id != "" || len(ids) < perStep {
			return n, nil
		}
		after = ids[len(ids)-1]
	}
}

// some returns the ids of messages that stay here: the one of an id, or those
// after one, as many as one step takes.
func (p storeParked) some(tx host.Tx, id, after string) (ids []string, err error) {
	returning, err := p.returning(tx)
	if err != nil {
		return nil, err
	}
	if id != "" {
		_, err := tx.Get(messageKey(p.key, kindMessage, id))
		if errors.Is(err, host.ErrNoKey) || err == nil && returning[id] {
			return nil, nil
		}
		return []string{id}, err
	}
	prefix := messagePrefix(p.key, kindMessage)
	err = tx.Scan(prefix, messageKey(p.key, kindMessage, after), func(found, _ []byte) bool {
		if at := string(found[len(prefix):]); !returning[at] {
			ids = append(ids, at)
		}
		return len(ids) < perStep
	})
	return ids, err
}

// Close implements [connector.Parked].
func (storeParked) Close() error { return nil }
