package redisdb

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// commands is a request for redis.commands.
type commands struct {
	Transaction bool   `field:"transaction" doc:"all commands are one transaction; Conflict says that a watched key changed and nothing was done"`
	Watch       string `field:"watch" doc:"id that redis.watch returned: the commands go over its socket, and a transaction ends it"`
	Body        []byte `body:"commands one after another, each an array of bulk strings in RESP2"`
}

type replies struct {
	Body []byte `body:"replies one after another in RESP2; an error of a command is its reply"`
}

// keys is a request for redis.watch.
type keys struct {
	Watch string `field:"watch" doc:"id of a watch that gets further keys, or ends"`
	Body  []byte `body:"keys, an array of bulk strings in RESP2; without keys the watch ends"`
}

type watching struct {
	Watch string `field:"watch" doc:"id for commands over the same socket, and for the transaction"`
}

// Connector returns the connector.
func Connector() connector.Connector {
	return connector.Define(connector.Spec[Config, *Server]{
		Type: Type, Doc: "Redis and Valkey: one server, a cluster, or what Sentinel watches.",
		Check: Config.check, Open: open,
		Ops: []connector.Operation[*Server]{
			connector.NewOperation("redis.commands", "Sends commands and returns their replies.", perform),
			connector.NewOperation("redis.watch", "Watches keys until a transaction or the end of the call, or ends that.", watch),
		},
	})
}

// runner runs commands: a client or one socket.
type runner interface {
	Process(ctx context.Context, cmd redis.Cmder) error
	Pipeline() redis.Pipeliner
	TxPipeline() redis.Pipeliner
}

func perform(ctx context.Context, s *Server, r *connector.Request, in commands) (out replies, err error) {
	all, err := parse(in.Body)
	if err != nil {
		return out, err
	}
	waits, reads, err := judge(all)
	if err != nil {
		return out, err
	}
	if in.Watch == "" && !in.Transaction && !waits && s.shared != nil {
		out.Body, err = s.share(ctx, in.Body, len(all), reads)
		if !errors.Is(err, errOccupied) {
			return out, err
		}
	}
	patience := s.timeout
	if waits && !in.Transaction {
		patience = 0
	}
	var run runner = s.client
	if in.Watch != "" {
		w, err := s.find(r, in.Watch)
		if err != nil {
			return out, err
		}
		w.busy.Lock()
		defer w.busy.Unlock()
		if in.Transaction && s.watches.Drop(in.Watch) { // it ends the watch
			defer w.conn.Close() //nolint:errcheck // a socket that breaks is not used again
		}
		run, reads = w.conn, false // what is watched is lost with the socket
	}
	out.Body, err = s.send(ctx, run, all, in.Transaction, patience)
	if reads && !in.Transaction && errors.Is(err, connector.ErrNotConnected) && ctx.Err() == nil {
		out.Body, err = s.send(ctx, run, all, in.Transaction, patience)
	}
	return out, err
}

// share sends a request of so many commands over the socket that calls share,
// once more if it only reads and the socket turns out to be lost.
func (s *Server) share(ctx context.Context, request []byte, commands int, reads bool) ([]byte, error) {
	out, err := s.shared.do(ctx, request, commands)
	if err == nil || errors.Is(err, errOccupied) {
		return out, err
	}
	if err = s.fault(ctx, err); reads && errors.Is(err, connector.ErrNotConnected) && ctx.Err() == nil {
		out, err = s.shared.do(ctx, request, commands)
		if !errors.Is(err, errOccupied) {
			err = s.fault(ctx, err)
		}
	}
	return out, err
}

