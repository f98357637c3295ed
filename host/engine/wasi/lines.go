package wasi

import (
	"bytes"
	"strconv"
)

// maxLine is the longest line that [Lines] keeps together.
const maxLine = 64 << 10

// Lines is an io.Writer that turns what a guest writes into lines, for its
// log. One goroutine at a time may use it; it never returns an error.
type Lines struct {
	// Emit takes a line without its end, at most 64 KiB, which is valid
	// only until Emit returns. A longer line comes in parts.
	Emit func(line []byte)
	// Limit is the number of bytes to take; 0 is no limit. The rest is
	// dropped, and one last line says so.
	Limit int64

	taken   int64
	dropped int64
	part    []byte // of a line that has not ended
}

// Write takes all of p.
func (l *Lines) Write(p []byte) (int, error) {
	n := len(p)
	if l.Limit > 0 && int64(len(p)) > l.Limit-l.taken {
		keep := max(l.Limit-l.taken, 0)
		over := int64(len(p)) - keep
		p = p[:keep]
		defer l.drop(over)
	}
	l.taken += int64(len(p))
	for len(p) > 0 {
		line, rest, ended := bytes.Cut(p, []byte{'\n'})
		if room := maxLine - len(l.part); len(line) > room {
			line, rest, ended = p[:room], p[room:], true
		}
		p = rest
		if ended && len(l.part) == 0 {
			l.emit(line)
			continue
		}
		l.part = append(l.part, line...)
		if ended {
			l.Flush()
		}
	}
	return n, nil
}

// Flush emits a line that has not ended yet, if there is one.
func (l *Lines) Flush() {
	if len(l.part) > 0 {
		part := l.part
		l.part = l.part[:0]
		l.emit(part)
	}
}

// Dropped is the number of bytes over the limit.
func (l *Lines) Dropped() int64 { return l.dropped }

func (l *Lines) emit(line []byte) { l.Emit(bytes.TrimSuffix(line, []byte{'\r'})) }

func (l *Lines) drop(n int64) {
	first := l.dropped == 0
	if l.dropped += n; first && n > 0 {
		l.Flush()
		l.emit([]byte("output over " + strconv.FormatInt(l.Limit, 10) + " bytes is dropped"))
	}
}
