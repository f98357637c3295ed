package pool

import (
	"context"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

var errDown = errors.New("down")

func TestBreaker(t *testing.T) {
	t.Parallel()
	var b breaker
	now := time.Now()
	for i := range tolerance {
		if _, err := b.admit(now, "C"); err != nil {
			t.Fatalf("after %d failures: %v", i, err)
		}
		b.note(down, false, false, errDown)
	}
	_, err := b.admit(now, "C")
	e, ok := errors.AsType[*host.Error](err)
	if !ok || e.Code != abi.Unavailable || e.RetryAfter <= 0 || !errors.Is(err, errDown) {
		t.Fatalf("after %d failures: %v", tolerance, err)
	}
	b.note(down, false, false, errDown) // what was under way meanwhile
	if b.failures != tolerance {
		t.Errorf("%d failures", b.failures)
	}
	now = b.until
	probe, err := b.admit(now, "C")
	if !probe || err != nil {
		t.Fatalf("half open: %v, %v", probe, err)
	}
	if _, err := b.admit(now, "C"); host.CodeOf(err) != abi.Unavailable {
		t.Errorf("a second probe: %v", err)
	}
	b.note(unknown, true, false, nil) // the caller went away
	if probe, err = b.admit(now, "C"); !probe || err != nil {
		t.Errorf("after a probe that says nothing: %v, %v", probe, err)
	}
	b.note(down, true, false, errDown)
	if !b.resting(time.Now()) || b.pauses != 2 {
		t.Errorf("a probe that finds the system down: %+v", b)
	}
	b.forgive()
	if probe, err = b.admit(time.Now(), "C"); !probe || err != nil {
		t.Errorf("forgiven: %v, %v", probe, err)
	}
	b.note(up, true, false, nil)
	if b != (breaker{}) {
		t.Errorf("after a success: %+v", b)
	}
}

func TestPausesGrow(t *testing.T) {
	t.Parallel()
	var b breaker
	for range 20 {
		now := time.Now()
		before := b.pauses
		b.note(down, false, true, errDown)
		if pause := b.until.Sub(now); b.pauses != before+1 || pause < firstPause/2 || pause > 2*maxPause {
			t.Errorf("pause %d is %s", b.pauses, pause)
		}
	}
	if left := time.Until(b.until); left < maxPause/2-time.Second {
		t.Errorf("the last pause is %s", left)
	}
}

func TestSlowConnectionsLeaveRoom(t *testing.T) {
	t.Parallel()
	b := new(budget)
	slow, slower, good := &share{budget: b}, &share{budget: b}, &share{budget: b}
	n := need{maxOps: 12, maxBytes: 1000}
	fill := func(s *share) (got int) {
		for s.fits(n) {
			if err := s.enter(t.Context(), n); err != nil {
				t.Fatal(err)
			}
			got++
		}
		return got
	}
	if a, c := fill(slow), fill(slower); a != 6 || c != 3 {
		t.Errorf("slow connections take %d and %d of 12", a, c)
	}
	if !good.fits(n) {
		t.Error("no room for a connection that works")
	}
	var all sync.WaitGroup
	all.Go(func() {
		if err := slow.enter(t.Context(), n); err != nil {
			t.Errorf("with room soon: %v", err)
		}
	})
	for {
		b.mu.Lock()
		waiting := b.waiting
		b.mu.Unlock()
		if waiting == 1 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	for _, s := range []*share{slower, slow, slow} {
		s.leave(0, 0, 0)
	}
	all.Wait()
	fill(slow)
	began := time.Now()
	if err := slow.enter(t.Context(), n); host.CodeOf(err) != abi.Limit || time.Since(began) < patience/2 {
		t.Errorf("without room: %v after %s", err, time.Since(began))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := slow.enter(ctx, n); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	if b.waiting != 0 || len(b.queues) != 0 {
		t.Errorf("%d wait in %d queues", b.waiting, len(b.queues))
	}
}

func TestBytesAreBounded(t *testing.T) {
	t.Parallel()
	s := &share{budget: new(budget)}
	n := need{maxOps: 100, maxBytes: 1000, bytes: 400}
	if err := s.enter(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if !s.leave(400, 900, 1000) {
		t.Error("a reply that fits is refused")
	}
	if s.fits(n) {
		t.Error("too many bytes fit")
	}
	n.bytes = 0
	if err := s.enter(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if s.leave(0, 101, 1000) {
		t.Error("a reply over the quota is held")
	}
	s.free(900)
	if s.bytes != 0 || s.budget.bytes != 0 || s.ops != 0 || s.budget.ops != 0 {
		t.Errorf("left: %d bytes, %d operations", s.bytes, s.ops)
	}
}

func TestSecretsAreHiddenInWhateverForm(t *testing.T) {
	t.Parallel()
	const secret = `pä s/w"o<rd+1`
	r := new(redactor)
	r.hide(secret)
	r.hide("ab1")
	for _, text := range []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret),
		base64.StdEncoding.EncodeToString([]byte(secret)),
		base64.StdEncoding.EncodeToString([]byte("me:" + secret)),
		base64.URLEncoding.EncodeToString([]byte("user:" + secret + "!")),
		base64.RawStdEncoding.EncodeToString([]byte("u:" + secret)),
		`p\u00e4 is not it, but ` + `pä s/w\"o\u003crd+1` + " is", "code ab1.",
	} {
		got := r.secretsIn("before " + text + " after")
		if !strings.Contains(got, hidden) || strings.Contains(got, secret) || !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " after") {
			t.Errorf("%q becomes %q", text, got)
		}
	}
	if got := r.secretsIn("cab12 is a word"); got != "cab12 is a word" {
		t.Errorf("a short secret within a word: %q", got)
	}
	r.seen("db.example.com:5432")
	r.seen("10.1.2.3:5432")
	if got := r.forService("from 10.1.2.3: no db.example.com:5432, 110.1.2.34"); got != "from ***: no ***, 110.1.2.34" {
		t.Errorf("addresses: %q", got)
	}
}
