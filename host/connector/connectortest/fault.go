package connectortest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// unavailable is about a server that goes away and comes back.
func (s Suite) unavailable(t *testing.T) {
	f := s.client(t, s.Server.Addr())
	if err := s.first(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	s.Server.Stop()
	if err := f.Ping(t.Context()); host.CodeOf(err) != abi.Unavailable {
		t.Errorf("ping of a server that is down: %v", err)
	}
	for _, op := range s.Ops {
		if _, err := s.do(t.Context(), f, op); host.CodeOf(err) != abi.Unavailable {
			t.Errorf("%s with a server that is down: %v", op.Name, err)
		}
	}
	s.Server.Start()
	s.back(t, f)
	for _, op := range s.Ops {
		if _, err := s.do(t.Context(), f, op); err != nil {
			t.Errorf("%s with a server that is back: %v", op.Name, err)
		}
	}
}

// silent is about a server that accepts connections and says nothing.
func (s Suite) silent(t *testing.T) {
	s.patience(t, s.client(t, StartStub(t, silent).Addr()))
}

// patience checks that nobody waits for longer than they want to.
func (s Suite) patience(t *testing.T, f *Client) {
	t.Helper()
	for _, op := range s.Ops {
		soon(t, op.Name+" until a deadline", abi.Timeout, func() (time.Duration, error) {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			began := time.Now()
			_, err := s.do(ctx, f, op)
			return time.Since(began), err
		})
		soon(t, op.Name+" until it is cancelled", abi.Cancelled, func() (time.Duration, error) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			time.AfterFunc(50*time.Millisecond, cancel)
			began := time.Now()
			_, err := s.do(ctx, f, op)
			return time.Since(began), err
		})
	}
	soon(t, "ping until a deadline", abi.Timeout, func() (time.Duration, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		began := time.Now()
		err := f.Ping(ctx)
		return time.Since(began), err
	})
}

// soon checks that something ends with an error that has a code, or
// Unavailable, promptly. What was slow because the machine is busy is tried again.
func soon(t *testing.T, what string, code abi.Code, do func() (time.Duration, error)) {
	t.Helper()
	var took time.Duration
	for range 3 {
		var err error
		took, err = do()
		if got := host.CodeOf(err); got != code && got != abi.Unavailable {
			t.Errorf("%s: %v (%s)", what, err, got)
			return
		}
		if took <= promptly {
			return
		}
	}
	t.Errorf("%s takes %s", what, took)
}

// strangers is about servers that are something else.
func (s Suite) strangers(t *testing.T) {
	eachStranger(t, s.Known, func(t *testing.T, ctx context.Context, addr string) error {
		f := s.client(t, addr)
		if err := f.Ping(ctx); err == nil {
			return nil
		}
		return s.first(ctx, f)
	})
}

// cut is about a server that breaks off: in the middle of an answer, while
// nobody asks, and in its greeting.
func (s Suite) cut(t *testing.T) {
	p := StartProxy(t, s.Server.Addr())
	f := s.client(t, p.Addr())
	retry := map[string]bool{}
	for _, op := range s.Connector.Ops {
		retry[op.Name] = op.Retry
	}
	for _, op := range s.Ops {
		mayRetry := retry[op.Name] && op.Before == nil
		s.back(t, f)
		before := p.Answered()
		if _, err := s.do(t.Context(), f, op); err != nil {
			t.Errorf("%s: %v", op.Name, err)
		}
		size := p.Answered() - before
		for _, n := range []int64{0, 1, size / 2, size - 1} {
			what := fmt.Sprintf("%s, cut after %d of %d bytes", op.Name, n, size)
			s.back(t, f)
			p.CutAfter(max(n, 0))
			_, err := s.do(t.Context(), f, op)
			p.CutAfter(-1)
			s.unavailableOr(t, what, mayRetry, err)
		}
		s.back(t, f)
		p.Cut()
		_, err := s.do(t.Context(), f, op)
		s.unavailableOr(t, op.Name+", cut before it", mayRetry, err)
	}
	before := p.Answered()
	s.back(t, s.client(t, p.Addr()))
	size := p.Answered() - before
	for _, n := range []int64{0, 1, size / 2, size - 1} {
		f := s.client(t, p.Addr())
		p.CutAfter(max(n, 0))
		err := s.first(t.Context(), f)
		p.CutAfter(-1)
		s.unavailableOr(t, fmt.Sprintf("opening, cut after %d of %d bytes", n, size), false, err)
		s.back(t, f)
	}
}

// unavailableOr checks an error of what was cut: what may be repeated succeeds.
func (s Suite) unavailableOr(t *testing.T, what string, retry bool, err error) {
	t.Helper()
	if code := host.CodeOf(err); code != abi.OK && (code != abi.Unavailable || retry) {
		t.Errorf("%s: %v (%s)", what, err, code)
	}
}

// frozen is about a server that stops answering and goes on later.
func (s Suite) frozen(t *testing.T) {
	f := s.client(t, s.Server.Addr())
	if err := s.first(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	s.Server.Freeze()
	s.patience(t, f)
	s.Server.Thaw()
	s.back(t, f)
	if err := s.first(t.Context(), f); err != nil {
		t.Errorf("after it was frozen: %v", err)
	}
}