// send sends commands and returns their replies in RESP2.
func (s *Server) send(ctx context.Context, run runner, commands [][]string, transaction bool, patience time.Duration) ([]byte, error) {
	inner, end := s.flights.begin(ctx, patience)
	defer end()
	cmds := make([]*redis.Cmd, len(commands))
	for i, words := range commands {
		args := make([]any, len(words))
		for j, w := range words {
			args[j] = w
		}
		cmds[i] = redis.NewCmd(inner, args...)
	}
	if err := exchange(inner, run, cmds, transaction); err != nil {
		if errors.Is(err, redis.TxFailedErr) {
			return nil, host.Errorf(abi.Conflict, "a watched key changed; nothing was done")
		}
		if _, reply := errors.AsType[redis.Error](err); !reply {
			return nil, s.fault(inner, err)
		}
	}
	var out []byte
	for _, c := range cmds {
		value, err := c.Result()
		if _, reply := errors.AsType[redis.Error](err); err != nil && !reply {
			return nil, s.fault(inner, err)
		}
		if err != nil {
			value = err
		}
		if out, err = appendReply(out, value); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func exchange(ctx context.Context, run runner, cmds []*redis.Cmd, transaction bool) error {
	if len(cmds) == 1 && !transaction {
		return run.Process(ctx, cmds[0])
	}
	pipe := run.Pipeline()
	if transaction {
		pipe = run.TxPipeline()
	}
	for _, c := range cmds {
		if err := pipe.Process(ctx, c); err != nil {
			return err
		}
	}
	_, err := pipe.Exec(ctx)
	return err
}

// appendReply writes a reply as the library read it.
func appendReply(out []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case nil:
		return append(out, "$-1\r\n"...), nil
	case string:
		return appendBulk(out, v), nil
	case int64:
		return append(strconv.AppendInt(append(out, ':'), v, 10), "\r\n"...), nil
	case float64:
		return appendBulk(out, strconv.FormatFloat(v, 'g', -1, 64)), nil
	case bool:
		if v {
			return append(out, ":1\r\n"...), nil
		}
		return append(out, ":0\r\n"...), nil
	case *big.Int:
		return appendBulk(out, v.String()), nil
	case error:
		if errors.Is(v, redis.Nil) {
			return append(out, "$-1\r\n"...), nil
		}
		return append(append(append(out, '-'), strings.NewReplacer("\r", " ", "\n", " ").Replace(v.Error())...), "\r\n"...), nil
	case []any:
		out = appendHeader(out, '*', len(v))
		for _, one := range v {
			var err error
			if out, err = appendReply(out, one); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[any]any:
		out = appendHeader(out, '*', 2*len(v))
		for k, one := range v {
			var err error
			if out, err = appendReply(out, k); err == nil {
				out, err = appendReply(out, one)
			}
			if err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return nil, fmt.Errorf("the server's reply is a %T, which has no form", value)
}

func watch(ctx context.Context, s *Server, r *connector.Request, in keys) (out watching, err error) {
	if in.Watch != "" && len(in.Body) == 0 {
		w, err := s.find(r, in.Watch)
		if err == nil && s.watches.Drop(in.Watch) {
			s.unwatch(w)
		}
		return out, err
	}
	lists, err := parse(in.Body)
	if err != nil {
		return out, err
	}
	if len(lists) != 1 {
		return out, host.FieldErrorf("body", "the body has %d arrays of keys, one is needed", len(lists))
	}
	command := [][]string{append([]string{"WATCH"}, lists[0]...)}
	if in.Watch != "" {
		w, err := s.find(r, in.Watch)
		if err != nil {
			return out, err
		}
		w.busy.Lock()
		defer w.busy.Unlock()
		return watching{in.Watch}, s.watching(ctx, w.conn, command)
	}
	conn, err := s.socket(ctx, lists[0][0])
	if err != nil {
		return out, err
	}
	if err := s.watching(ctx, conn, command); err != nil {
		_ = conn.Close()
		return out, err
	}
	w := &watched{conn: conn}
	if out.Watch, err = s.watches.Keep(ctx, r, w, func() { s.unwatch(w) }); err != nil {
		_ = conn.Close()
	}
	return out, err
}

// watching sends WATCH.
func (s *Server) watching(ctx context.Context, conn *redis.Conn, command [][]string) error {
	reply, err := s.send(ctx, conn, command, false, s.timeout)
	if err != nil {
		return err
	}
	if len(reply) > 0 && reply[0] == '-' {
		return host.Errorf(abi.Remote, "the server refuses to watch: %s", strings.TrimSpace(string(reply[1:])))
	}
	return nil
}

// socket returns a socket of its own to the server that has a key.
func (s *Server) socket(ctx context.Context, key string) (*redis.Conn, error) {
	switch c := s.client.(type) {
	case *redis.Client:
		return c.Conn(), nil
	case *redis.ClusterClient:
		inner, end := s.flights.begin(ctx, s.timeout)
		defer end()
		node, err := c.MasterForKey(inner, key)
		if err != nil {
			return nil, s.fault(inner, err)
		}
		return node.Conn(), nil
	}
	return nil, fmt.Errorf("the client is a %T", s.client)
}
