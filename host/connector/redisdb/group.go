package redisdb

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// entry is an entry of a stream.
type entry struct {
	id      string
	fields  []string // names and values by turns
	claimed bool
	broken  error // why it cannot be read
}

// do sends a command and returns its reply, after waiting for at most wait
// and the time that commands have.
func (s *Server) do(ctx context.Context, wait time.Duration, args ...any) (any, error) {
	inner, end := s.flights.begin(ctx, s.timeout+wait)
	defer end()
	cmd := redis.NewCmd(inner, args...)
	err := s.client.Process(inner, cmd)
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return cmd.Val(), s.fault(ctx, err)
}

// next returns an entry: one that others left behind, or else a new one. It
// returns none if there is none for a while.
func (s *source) next(ctx context.Context) (*entry, error) {
	if e, err := s.claim(ctx); e != nil || err != nil {
		return e, err
	}
	if s.config.Prefetch == 1 {
		reply, err := s.do(ctx, 0, "XPENDING", s.config.Stream, s.config.Group, "-", "+", 1)
		if err != nil {
			return nil, err
		}
		if len(list(reply)) > 0 { // another has it; it comes first
			pause(ctx, turnPause)
			return nil, nil
		}
	}
	reply, err := s.do(ctx, readTime, "XREADGROUP", "GROUP", s.config.Group, s.consumer, "COUNT", 1,
		"BLOCK", readTime.Milliseconds(), "STREAMS", s.config.Stream, ">")
	if err != nil || reply == nil {
		return nil, err
	}
	if streams := list(reply); len(streams) == 1 {
		if named := list(streams[0]); len(named) == 2 {
			return only(named[1])
		}
	}
	return nil, errProtocol
}

// claim takes over the first entry that nobody deals with any more.
func (s *source) claim(ctx context.Context) (*entry, error) {
	reply, err := s.do(ctx, 0, "XAUTOCLAIM", s.config.Stream, s.config.Group, s.consumer,
		time.Duration(s.config.ClaimAfter).Milliseconds(), "0-0", "COUNT", 1, "JUSTID")
	parts := list(reply)
	switch {
	case err != nil:
		return nil, err
	case len(parts) < 2:
		return nil, errProtocol
	}
	ids := list(parts[1])
	if len(ids) == 0 {
		return nil, nil
	}
	id, ok := ids[0].(string)
	if !ok || s.holds(id) {
		return nil, nil // keep tells the server soon that it is being dealt with
	}
	reply, err = s.do(ctx, 0, "XRANGE", s.config.Stream, id, id)
	if host.CodeOf(err) == abi.TooLarge {
		return &entry{id: id, claimed: true, broken: err}, nil
	}
	if err != nil {
		return nil, err
	}
	if len(list(reply)) == 0 { // deleted meanwhile
		_, err := s.do(ctx, 0, "XACK", s.config.Stream, s.config.Group, id)
		return nil, err
	}
	e, err := only(reply)
	if err == nil {
		e.claimed = true
	}
	return e, err
}

// only reads a list of one entry.
func only(reply any) (*entry, error) {
	all := list(reply)
	if len(all) != 1 {
		return nil, errProtocol
	}
	pair := list(all[0])
	if len(pair) != 2 {
		return nil, errProtocol
	}
	id, ok := pair[0].(string)
	e := &entry{id: id}
	for _, f := range list(pair[1]) {
		text, is := f.(string)
		ok = ok && is
		e.fields = append(e.fields, text)
	}
	if !ok || len(e.fields)%2 != 0 {
		return nil, errProtocol
	}
	return e, nil
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// keep tells the server again and again which entries are being dealt with.
func (s *source) keep(ctx context.Context) {
	for ctx.Err() == nil {
		pause(ctx, time.Duration(s.config.ClaimAfter)/4)
		for _, id := range s.ids() {
			_, _ = s.do(ctx, 0, "XCLAIM", s.config.Stream, s.config.Group, s.consumer, 0, id, "JUSTID")
		}
	}
}

// giveBack has an entry look as if nobody had dealt with it for long.
func (s *source) giveBack(ctx context.Context, id string) {
	_, _ = s.do(ctx, 0, "XCLAIM", s.config.Stream, s.config.Group, s.consumer, 0, id,
		"IDLE", time.Duration(s.config.ClaimAfter).Milliseconds(), "JUSTID")
}

func (s *source) hold(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[id] = struct{}{}
}

func (s *source) release(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.held, id)
}

func (s *source) holds(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.held[id]
	return ok
}

func (s *source) ids() (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.held {
		out = append(out, id)
	}
	return out
}

// leaving deletes a consumer that has nothing, in one step: a read of it that
// is still under way makes it anew.
const leaving = `if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) == 0 then
return redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2]) end`

// Close gives back what the consumer has and closes the connection.
func (s *source) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	reply, err := s.do(ctx, 0, "XPENDING", s.config.Stream, s.config.Group, "-", "+", s.config.Prefetch, s.consumer)
	for _, p := range list(reply) {
		if row := list(p); len(row) > 0 {
			if id, ok := row[0].(string); ok {
				s.giveBack(ctx, id)
			}
		}
	}
	if err == nil {
		_, _ = s.do(ctx, 0, "EVAL", leaving, 1, s.config.Stream, s.config.Group, s.consumer)
	}
	return s.Server.Close()
}
