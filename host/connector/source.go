package connector

import (
	"context"
	"fmt"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// Message is what a [Source] has received for a service.
type Message struct {
	// Envelope is what the system says about it: fields below
	// abi.PrefixMessage, and header.content-type if its type is known.
	Envelope abi.Envelope
	Body     []byte
}

// Disposition is what a [Source] does with a message that was delivered.
type Disposition int

// The dispositions.
const (
	Done  Disposition = iota // acknowledge it: the service has dealt with it
	Park                     // put it aside, where people find it, and acknowledge it
	Again                    // give it back: it was not dealt with
)

// Deliver hands a message to the channel's service and returns when it is
// known what becomes of it, which takes as long as the service is tried. The
// error, of Park and Again only, says why. ctx ends when the message cannot be
// acknowledged any more; then Deliver lets the attempt under way end.
type Deliver func(ctx context.Context, m Message) (Disposition, error)

// Source receives the messages of one channel. It has one user.
type Source interface {
	// Run receives messages and hands each to deliver, several at a time only
	// if their order does not matter, and never more than its configuration
	// says. When ctx ends it takes no more of them, waits for those that
	// deliver has, does with them as it is told and returns nil. It returns an
	// error when the connection is lost; after a pause the host then opens
	// another source.
	Run(ctx context.Context, deliver Deliver) error
	// Close releases it after Run.
	Close() error
}

// Redelivery is how often and when a service that fails gets a message again.
// Embed it in the configuration of sources.
type Redelivery struct {
	Attempts   int           `json:"attempts" default:"5" min:"1" max:"100" doc:"how often a service is tried with a message before it is parked"`
	Backoff    host.Duration `json:"backoff" default:"1s" min:"1ms" max:"5m" doc:"pause after the first failure, doubled after each later one, with jitter"`
	MaxBackoff host.Duration `json:"max_backoff" default:"1m" min:"1ms" max:"5m" doc:"longest pause"`
}

// policy returns the settings of a configuration that embeds them.
func (r Redelivery) policy() Redelivery { return r }

// SourceSpec describes the channels of one kind of system, as [Spec] does its
// connections, whose type and configuration C they share. S is a channel's
// own configuration, which embeds [Redelivery].
type SourceSpec[C any, S interface{ policy() Redelivery }] struct {
	Type    string // of the connection and of the channel
	Channel string // what calls say they came by, one of abi.Channel…
	Doc     string // one sentence
	// Message is what messages say below abi.PrefixMessage, [Encoder.Fields]
	// of what writes them.
	Message []Field
	// Check refuses what the tags of S let pass.
	Check func(s S) error
	// Suits, if set, refuses connections that no channel can receive over,
	// whose secrets are still references. Its error names the field "connection".
	Suits func(c C) error
	// Open connects, as Open of a [Spec] does, and begins to receive nothing yet.
	Open func(ctx context.Context, c C, s S, env Env) (Source, error)
	// Forgets reports whether the system forgets what it has handed out, as
	// one that publishes and subscribes does. What is to be parked, or given
	// back, is then kept by the host, and the source has nothing to do with
	// it. nil is a system that does not.
	Forgets func(s S) bool
	// Parked connects to what the channel has put aside, unless the system
	// forgets.
	Parked func(ctx context.Context, c C, s S, env Env) (Parked, error)
}

// SourceType is a [SourceSpec] without its types.
type SourceType struct {
	Type, Channel, Doc string
	Config             []Field // of a channel
	Message            []Field // below abi.PrefixMessage
	// Validate refuses a channel's configuration and names the field below "config".
	Validate func(raw []byte) error
	// Suits refuses the configuration of a connection that no channel can
	// receive over. What is wrong with the connection itself is left to its
	// own validation.
	Suits func(connection []byte) error
	// Open connects with the configurations of a connection and of a channel.
	Open func(ctx context.Context, connection, channel []byte, secret func(name string) (string, error), env Env) (Source, Redelivery, error)
	// Forgets reports whether the host keeps what a channel puts aside.
	Forgets func(channel []byte) bool
	// Parked connects to what the channel has put aside.
	Parked func(ctx context.Context, connection, channel []byte, secret func(name string) (string, error), env Env) (Parked, error)
}

// DefineSource returns the type of a spec. A spec that makes no sense is a
// fault of the program and panics.
func DefineSource[C any, S interface{ policy() Redelivery }](s SourceSpec[C, S]) SourceType {
	if s.Type == "" || s.Channel == "" || s.Doc == "" || s.Open == nil || s.Forgets == nil && s.Parked == nil {
		panic(fmt.Sprintf("connector: the spec of sources of %q is incomplete", s.Type))
	}
	var (
		c C
		v S
	)
	ofConnection, ofChannel := Fields(c), Fields(v)
	decode := func(raw []byte) (S, error) {
		var v S
		err := decodeConfig(raw, &v, ofChannel, nil)
		if err == nil && s.Check != nil {
			err = below("config", s.Check(v))
		}
		return v, err
	}
	both := func(connection, channel []byte, secret func(string) (string, error)) (c C, v S, err error) {
		if err = decodeConfig(connection, &c, ofConnection, secret); err == nil && s.Suits != nil {
			err = s.Suits(c)
		}
		if err == nil {
			v, err = decode(channel)
		}
		return c, v, err
	}
	return SourceType{
		Type: s.Type, Channel: s.Channel, Doc: s.Doc, Config: ofChannel, Message: s.Message,
		Validate: func(raw []byte) error {
			_, err := decode(raw)
			return err
		},
		Suits: func(connection []byte) error {
			var c C
			if s.Suits == nil || decodeConfig(connection, &c, ofConnection, nil) != nil {
				return nil
			}
			return s.Suits(c)
		},
		Open: func(ctx context.Context, connection, channel []byte, secret func(string) (string, error), env Env) (Source, Redelivery, error) {
			c, v, err := both(connection, channel, secret)
			if err != nil {
				return nil, Redelivery{}, err
			}
			source, err := s.Open(ctx, c, v, env)
			return source, v.policy(), err
		},
		Forgets: func(raw []byte) bool {
			v, err := decode(raw)
			return err == nil && s.Forgets != nil && s.Forgets(v)
		},
		Parked: func(ctx context.Context, connection, channel []byte, secret func(string) (string, error), env Env) (Parked, error) {
			if s.Parked == nil {
				return nil, host.Errorf(abi.Invalid, "channels of type %q put nothing aside", s.Type)
			}
			c, v, err := both(connection, channel, secret)
			if err != nil {
				return nil, err
			}
			return s.Parked(ctx, c, v, env)
		},
	}
}
