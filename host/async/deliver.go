package async

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/telemetry"
)

// longestRest bounds the time for which a message that is not due is given
// back, so that a host whose clock is set notices.
const longestRest = time.Hour

// crowded is how long a group waits whose targets do not fit beside what
// waits already.
const crowded = time.Second

// handle does what a message asks for. An error has it come again.
func (c *Courier) handle(ctx context.Context, raw []byte) error {
	m := new(message)
	if err := json.Unmarshal(raw, m); err != nil {
		c.Logger.Error("dropping an asynchronous call that cannot be read", "error", err)
		return nil
	}
	t, err := c.Catalog.Tenant(ctx, m.Tenant)
	switch {
	case host.CodeOf(err) == abi.NotFound:
		return nil
	case err != nil:
		return err
	case m.Sent.Before(t.Created):
		return nil // it is from a tenant that had the name before
	}
	now := c.now()
	if rest := m.NotBefore.Sub(now); rest > 0 {
		return &host.LaterError{After: min(rest, longestRest)}
	}
	if !m.Expires.IsZero() && now.After(m.Expires) {
		c.note(m, abi.LevelWarning, "the call was not made: it expired at "+m.Expires.Format(time.RFC3339)+", before its turn came")
		return nil
	}
	switch {
	case m.Group != nil:
		return c.explode(ctx, m)
	case m.Member != nil && len(m.Member.OnFinal) > 0:
		return c.join(ctx, m)
	case m.Final != "":
		return c.final(ctx, m)
	default:
		return c.single(ctx, m)
	}
}

// call makes the call. An error says that the host could not; that the
// service failed is an outcome.
func (c *Courier) call(ctx context.Context, m *message) (*outcome, error) {
	began := c.now()
	reply, err := c.Invoker().Invoke(host.WithTrace(ctx, m.Trace), m.call())
	switch host.CodeOf(err) {
	case abi.Unavailable, abi.Cancelled, abi.Internal:
		return nil, err
	case abi.NotFound: // nothing has been logged: there is nothing to log it for
		c.note(m, abi.LevelError, host.MessageOf(err))
	default: // the log of the service has it
	}
	return outcomeOf(m, began, c.now(), reply, err), nil
}

// single makes a call and what follows from it.
func (c *Courier) single(ctx context.Context, m *message) error {
	o, err := c.call(ctx, m)
	if err != nil {
		return err
	}
	if !o.OK && m.Retry != nil && m.Retry.Left > 0 {
		return c.again(ctx, m)
	}
	return c.callBack(ctx, m, o)
}

// again publishes the next attempt of a call that failed.
func (c *Courier) again(ctx context.Context, m *message) error {
	next := *m
	next.Retry = &retry{Left: m.Retry.Left - 1, Times: m.Retry.Times, Origin: m.Retry.Origin, Every: m.Retry.Every, Context: m.Retry.Context}
	next.ID = m.ID + "/" + strconv.Itoa(m.Retry.Left)
	next.NotBefore = c.now().Add(m.Retry.Every)
	return c.publish(ctx, &next)
}

// callBack publishes the callbacks of a call. One that nobody retries and
// that belongs to no group has its reply passed on as it is, if it has one.
func (c *Courier) callBack(ctx context.Context, m *message, o *outcome) error {
	if len(m.Callbacks) == 0 {
		return nil
	}
	var body []byte
	kind := "application/json"
	switch {
	case m.Retry != nil || m.Member != nil:
		var err error
		if body, err = json.Marshal(o); err != nil {
			return fmt.Errorf("encoding an outcome: %w", err)
		}
	case !o.OK:
		return nil
	default:
		body, kind = o.reply.Body, o.reply.ContentType()
	}
	for i, service := range m.Callbacks {
		b := m.callback(i, service)
		b.Body = body
		if kind != "" {
			b.Envelope.Add(abi.PrefixHeader+"content-type", kind)
		}
		if err := c.publish(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// explode publishes a message for each target of a group. When it comes
// again, the queue or the group's state drops what was there before.
func (c *Courier) explode(ctx context.Context, m *message) error {
	b, err := c.box(m.Tenant)
	if err != nil {
		return err
	}
	backlog, err := b.queue.Backlog(ctx)
	if err != nil {
		return err
	}
	if backlog.Messages+int64(len(m.Group.Targets)) > 2*maxWaiting {
		return &host.LaterError{After: crowded}
	}
	for i, t := range m.Group.Targets {
		next := m.follow("target", i)
		next.Service, next.Envelope, next.Body = t.Service, t.Envelope, t.Body
		next.CID, next.Depth = m.CID, m.Depth
		next.Callbacks = m.Group.OnTarget
		next.Member = &member{Group: m.ID, Index: i, Of: len(m.Group.Targets), OnFinal: m.Group.OnFinal}
		if err := c.publish(ctx, next); err != nil {
			return err
		}
	}
	return nil
}

// join makes the call of a target whose group has final callbacks, and
// publishes these if it is the last.
func (c *Courier) join(ctx context.Context, m *message) error {
	known, err := c.joins.settled(ctx, m)
	if err != nil {
		return err
	}
	if !known {
		o, err := c.call(ctx, m)
		if err != nil {
			return err
		}
		o.fit(m.Member.Of)
		if err := c.callBack(ctx, m, o); err != nil {
			return err
		}
		if err := c.joins.settle(ctx, m, o); err != nil {
			return err
		}
	}
	all, err := c.joins.complete(ctx, m)
	if err != nil || all == nil {
		return err
	}
	s, err := summarise(m, all)
	if err != nil {
		return err
	}
	body, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encoding the outcomes of a group: %w", err)
	}
	for i, service := range m.Member.OnFinal {
		f := m.callback(i, service)
		// Whichever target is the last: the final callback is the same.
		f.ID = m.Member.Group + "/final/" + strconv.Itoa(i)
		f.CID, f.From, f.Final = cidOf(f.ID), m.From, m.Member.Group
		f.Envelope.Add(abi.PrefixHeader+"content-type", "application/json")
		f.Body = body
		if err := c.publish(ctx, f); err != nil {
			return err
		}
	}
	return c.joins.finish(ctx, m)
}

// final makes the final callback of a group, unless it was made.
func (c *Courier) final(ctx context.Context, m *message) error {
	made, err := c.joins.made(ctx, m)
	if err != nil || made {
		return err
	}
	if _, err := c.call(ctx, m); err != nil {
		return err
	}
	return c.joins.remember(ctx, m)
}

// note writes to the log of the service that asked for the call.
func (c *Courier) note(m *message, level int, text string) {
	c.Book.Append(telemetry.Record{
		Time: time.Now(), Tenant: m.Tenant, Service: m.From, CID: m.CID, Level: level,
		Message: "asynchronous call of service " + strconv.Quote(m.Service) + ": " + text,
	})
}
