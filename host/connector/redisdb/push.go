package redisdb

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
)

// Bounds of what a server pushes. What has a longer channel or payload is
// read and dropped.
const (
	maxPayload  = maxReply
	maxPushLine = 1 << 10
	maxElements = 4
)

// push is one message of a server to a subscriber.
type push struct {
	kind             string // such as message or subscribe; empty for a reply that is no array
	pattern, channel string
	payload          []byte
	dropped          bool // it was too long
}

// published reports whether somebody has published it.
func (p push) published() bool {
	return p.kind == "message" || p.kind == "pmessage" || p.kind == "smessage"
}

// size returns about how much memory a message takes.
func (p push) size() int { return 100 + len(p.pattern) + len(p.channel) + len(p.payload) }

// replyError is an error that the server replies.
type replyError string

func (r replyError) Error() string { return string(r) }

// pushes reads what a server sends to a subscriber, in RESP2
// (https://redis.io/docs/latest/develop/reference/protocol-spec).
type pushes struct{ r *bufio.Reader }

func newPushes(r io.Reader) *pushes { return &pushes{bufio.NewReaderSize(r, maxPushLine)} }

// next returns the next one. An error reply is a replyError.
func (p *pushes) next() (out push, err error) {
	kind, rest, err := p.line()
	if err != nil {
		return out, err
	}
	switch kind {
	case '+':
		return out, nil
	case '-':
		return out, replyError(rest)
	case '*':
	default:
		return out, errProtocol
	}
	n, err := strconv.Atoi(rest)
	if err != nil || n < 2 || n > maxElements {
		return out, errProtocol
	}
	var parts [maxElements][]byte
	for i := range n {
		limit := maxKey
		if i == n-1 {
			limit = maxPayload
		}
		var whole bool
		if parts[i], whole, err = p.element(limit); err != nil {
			return out, err
		}
		out.dropped = out.dropped || !whole
	}
	out.kind, out.payload = string(parts[0]), parts[n-1] //nolint:gosec // n is at most maxElements
	switch n {
	case maxElements:
		out.pattern, out.channel = string(parts[1]), string(parts[2])
	case maxElements - 1:
		out.channel = string(parts[1])
	}
	return out, nil
}

// line reads a line: its kind and the rest of it.
func (p *pushes) line() (kind byte, rest string, err error) {
	text, err := p.r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return 0, "", errProtocol
	case err != nil:
		return 0, "", err
	case len(text) < 3 || text[len(text)-2] != '\r':
		return 0, "", errProtocol
	}
	return text[0], string(text[1 : len(text)-2]), nil
}

// element reads a bulk string or a number. whole is false for one that has
// more bytes than limit.
func (p *pushes) element(limit int) (value []byte, whole bool, err error) {
	kind, rest, err := p.line()
	if err != nil {
		return nil, false, err
	}
	n, err := strconv.Atoi(rest)
	switch {
	case err != nil || n < -1 || kind != '$' && kind != ':':
		return nil, false, errProtocol
	case kind == ':' || n == -1:
		return []byte(rest), true, nil
	case n > limit:
		_, err := io.CopyN(io.Discard, p.r, int64(n)+2)
		return nil, false, err
	}
	var b bytes.Buffer // it grows with what comes, not with what is announced
	if _, err := io.CopyN(&b, p.r, int64(n)+2); err != nil {
		return nil, false, err
	}
	if !bytes.HasSuffix(b.Bytes(), []byte("\r\n")) {
		return nil, false, errProtocol
	}
	return b.Bytes()[:n], true, nil
}
