package badger

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	badgerdb "github.com/dgraph-io/badger/v4"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

var (
	errEnded    = errors.New("the transaction has ended")
	errReadOnly = errors.New("writing in a View")
)

// transaction is a host.Tx.
type transaction struct {
	txn    *badgerdb.Txn
	update bool
	ended  bool
	now    time.Time // keys that expire later live throughout

	// Of an update: what it scanned, and the keys and bytes that it wrote.
	ranges  []keyRange
	written []string
	bytes   uint64
}

var _ host.Tx = (*transaction)(nil)

func (t *transaction) end() { t.ended = true }

// Get implements host.Tx.
func (t *transaction) Get(key []byte) ([]byte, error) {
	if t.ended {
		return nil, errEnded
	}
	item, err := t.txn.Get(rawKey(key))
	if errors.Is(err, badgerdb.ErrKeyNotFound) {
		return nil, host.ErrNoKey
	}
	if err != nil {
		return nil, fmt.Errorf("reading key: %w", err)
	}
	data, err := item.ValueCopy(nil)
	if err != nil {
		return nil, fmt.Errorf("reading value: %w", err)
	}
	value, live, err := payload(item.UserMeta(), data, t.now)
	if err == nil && !live {
		return nil, host.ErrNoKey
	}
	return value, err
}

// Set implements host.Tx.
func (t *transaction) Set(key, value []byte, ttl time.Duration) error {
	if err := t.checkWrite(key); err != nil {
		return err
	}
	if len(value) > MaxValueBytes {
		return host.Errorf(abi.TooLarge, "the value has %d bytes; the store takes up to %d", len(value), MaxValueBytes)
	}
	raw := rawKey(key)
	if err := t.txn.SetEntry(newEntry(raw, value, ttl)); err != nil {
		return writeError(err)
	}
	t.wrote(raw, len(value))
	return nil
}

// Delete implements host.Tx.
func (t *transaction) Delete(key []byte) error {
	if err := t.checkWrite(key); err != nil {
		return err
	}
	raw := rawKey(key)
	if err := t.txn.Delete(raw); err != nil {
		return writeError(err)
	}
	t.wrote(raw, 0)
	return nil
}

func (t *transaction) checkWrite(key []byte) error {
	switch {
	case t.ended:
		return errEnded
	case !t.update:
		return errReadOnly
	case len(key) > MaxKeyBytes:
		return host.Errorf(abi.TooLarge, "the key has %d bytes; the store takes up to %d", len(key), MaxKeyBytes)
	}
	return nil
}

func writeError(err error) error {
	if errors.Is(err, badgerdb.ErrTxnTooBig) {
		return host.Errorf(abi.TooLarge, "the transaction writes too much at once; split it")
	}
	return fmt.Errorf("writing key: %w", err)
}

func (t *transaction) wrote(raw []byte, size int) {
	t.written = append(t.written, string(raw))
	t.bytes += uint64(len(raw) + size) //nolint:gosec // lengths are not negative
}

// Scan implements host.Tx. fn may use the transaction, even scan; what it
// writes into the range may or may not be seen.
func (t *transaction) Scan(prefix, after []byte, fn func(key, value []byte) bool) error {
	if t.ended {
		return errEnded
	}
	low := rawKey(prefix)
	var from []byte
	if after != nil {
		from = rawKey(after)
	}
	if t.update {
		return t.scanPages(low, from, fn)
	}
	_, _, err := t.scan(low, from, func(key, value []byte) bool { return fn(key[1:], value) })
	return err
}

// scan calls fn for the raw keys under prefix from the first one greater than
// after. It returns the last key it passed, and whether it reached the end.
func (t *transaction) scan(prefix, after []byte, fn func(key, value []byte) bool) (last []byte, end bool, err error) {
	o := badgerdb.DefaultIteratorOptions
	o.Prefix = prefix
	o.PrefetchValues = false // values lie beside their keys
	it := t.txn.NewIterator(o)
	defer it.Close()
	start := prefix
	if bytes.Compare(after, start) > 0 {
		start = after
	}
	for it.Seek(start); it.Valid(); it.Next() {
		item := it.Item()
		if after != nil && bytes.Compare(item.Key(), after) <= 0 {
			continue
		}
		goOn := true
		err := item.Value(func(data []byte) error {
			value, live, err := payload(item.UserMeta(), data, t.now)
			if err == nil && live {
				goOn = fn(item.Key(), value)
			}
			return err
		})
		if err != nil {
			return nil, false, fmt.Errorf("reading value: %w", err)
		}
		if !goOn {
			return item.KeyCopy(nil), false, nil
		}
	}
	return nil, true, nil
}

// Bounds of a page, the part of a scan that an update reads ahead.
const (
	firstPage = 8
	mostPage  = 256
	pageBytes = 256 << 10
)

// scanPages scans for an update. A Badger transaction that writes can have
// one iterator at a time, so keys are read in pages, between which fn runs.
func (t *transaction) scanPages(prefix, after []byte, fn func(key, value []byte) bool) error {
	type pair struct{ key, value []byte }
	seen := keyRange{prefix: string(prefix), after: string(after)}
	t.ranges = append(t.ranges, seen)
	at := len(t.ranges) - 1
	for most := firstPage; ; most = min(2*most, mostPage) {
		var page []pair
		size := 0
		last, end, err := t.scan(prefix, after, func(key, value []byte) bool {
			page = append(page, pair{bytes.Clone(key), bytes.Clone(value)})
			size += len(key) + len(value)
			return len(page) < most && size < pageBytes
		})
		if err != nil {
			return err
		}
		for _, p := range page {
			t.ranges[at].last = string(p.key)
			if !fn(p.key[1:], p.value) {
				return nil
			}
		}
		if end {
			t.ranges[at].whole = true
			return nil
		}
		after = last
	}
}
