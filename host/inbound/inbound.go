// Package inbound runs the channels that receive messages from other systems:
// it opens a connector's source for each, hands messages to the channel's
// service, tries again what fails, and decides what becomes of a message.
//
// Each channel is on its own: one whose system cannot be reached delays
// neither the start of the host nor another channel. Messages are delivered at
// least once. A message is acknowledged after the service has succeeded, and
// stays with its system until then, so a host that is killed loses none.
package inbound

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/telemetry"
)

// Catalog holds connections and secrets. Its methods return a NotFound error
// for what does not exist.
type Catalog interface {
	Connection(ctx context.Context, tenant, name string) (host.Connection, error)
	Secret(ctx context.Context, tenant, name string) ([]byte, error)
}

// Config says what an [Intake] works with.
type Config struct {
	Catalog Catalog
	Types   []connector.SourceType
	// Invoker returns the dispatcher.
	Invoker func() host.Invoker
	Book    *telemetry.Book
	Logger  *slog.Logger
	// Store keeps the messages that channels put aside whose systems have no
	// place for that, of one tenant as many bytes as Aside, or [DefaultAside].
	Store host.Store
	Aside int64
	// Dir is where sources keep files, in a folder for each tenant.
	Dir string
	// AtOnce is how many messages of one tenant are in its services at a
	// time; 0 is [DefaultAtOnce].
	AtOnce int
}

// Intake runs channels. It is safe for concurrent use.
type Intake struct {
	Config
	types map[string]connector.SourceType
	rooms *rooms
	shelf shelf

	mu       sync.Mutex
	ctx      context.Context //nolint:containedctx // of Run, which what Set starts belongs to
	wanted   map[key]wanted
	channels map[key]*receiver
	ending   map[key]*receiver // of channels that are gone or disabled
	work     sync.WaitGroup    // all receivers
}

type key struct{ tenant, name string }

// wanted is a channel and a digest of all that it is configured by.
type wanted struct {
	channel host.Channel
	digest  [sha256.Size]byte
}

// New returns an intake that receives nothing before Run.
func New(c Config) *Intake {
	i := &Intake{Config: c, types: make(map[string]connector.SourceType, len(c.Types)), shelf: shelf{c.Store, cmp.Or(c.Aside, DefaultAside)}, wanted: map[key]wanted{}, channels: map[key]*receiver{}, ending: map[key]*receiver{}}
	i.rooms = &rooms{most: cmp.Or(c.AtOnce, DefaultAtOnce), tenants: map[string]chan struct{}{}}
	for _, t := range c.Types {
		i.types[t.Type] = t
	}
	return i
}

// Validate refuses a channel of a type that there is not, or with a wrong
// configuration. REST channels are right.
func (i *Intake) Validate(c host.Channel) error {
	if c.REST() {
		return nil
	}
	t, ok := i.types[c.Type]
	if !ok {
		names := []string{host.ChannelREST}
		for _, t := range i.Types {
			names = append(names, t.Type)
		}
		return host.FieldErrorf("type", "channel type %q: use %s", host.Clip(c.Type), strings.Join(names, ", "))
	}
	raw := []byte(c.Config)
	if len(raw) == 0 {
		raw = []byte("{}")
	}
	return t.Validate(raw)
}

// Suits refuses a channel that cannot receive over a connection: it is of
// another type, or to a system that has nothing to receive. The error names
// the field "connection". A channel that Validate refuses suits any.
func (i *Intake) Suits(c host.Channel, over host.Connection) error {
	t, ok := i.types[c.Type]
	if c.REST() || !ok {
		return nil
	}
	return suits(t, over)
}

func suits(t connector.SourceType, over host.Connection) error {
	if over.Type != t.Type {
		return host.FieldErrorf("connection", "connection %q has the type %q, the channel has %q", over.Name, over.Type, t.Type)
	}
	return t.Suits(over.Config)
}

