package guest

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/engine/wasi"
)

// Log takes one log record of a guest.
type Log func(level int, message string)

// Session is the state of one call. It is the State of the engine's call,
// and also provides the call's WASI system. One goroutine at a time uses it.
type Session struct {
	// System is what the guest sees through WASI.
	System wasi.System
	// Scope says on whose behalf the call runs.
	Scope connector.Scope
	// Ops are the operations behind the ABI's call function.
	Ops *connector.Registry
	// Log receives records up to Scope.Limits.LogBytes in all.
	Log Log
	// Answer takes a reply that streams; nil if the channel takes none. See
	// host.Call.
	Answer func(*host.Reply) (host.ReplyBody, error)

	request  stream
	results  []*stream // by handle - 1; nil when closed
	held     int
	logged   int64
	replied  bool
	streams  bool    // the reply's body is written after it was set
	answer   *answer // where that goes; nil if it is collected
	refusal  error   // why a reply was refused, if the guest set none after it
	envelope abi.Envelope
	body     []byte
}

// Provider is what a call's State implements for guests that use the ABI.
type Provider interface {
	// Session returns the state of the running call.
	Session() *Session
}

var (
	_ Provider      = (*Session)(nil)
	_ wasi.Provider = (*Session)(nil)
)

// Session implements [Provider].
func (s *Session) Session() *Session { return s }

// WASI implements wasi.Provider.
func (s *Session) WASI() *wasi.System { return &s.System }

// Replied reports whether the guest has set a reply.
func (s *Session) Replied() bool { return s.replied }

// WriteBody appends to the reply's body; it returns a TooLarge error over
// the service's limit.
func (s *Session) WriteBody(p []byte) error {
	if most := int64(s.Scope.Limits.ReplyBytes); int64(len(s.body))+int64(len(p)) > most {
		return host.Errorf(abi.TooLarge, "the reply is over the limit of %s; raise it with --reply-size", host.Bytes(most))
	}
	s.body = append(s.body, p...)
	return nil
}

// Reply returns the reply that the guest has set, or one with status 200
// and what was written to its body.
func (s *Session) Reply() *host.Reply {
	r := &host.Reply{Status: 200, Body: s.body, Sent: s.answer != nil}
	for _, f := range s.envelope {
		switch {
		case f.Name == abi.FieldStatus:
			r.Status, _ = strconv.Atoi(f.Value) // checked by setReply
		case strings.HasPrefix(f.Name, abi.PrefixHeader):
			r.Headers = append(r.Headers, abi.Field{Name: f.Name[len(abi.PrefixHeader):], Value: f.Value})
		}
	}
	return r
}

// Failure returns how the guest says it failed, after an export returned
// the code. The strings are bounded by the ABI's limits.
func (s *Session) Failure(code uint64) *host.Error {
	if fault := s.request.fault(); fault != nil {
		return fault
	}
	if s.refusal != nil && !s.replied {
		return s.refusedReply()
	}
	e := s.envelope
	f := &host.GuestFailure{
		Type:      e.Get(abi.FieldErrorType),
		Message:   e.Get(abi.FieldErrorMessage),
		Traceback: e.Get(abi.FieldErrorTraceback),
		File:      e.Get(abi.FieldErrorFile),
		CIDHeader: e.Get(abi.FieldErrorCIDHeader),
	}
	f.Line, _ = strconv.Atoi(e.Get(abi.FieldErrorLine))
	c := abi.Failed
	if n := int32(uint32(code)); abi.Code(n).Valid() && n != int32(abi.OK) { //nolint:gosec // an i32 result
		c = abi.Code(n)
	}
	if c == abi.Internal { // a guest cannot speak for the host
		c = abi.Failed
	}
	return &host.Error{Code: c, Message: "the service failed", Detail: f}
}

