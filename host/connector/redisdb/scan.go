package redisdb

import (
	"errors"
	"strconv"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// Bounds of the replies to one request.
const (
	maxReply = 16 << 20 // bytes
	maxItems = 1 << 20
	maxDepth = 32
	maxLine  = 64 << 10
)

var errProtocol = errors.New("the server does not speak Redis' protocol")

// scanner follows the replies of a server as they arrive, so that nobody
// makes room for what a server only announces.
type scanner struct {
	size, items int   // since the request
	open        []int // elements that are to come of the arrays around
	skip        int   // bytes to come of a bulk string and its end
	line        []byte
	length      int // of the line
}

// request starts the count of a request's replies.
func (s *scanner) request() { s.size, s.items = 0, 0 }

func (s *scanner) feed(p []byte) error {
	if s.size += len(p); s.size > maxReply {
		return tooLarge()
	}
	for len(p) > 0 {
		if s.skip > 0 {
			n := min(s.skip, len(p))
			p = p[n:]
			if s.skip -= n; s.skip == 0 {
				s.done()
			}
			continue
		}
		c := p[0]
		p = p[1:]
		if s.length++; s.length > maxLine {
			return errProtocol
		}
		if c != '\n' {
			if len(s.line) < 32 {
				s.line = append(s.line, c)
			}
			continue
		}
		if err := s.header(); err != nil {
			return err
		}
		s.line, s.length = s.line[:0], 0
	}
	return nil
}

// header takes a complete line.
func (s *scanner) header() error {
	if len(s.open) == 0 { // the others are counted when they are announced
		s.items++
	}
	if s.items > maxItems {
		return tooLarge()
	}
	if len(s.line) < 2 {
		return errProtocol
	}
	kind := s.line[0]
	each := 1 // values in an element
	switch kind {
	case '+', '-', ':', '_', '#', ',', '(':
		s.done()
		return nil
	case '$', '=', '!', '*', '~', '>':
	case '%', '|':
		each = 2
	default:
		return errProtocol
	}
	if s.line[len(s.line)-1] != '\r' {
		return errProtocol
	}
	n, err := strconv.Atoi(string(s.line[1 : len(s.line)-1]))
	switch {
	case err != nil || n < -1:
		return errProtocol
	case n == -1:
		s.done()
	case kind == '$' || kind == '=' || kind == '!':
		if n > maxReply {
			return tooLarge()
		}
		s.skip = n + 2
	case n > (maxItems-s.items)/each || len(s.open) == maxDepth:
		return tooLarge()
	case n == 0 && kind != '|':
		s.done()
	default:
		n *= each
		if kind == '|' { // the value follows that it is about
			n++
		}
		s.items += n
		s.open = append(s.open, n)
	}
	return nil
}

// done counts a value as read, and the arrays that it completes.
func (s *scanner) done() {
	for len(s.open) > 0 {
		last := len(s.open) - 1
		if s.open[last]--; s.open[last] > 0 {
			return
		}
		s.open = s.open[:last]
	}
}

func tooLarge() error {
	return host.Errorf(abi.TooLarge, "the replies have more than %d bytes, %d values or %d levels: ask for less at once", maxReply, maxItems, maxDepth)
}
