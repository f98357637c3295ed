package redisdb

import (
	"bytes"
	"strconv"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// Bounds of a request.
const (
	maxRequest  = 64 << 20 // bytes
	maxCommands = 10_000
	maxWords    = 1 << 20 // of all commands
)

// parse reads commands: arrays of bulk strings, one after another, as clients
// of Redis send them. It takes nothing else, not even what Redis would.
func parse(b []byte) ([][]string, error) {
	if len(b) > maxRequest {
		return nil, host.Errorf(abi.TooLarge, "the commands have %d bytes, at most %d", len(b), maxRequest)
	}
	var out [][]string
	text := string(b) // that all words share
	words := 0
	for len(b) > 0 {
		n, rest, ok := header(b, '*')
		if !ok || n < 1 {
			return nil, malformed(len(out), "an array of at least one bulk string")
		}
		if words += n; words > maxWords || len(out) == maxCommands {
			return nil, host.FieldErrorf("body", "there are at most %d commands of %d words in all", maxCommands, maxWords)
		}
		// A word takes 5 bytes at least, so a number alone reserves nothing.
		command := make([]string, 0, min(n, len(rest)/5))
		for range n {
			size, after, ok := header(rest, '$')
			if !ok || size > len(after)-2 || after[size] != '\r' || after[size+1] != '\n' {
				return nil, malformed(len(out), "a bulk string")
			}
			at := len(text) - len(after)
			command = append(command, text[at:at+size])
			rest = after[size+2:]
		}
		out, b = append(out, command), rest
	}
	if len(out) == 0 {
		return nil, host.FieldErrorf("body", "the body has no command")
	}
	return out, nil
}

// header reads a line such as "*3\r\n": its number and what follows.
func header(b []byte, kind byte) (n int, rest []byte, ok bool) {
	end := bytes.Index(b[:min(len(b), 13)], []byte("\r\n"))
	if end < 2 || b[0] != kind {
		return 0, nil, false
	}
	digits := b[1:end]
	if digits[0] == '0' && len(digits) > 1 {
		return 0, nil, false
	}
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, nil, false
		}
		n = n*10 + int(d-'0')
	}
	return n, b[end+2:], true
}

func malformed(at int, want string) error {
	return host.FieldErrorf("body", "command %d of the body is malformed: %s in RESP2 is needed", at+1, want)
}

func appendBulk(out []byte, s string) []byte {
	return append(append(appendHeader(out, '$', len(s)), s...), "\r\n"...)
}

func appendHeader(out []byte, kind byte, n int) []byte {
	return append(strconv.AppendInt(append(out, kind), int64(n), 10), "\r\n"...)
}
