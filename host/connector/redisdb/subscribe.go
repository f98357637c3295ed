package redisdb

import (
	"context"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

const maxSubscriptions = 1000 // channels and patterns together

func (s SourceConfig) checkSubscriber() error {
	if n := len(s.Channels) + len(s.Patterns); n == 0 || n > maxSubscriptions {
		return host.FieldErrorf("channels", "config.channels and config.patterns have %d names, use 1 to %d", n, maxSubscriptions)
	}
	for field, names := range map[string][]string{"channels": s.Channels, "patterns": s.Patterns} {
		for i, name := range names {
			if name == "" || len(name) > maxKey {
				return host.FieldErrorf(field, "config.%s: a name has %d bytes; use 1 to %d", field, len(name), maxKey)
			}
			if slices.Contains(names[:i], name) {
				return host.FieldErrorf(field, "config.%s has %q twice", field, host.Clip(name))
			}
		}
	}
	switch {
	case s.Sharded && len(s.Patterns) > 0:
		return host.FieldErrorf("patterns", "config.patterns: sharded channels have none, use config.channels")
	case s.Stream != "" || s.Body != "" || s.Dead != "":
		return host.FieldErrorf("stream", "config.stream, body and dead_letter are of the kind stream, this one is subscribe")
	}
	return nil
}

// subscriber receives what is published.
type subscriber struct {
	config  SourceConfig
	env     connector.Env
	sockets []*subscription
	backlog *backlog
}

func openSubscriber(ctx context.Context, c Config, s SourceConfig, env connector.Env) (connector.Source, error) {
	if _, err := c.TLS.Config(""); err != nil {
		return nil, err
	}
	nodes, err := c.nodes(ctx, s, env)
	if err != nil {
		return nil, err
	}
	out := &subscriber{config: s, env: env, backlog: newBacklog(s.Waiting)}
	for addr, commands := range nodes {
		socket, err := c.subscribe(ctx, env, addr, 2*time.Duration(s.Heartbeat), out.keep, commands...)
		if err != nil {
			_ = out.Close()
			return nil, err
		}
		out.sockets = append(out.sockets, socket)
	}
	return out, nil
}

// nodes returns the servers to subscribe at, and how. Each node of a cluster
// has what is published at any of them, unless it is sharded.
func (c Config) nodes(ctx context.Context, s SourceConfig, env connector.Env) (map[string][][]string, error) {
	var commands [][]string
	switch {
	case s.Sharded && c.Mode == cluster:
		return c.owners(ctx, s, env)
	case s.Sharded:
		commands = append(commands, append([]string{"SSUBSCRIBE"}, s.Channels...))
	case len(s.Channels) > 0:
		commands = append(commands, append([]string{"SUBSCRIBE"}, s.Channels...))
	}
	if len(s.Patterns) > 0 {
		commands = append(commands, append([]string{"PSUBSCRIBE"}, s.Patterns...))
	}
	addr := net.JoinHostPort(c.Host, strconv.Itoa(c.Port))
	var err error
	switch c.Mode {
	case sentinel:
		addr, err = c.master(ctx, env)
	case cluster:
		addr, err = c.reachable(ctx, env)
	}
	return map[string][][]string{addr: commands}, err
}

// reachable returns the first node of the cluster that takes connections.
func (c Config) reachable(ctx context.Context, env connector.Env) (addr string, err error) {
	for _, addr = range c.Addresses {
		within, cancel := context.WithTimeout(ctx, time.Duration(c.Timeout))
		var conn net.Conn
		conn, err = env.Dial(within, "tcp", addr)
		cancel()
		if err == nil {
			return addr, conn.Close()
		}
	}
	return "", subscribing(ctx, err)
}

// owners returns the nodes that have the slots of sharded channels.
func (c Config) owners(ctx context.Context, s SourceConfig, env connector.Env) (map[string][][]string, error) {
	server, err := open(ctx, c, env)
	if err != nil {
		return nil, err
	}
	defer func() { _ = server.Close() }()
	client, ok := server.client.(*redis.ClusterClient)
	if !ok {
		return nil, host.Errorf(abi.Internal, "a cluster has another client")
	}
	inner, end := server.flights.begin(ctx, server.timeout)
	defer end()
	out := make(map[string][][]string)
	for _, channel := range s.Channels {
		node, err := client.MasterForKey(inner, channel)
		if err != nil {
			return nil, server.fault(inner, err)
		}
		addr := node.Options().Addr
		out[addr] = append(out[addr], []string{"SSUBSCRIBE", channel}) // several slots in one command are refused
	}
	return out, nil
}

// Run implements [connector.Source]. What came before the connection was lost
// is still handed out, in its order, before another one is opened.
func (s *subscriber) Run(ctx context.Context, deliver connector.Deliver) error {
	var readers, workers sync.WaitGroup
	ended := make(chan struct{})
	for _, socket := range s.sockets {
		readers.Go(func() { s.receive(socket) })
		readers.Go(func() { s.ask(socket, ended) })
	}
	stop := context.AfterFunc(ctx, func() { s.lose(ctx.Err()) })
	for range s.config.Prefetch {
		workers.Go(func() {
			for p, ok := s.backlog.take(ctx); ok; p, ok = s.backlog.take(ctx) {
				// What becomes of it is the host's concern: the server has forgotten it.
				_, _ = deliver(ctx, connector.Message{
					Body:     p.payload,
					Envelope: messages.Append(nil, abi.PrefixMessage, &message{Channel: strings.ToValidUTF8(p.channel, "\uFFFD"), Pattern: p.pattern}),
				})
			}
		})
	}
	workers.Wait()
	stop()
	close(ended)
	err := s.backlog.end(nil)
	s.lose(err)
	readers.Wait()
	s.dropped(s.backlog.left())
	if ctx.Err() != nil {
		return nil
	}
	return subscribing(ctx, err)
}

// receive has what a server sends wait for the service.
func (s *subscriber) receive(socket *subscription) {
	for {
		p, err := socket.next()
		if err != nil {
			s.lose(err)
			return
		}
		s.keep(p)
	}
}

// keep has a message wait for the service, if there is room.
func (s *subscriber) keep(p push) {
	if p.dropped || !s.backlog.put(p) {
		s.dropped(1)
	}
}

// ask asks a server for signs of life until ended.
func (s *subscriber) ask(socket *subscription, ended <-chan struct{}) {
	heartbeat := time.Duration(s.config.Heartbeat)
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			if err := socket.send(heartbeat, []string{"PING"}); err != nil {
				s.lose(err)
				return
			}
		}
	}
}

// lose notes why no more comes, the first time, and ends all sockets.
func (s *subscriber) lose(err error) {
	_ = s.backlog.end(err)
	for _, socket := range s.sockets {
		_ = socket.conn.Close()
	}
}

func (s *subscriber) dropped(n int) {
	if n > 0 && s.env.Dropped != nil {
		s.env.Dropped(n)
	}
}

// Close implements [connector.Source].
func (s *subscriber) Close() error {
	for _, socket := range s.sockets {
		_ = socket.conn.Close() // the server notices either way
	}
	return nil
}
