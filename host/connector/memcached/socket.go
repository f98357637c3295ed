package memcached

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// socket is one connection, which has one user at a time.
type socket struct {
	conn net.Conn
	r    *bufio.Reader
}

// refusal is what the server says instead of a reply.
type refusal string

// Error implements error.
func (r refusal) Error() string { return string(r) }

// unexpected says that the server is none.
func unexpected(line string) error {
	return refusal("it answers " + strconv.Quote(host.Clip(line)) + ", which is no reply to this command")
}

// line reads a line, which the reader's buffer bounds.
func (c *socket) line() (string, error) {
	raw, err := c.r.ReadSlice('\n')
	if err == bufio.ErrBufferFull { //nolint:errorlint // the reader returns it as it is
		return "", refusal("it answers a line that is too long")
	}
	if err != nil {
		return "", fmt.Errorf("reading: %w", err)
	}
	text := strings.TrimSuffix(string(raw), "\r\n")
	kind, _, _ := strings.Cut(text, " ")
	switch kind {
	case "ERROR", "CLIENT_ERROR", "SERVER_ERROR":
		return "", refusal(text)
	}
	return text, nil
}

// send writes a command, and its data.
func (c *socket) send(line string, data []byte) error {
	parts := net.Buffers{[]byte(line + "\r\n")}
	if data != nil {
		parts = append(parts, data, []byte("\r\n"))
	}
	if _, err := parts.WriteTo(c.conn); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}

// ask sends a command and returns the line that answers it.
func (c *socket) ask(line string, data []byte) (string, error) {
	if err := c.send(line, data); err != nil {
		return "", err
	}
	return c.line()
}

// logIn sends the credentials as the protocol has it: stored under any key.
func (c *socket) logIn(config Config) error {
	if config.Username == "" {
		return nil
	}
	credentials := []byte(config.Username + " " + config.Password)
	reply, err := c.ask(fmt.Sprintf("set serai 0 0 %d", len(credentials)), credentials)
	if err == nil && reply != "STORED" {
		return refusal("it does not take a user and password")
	}
	return err
}

// get reads what is stored under a key, of at most limit bytes.
func (c *socket) get(key string, limit int64) (out value, err error) {
	line, err := c.ask("gets "+key, nil)
	if err != nil || line == "END" {
		return out, err
	}
	words := strings.Fields(line)
	if len(words) != 5 || words[0] != "VALUE" || words[1] != key {
		return out, unexpected(line)
	}
	size, err := strconv.ParseInt(words[3], 10, 64)
	if err != nil || size < 0 {
		return out, unexpected(line)
	}
	if size > limit {
		return out, host.Errorf(abi.TooLarge, "what is stored under %q has %d bytes, the service takes at most %d; raise it with --reply-size", host.Clip(key), size, limit)
	}
	out = value{Found: true, CAS: words[4], Body: make([]byte, size)}
	if _, err := io.ReadFull(c.r, out.Body); err != nil {
		return value{}, fmt.Errorf("reading: %w", err)
	}
	for _, want := range []string{"", "END"} {
		if line, err = c.line(); err != nil {
			return value{}, err
		}
		if line != want {
			return value{}, unexpected(line)
		}
	}
	return out, nil
}
