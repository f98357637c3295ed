package redisdb

import (
	"cmp"
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// Kinds of channels.
const (
	kindStream    = "stream"
	kindSubscribe = "subscribe"
)

// SourceConfig is how a channel receives: from a stream, or what is published.
type SourceConfig struct {
	Kind       string        `json:"kind" default:"stream" enum:"stream,subscribe" doc:"what it receives: the entries of a stream, through a consumer group, or what is published meanwhile"`
	Stream     string        `json:"stream" example:"orders" doc:"key of the stream, made if there is none"`
	Group      string        `json:"group" default:"serai" doc:"consumer group, made if there is none"`
	Start      string        `json:"start" default:"beginning" enum:"beginning,new" doc:"where a group begins that is made: with the first entry, or with those to come"`
	Body       string        `json:"body" doc:"field of entries that is the body; all fields as a JSON object unless given"`
	ClaimAfter host.Duration `json:"claim_after" default:"30s" min:"100ms" max:"1h" doc:"after how long entries are taken over from a host that has gone"`
	Dead       string        `json:"dead_letter" doc:"stream for entries that keep failing; the stream's key with .parked unless given"`
	Channels   []string      `json:"channels" doc:"channels of Redis to subscribe to"`
	Patterns   []string      `json:"patterns" doc:"patterns of channels to subscribe to, as PSUBSCRIBE has them"`
	Sharded    bool          `json:"sharded" default:"false" doc:"the channels are sharded ones, for SPUBLISH of Redis 7"`
	Waiting    int           `json:"waiting" default:"1000" min:"1" max:"100000" doc:"how many published messages wait for the service at most; more are dropped"`
	Heartbeat  host.Duration `json:"heartbeat" default:"10s" min:"100ms" max:"10m" doc:"how often the server is asked for a sign of life by a subscriber; it has as long to answer"`
	Prefetch   int           `json:"prefetch" default:"1" min:"1" max:"100" doc:"how many messages are in the service at a time; with 1 they keep their order"`
	connector.Redelivery
}

const (
	deadSuffix = ".parked"
	maxKey     = 1 << 10
	readTime   = time.Second            // how long a read waits for entries
	turnPause  = 100 * time.Millisecond // while an entry is elsewhere that comes first
	settleTime = 5 * time.Second        // bounds what is done after the service
	leaveTime  = time.Second
)

// Source returns the type of channels over Redis.
func Source() connector.SourceType {
	return connector.DefineSource(connector.SourceSpec[Config, SourceConfig]{
		Type: Type, Channel: abi.ChannelRedis, Doc: "Hands the entries of a stream to a service, through a consumer group, or what is published.",
		Message: messages.Fields(), Check: SourceConfig.check, Parked: openParked,
		Forgets: func(s SourceConfig) bool { return s.Kind == kindSubscribe },
		Open: func(ctx context.Context, c Config, s SourceConfig, env connector.Env) (connector.Source, error) {
			if s.Kind == kindSubscribe {
				return openSubscriber(ctx, c, s, env)
			}
			return openSource(ctx, c, s, env)
		},
	})
}

func (s SourceConfig) check() error {
	if s.Kind == kindSubscribe {
		return s.checkSubscriber()
	}
	for name, v := range map[string]string{"stream": s.Stream, "group": s.Group, "dead_letter": s.Dead} {
		if len(v) > maxKey || v == "" && name != "dead_letter" {
			return host.FieldErrorf(name, "config.%s has %d bytes; use 1 to %d", name, len(v), maxKey)
		}
	}
	switch {
	case s.Dead == s.Stream:
		return host.FieldErrorf("dead_letter", "config.dead_letter is the stream itself; what fails would come again for ever")
	case len(s.Channels)+len(s.Patterns) > 0 || s.Sharded:
		return host.FieldErrorf("channels", "config.channels, patterns and sharded are of the kind subscribe, this one is stream")
	}
	return nil
}

// message is what calls get of an entry, or of what was published.
type message struct {
	Stream  string `field:"stream" doc:"key of the stream"`
	ID      string `field:"id" doc:"id of the entry"`
	Claimed bool   `field:"redelivered" doc:"the entry was delivered before, and not acknowledged"`
	Channel string `field:"channel" doc:"channel of Redis that the message was published to"`
	Pattern string `field:"pattern" doc:"pattern that matched the channel"`
}

var messages = connector.NewEncoder[message]()

// source is one consumer of a group.
type source struct {
	*Server
	config   SourceConfig
	consumer string

	mu   sync.Mutex
	held map[string]struct{} // ids of entries that are being dealt with
}

// dead returns the stream for entries that keep failing.
func (s SourceConfig) dead() string { return cmp.Or(s.Dead, s.Stream+deadSuffix) }

func openSource(ctx context.Context, c Config, s SourceConfig, env connector.Env) (connector.Source, error) {
	s.Dead = s.dead()
	server, err := open(ctx, c, env)
	if err != nil {
		return nil, err
	}
	from := "0"
	if s.Start == "new" {
		from = "$"
	}
	out := &source{Server: server, config: s, consumer: "serai-" + rand.Text(), held: make(map[string]struct{})}
	_, err = out.do(ctx, 0, "XGROUP", "CREATE", s.Stream, s.Group, from, "MKSTREAM")
	if err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") {
		_ = server.Close()
		return nil, err
	}
	return out, nil
}

// Run implements [connector.Source].
func (s *source) Run(ctx context.Context, deliver connector.Deliver) error {
	var work sync.WaitGroup
	defer work.Wait()
	alive, lost := context.WithCancel(ctx)
	defer lost()
	work.Go(func() { s.keep(alive) })
	room := make(chan struct{}, s.config.Prefetch)
	for {
		select {
		case room <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		e, err := s.next(ctx)
		switch {
		case ctx.Err() != nil:
			return nil // what was read all the same is given back by Close
		case err != nil:
			return err
		case e == nil:
			<-room
			continue
		}
		s.hold(e.id)
		work.Go(func() {
			s.handle(alive, e, deliver)
			s.release(e.id)
			<-room
		})
	}
}

// handle has an entry delivered and does with it as it is told. That the
// server does not hear of it is no error: the entry then comes again.
func (s *source) handle(ctx context.Context, e *entry, deliver connector.Deliver) {
	disposition, why := connector.Park, e.broken
	if why == nil {
		disposition, why = deliver(ctx, connector.Message{
			Body:     s.config.bodyOf(e.fields),
			Envelope: messages.Append(nil, abi.PrefixMessage, &message{Stream: s.config.Stream, ID: e.id, Claimed: e.claimed}),
		})
	}
	settling, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	if ctx.Err() != nil {
		var soon context.CancelFunc
		settling, soon = context.WithTimeout(settling, leaveTime)
		defer soon()
	}
	if disposition == connector.Park && s.park(settling, e, why) != nil {
		pause(ctx, time.Second)
		disposition = connector.Again
	}
	if disposition == connector.Again {
		s.giveBack(settling, e.id)
		return
	}
	_, _ = s.do(settling, 0, "XACK", s.config.Stream, s.config.Group, e.id)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
