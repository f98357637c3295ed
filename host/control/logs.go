package control

import (
	"bufio"
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/telemetry"
)

// Book holds the tenants' logs, a [telemetry.Book].
type Book interface {
	Tail(tenant string, f telemetry.Filter) []telemetry.Record
	// Follow delivers new records until ctx ends, then closes the channel.
	Follow(ctx context.Context, tenant string, f telemetry.Filter) <-chan telemetry.Record
}

var _ Book = (*telemetry.Book)(nil)

// Bounds of log requests.
const (
	defaultRecords = 100
	maxRecords     = 10_000
	ndjson         = "application/x-ndjson"
	heartbeat      = 15 * time.Second // an empty line, so that both sides notice a broken connection
	writeTimeout   = 30 * time.Second // for a client that does not read its stream
)

// logs answers records as one JSON object a line, oldest first; with
// follow=true the answer goes on until the client leaves, with an empty line
// now and then.
func (s *Server) logs(c *fiber.Ctx) error {
	f, err := logFilter(c)
	if err != nil {
		return err
	}
	follow := false
	if text := c.Query("follow"); text != "" {
		if follow, err = strconv.ParseBool(text); err != nil {
			return host.FieldErrorf("follow", "follow %q: use true or false", host.Clip(text))
		}
	}
	tenant := tenantOf(c).Name
	c.Set(fiber.HeaderContentType, ndjson)
	if !follow {
		w := c.Response().BodyWriter()
		return writeRecords(json.NewEncoder(w), s.cfg.Book.Tail(tenant, f))
	}
	ctx, stop := context.WithCancel(s.open)
	// Subscribing before reading what is there loses nothing in between.
	news := s.cfg.Book.Follow(ctx, tenant, f)
	select {
	case _, there := <-news: // a record is in the tail below, too
		if !there && s.open.Err() == nil {
			stop()
			return errFollowers()
		}
	default:
	}
	past := s.cfg.Book.Tail(tenant, f)
	conn := c.Context().Conn()
	c.Context().SetConnectionClose() // its write deadline is the stream's
	c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		defer stop()
		out := &stream{w: w, extend: func() error { return conn.SetWriteDeadline(time.Now().Add(writeTimeout)) }}
		out.run(past, news)
	})
	return nil
}

func errFollowers() error {
	e := host.Errorf(abi.Unavailable, "too many clients follow the tenant's log; end one of them")
	e.RetryAfter = heartbeat
	return e
}

// stream writes records as they come.
type stream struct {
	w      *bufio.Writer
	extend func() error
}

// run ends when the channel closes or the client is gone.
func (s *stream) run(past []telemetry.Record, news <-chan telemetry.Record) {
	enc := json.NewEncoder(s.w)
	if writeRecords(enc, past) != nil || s.flush() != nil {
		return
	}
	seen := make(map[telemetry.Record]bool, len(past))
	for _, r := range past {
		seen[r] = true
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case r, open := <-news:
			if !open {
				return
			}
			if seen[r] {
				delete(seen, r)
				continue
			}
			if enc.Encode(r) != nil {
				return
			}
		case <-beat.C:
			if s.w.WriteByte('\n') != nil {
				return
			}
		}
		if len(news) == 0 && s.flush() != nil {
			return
		}
	}
}

func (s *stream) flush() error {
	if err := s.extend(); err != nil {
		return err
	}
	return s.w.Flush()
}

func writeRecords(enc *json.Encoder, records []telemetry.Record) error {
	for _, r := range records {
		if err := enc.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// logFilter reads service, cid, level, limit and since.
func logFilter(c *fiber.Ctx) (telemetry.Filter, error) {
	f := telemetry.Filter{Service: c.Query("service"), CID: c.Query("cid")}
	var err error
	if f.MinLevel, err = parseLevel(c.Query("level")); err != nil {
		return f, err
	}
	if f.Limit, err = queryInt(c, "limit", defaultRecords, maxRecords); err != nil {
		return f, err
	}
	f.Since, err = parseSince(c.Query("since"), time.Now())
	return f, err
}

// parseLevel reads a level's name; "" is all levels.
func parseLevel(text string) (int, error) {
	switch strings.ToLower(text) {
	case "":
		return 0, nil
	case "debug":
		return abi.LevelDebug, nil
	case "info":
		return abi.LevelInfo, nil
	case "warning", "warn":
		return abi.LevelWarning, nil
	case "error":
		return abi.LevelError, nil
	case "critical":
		return abi.LevelCritical, nil
	}
	return 0, host.FieldErrorf("level", "level %q: use debug, info, warning, error or critical", host.Clip(text))
}

// parseSince reads a moment, RFC 3339, or how long ago it was, such as 10m.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, host.FieldErrorf("since", "since %q: use a time such as 2025-01-31T12:00:00Z or a duration such as 10m", host.Clip(text))
	}
	return at, nil
}
