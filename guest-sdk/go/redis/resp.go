package redis //nolint:revive // the file beside it, which is generated, describes it

import (
	"bytes"
	"errors"
	"strconv"
)

// Command returns a command as [Connection.Commands] takes it, in RESP2.
// Several are joined with append.
func Command(words ...string) []byte {
	size := 16
	for _, w := range words {
		size += 16 + len(w)
	}
	out := strconv.AppendInt(append(make([]byte, 0, size), '*'), int64(len(words)), 10)
	for _, w := range words {
		out = strconv.AppendInt(append(out, '\r', '\n', '$'), int64(len(w)), 10)
		out = append(append(out, '\r', '\n'), w...)
	}
	return append(out, '\r', '\n')
}

// Error is what a server answered to a command that it refused.
type Error string

// Error returns the server's text.
func (e Error) Error() string { return string(e) }

var errReply = errors.New("the replies are no RESP2")

// deepest is how deep arrays of a reply may lie in each other.
const deepest = 32

// Replies returns what [Connection.Commands] returned as values: string,
// int64, nil, []any of these, or [Error] for a command that was refused.
func Replies(raw []byte) ([]any, error) {
	var out []any
	for len(raw) > 0 {
		v, rest, err := reply(raw, deepest)
		if err != nil {
			return nil, err
		}
		out, raw = append(out, v), rest
	}
	return out, nil
}

func reply(raw []byte, depth int) (v any, rest []byte, err error) {
	line, rest, ok := bytes.Cut(raw, []byte("\r\n"))
	if !ok || len(line) == 0 || depth == 0 {
		return nil, nil, errReply
	}
	text := string(line[1:])
	switch line[0] {
	case '+':
		return text, rest, nil
	case '-':
		return Error(text), rest, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return nil, nil, errReply
	case line[0] == ':':
		return n, rest, nil
	case n == -1 && (line[0] == '$' || line[0] == '*'):
		return nil, rest, nil
	case n < 0 || n > int64(len(rest)): // an element has a byte at least
		return nil, nil, errReply
	case line[0] == '$' && bytes.HasPrefix(rest[n:], []byte("\r\n")):
		return string(rest[:n]), rest[n+2:], nil
	case line[0] == '*':
		return array(rest, n, depth-1)
	}
	return nil, nil, errReply
}

func array(rest []byte, n int64, depth int) (_ []any, _ []byte, err error) {
	out := []any{}
	for range n {
		var v any
		if v, rest, err = reply(rest, depth); err != nil {
			return nil, nil, err
		}
		out = append(out, v)
	}
	return out, rest, nil
}
