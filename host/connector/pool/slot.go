package pool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/egress"
)

// How long a system is left alone that could not be reached: so long after
// the first attempt, doubled for each further one, give or take a half.
const (
	firstPause = 100 * time.Millisecond
	maxPause   = 30 * time.Second
)

// slot is the place of one connection.
type slot struct {
	key key
	// turn is held by who opens the connection, or looks whether it changed.
	turn chan struct{}

	mu       sync.Mutex
	live     *live
	closed   bool
	failures int
	until    time.Time // the system is left alone
	failure  error     // why
	gaveUp   *live     // how it was configured then
}

// live is an open connection.
type live struct {
	conn    connector.Conn
	record  host.Connection
	secrets []byte // digest of those that it was opened with

	// The slot's lock guards the rest.
	generation uint64
	checked    time.Time
	users      int
	retired    bool // close when the last user leaves
}

func newSlot(k key) *slot { return &slot{key: k, turn: make(chan struct{}, 1)} }

// acquire returns the connection as it is configured now, open; the caller
// releases it.
func (s *slot) acquire(ctx context.Context, p *Pool, kind string) (*live, error) {
	if l := s.fresh(p); l != nil {
		return s.use(l, kind)
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if l := s.fresh(p); l != nil {
		return s.use(l, kind)
	}
	if err := s.resting(p.generation.Load()); err != nil {
		return nil, err
	}
	l, secret, err := s.read(ctx, p)
	if err != nil {
		return nil, err
	}
	if old := s.unchanged(l); old != nil {
		return s.use(old, kind)
	}
	if s.gaveUpOn(l) {
		if err := s.resting(l.generation); err != nil {
			return nil, err
		}
	}
	if err := s.open(ctx, p, l, secret); err != nil {
		s.failed(p, l, err)
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = l.conn.Close()
		return nil, host.Errorf(abi.NotFound, "no connection %q", s.key.name)
	}
	s.failures, s.failure = 0, nil
	if old := s.live; old != nil && old != l {
		old.retire()
	}
	s.live = l
	return l, l.take(kind)
}

// retire closes the connection, or has the last user close it. The slot is
// locked.
func (l *live) retire() {
	l.retired = true
	if l.users == 0 {
		go func() { _ = l.conn.Close() }() // it may take its time
	}
}

// fresh returns the connection if there is no need to look at its configuration.
func (s *slot) fresh(p *Pool) *live {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.live
	if l == nil {
		return nil
	}
	if c, ok := l.conn.(connector.Loser); ok && c.Lost() {
		s.live = nil
		l.retire()
		return nil
	}
	if l.generation != p.generation.Load() || time.Since(l.checked) > maxAge {
		return nil
	}
	return l
}

func (s *slot) use(l *live, kind string) (*live, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return l, l.take(kind)
}

// take counts a user in. The slot is locked.
func (l *live) take(kind string) error {
	if l.record.Type != kind {
		return host.FieldErrorf(abi.FieldConnection, "connection %q has the type %q, not %q", l.record.Name, l.record.Type, kind)
	}
	l.users++
	return nil
}

// release counts a user out. A connection that was lost is not used again.
func (s *slot) release(l *live, lost bool) {
	s.mu.Lock()
	l.users--
	if lost && s.live == l {
		s.live, l.retired = nil, true
	}
	last := l.retired && l.users == 0
	s.mu.Unlock()
	if last {
		_ = l.conn.Close() // it was lost or replaced: nobody waits for what it still had to say
	}
}

// secrets returns a secret by its name.
type secrets = func(name string) (string, error)

// read returns the connection as it is configured, not open.
func (s *slot) read(ctx context.Context, p *Pool) (*live, secrets, error) {
	l := &live{generation: p.generation.Load(), checked: time.Now()} // before reading: a change meanwhile makes it stale
	var err error
	if l.record, err = p.source.Connection(ctx, s.key.tenant, s.key.name); err != nil {
		return nil, nil, err
	}
	if _, ok := p.types[l.record.Type]; !ok {
		return nil, nil, host.FieldErrorf(abi.FieldConnection, "connection %q has the type %q, which has no such operation", s.key.name, l.record.Type)
	}
	var all bytes.Buffer
	secret := func(name string) (string, error) {
		value, err := p.source.Secret(ctx, s.key.tenant, name)
		fmt.Fprintf(&all, "%d:%s", len(value), value)
		return string(value), err
	}
	if err := connector.EachSecret(l.record.Config, secret); err != nil {
		return nil, nil, err
	}
	l.secrets = digest(all.Bytes())
	return l, secret, nil
}

// open connects.
func (s *slot) open(ctx context.Context, p *Pool, l *live, secret secrets) error {
	allow, err := egress.ParseNetworks(l.record.AllowNetworks)
	if err != nil {
		return err
	}
	// The connection outlives the call that opens it, but not its patience.
	opening, cancel := context.WithTimeout(context.WithoutCancel(ctx), openTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	l.conn, err = p.types[l.record.Type].Open(opening, l.record.Config, secret, connector.Env{
		Tenant: s.key.tenant, Name: s.key.name, Dial: egress.NewDialer(egress.Policy{Allow: allow}).DialContext,
		Dir: filepath.Join(p.dir, s.key.tenant),
		Log: p.log.With(slog.String("tenant", s.key.tenant), slog.String("connection", s.key.name)),
	})
	return err
}

// unchanged returns the open connection if l is configured alike, and notes
// that it was looked at.
func (s *slot) unchanged(l *live) *live {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.live
	if !old.alike(l) {
		return nil
	}
	old.generation, old.checked = l.generation, l.checked
	return old
}

// alike reports whether two connections are configured in the same way.
func (l *live) alike(other *live) bool {
	return l != nil && l.record.Type == other.record.Type && bytes.Equal(l.record.Config, other.record.Config) &&
		slices.Equal(l.record.AllowNetworks, other.record.AllowNetworks) && bytes.Equal(l.secrets, other.secrets)
}

// gaveUpOn reports whether the connection was given up as l is configured. Who
// configures it differently need not wait.
func (s *slot) gaveUpOn(l *live) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.gaveUp.alike(l) {
		return false
	}
	s.gaveUp.generation = l.generation
	return true
}

// failed notes that the connection could not be opened. Only a system that
// cannot be reached is left alone: other faults end when somebody mends them.
func (s *slot) failed(p *Pool, l *live, err error) {
	if !errors.Is(err, connector.ErrNotConnected) || errors.Is(err, egress.ErrDenied) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.gaveUp.alike(l) {
		s.failures = 0
	}
	s.gaveUp = l
	pause := maxPause
	if s.failures < 9 {
		pause = min(maxPause, firstPause<<s.failures)
	}
	s.failures++
	s.until = time.Now().Add(pause/2 + rand.N(pause)) //nolint:gosec // jitter
	s.failure = err
	p.log.Warn("connection cannot be opened", "tenant", s.key.tenant, "connection", s.key.name, "attempt", s.failures, "err", err)
}

// resting returns an error while the system is left alone, as long as nothing
// was configured since: generation is the pool's.
func (s *slot) resting(generation uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := time.Until(s.until)
	if s.failure == nil || left <= 0 || s.gaveUp.generation != generation {
		return nil
	}
	return &host.Error{
		Code: abi.Unavailable, RetryAfter: left, Err: s.failure,
		Message: fmt.Sprintf("the system of connection %q could not be reached %d times in a row; it is tried again in %s", s.key.name, s.failures, left.Round(time.Millisecond)),
	}
}

// forgive lets the next acquire try at once.
func (s *slot) forgive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until = time.Time{}
}

func (s *slot) close() {
	s.mu.Lock()
	l := s.live
	s.live, s.closed = nil, true
	s.mu.Unlock()
	if l != nil {
		_ = l.conn.Close()
	}
}
