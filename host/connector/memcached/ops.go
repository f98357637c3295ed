package memcached

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// maxKey is the protocol's.
const maxKey = 250

// key is what all requests have.
type key struct {
	Key string `field:"key" required:"true" doc:"1 to 250 bytes without spaces and control characters"`
}

func (k key) check() error {
	if len(k.Key) > maxKey || strings.ContainsFunc(k.Key, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return host.FieldErrorf("key", "key %q: use 1 to %d bytes without spaces and control characters", host.Clip(k.Key), maxKey)
	}
	return nil
}

// expiry is when something ends to be stored.
type expiry struct {
	Expires time.Duration `field:"expires" doc:"time until it is forgotten, in full seconds, rounded up; 0 is never"`
}

// seconds returns it in the protocol's form, which takes what is longer than
// 30 days for a time.
func (e expiry) seconds() int64 {
	const longest = 30 * 24 * time.Hour
	n := int64((e.Expires + time.Second - 1) / time.Second)
	if e.Expires > longest {
		n += time.Now().Unix()
	}
	return n
}

type value struct {
	Found bool   `field:"found" doc:"whether there is anything"`
	CAS   string `field:"cas" doc:"what memcached.cas takes"`
	Body  []byte `body:"what is stored"`
}

func get(ctx context.Context, s *Server, r *connector.Request, in key) (out value, err error) {
	if err := in.check(); err != nil {
		return out, err
	}
	err = s.use(ctx, func(c *socket) error {
		out, err = c.get(in.Key, int64(r.Scope.Limits.ReplyBytes))
		return err
	})
	return out, err
}

// item is a request for memcached.set.
type item struct {
	key
	expiry
	Mode string `field:"mode" enum:"set,add,replace,append,prepend" default:"set" doc:"add stores only where there is nothing, replace only where there is something; append and prepend add to what is there"`
	Body []byte `body:"what to store"`
}

type stored struct {
	Stored bool `field:"stored" doc:"false where mode forbids it"`
}

func set(ctx context.Context, s *Server, _ *connector.Request, in item) (out stored, err error) {
	if err := in.check(); err != nil {
		return out, err
	}
	line := fmt.Sprintf("%s %s 0 %d %d", in.Mode, in.Key, in.seconds(), len(in.Body))
	reply, err := s.ask(ctx, line, in.Body, "STORED", "NOT_STORED")
	return stored{reply == "STORED"}, err
}

// swap is a request for memcached.cas.
type swap struct {
	key
	expiry
	CAS  string `field:"cas" required:"true" doc:"as memcached.get returned it"`
	Body []byte `body:"what to store"`
}

func cas(ctx context.Context, s *Server, _ *connector.Request, in swap) (none connector.None, err error) {
	if err := in.check(); err != nil {
		return none, err
	}
	id, err := strconv.ParseUint(in.CAS, 10, 64)
	if err != nil {
		return none, host.FieldErrorf("cas", "cas %q: use what memcached.get returned", host.Clip(in.CAS))
	}
	line := fmt.Sprintf("cas %s 0 %d %d %d", in.Key, in.seconds(), len(in.Body), id)
	reply, err := s.ask(ctx, line, in.Body, "STORED", "EXISTS", "NOT_FOUND")
	switch {
	case err != nil:
		return none, err
	case reply == "EXISTS":
		return none, host.Errorf(abi.Conflict, "what is stored under %q has changed since it was read", host.Clip(in.Key))
	case reply == "NOT_FOUND":
		return none, absent(in.Key)
	}
	return none, nil
}

func absent(key string) error {
	return host.Errorf(abi.NotFound, "nothing is stored under %q", host.Clip(key))
}

// step is a request for memcached.incr.
type step struct {
	key
	By int64 `field:"by" default:"1" min:"-9223372036854775807" doc:"what to add; below 0 it is taken away, down to 0"`
}

type number struct {
	Value string `field:"value" doc:"the number now, up to 18446744073709551615"`
}

func incr(ctx context.Context, s *Server, _ *connector.Request, in step) (out number, err error) {
	if err := in.check(); err != nil {
		return out, err
	}
	line := fmt.Sprintf("incr %s %d", in.Key, in.By)
	if in.By < 0 {
		line = fmt.Sprintf("decr %s %d", in.Key, -in.By)
	}
	reply, err := s.ask(ctx, line, nil)
	if err == nil && reply == "NOT_FOUND" {
		return out, absent(in.Key)
	}
	if err == nil {
		if _, err = strconv.ParseUint(reply, 10, 64); err != nil {
			return out, unexpected(reply)
		}
	}
	return number{reply}, err
}

type done struct {
	Found bool `field:"found" doc:"whether there was anything"`
}

func remove(ctx context.Context, s *Server, _ *connector.Request, in key) (out done, err error) {
	if err := in.check(); err != nil {
		return out, err
	}
	reply, err := s.ask(ctx, "delete "+in.Key, nil, "DELETED", "NOT_FOUND")
	return done{reply == "DELETED"}, err
}

// moment is a request for memcached.touch.
type moment struct {
	key
	expiry
}

func touch(ctx context.Context, s *Server, _ *connector.Request, in moment) (out done, err error) {
	if err := in.check(); err != nil {
		return out, err
	}
	reply, err := s.ask(ctx, fmt.Sprintf("touch %s %d", in.Key, in.seconds()), nil, "TOUCHED", "NOT_FOUND")
	return done{reply == "TOUCHED"}, err
}
