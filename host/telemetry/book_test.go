package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/telemetry"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func record(tenant, service string, n int) telemetry.Record {
	return telemetry.Record{
		Time: epoch.Add(time.Duration(n) * time.Second), Tenant: tenant, Service: service, CID: fmt.Sprint("c", n%3),
		Level: abi.LevelDebug + 10*(n%5), Message: fmt.Sprint("m", n),
	}
}

func messages(rs []telemetry.Record) string {
	var out []string
	for _, r := range rs {
		out = append(out, r.Message)
	}
	return strings.Join(out, " ")
}

func TestTail(t *testing.T) {
	b := telemetry.NewBook(telemetry.Options{})
	for i := range 10 {
		b.Append(record("a", []string{"x", "y"}[i%2], i))
	}
	b.Append(record("b", "x", 99))
	b.Append(record("", "x", 100))
	tests := map[string]struct {
		tenant string
		filter telemetry.Filter
		want   string
	}{
		"all":         {"a", telemetry.Filter{}, "m0 m1 m2 m3 m4 m5 m6 m7 m8 m9"},
		"other":       {"b", telemetry.Filter{}, "m99"},
		"nobody":      {"", telemetry.Filter{}, ""},
		"stranger":    {"c", telemetry.Filter{}, ""},
		"service":     {"a", telemetry.Filter{Service: "y"}, "m1 m3 m5 m7 m9"},
		"no service":  {"a", telemetry.Filter{Service: "z"}, ""},
		"limit":       {"a", telemetry.Filter{Limit: 3}, "m7 m8 m9"},
		"call":        {"a", telemetry.Filter{CID: "c1"}, "m1 m4 m7"},
		"level":       {"a", telemetry.Filter{MinLevel: abi.LevelError}, "m3 m4 m8 m9"},
		"since":       {"a", telemetry.Filter{Since: epoch.Add(8 * time.Second)}, "m8 m9"},
		"all of them": {"a", telemetry.Filter{Service: "x", CID: "c0", MinLevel: abi.LevelInfo, Since: epoch.Add(time.Second), Limit: 1}, "m6"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := messages(b.Tail(tt.tenant, tt.filter)); got != tt.want {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

func TestEvictionPerService(t *testing.T) {
	b := telemetry.NewBook(telemetry.Options{PerService: 3})
	for i := range 10 {
		b.Append(record("a", "x", i))
	}
	b.Append(record("a", "y", 50))
	if got := messages(b.Tail("a", telemetry.Filter{})); got != "m7 m8 m9 m50" {
		t.Errorf("%q", got)
	}
	b = telemetry.NewBook(telemetry.Options{PerServiceBytes: 4000})
	for i := range 10 {
		r := record("a", "x", i)
		r.Message += strings.Repeat("x", 1000)
		b.Append(r)
	}
	if got := len(b.Tail("a", telemetry.Filter{})); got != 3 {
		t.Errorf("%d records", got)
	}
}

func TestEvictionIsAtTheExpenseOfTheLoud(t *testing.T) {
	b := telemetry.NewBook(telemetry.Options{Bytes: 100 << 10})
	for i := range 10 {
		b.Append(record("quiet", "x", i))
	}
	for i := range 5000 {
		b.Append(record("loud", fmt.Sprint("s", i%7), i))
	}
	b.Append(record("late", "x", 1))
	if got := len(b.Tail("quiet", telemetry.Filter{})); got != 10 {
		t.Errorf("the quiet tenant has %d records left", got)
	}
	if got := len(b.Tail("late", telemetry.Filter{})); got != 1 {
		t.Errorf("the late tenant has %d records", got)
	}
	loud := b.Tail("loud", telemetry.Filter{Limit: telemetry.MaxLimit})
	if len(loud) < 100 || len(loud) > 400 || loud[len(loud)-1].Message != "m4999" {
		t.Errorf("the loud tenant has %d records, the last is %q", len(loud), loud[len(loud)-1].Message)
	}
}

func TestRecordsAreBounded(t *testing.T) {
	b := telemetry.NewBook(telemetry.Options{})
	f := &host.GuestFailure{Traceback: strings.Repeat("é", abi.MaxLogRecord)}
	b.Append(telemetry.Record{Tenant: "a", Message: "x" + strings.Repeat("é", abi.MaxLogRecord), Failure: f, CID: strings.Repeat("c", 1000)})
	b.Append(telemetry.Record{Tenant: "a", Message: "bad \xff\xfe"})
	f.Traceback = "changed later"
	rs := b.Tail("a", telemetry.Filter{})
	for _, r := range rs {
		if len(r.Message) > abi.MaxLogRecord || len(r.CID) > 256 || !utf8.ValidString(r.Message) || r.Time.IsZero() {
			t.Errorf("message of %d bytes, cid of %d, time %v", len(r.Message), len(r.CID), r.Time)
		}
	}
	if got := rs[0].Failure.Traceback; len(got) != abi.MaxLogRecord || !utf8.ValidString(got) {
		t.Errorf("traceback of %d bytes", len(got))
	}
}

func TestForget(t *testing.T) {
	b := telemetry.NewBook(telemetry.Options{})
	for i := range 4 {
		b.Append(record("a", []string{"x", "y"}[i%2], i))
		b.Append(record("b", "x", 10+i))
	}
	b.Forget("a", "x")
	b.Forget("a", "none")
	b.Forget("none", "x")
	b.Forget("none", "")
	if got := messages(b.Tail("a", telemetry.Filter{})); got != "m1 m3" {
		t.Errorf("%q", got)
	}
	ch := b.Follow(t.Context(), "a", telemetry.Filter{})
	b.Forget("a", "")
	if _, open := <-ch; open {
		t.Error("the follower of a forgotten tenant goes on")
	}
	if got := messages(b.Tail("a", telemetry.Filter{})) + messages(b.Tail("b", telemetry.Filter{})); got != "m10 m11 m12 m13" {
		t.Errorf("%q", got)
	}
}

func TestFollow(t *testing.T) {
	b := telemetry.NewBook(telemetry.Options{})
	b.Append(record("a", "x", 0))
	ctx, cancel := context.WithCancel(t.Context())
	ch := b.Follow(ctx, "a", telemetry.Filter{Service: "x", MinLevel: abi.LevelInfo})
	for i := range 10 {
		b.Append(record("a", []string{"x", "y"}[i%2], i))
		b.Append(record("b", "x", 100+i))
	}
	for _, want := range []string{"m2", "m4", "m6", "m8"} {
		if got := <-ch; got.Message != want {
			t.Errorf("%q, want %q", got.Message, want)
		}
	}
	cancel()
	if _, open := <-ch; open {
		t.Error("a record after the last")
	}
	b.Append(record("a", "x", 2)) // must not touch the closed channel
	if _, open := <-b.Follow(ctx, "a", telemetry.Filter{}); open {
		t.Error("a follower whose context had ended got a record")
	}
	if _, open := <-b.Follow(t.Context(), "", telemetry.Filter{}); open {
		t.Error("a follower of no tenant got a record")
	}
}

func TestSlowFollowerLosesRecordsAndIsTold(t *testing.T) {
	b := telemetry.NewBook(telemetry.Options{FollowBuffer: 4})
	slow, fast := b.Follow(t.Context(), "a", telemetry.Filter{}), b.Follow(t.Context(), "a", telemetry.Filter{})
	for i := range 10 {
		b.Append(record("a", "x", i))
		if r := <-fast; r.Message != fmt.Sprint("m", i) {
			t.Fatalf("the fast follower got %q", r.Message)
		}
	}
	var got []string
	for range 4 {
		got = append(got, (<-slow).Message)
	}
	b.Append(record("a", "x", 10))
	got = append(got, (<-slow).Message, (<-slow).Message)
	want := []string{"m0", "m1", "m2", "m3", "6 records were left out here: the reader is slower than the log", "m10"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFollowersAreBounded(t *testing.T) {
	b := telemetry.NewBook(telemetry.Options{Followers: 2})
	ctx, cancel := context.WithCancel(t.Context())
	first := b.Follow(ctx, "a", telemetry.Filter{})
	b.Follow(ctx, "a", telemetry.Filter{})
	if _, open := <-b.Follow(ctx, "a", telemetry.Filter{}); open {
		t.Error("a third follower was let in")
	}
	cancel()
	<-first
}

// stuck is a writer that blocks until it is released.
type stuck struct {
	free chan struct{}
	mu   sync.Mutex
	buf  bytes.Buffer
}

func (s *stuck) Write(p []byte) (int, error) {
	<-s.free
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func TestOut(t *testing.T) {
	w := &stuck{free: make(chan struct{})}
	b := telemetry.NewBook(telemetry.Options{Out: w})
	r := record("a", "x", 2)
	r.Message, r.Failure = "line\nbreak", &host.GuestFailure{Type: "E", Line: 3}
	b.Append(r)
	for i := range 5000 { // more than may wait; the writer takes none of them
		b.Append(record("a", "x", i))
	}
	close(w.free)
	for range 2 {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}
	lines := strings.Split(strings.TrimSpace(w.buf.String()), "\n")
	if len(lines) < 1000 || len(lines) > 1100 {
		t.Errorf("%d lines", len(lines))
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &got); err != nil {
		t.Fatal(err)
	}
	delete(got, "dropped") // whether some were dropped by then depends on the scheduler
	want := map[string]any{
		"time": "2026-01-02T03:04:07Z", "level": "WARN", "msg": "line\nbreak", "tenant": "a", "service": "x", "version": "", "cid": "c2",
		"failure": map[string]any{"type": "E", "message": "", "traceback": "", "file": "", "line": 3.0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !strings.Contains(w.buf.String(), `"dropped":`) {
		t.Error("nothing says that records were dropped")
	}
}

func TestBookHammer(t *testing.T) {
	b := telemetry.NewBook(telemetry.Options{PerService: 50, Bytes: 64 << 10, FollowBuffer: 8, Out: io.Discard})
	defer b.Close()
	var wg sync.WaitGroup
	for k := range 4 {
		wg.Go(func() {
			for i := range 2000 {
				b.Append(record(fmt.Sprint("t", i%3), fmt.Sprint("s", k), i))
			}
		})
		wg.Go(func() {
			for i := range 300 {
				tenant := fmt.Sprint("t", i%3)
				for _, r := range b.Tail(tenant, telemetry.Filter{Limit: 10}) {
					if r.Tenant != tenant {
						t.Errorf("%s sees a record of %s", tenant, r.Tenant)
					}
				}
				switch i % 50 {
				case 10:
					b.Forget(tenant, fmt.Sprint("s", k))
				case 20:
					b.Forget(tenant, "")
				}
			}
		})
		wg.Go(func() {
			for i := range 100 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
				tenant := fmt.Sprint("t", i%3)
				for r := range b.Follow(ctx, tenant, telemetry.Filter{}) {
					if r.Tenant != tenant {
						t.Errorf("%s follows a record of %s", tenant, r.Tenant)
					}
				}
				cancel()
			}
		})
	}
	wg.Wait()
}

func TestLevelName(t *testing.T) {
	for level, want := range map[int]string{-1: "DEBUG", 10: "DEBUG", 20: "INFO", 25: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL", 99: "CRITICAL"} {
		if got := telemetry.LevelName(level); got != want {
			t.Errorf("LevelName(%d) = %q", level, got)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	book := telemetry.NewBook(telemetry.Options{})
	r := record("a", "x", 1)
	b.ReportAllocs()
	for b.Loop() {
		book.Append(r)
	}
}