// Set makes the intake receive for these channels, of all tenants, and no
// others; what others have put aside in the store is gone then. What has not changed goes on; the rest ends once the messages that
// it has are dealt with, and begins anew. Set does not wait for that.
func (i *Intake) Set(ctx context.Context, all []host.Channel) {
	next := make(map[key]wanted, len(all))
	exist := make(map[key]bool, len(all))
	for _, c := range all {
		exist[key{c.Tenant, c.Name}] = true
		if !c.Disabled {
			next[key{c.Tenant, c.Name}] = wanted{c, i.digest(ctx, c)}
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.wanted = next
	tenants := map[string]bool{}
	for k := range next {
		tenants[k.tenant] = true
	}
	i.rooms.keep(func(t string) bool { return tenants[t] })
	i.apply()
	if err := i.shelf.sweep(ctx, func(k key) bool { return exist[k] }); err != nil {
		i.Logger.Error("dropping what deleted channels have put aside", "err", err)
	}
}

// Run receives until ctx ends and the messages under way are dealt with.
func (i *Intake) Run(ctx context.Context) {
	i.mu.Lock()
	i.ctx = ctx
	i.apply()
	i.mu.Unlock()
	<-ctx.Done()
	i.mu.Lock()
	i.ctx = nil
	i.channels = map[key]*receiver{}
	i.mu.Unlock()
	i.work.Wait()
}

// apply starts and stops receivers. The intake is locked.
func (i *Intake) apply() {
	if i.ctx == nil {
		return
	}
	for k, r := range i.channels {
		if w, ok := i.wanted[k]; !ok || w.digest != r.digest {
			r.stop()
			if !ok {
				delete(i.channels, k)
				i.ending[k] = r
			}
		}
	}
	for k, w := range i.wanted {
		old := i.channels[k]
		if old != nil && old.digest == w.digest {
			continue
		}
		if old == nil {
			old = i.ending[k]
		}
		ctx, stop := context.WithCancel(i.ctx)
		r := &receiver{Config: i.Config, kind: i.types[w.channel.Type], channel: w.channel, state: new(state), rooms: i.rooms, shelf: i.shelf, wake: make(chan struct{}, 1), digest: w.digest, stop: stop, done: make(chan struct{})}
		if old != nil {
			r.state = old.state // what was counted goes on
		}
		r.state.set(false, nil)
		i.channels[k] = r
		i.work.Go(func() {
			defer i.ended(k, r)
			if old != nil {
				<-old.done // two of one channel would mix up the order
			}
			r.run(ctx)
		})
	}
}

// ended forgets a receiver.
func (i *Intake) ended(k key, r *receiver) {
	r.stop()
	close(r.done)
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.ending[k] == r {
		delete(i.ending, k)
	}
}

// digest sums up a channel with its connection and secrets. What cannot be
// read differs from what can, so the channel begins anew once it can.
func (i *Intake) digest(ctx context.Context, c host.Channel) [sha256.Size]byte {
	h := sha256.New()
	_ = json.NewEncoder(h).Encode(c) //nolint:errchkjson // it came out of the catalogue
	conn, err := i.Catalog.Connection(ctx, c.Tenant, c.Connection)
	fmt.Fprintf(h, "%d", host.CodeOf(err))
	_ = json.NewEncoder(h).Encode(conn) //nolint:errchkjson // the same
	if err == nil {
		_ = connector.EachSecret(conn.Config, func(name string) (string, error) {
			value, err := i.Catalog.Secret(ctx, c.Tenant, name)
			fmt.Fprintf(h, "%d:%d:%s", host.CodeOf(err), len(value), value)
			return "", nil
		})
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// note writes to the log of the channel's service, for its author.
func (r *receiver) note(cid string, level int, text string) {
	r.Book.Append(telemetry.Record{
		Time: now(), Tenant: r.channel.Tenant, Service: r.channel.Service, CID: cid, Level: level,
		Message: fmt.Sprintf("channel %q: %s", r.channel.Name, text),
	})
}