// refusedReply is the failure of a guest whose reply the host did not take.
// The caller's request was not at fault, whatever code the guest was told.
func (s *Session) refusedReply() *host.Error {
	if host.CodeOf(s.refusal) == abi.TooLarge {
		return LargeReply(s.Scope.Limits)
	}
	return &host.Error{
		Code: abi.Failed, Message: "the service failed", Err: s.refusal,
		Detail: &host.GuestFailure{Type: "Reply", Message: "the reply was refused: " + host.MessageOf(s.refusal)},
	}
}

// LargeReply is how a call ends whose reply is over the service's limit.
func LargeReply(l host.Limits) *host.Error {
	return host.Errorf(abi.Limit, "the reply is over the limit of %s; raise it with --reply-size", l.ReplyBytes)
}

// setReply checks and keeps the reply of a guest, and begins to send one that
// streams.
func (s *Session) setReply(ctx context.Context, env, body []byte) error {
	if s.replied {
		return s.setFailure(env)
	}
	from, err := s.takeReply(env, body)
	if err != nil {
		s.refusal = err
		return err
	}
	s.refusal = nil
	if !s.streams {
		return nil
	}
	if err := s.beginAnswer(ctx); err != nil || from == nil {
		return err
	}
	return s.spliceAnswer(ctx, from)
}

// setFailure takes how a guest fails after it has set a reply that streams.
// No other reply can be set after one.
func (s *Session) setFailure(env []byte) error {
	if s.streams {
		if e, err := abi.Decode(env); err == nil && e.Get(abi.FieldErrorType) != "" {
			s.envelope = e
			return nil
		}
	}
	return host.Errorf(abi.Conflict, "the reply was set before")
}

// takeReply returns the stream that the rest of the body is, if there is one.
func (s *Session) takeReply(env, body []byte) (from *stream, err error) {
	e, err := abi.Decode(env)
	if err != nil {
		return nil, host.Errorf(abi.Invalid, "reply: %w", err)
	}
	streams := ""
	for _, f := range e {
		if err := checkReplyField(f); err != nil {
			return nil, err
		}
		if f.Name == abi.FieldStreamBody {
			streams = f.Value
		}
	}
	if streams != "" && streams != abi.StreamWrite {
		if from, err = s.source(streams); err != nil {
			return nil, err
		}
	}
	if err := s.WriteBody(body); err != nil {
		return nil, err
	}
	s.envelope, s.replied, s.streams = e, true, streams != ""
	return from, nil
}

func checkReplyField(f abi.Field) error {
	if f.Name == abi.FieldStatus {
		if n, err := strconv.Atoi(f.Value); err != nil || n < 200 || n > 599 {
			return host.Errorf(abi.Invalid, "reply status %q: use a number from 200 to 599", host.Clip(f.Value))
		}
	}
	if name, ok := strings.CutPrefix(f.Name, abi.PrefixHeader); ok {
		if !isToken(name) || strings.ContainsAny(f.Value, "\r\n\x00") {
			return host.Errorf(abi.Invalid, "reply header %q: its name or value has characters that HTTP does not allow", host.Clip(name))
		}
	}
	return nil
}

// isToken reports whether s is a token of RFC 9110, section 5.6.2, in lower case.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// Print logs one record on the guest's account.
func (s *Session) Print(level int, message string) {
	if s.Log == nil {
		return
	}
	limit := int64(s.Scope.Limits.LogBytes)
	if s.logged > limit {
		return
	}
	s.logged += int64(len(message))
	if s.logged > limit {
		s.Log(abi.LevelWarning, fmt.Sprintf("log limit of %s for a call reached; the rest is dropped", host.Bytes(limit)))
		return
	}
	s.Log(level, strings.ToValidUTF8(message, "\uFFFD"))
}

// Lines returns a writer that logs every line at the level, for the
// standard streams of guests.
func (s *Session) Lines(level int) *wasi.Lines {
	return &wasi.Lines{Emit: func(line []byte) { s.Print(level, string(line)) }}
}
