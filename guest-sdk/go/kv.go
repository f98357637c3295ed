package serai

import (
	"strconv"
	"time"

	"github.com/seraihost/serai/abi"
)

// KV is the tenant's key/value store. Keys have 1 to 512 bytes of UTF-8.
var KV KeyValue

// KeyValue has the operations of [KV].
type KeyValue struct{}

// Entry is a value and its revision, which changes with every write.
type Entry struct {
	Value    []byte
	Revision uint64
}

// Get returns a key's value; [IsNotFound] tells that it does not exist.
func (k KeyValue) Get(key string) ([]byte, error) {
	e, err := k.Entry(key)
	return e.Value, err
}

// Entry returns a key's value and revision.
func (KeyValue) Entry(key string) (Entry, error) {
	reply, body, err := Call(append(operation(abi.OpKVGet, 1), Field{Name: abi.FieldKey, Value: key}), nil)
	if err != nil {
		return Entry{}, err
	}
	return Entry{body, revision(reply)}, nil
}

// Set writes a value, for ever, and returns its revision.
func (k KeyValue) Set(key string, value []byte) (uint64, error) {
	return k.set(append(operation(abi.OpKVSet, 1), Field{Name: abi.FieldKey, Value: key}), value)
}

// SetTTL writes a value that expires after ttl, at least a millisecond.
func (k KeyValue) SetTTL(key string, value []byte, ttl time.Duration) (uint64, error) {
	return k.set(append(operation(abi.OpKVSet, 2), Field{Name: abi.FieldKey, Value: key}, milliseconds(abi.FieldTTL, ttl)), value)
}

// CompareAndSet writes a value only if the key is at the revision; 0 means
// that it does not exist. [IsConflict] tells that it is at another one.
func (k KeyValue) CompareAndSet(key string, value []byte, ifRevision uint64) (uint64, error) {
	return k.set(append(operation(abi.OpKVSet, 2), Field{Name: abi.FieldKey, Value: key}, expected(ifRevision)), value)
}

func (KeyValue) set(e abi.Envelope, value []byte) (uint64, error) {
	reply, _, err := Call(e, value)
	return revision(reply), err
}

// Delete removes a key and reports whether it was there.
func (KeyValue) Delete(key string) (bool, error) {
	reply, _, err := Call(append(operation(abi.OpKVDelete, 1), Field{Name: abi.FieldKey, Value: key}), nil)
	return reply.Get(abi.FieldDeleted) == "1", err
}

// CompareAndDelete removes a key only if it is at the revision.
func (KeyValue) CompareAndDelete(key string, ifRevision uint64) error {
	_, _, err := Call(append(operation(abi.OpKVDelete, 2), Field{Name: abi.FieldKey, Value: key}, expected(ifRevision)), nil)
	return err
}

// List returns up to limit keys, at most 1000, that begin with prefix and
// are greater than after, in bytewise order. next is the after of the next
// page, "" at the end.
func (KeyValue) List(prefix, after string, limit int) (keys []string, next string, err error) {
	reply, _, err := Call(append(operation(abi.OpKVList, 3),
		Field{Name: abi.FieldPrefix, Value: prefix}, Field{Name: abi.FieldAfter, Value: after},
		Field{Name: abi.FieldLimit, Value: strconv.Itoa(limit)}), nil)
	return Values(reply).All(abi.FieldKey), reply.Get(abi.FieldNext), err
}

func revision(e abi.Envelope) uint64 {
	n, _ := strconv.ParseUint(e.Get(abi.FieldRevision), 10, 64) // the host writes it
	return n
}

func expected(revision uint64) Field {
	return Field{Name: abi.FieldIfRevision, Value: strconv.FormatUint(revision, 10)}
}

// milliseconds rounds up, so that a short time does not become none.
func milliseconds(name string, d time.Duration) Field {
	ms := (d + time.Millisecond - 1) / time.Millisecond
	return Field{Name: name, Value: strconv.FormatInt(int64(ms), 10)}
}
