package kv

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

func scope(tenant string) connector.Scope {
	return connector.Scope{Tenant: tenant, Service: "svc", Quota: host.DefaultQuota()}
}

func do(t *testing.T, s *Space, sc connector.Scope, body string, fields ...string) (*connector.Result, error) {
	t.Helper()
	var env abi.Envelope
	for i := 0; i < len(fields); i += 2 {
		env.Add(fields[i], fields[i+1])
	}
	return connector.NewRegistry(connector.Builtins(Connector(s))...).Do(t.Context(), &connector.Request{Scope: sc, Envelope: env, Body: []byte(body)})
}

func wantCode(t *testing.T, err error, code abi.Code, field string) {
	t.Helper()
	var e *host.Error
	if !errors.As(err, &e) || e.Code != code || e.Field != field {
		t.Errorf("error %v: code %s, want %s on field %q", err, host.CodeOf(err), code, field)
	}
}

func TestOps(t *testing.T) {
	s, a := New(newMemory()), scope("a")
	_, err := do(t, s, a, "", "op", "kv.get", "key", "k")
	wantCode(t, err, abi.NotFound, "")

	r1, err := do(t, s, a, "one", "op", "kv.set", "key", "k", "if-revision", "0")
	if err != nil {
		t.Fatal(err)
	}
	got, err := do(t, s, a, "", "op", "kv.get", "key", "k")
	if err != nil || string(got.Body) != "one" || got.Envelope.Get("revision") != r1.Envelope.Get("revision") {
		t.Fatalf("get = %v, %v", got, err)
	}
	_, err = do(t, s, a, "two", "op", "kv.set", "key", "k", "if-revision", "0")
	wantCode(t, err, abi.Conflict, "if-revision")
	r2, err := do(t, s, a, "two", "op", "kv.set", "key", "k", "if-revision", r1.Envelope.Get("revision"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = do(t, s, a, "three", "op", "kv.set", "key", "k", "if-revision", r1.Envelope.Get("revision"))
	wantCode(t, err, abi.Conflict, "if-revision")
	_, err = do(t, s, a, "", "op", "kv.delete", "key", "k", "if-revision", r1.Envelope.Get("revision"))
	wantCode(t, err, abi.Conflict, "if-revision")
	gone, err := do(t, s, a, "", "op", "kv.delete", "key", "k", "if-revision", r2.Envelope.Get("revision"))
	if err != nil || gone.Envelope.Get("deleted") != "1" {
		t.Fatalf("delete = %v, %v", gone, err)
	}
	gone, err = do(t, s, a, "", "op", "kv.delete", "key", "k")
	if err != nil || gone.Envelope.Get("deleted") != "0" {
		t.Fatalf("second delete = %v, %v", gone, err)
	}
	_, err = do(t, s, a, "x", "op", "kv.set", "key", "k", "if-revision", r2.Envelope.Get("revision"))
	wantCode(t, err, abi.Conflict, "if-revision") // a deleted key's revision does not come back
	r3, err := do(t, s, a, "x", "op", "kv.set", "key", "k")
	if err != nil || r3.Envelope.Get("revision") == r1.Envelope.Get("revision") {
		t.Errorf("set after delete = %v, %v", r3, err)
	}
}

func TestRefusals(t *testing.T) {
	s, a := New(newMemory()), scope("a")
	a.Quota.KVBytes = 4
	for _, c := range []struct {
		code   abi.Code
		field  string
		fields []string
	}{
		{abi.Invalid, "key", []string{"op", "kv.get"}},
		{abi.Invalid, "key", []string{"op", "kv.set", "key", strings.Repeat("k", MaxKeyBytes+1)}},
		{abi.Invalid, "key", []string{"op", "kv.set", "key", "\xff"}},
		{abi.Invalid, "ttl", []string{"op", "kv.set", "key", "k", "ttl", "-1"}},
		{abi.Invalid, "ttl", []string{"op", "kv.set", "key", "k", "ttl", "99999999999999999999"}},
		{abi.Invalid, "ttl", []string{"op", "kv.set", "key", "k", "ttl", "9223372036854775807"}},
		{abi.Invalid, "if-revision", []string{"op", "kv.set", "key", "k", "if-revision", ""}},
		{abi.Invalid, "if-revision", []string{"op", "kv.delete", "key", "k", "if-revision", "x"}},
		{abi.Invalid, "limit", []string{"op", "kv.list", "limit", "0"}},
		{abi.Invalid, "limit", []string{"op", "kv.list", "limit", "1001"}},
		{abi.Invalid, "prefix", []string{"op", "kv.list", "prefix", strings.Repeat("k", MaxKeyBytes+1)}},
		{abi.Invalid, "after", []string{"op", "kv.list", "after", strings.Repeat("k", MaxKeyBytes+1)}},
	} {
		body := ""
		if c.fields[1] == "kv.set" {
			body = "v"
		}
		_, err := do(t, s, a, body, c.fields...)
		wantCode(t, err, c.code, c.field)
	}
	_, err := do(t, s, a, "12345", "op", "kv.set", "key", "k")
	wantCode(t, err, abi.TooLarge, "")
	if _, err := do(t, s, a, "1234", "op", "kv.set", "key", strings.Repeat("k", MaxKeyBytes)); err != nil {
		t.Error(err)
	}
}

func TestGrants(t *testing.T) {
	s, a := New(newMemory()), scope("a")
	for _, k := range []string{"n", "nn", "notify.a", "notify.b", "other"} {
		if _, err := do(t, s, a, "v", "op", "kv.set", "key", k); err != nil {
			t.Fatal(err)
		}
	}
	a.Grants.Keys = &[]string{"notify.*", "n"}
	for _, op := range []string{"kv.get", "kv.set", "kv.delete"} {
		_, err := do(t, s, a, "", "op", op, "key", "other")
		wantCode(t, err, abi.Denied, "")
	}
	_, err := do(t, s, a, "", "op", "kv.list", "prefix", "")
	wantCode(t, err, abi.Denied, "")
	for prefix, want := range map[string][]string{"notify.": {"notify.a", "notify.b"}, "n": {"n", "notify.a", "notify.b"}} {
		got, err := do(t, s, a, "", "op", "kv.list", "prefix", prefix)
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		for _, f := range got.Envelope {
			keys = append(keys, f.Value)
		}
		if diff := cmp.Diff(want, keys); diff != "" {
			t.Errorf("list %q: %s", prefix, diff)
		}
	}
	a.Grants.Keys = &[]string{}
	_, err = do(t, s, a, "", "op", "kv.get", "key", "n")
	wantCode(t, err, abi.Denied, "")
}

func TestTenantsAreApart(t *testing.T) {
	s := New(newMemory())
	for _, tenant := range []string{"a", "ab", "abc"} {
		for _, key := range []string{"k", "bk", "bck", "c"} {
			if _, err := s.Set(t.Context(), tenant, key, []byte(tenant), SetOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tenant := range []string{"a", "ab", "abc"} {
		keys, _, err := s.List(t.Context(), tenant, ListOptions{})
		if diff := cmp.Diff([]string{"bck", "bk", "c", "k"}, keys); err != nil || diff != "" {
			t.Errorf("%s: %v %s", tenant, err, diff)
		}
		if e, err := s.Get(t.Context(), tenant, "bk"); err != nil || string(e.Value) != tenant {
			t.Errorf("%s reads %q, %v", tenant, e.Value, err)
		}
	}
	if err := s.Clear(t.Context(), "ab"); err != nil {
		t.Fatal(err)
	}
	for tenant, want := range map[string]int{"a": 4, "ab": 0, "abc": 4} {
		if keys, _, err := s.List(t.Context(), tenant, ListOptions{}); err != nil || len(keys) != want {
			t.Errorf("%s after clear: %v, %v", tenant, keys, err)
		}
	}
	_, err := s.Get(t.Context(), "../a", "k")
	wantCode(t, err, abi.Invalid, "tenant")
}

func TestListPages(t *testing.T) {
	s := New(newMemory())
	var want []string
	for i := range 25 {
		key := fmt.Sprintf("p.%02d", i)
		want = append(want, key)
		if _, err := s.Set(t.Context(), "a", key, nil, SetOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for after, pages := "", 0; ; pages++ {
		r, err := do(t, s, scope("a"), "", "op", "kv.list", "prefix", "p.", "after", after, "limit", "10")
		if err != nil || pages > 3 {
			t.Fatalf("page %d: %v", pages, err)
		}
		for _, f := range r.Envelope {
			if f.Name == abi.FieldKey {
				got = append(got, f.Value)
			}
		}
		if after = r.Envelope.Get("next"); after == "" {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if keys, next, err := s.List(t.Context(), "a", ListOptions{Limit: 25}); len(keys) != 25 || next != "" || err != nil {
		t.Errorf("a page that fits: %d keys, next %q, %v", len(keys), next, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.List(ctx, "a", ListOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled listing: %v", err)
	}
}

func TestTTL(t *testing.T) {
	s := New(newMemory())
	now := time.Unix(1700000000, 0)
	s.now = func() time.Time { return now }
	if _, err := do(t, s, scope("a"), "v", "op", "kv.set", "key", "k", "ttl", "50"); err != nil {
		t.Fatal(err)
	}
	now = now.Add(49 * time.Millisecond)
	e, err := s.Get(t.Context(), "a", "k")
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Millisecond)
	_, err = s.Get(t.Context(), "a", "k")
	wantCode(t, err, abi.NotFound, "")
	if keys, _, _ := s.List(t.Context(), "a", ListOptions{}); len(keys) != 0 {
		t.Errorf("expired key is listed: %v", keys)
	}
	if found, err := s.Delete(t.Context(), "a", "k", nil); found || err != nil {
		t.Errorf("deleting an expired key = %t, %v", found, err)
	}
	now = now.Add(-time.Hour) // a clock that steps back repeats no revision
	zero := uint64(0)
	revision, err := s.Set(t.Context(), "a", "k", nil, SetOptions{IfRevision: &zero})
	if err != nil || revision <= e.Revision {
		t.Errorf("revision %d after %d, %v", revision, e.Revision, err)
	}
}

// TestCompareAndSetHammer counts with compare-and-set from many goroutines;
// no increment may be lost.
func TestCompareAndSetHammer(t *testing.T) {
	s := New(newMemory())
	const workers, each = 8, 25
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for done := 0; done < each; {
				e, err := s.Get(t.Context(), "a", "n")
				if err != nil && host.CodeOf(err) != abi.NotFound {
					t.Error(err)
					return
				}
				n, _ := strconv.Atoi(string(e.Value))
				_, err = s.Set(t.Context(), "a", "n", []byte(strconv.Itoa(n+1)), SetOptions{IfRevision: &e.Revision})
				switch host.CodeOf(err) {
				case abi.OK:
					done++
				case abi.Conflict:
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if e, _ := s.Get(t.Context(), "a", "n"); string(e.Value) != strconv.Itoa(workers*each) {
		t.Errorf("counted %s, want %d", e.Value, workers*each)
	}
}

func TestBrokenValue(t *testing.T) {
	m := newMemory()
	m.data[string(append(Prefix("a"), 'k'))] = []byte("short")
	s := New(m)
	if _, err := s.Get(t.Context(), "a", "k"); host.CodeOf(err) != abi.Internal {
		t.Errorf("get = %v", err)
	}
	if _, _, err := s.List(t.Context(), "a", ListOptions{}); host.CodeOf(err) != abi.Internal {
		t.Errorf("list = %v", err)
	}
}
