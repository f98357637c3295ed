package redisdb

import (
	"bufio"
	"bytes"
	"errors"
	"strconv"
)

// taking takes the replies to one request over as the server sends them, in
// RESP2, within the bounds of a request's replies. Of what is beyond them only
// the end is looked for.
//
// Two things are said in one way only: text is a bulk string, and nothing is
// "$-1".
type taking struct {
	in    *bufio.Reader
	out   []byte
	items int
	err   error  // the replies are beyond the bounds
	open  []int  // values to come of the arrays around
	long  []byte // a line that is longer than the buffer
}

// begin begins with a request.
func (t *taking) begin() { t.out, t.items, t.err = nil, 0, nil }

// reply takes one reply.
func (t *taking) reply() error {
	left := 1 // values to come of the innermost array
	t.open = t.open[:0]
	for {
		n, err := t.value()
		if err != nil {
			return err
		}
		left--
		if n > 0 {
			switch len(t.open) {
			case maxItems:
				return errProtocol
			case maxDepth:
				t.tooMuch()
			}
			t.open = append(t.open, left)
			left = n
		}
		for left == 0 {
			last := len(t.open) - 1
			if last < 0 {
				return nil
			}
			left, t.open = t.open[last], t.open[:last]
		}
	}
}

// value takes a value; of an array its beginning, and returns how many values
// follow that belong to it.
func (t *taking) value() (elements int, err error) {
	line, err := t.line()
	if err != nil {
		return 0, err
	}
	t.items++
	kind, rest := line[0], line[1:len(line)-2]
	switch kind {
	case '+':
		if t.room(len(rest) + 16) {
			t.out = append(append(appendHeader(t.out, '$', len(rest)), rest...), "\r\n"...)
		}
	case '-':
		if t.room(len(line)) {
			t.out = append(t.out, line...)
		}
	case ':':
		if _, err := strconv.ParseInt(string(rest), 10, 64); err != nil {
			return 0, errProtocol
		}
		if t.room(len(line)) {
			t.out = append(t.out, line...)
		}
	case '$', '*':
		n, err := strconv.ParseInt(string(rest), 10, 32)
		switch {
		case err != nil || n < -1:
			return 0, errProtocol
		case n < 0:
			if t.room(8) {
				t.out = append(t.out, "$-1\r\n"...)
			}
		case kind == '$':
			return 0, t.bulk(int(n))
		default:
			if int(n) > maxItems-t.items {
				t.tooMuch()
			}
			if t.room(len(line)) {
				t.out = append(t.out, line...)
			}
			return int(n), nil
		}
	default:
		return 0, errProtocol
	}
	return 0, nil
}

// bulk takes a bulk string, whose header has been read.
func (t *taking) bulk(n int) error {
	if !t.room(n + 16) {
		if _, err := t.in.Discard(n); err != nil {
			return broken(err)
		}
		return t.lineEnd()
	}
	if free := cap(t.out) - len(t.out); free < n+16 && n <= maxShared {
		t.out = append(make([]byte, 0, max(2*len(t.out), len(t.out)+n+16)), t.out...)
	}
	t.out = appendHeader(t.out, '$', n)
	for n > 0 { // room is made for what has come, not for what is announced
		if _, err := t.in.Peek(1); err != nil {
			return broken(err)
		}
		part, err := t.in.Peek(min(n, t.in.Buffered()))
		if err != nil {
			return broken(err)
		}
		t.out = append(t.out, part...)
		n -= len(part)
		_, _ = t.in.Discard(len(part))
	}
	t.out = append(t.out, "\r\n"...)
	return t.lineEnd()
}

func (t *taking) lineEnd() error {
	end, err := t.in.Peek(2)
	if err != nil {
		return broken(err)
	}
	if string(end) != "\r\n" {
		return errProtocol
	}
	_, _ = t.in.Discard(2)
	return nil
}

// line reads a line with its end; it is valid until the next read.
func (t *taking) line() ([]byte, error) {
	line, err := t.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		t.long = t.long[:0]
		for errors.Is(err, bufio.ErrBufferFull) {
			if t.long = append(t.long, line...); len(t.long) > maxLine {
				return nil, errProtocol
			}
			line, err = t.in.ReadSlice('\n')
		}
		t.long = append(t.long, line...)
		line = t.long
	}
	if err != nil {
		return nil, broken(err)
	}
	if len(line) < 3 || len(line) > maxLine || !bytes.HasSuffix(line, []byte("\r\n")) || bytes.IndexByte(line[:len(line)-2], '\r') >= 0 {
		return nil, errProtocol
	}
	return line, nil
}

// room reports whether so many bytes more are within the bounds.
func (t *taking) room(n int) bool {
	if t.err == nil && (t.items > maxItems || len(t.out)+n > maxReply) {
		t.tooMuch()
	}
	return t.err == nil
}

// tooMuch drops what was taken.
func (t *taking) tooMuch() { t.out, t.err = nil, tooLarge() }
