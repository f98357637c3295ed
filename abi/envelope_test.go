package abi_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
)

func TestEnvelopeAccess(t *testing.T) {
	e := abi.Envelope{{Name: "header.a", Value: "1"}, {Name: "b", Value: ""}, {Name: "header.a", Value: "2"}, {Name: "header.", Value: "x"}}
	if v, ok := e.Lookup("b"); v != "" || !ok {
		t.Errorf("lookup of an empty value = %q, %t", v, ok)
	}
	if v, ok := e.Lookup("c"); v != "" || ok {
		t.Errorf("lookup of nothing = %q, %t", v, ok)
	}
	if got := e.Get("header.a"); got != "1" {
		t.Errorf("first value = %q", got)
	}
	want := []abi.Field{{Name: "a", Value: "1"}, {Name: "a", Value: "2"}}
	if diff := cmp.Diff(want, e.WithPrefix("header.")); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeLimits(t *testing.T) {
	fields := make(abi.Envelope, abi.MaxFields)
	for i := range fields {
		fields[i] = abi.Field{Name: strconv.Itoa(i)}
	}
	if got, err := abi.Decode(fields.Append(nil)); err != nil || len(got) != abi.MaxFields {
		t.Errorf("most fields: %d, %v", len(got), err)
	}
	fields.Add("more", "")
	if _, err := abi.Decode(fields.Append(nil)); !errors.Is(err, abi.ErrTooLarge) {
		t.Errorf("a field too many: %v", err)
	}
	full := abi.Envelope{{Name: "a", Value: strings.Repeat("x", abi.MaxEnvelopeSize-13)}}
	if _, err := abi.Decode(full.Append(nil)); err != nil {
		t.Errorf("largest envelope: %v", err)
	}
	full[0].Value += "x"
	if _, err := abi.Decode(full.Append(nil)); !errors.Is(err, abi.ErrTooLarge) {
		t.Errorf("a byte too many: %v", err)
	}
}

func TestDecodeDoesNotAlias(t *testing.T) {
	raw := abi.Envelope{{Name: "a", Value: "value"}}.Append(nil)
	e, err := abi.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	clear(raw)
	if e.Get("a") != "value" {
		t.Error("the envelope changed with the bytes that it came from")
	}
}

// FuzzDecode feeds bytes of a hostile guest to Decode: whatever it accepts
// encodes to the same bytes.
func FuzzDecode(f *testing.F) {
	raw, err := os.ReadFile("testdata/envelopes.json")
	if err != nil {
		f.Fatal(err)
	}
	var vectors []envelopeVector
	if err := json.Unmarshal(raw, &vectors); err != nil {
		f.Fatal(err)
	}
	for _, v := range vectors {
		b, err := hex.DecodeString(v.Hex)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := abi.Decode(b)
		if err != nil {
			return
		}
		if len(e) > abi.MaxFields || e.Size() != len(b) {
			t.Errorf("%d fields of %d bytes from %d", len(e), e.Size(), len(b))
		}
		if !bytes.Equal(e.Append(nil), b) {
			t.Errorf("%x encodes to other bytes", b)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	raw := abi.Envelope{
		{Name: "cid", Value: "0f1e2d3c"},
		{Name: "service", Value: "api.user.get-details"},
		{Name: "method", Value: "POST"},
		{Name: "path", Value: "/api/v1/user"},
		{Name: "header.content-type", Value: "application/json"},
		{Name: "param.id", Value: "7"},
	}.Append(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := abi.Decode(raw); err != nil {
			b.Fatal(err)
		}
	}
}
