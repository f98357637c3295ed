package guest

import (
	"context"

	"github.com/seraihost/serai/host"
)

// answer is a reply whose body goes out as the guest writes it.
type answer struct {
	to   host.ReplyBody
	left int64       // bytes that the body may have yet
	err  error       // why it is not complete
	stop func() bool // ends the watch that ends a write which waits
}

// beginAnswer starts the reply that the guest has set, if its channel takes
// one that streams; else it is collected. What was written before goes first.
func (s *Session) beginAnswer(ctx context.Context) error {
	if s.Answer == nil {
		return nil
	}
	r := s.Reply()
	body := r.Body
	r.Body = nil
	to, err := s.Answer(r)
	if err != nil {
		return err
	}
	a := &answer{to: to, left: int64(s.Scope.Limits.ReplyBytes)}
	a.stop = context.AfterFunc(ctx, func() { _ = to.Close() })
	s.answer, s.body = a, nil
	return s.writeAnswer(ctx, body)
}

// writeAnswer sends a part of the body and waits until it is on its way.
func (s *Session) writeAnswer(ctx context.Context, p []byte) error {
	a := s.answer
	if a.err != nil {
		return a.err
	}
	if len(p) == 0 {
		return nil
	}
	if a.left -= int64(len(p)); a.left < 0 {
		a.err = LargeReply(s.Scope.Limits)
		return a.err
	}
	if _, err := a.to.Write(p); err != nil {
		a.err = err
		if cause := ctx.Err(); cause != nil {
			a.err = cause
		}
	}
	return a.err
}

// spliceAnswer sends what a stream has yet as the reply's body.
func (s *Session) spliceAnswer(ctx context.Context, from *stream) error {
	err := from.copyTo(ctx, func(p []byte) (int, error) { return len(p), s.write(ctx, p) })
	if err != nil && s.answer != nil && s.answer.err == nil {
		s.answer.err = err // it has begun, and cannot be completed any more
	}
	return err
}

// write appends to the reply's body.
func (s *Session) write(ctx context.Context, p []byte) error {
	if s.answer != nil {
		return s.writeAnswer(ctx, p)
	}
	return s.WriteBody(p)
}

// Finish ends the reply of a guest that has ended well. Its error says that one
// which has begun to stream is not complete.
func (s *Session) Finish() error {
	if s.answer == nil {
		return nil
	}
	if s.answer.err == nil {
		s.answer.err = s.answer.to.Finish()
	}
	return s.answer.err
}
