package abi

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Field is one name and value of an [Envelope].
type Field struct {
	Name  string // ASCII, at most MaxNameBytes
	Value string // UTF-8 by convention; any bytes are carried
}

// Envelope is what goes with a payload: an ordered list of fields in which a
// name may repeat, as HTTP headers do.
//
// Encoded it is a count and then, per field, the length of the name, the
// length of the value, the name and the value. All numbers are unsigned
// 32-bit little-endian integers.
type Envelope []Field

// Errors that [Decode] wraps.
var (
	ErrTruncated = errors.New("envelope is truncated")
	ErrTrailing  = errors.New("envelope has trailing bytes")
	ErrTooLarge  = errors.New("envelope is over a limit")
	ErrName      = errors.New("field name is not printable ASCII")
)

// Get returns the first value of name, or "".
func (e Envelope) Get(name string) string {
	v, _ := e.Lookup(name)
	return v
}

// Lookup returns the first value of name and whether it is there.
func (e Envelope) Lookup(name string) (string, bool) {
	for i := range e {
		if e[i].Name == name {
			return e[i].Value, true
		}
	}
	return "", false
}

// Add appends a field.
func (e *Envelope) Add(name, value string) { *e = append(*e, Field{name, value}) }

// WithPrefix returns the fields whose names begin with prefix, the prefix
// removed, in order.
func (e Envelope) WithPrefix(prefix string) []Field {
	var out []Field
	for _, f := range e {
		if len(f.Name) > len(prefix) && f.Name[:len(prefix)] == prefix {
			out = append(out, Field{f.Name[len(prefix):], f.Value})
		}
	}
	return out
}

// Size returns the number of bytes that [Envelope.Append] adds.
func (e Envelope) Size() int {
	n := 4
	for i := range e {
		n += 8 + len(e[i].Name) + len(e[i].Value)
	}
	return n
}

// Append encodes e after dst.
func (e Envelope) Append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(e))) //nolint:gosec // callers keep within MaxFields
	for i := range e {
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(e[i].Name)))  //nolint:gosec // within MaxEnvelopeSize
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(e[i].Value))) //nolint:gosec // within MaxEnvelopeSize
		dst = append(dst, e[i].Name...)
		dst = append(dst, e[i].Value...)
	}
	return dst
}

// Decode reads an envelope that fills b exactly. It checks every count and
// length against b and the package's limits before it allocates; b may come
// from a hostile guest. The result does not alias b.
func Decode(b []byte) (Envelope, error) {
	if len(b) > MaxEnvelopeSize {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(b), MaxEnvelopeSize)
	}
	if len(b) < 4 {
		return nil, fmt.Errorf("%w: %d bytes where the count takes 4", ErrTruncated, len(b))
	}
	count := binary.LittleEndian.Uint32(b)
	if count > MaxFields {
		return nil, fmt.Errorf("%w: %d fields, at most %d", ErrTooLarge, count, MaxFields)
	}
	if uint64(count)*8 > uint64(len(b)-4) { //nolint:gosec // len(b) is at least 4
		return nil, fmt.Errorf("%w: %d fields in %d bytes", ErrTruncated, count, len(b))
	}
	text := string(b) // one allocation that all names and values share
	at := 4
	e := make(Envelope, 0, count)
	for i := range count {
		if len(b)-at < 8 {
			return nil, fmt.Errorf("%w: field %d at byte %d", ErrTruncated, i, at)
		}
		name, value := uint64(binary.LittleEndian.Uint32(b[at:])), uint64(binary.LittleEndian.Uint32(b[at+4:]))
		at += 8
		if name > MaxNameBytes {
			return nil, fmt.Errorf("%w: name of field %d has %d bytes, at most %d", ErrTooLarge, i, name, MaxNameBytes)
		}
		if name+value > uint64(len(b)-at) { //nolint:gosec // at is at most len(b)
			return nil, fmt.Errorf("%w: field %d at byte %d", ErrTruncated, i, at)
		}
		n, v := int(name), int(value) //nolint:gosec // bounded by len(b) above
		if !printable(text[at : at+n]) {
			return nil, fmt.Errorf("%w: field %d", ErrName, i)
		}
		e = append(e, Field{text[at : at+n], text[at+n : at+n+v]})
		at += n + v
	}
	if at != len(b) {
		return nil, fmt.Errorf("%w: %d", ErrTrailing, len(b)-at)
	}
	return e, nil
}

func printable(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Result is what [FnCall] writes for the guest: where to read the outcome.
// The stream Handle yields EnvelopeLen bytes of envelope, then the body.
type Result struct {
	Handle      uint32
	EnvelopeLen uint32
	BodyLen     uint32 // UnknownLength when the body streams
}

// Put writes r into the first ResultSize bytes of b.
func (r Result) Put(b []byte) {
	binary.LittleEndian.PutUint32(b, r.Handle)
	binary.LittleEndian.PutUint32(b[4:], r.EnvelopeLen)
	binary.LittleEndian.PutUint32(b[8:], r.BodyLen)
}

// ParseResult reads the first ResultSize bytes of b.
func ParseResult(b []byte) Result {
	return Result{
		Handle:      binary.LittleEndian.Uint32(b),
		EnvelopeLen: binary.LittleEndian.Uint32(b[4:]),
		BodyLen:     binary.LittleEndian.Uint32(b[8:]),
	}
}
