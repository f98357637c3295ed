package badger

import (
	"encoding/binary"
	"errors"
	"time"

	badgerdb "github.com/dgraph-io/badger/v4"
)

// expires is the user meta of an entry whose value begins with the moment
// it expires: milliseconds since 1970, 8 bytes, big endian. Badger is told the
// next whole second after it, when it may drop the entry from its files.
const expires = 1

const expiryBytes = 8

var errDamaged = errors.New("entry is damaged")

// keyByte begins every key, since Badger keeps keys with "!badger!" for itself.
const keyByte = 'k'

func rawKey(key []byte) []byte {
	raw := make([]byte, 0, 1+len(key))
	return append(append(raw, keyByte), key...)
}

// newEntry returns what is stored for a key. key is raw.
func newEntry(key, value []byte, ttl time.Duration) *badgerdb.Entry {
	if ttl <= 0 {
		return badgerdb.NewEntry(key, append([]byte(nil), value...))
	}
	at := time.Now().Add(ttl + time.Millisecond - 1) // rounds up
	data := make([]byte, expiryBytes, expiryBytes+len(value))
	binary.BigEndian.PutUint64(data, uint64(max(0, at.UnixMilli())))
	e := badgerdb.NewEntry(key, append(data, value...)).WithMeta(expires)
	e.ExpiresAt = uint64(max(0, at.Unix())) + 2
	return e
}

// payload returns the value within what is stored. live is false when it
// had expired at now.
func payload(meta byte, data []byte, now time.Time) (value []byte, live bool, err error) {
	if meta&expires == 0 {
		return data, true, nil
	}
	if len(data) < expiryBytes {
		return nil, false, errDamaged
	}
	at := binary.BigEndian.Uint64(data)
	return data[expiryBytes:], now.UnixMilli() < int64(at), nil //nolint:gosec // newEntry wrote it
}
