package redisdb

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// shared holds the pipe to one server, and makes a new one when it has ended.
type shared struct {
	config Config
	dial   dialer
	pipe   atomic.Pointer[pipe]
	turn   chan struct{}   // held by who makes a pipe
	life   context.Context //nolint:containedctx // ends with close
	end    context.CancelFunc
}

func newShared(c Config, dial dialer) *shared {
	s := &shared{config: c, dial: dial, turn: make(chan struct{}, 1)}
	s.life, s.end = context.WithCancel(context.Background())
	return s
}

// do sends a request of so many commands and returns their replies. With
// errOccupied nothing was sent.
func (s *shared) do(ctx context.Context, request []byte, commands int) ([]byte, error) {
	for p := s.pipe.Load(); ; {
		if p != nil {
			if body, err := p.do(ctx, request, commands); !errors.Is(err, errEnded) {
				return body, err
			}
		}
		var err error
		if p, err = s.renew(ctx, p); err != nil {
			return nil, err
		}
	}
}

// renew returns a pipe in place of one that has ended, if somebody else has
// not made one.
func (s *shared) renew(ctx context.Context, old *pipe) (*pipe, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if p := s.pipe.Load(); p != old {
		return p, nil
	}
	if old != nil {
		old.end(errEnded)
	}
	p, err := s.open(ctx)
	if err == nil {
		s.pipe.Store(p)
	}
	return p, err
}

// open connects and logs in.
func (s *shared) open(ctx context.Context) (*pipe, error) {
	c := s.config
	timeout := time.Duration(c.Timeout)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	defer context.AfterFunc(s.life, cancel)()
	raw, err := s.dial(ctx, "tcp", net.JoinHostPort(c.Host, strconv.Itoa(c.Port)))
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	conn, err := c.secure(ctx, raw, c.Host)
	if conn == nil {
		conn = raw
	}
	if err == nil {
		err = c.login(conn)
	}
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = raw.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	return newPipe(conn, timeout), nil
}

// login tells the server who speaks and which database is meant.
func (c Config) login(conn net.Conn) error {
	var request []byte
	commands := 0
	add := func(words ...string) {
		request = appendHeader(request, '*', len(words))
		for _, w := range words {
			request = appendBulk(request, w)
		}
		commands++
	}
	switch {
	case c.Username != "":
		add("AUTH", c.Username, c.Password)
	case c.Password != "":
		add("AUTH", c.Password)
	}
	if c.Database != 0 {
		add("SELECT", strconv.Itoa(c.Database))
	}
	if commands == 0 {
		return nil
	}
	if _, err := conn.Write(request); err != nil {
		return broken(err)
	}
	t := taking{in: bufio.NewReader(conn)}
	for range commands {
		t.begin()
		if err := t.reply(); err != nil {
			return err
		}
		if len(t.out) == 0 || t.out[0] == '-' {
			return refusal(strings.TrimSpace(string(t.out)))
		}
	}
	return nil
}

// refusal is a server's reply that it does not let anybody in.
type refusal string

func (r refusal) Error() string { return string(r) }

// RedisError tells it from errors of the way there, as those of the library.
func (refusal) RedisError() {}

// close ends the pipe; no other one is made.
func (s *shared) close() {
	s.end()
	s.turn <- struct{}{} // whoever makes a pipe notices
	defer func() { <-s.turn }()
	if p := s.pipe.Load(); p != nil {
		p.end(net.ErrClosed)
	}
}
