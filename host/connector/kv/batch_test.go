package kv

import (
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

func TestBatch(t *testing.T) {
	s, a := New(newMemory()), scope("a")
	out, err := do(t, s, a, "onetwo", "op", "kv.batch", "set", "k", "length", "3", "if-revision", "0", "set", "l", "ttl", "60000", "length", "3", "get", "l", "get", "none")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range out.Envelope {
		names = append(names, f.Name)
	}
	want := []string{"revision", "revision", "revision", "ttl", "length", "revision"}
	if diff := cmp.Diff(want, names); diff != "" || string(out.Body) != "two" {
		t.Errorf("body %q, fields %s", out.Body, diff)
	}
	if last := out.Envelope[len(out.Envelope)-1].Value; last != "0" {
		t.Errorf("a missing key has revision %s", last)
	}

	// One step that does not fit takes back the others.
	_, err = do(t, s, a, "x", "op", "kv.batch", "set", "k", "length", "1", "delete", "l", "check", "none", "if-revision", "7")
	wantCode(t, err, abi.Conflict, "if-revision")
	if e, err := s.Get(t.Context(), "a", "k"); err != nil || string(e.Value) != "one" {
		t.Errorf("after a conflict: %q, %v", e.Value, err)
	}
	out, err = do(t, s, a, "", "op", "kv.batch", "delete", "k", "delete", "k", "expire", "l", "expire", "k", "get", "l")
	if err != nil {
		t.Fatal(err)
	}
	e := out.Envelope
	if len(e) != 6 || e[0].Value == "0" || e[1].Value != "0" || e[2].Value == "0" || e[3].Value != "0" || e[5].Value != "3" {
		t.Errorf("delete twice, persist one: %v", e) // no ttl is left
	}
}

func TestBatchRefusals(t *testing.T) {
	s, a := New(newMemory()), scope("a")
	a.Quota.KVBytes = 4
	a.Grants.Keys = &[]string{"k*"}
	many := []string{"op", "kv.batch"}
	for range MaxSteps + 1 {
		many = append(many, "get", "k")
	}
	for _, c := range []struct {
		code   abi.Code
		field  string
		body   string
		fields []string
	}{
		{abi.Invalid, "key", "", []string{"op", "kv.batch"}},
		{abi.Invalid, "get", "", many},
		{abi.Invalid, "ttl", "", []string{"op", "kv.batch", "ttl", "1", "set", "k"}},
		{abi.Invalid, "key", "", []string{"op", "kv.batch", "get", ""}},
		{abi.Invalid, "length", "abc", []string{"op", "kv.batch", "set", "k", "length", "2"}},
		{abi.Invalid, "length", "abc", []string{"op", "kv.batch", "set", "k", "length", "4"}},
		{abi.Invalid, "length", "abc", []string{"op", "kv.batch", "set", "k", "length", "-1"}},
		{abi.Invalid, "length", "abc", []string{"op", "kv.batch", "set", "k", "length", "1", "length", "2"}},
		{abi.Invalid, "length", "a", []string{"op", "kv.batch", "delete", "k", "length", "1"}},
		{abi.Invalid, "ttl", "", []string{"op", "kv.batch", "get", "k", "ttl", "1"}},
		{abi.Invalid, "ttl", "", []string{"op", "kv.batch", "set", "k", "ttl", "soon"}},
		{abi.Invalid, "keep-ttl", "", []string{"op", "kv.batch", "set", "k", "keep-ttl", "yes"}},
		{abi.Invalid, "if-revision", "", []string{"op", "kv.batch", "check", "k", "if-revision", "x"}},
		{abi.Invalid, "unless", "", []string{"op", "kv.batch", "get", "k", "unless", "x"}},
		{abi.Invalid, "area", "", []string{"op", "kv.batch", "area", "a\x00", "get", "k"}},
		{abi.TooLarge, "", "12345", []string{"op", "kv.batch", "set", "k", "length", "5"}},
		{abi.Denied, "", "", []string{"op", "kv.batch", "get", "k", "get", "other"}},
	} {
		_, err := do(t, s, a, c.body, c.fields...)
		wantCode(t, err, c.code, c.field)
	}
	a.Quota.KVBytes = 2 * host.MiB
	if _, err := do(t, s, a, strings.Repeat("x", 1<<20), "op", "kv.set", "key", "k"); err != nil {
		t.Fatal(err)
	}
	reads := []string{"op", "kv.batch"}
	for range 17 {
		reads = append(reads, "get", "k")
	}
	_, err := do(t, s, a, "", reads...)
	wantCode(t, err, abi.TooLarge, "")
}

func TestAreasAreApart(t *testing.T) {
	s := New(newMemory())
	a := scope("a")
	areas := []string{"", "cache/default", "cache/default2", "lock"}
	for _, area := range areas {
		if _, err := do(t, s, a, area, "op", "kv.set", "area", area, "key", "k"); err != nil {
			t.Fatal(err)
		}
	}
	a.Grants.Keys = &[]string{} // about the tenant's own keys only
	for _, area := range areas[1:] {
		got, err := do(t, s, a, "", "op", "kv.get", "area", area, "key", "k")
		if err != nil || string(got.Body) != area {
			t.Errorf("area %q: %v, %v", area, got, err)
		}
		if got, err = do(t, s, a, "", "op", "kv.list", "area", area); err != nil || len(got.Envelope) != 1 {
			t.Errorf("area %q lists %v, %v", area, got, err)
		}
	}
	_, err := do(t, s, a, "", "op", "kv.get", "key", "k")
	wantCode(t, err, abi.Denied, "")
	_, err = do(t, s, a, "", "op", "kv.get", "area", strings.Repeat("a", MaxAreaBytes+1), "key", "k")
	wantCode(t, err, abi.Invalid, "area")

	out, err := do(t, s, a, "", "op", "kv.clear", "area", "cache/default")
	if err != nil || out.Envelope.Get("deleted") != "1" {
		t.Errorf("clear: %v, %v", out, err)
	}
	if keys, _, err := s.List(t.Context(), "a", ListOptions{}); err != nil || !cmp.Equal(keys, []string{"k"}) {
		t.Errorf("own keys: %v, %v", keys, err)
	}
	if err := s.Clear(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	for _, area := range areas {
		in, err := s.Area(area)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.Get(t.Context(), "a", "k"); host.CodeOf(err) != abi.NotFound {
			t.Errorf("area %q after the tenant was cleared: %v", area, err)
		}
	}
}

func TestClear(t *testing.T) {
	s, a := New(newMemory()), scope("a")
	for i := range 2*MaxLimit + 10 {
		if _, err := s.Set(t.Context(), "a", fmt.Sprintf("k%04d", i), nil, SetOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	a.Grants.Keys = &[]string{"k1*"}
	_, err := do(t, s, a, "", "op", "kv.clear", "prefix", "k")
	wantCode(t, err, abi.Denied, "")
	out, err := do(t, s, a, "", "op", "kv.clear", "prefix", "k1")
	if err != nil || out.Envelope.Get("deleted") != "1000" {
		t.Errorf("clear: %v, %v", out, err)
	}
	a.Grants.Keys = nil
	out, err = do(t, s, a, "", "op", "kv.clear")
	if err != nil || out.Envelope.Get("deleted") != "1010" {
		t.Errorf("clear: %v, %v", out, err)
	}
}

func TestTimeToLiveThatIsKept(t *testing.T) {
	s, a := New(newMemory()), scope("a")
	now := time.Unix(1700000000, 0)
	s.now = func() time.Time { return now }
	ttl := func() string {
		t.Helper()
		got, err := do(t, s, a, "", "op", "kv.get", "key", "k")
		if err != nil {
			t.Fatal(err)
		}
		return got.Envelope.Get("ttl")
	}
	must := func(body string, fields ...string) {
		t.Helper()
		if _, err := do(t, s, a, body, fields...); err != nil {
			t.Fatal(err)
		}
	}
	must("v", "op", "kv.set", "key", "k", "ttl", "50")
	now = now.Add(20 * time.Millisecond)
	must("w", "op", "kv.set", "key", "k", "keep-ttl", "1")
	if got := ttl(); got != "30" {
		t.Errorf("kept: ttl %s", got)
	}
	must("", "op", "kv.expire", "key", "k", "ttl", "1000")
	if got := ttl(); got != "1000" {
		t.Errorf("changed: ttl %s", got)
	}
	must("", "op", "kv.expire", "key", "k")
	if got := ttl(); got != "" {
		t.Errorf("persistent: ttl %q", got)
	}
	_, err := do(t, s, a, "", "op", "kv.expire", "key", "none")
	wantCode(t, err, abi.NotFound, "")
	_, err = do(t, s, a, "", "op", "kv.expire", "key", "k", "if-revision", "1")
	wantCode(t, err, abi.Conflict, "if-revision")
}

// TestTransfers moves amounts between accounts from many goroutines, as
// transactions by compare and set; no amount is lost.
func TestTransfers(t *testing.T) {
	s := New(newMemory())
	const accounts, each = 4, 100
	for i := range accounts {
		if _, err := s.Set(t.Context(), "a", strconv.Itoa(i), []byte(strconv.Itoa(each)), SetOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := range 50 {
				transfer(t, s, strconv.Itoa((w+i)%accounts), strconv.Itoa((w+3*i+1)%accounts))
			}
		})
	}
	all.Wait()
	sum := 0
	for i := range accounts {
		e, err := s.Get(t.Context(), "a", strconv.Itoa(i))
		n, convErr := strconv.Atoi(string(e.Value))
		if err != nil || convErr != nil {
			t.Fatal(err, convErr)
		}
		sum += n
	}
	if sum != accounts*each {
		t.Errorf("the accounts hold %d, want %d", sum, accounts*each)
	}
}

func transfer(t *testing.T, s *Space, from, to string) {
	if from == to {
		return
	}
	for {
		now, err := s.Do(t.Context(), "a", []Step{{Action: Get, Key: from}, {Action: Get, Key: to}}, 0)
		if err != nil {
			t.Error(err)
			return
		}
		a, _ := strconv.Atoi(string(now[0].Value))
		b, _ := strconv.Atoi(string(now[1].Value))
		_, err = s.Do(t.Context(), "a", []Step{
			{Action: Set, Key: from, Value: []byte(strconv.Itoa(a - 1)), IfRevision: &now[0].Revision},
			{Action: Set, Key: to, Value: []byte(strconv.Itoa(b + 1)), IfRevision: &now[1].Revision},
		}, 0)
		if err == nil {
			return
		}
		if host.CodeOf(err) != abi.Conflict {
			t.Error(err)
			return
		}
	}
}

func FuzzBatch(f *testing.F) {
	seed := func(body string, fields ...string) {
		var e abi.Envelope
		for i := 0; i < len(fields); i += 2 {
			e.Add(fields[i], fields[i+1])
		}
		f.Add(e.Append(nil), []byte(body))
	}
	seed("1", "op", "kv.batch", "set", "k", "length", "1", "ttl", "5", "get", "k")
	seed("", "area", "x", "delete", "k", "if-revision", "0", "expire", "l", "ttl", "1", "check", "k")
	f.Fuzz(func(t *testing.T, raw, body []byte) {
		e, err := abi.Decode(raw)
		if err != nil {
			return
		}
		ops := connector.NewRegistry(connector.Builtins(Connector(New(newMemory())))...)
		e = append(abi.Envelope{{Name: abi.FieldOp, Value: abi.OpKVBatch}}, e...)
		out, err := ops.Do(t.Context(), &connector.Request{Scope: scope("a"), Envelope: e, Body: body})
		if err != nil {
			if host.CodeOf(err) == abi.Internal {
				t.Errorf("internal error: %v", err)
			}
			return
		}
		size := 0
		for _, f := range out.Envelope {
			if f.Name == abi.FieldLength {
				n, _ := strconv.Atoi(f.Value)
				size += n
			}
		}
		if size != len(out.Body) {
			t.Errorf("lengths of %d bytes, body of %d", size, len(out.Body))
		}
	})
}
