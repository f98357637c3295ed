package redisdb

import (
	"context"
	"regexp"
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// preview bounds what is shown of a body.
const preview = 1 << 10

// graveyard is the stream of a channel's parked entries.
type graveyard struct {
	*Server
	config SourceConfig
}

var _ connector.Parked = graveyard{}

func openParked(ctx context.Context, c Config, s SourceConfig, env connector.Env) (connector.Parked, error) {
	s.Dead = s.dead()
	server, err := open(ctx, c, env)
	if err != nil {
		return nil, err
	}
	return graveyard{server, s}, nil
}

// List implements [connector.Parked].
func (g graveyard) List(ctx context.Context, most int) (out []host.ParkedMessage, err error) {
	err = g.each(ctx, most, func(e *entry) error {
		if e.broken != nil {
			out = append(out, host.ParkedMessage{ID: e.id, Reason: host.MessageOf(e.broken)})
			return nil
		}
		fields, reason := unpark(e.fields)
		body := g.config.bodyOf(fields)
		out = append(out, host.ParkedMessage{
			ID: e.id, Reason: strings.ToValidUTF8(reason, "\uFFFD"), Size: len(body),
			Body: strings.ToValidUTF8(string(body[:min(len(body), preview)]), "\uFFFD"),
		})
		return nil
	})
	return out, err
}

// entryID is what ids of entries look like.
var entryID = regexp.MustCompile(`^\d{1,20}-\d{1,20}$`)

// Settle implements [connector.Parked]. An entry that is too large to be read
// stays when all others are given back.
func (g graveyard) Settle(ctx context.Context, id string, retry bool) (n int, err error) {
	switch {
	case id != "" && !entryID.MatchString(id):
		return 0, nil
	case id == "" && !retry:
		reply, err := g.do(ctx, 0, "XTRIM", g.config.Dead, "MAXLEN", 0)
		return count(reply), err
	case !retry:
		reply, err := g.do(ctx, 0, "XDEL", g.config.Dead, id)
		return count(reply), err
	case id != "":
		e, err := g.read(ctx, id, id)
		if e == nil || err != nil {
			return 0, err
		}
		return 1, g.revive(ctx, e)
	}
	length, err := g.do(ctx, 0, "XLEN", g.config.Dead)
	if err != nil {
		return 0, err
	}
	err = g.each(ctx, count(length), func(e *entry) error {
		if whole(e) != nil {
			return nil
		}
		n++
		return g.revive(ctx, e)
	})
	return n, err
}

// whole returns why an entry cannot be given back.
func whole(e *entry) error {
	if e.broken != nil {
		return e.broken
	}
	if fields, _ := unpark(e.fields); len(fields) == 0 {
		return host.Errorf(abi.TooLarge, "entry %s is parked without its fields, because they are too large: they are still in the stream, under %s", e.id, e.fields[3])
	}
	return nil
}

// revive puts an entry back into the stream, with what it had, and only then
// takes it away: the two may be on different nodes of a cluster.
func (g graveyard) revive(ctx context.Context, e *entry) error {
	if err := whole(e); err != nil {
		return err
	}
	fields, _ := unpark(e.fields)
	args := []any{"XADD", g.config.Stream, "*"}
	for _, f := range fields {
		args = append(args, f)
	}
	if _, err := g.do(ctx, 0, args...); err != nil {
		return err
	}
	_, err := g.do(ctx, 0, "XDEL", g.config.Dead, e.id)
	return err
}

// each calls fn with the oldest entries, at most so many. They are read one
// by one, since each may be large.
func (g graveyard) each(ctx context.Context, most int, fn func(e *entry) error) error {
	from := "-"
	for range most {
		e, err := g.read(ctx, from, "+")
		if e == nil || err != nil {
			return err
		}
		if err := fn(e); err != nil {
			return err
		}
		from = "(" + e.id
	}
	return nil
}

// firstID returns the id of the first entry of a range.
const firstID = `local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[2], 'COUNT', 1)
return found[1] and found[1][1]`

// read returns the first entry of a range, nil if there is none.
func (g graveyard) read(ctx context.Context, from, to string) (*entry, error) {
	reply, err := g.do(ctx, 0, "XRANGE", g.config.Dead, from, to, "COUNT", 1)
	if host.CodeOf(err) == abi.TooLarge { // somebody else has put it there
		reply, err := g.do(ctx, 0, "EVAL", firstID, 1, g.config.Dead, from, to)
		id, _ := reply.(string)
		if err != nil || id == "" {
			return nil, err
		}
		return &entry{id: id, broken: host.Errorf(abi.TooLarge, "entry %s has more than %d bytes: read it where it is, or drop it", id, maxReply)}, nil
	}
	if err != nil || len(list(reply)) == 0 {
		return nil, err
	}
	return only(reply)
}

// count returns a number that a server replies.
func count(reply any) int {
	n, _ := reply.(int64)
	return int(max(n, 0))
}
