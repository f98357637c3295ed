package abi_test

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/seraihost/serai/abi"
)

// envelopeVector is an entry of testdata/envelopes.json.
type envelopeVector struct {
	Name   string `json:"name"`
	Hex    string `json:"hex"`
	Fields []struct {
		Name     string  `json:"name"`
		Value    string  `json:"value"`
		ValueHex *string `json:"value_hex"`
	} `json:"fields"`
	Error string `json:"error"`
}

var vectorErrors = map[string]error{
	"truncated": abi.ErrTruncated, "trailing": abi.ErrTrailing, "too-large": abi.ErrTooLarge, "name": abi.ErrName,
}

func TestEnvelopeVectors(t *testing.T) {
	for _, v := range load[envelopeVector](t, "envelopes.json") {
		t.Run(v.Name, func(t *testing.T) {
			raw := unhex(t, v.Hex)
			got, err := abi.Decode(raw)
			if v.Error != "" {
				if want := vectorErrors[v.Error]; want == nil || !errors.Is(err, want) {
					t.Errorf("error %v, want %s", err, v.Error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var want abi.Envelope
			for _, f := range v.Fields {
				if f.ValueHex != nil {
					f.Value = string(unhex(t, *f.ValueHex))
				}
				want.Add(f.Name, f.Value)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("decoded: %s", diff)
			}
			if diff := cmp.Diff(raw, want.Append(nil)); diff != "" {
				t.Errorf("encoded: %s", diff)
			}
			if want.Size() != len(raw) {
				t.Errorf("size %d, want %d", want.Size(), len(raw))
			}
		})
	}
}

func TestResultVectors(t *testing.T) {
	for _, v := range load[struct {
		Name        string `json:"name"`
		Hex         string `json:"hex"`
		Handle      uint32 `json:"handle"`
		EnvelopeLen uint32 `json:"envelope_len"`
		BodyLen     uint32 `json:"body_len"`
	}](t, "results.json") {
		want := abi.Result{Handle: v.Handle, EnvelopeLen: v.EnvelopeLen, BodyLen: v.BodyLen}
		if got := abi.ParseResult(unhex(t, v.Hex)); got != want {
			t.Errorf("%s: parsed %+v, want %+v", v.Name, got, want)
		}
		b := make([]byte, abi.ResultSize)
		want.Put(b)
		if got := hex.EncodeToString(b); got != v.Hex {
			t.Errorf("%s: put %s, want %s", v.Name, got, v.Hex)
		}
	}
}

func TestCodeVectors(t *testing.T) {
	vectors := load[struct {
		Code abi.Code `json:"code"`
		Name string   `json:"name"`
	}](t, "codes.json")
	for i, v := range vectors {
		if v.Code != abi.Code(i) || !v.Code.Valid() || v.Code.String() != v.Name {
			t.Errorf("code %d is %q, want %q", v.Code, v.Code, v.Name)
		}
	}
	for _, c := range []abi.Code{-1, abi.Code(len(vectors)), 1 << 30} {
		if c.Valid() || c.String() != "internal" {
			t.Errorf("code %d is valid, or not internal: %s", int32(c), c)
		}
	}
}

func load[T any](t *testing.T, name string) []T {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var out []T
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	if len(out) == 0 {
		t.Fatalf("%s is empty", name)
	}
	return out
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
