package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// maxInput is the most that is read from a file or stdin for one request.
const maxInput = 1 << 30

func invokeCommand() *command {
	return &command{
		name: "invoke", args: "NAME", short: "call a service and print its reply", min: 1, max: 1,
		long: `The reply's body goes to stdout as it is. A call that fails, or is answered
with an error status, exits 1 and says why on stderr.`,
		examples: []string{
			`serai invoke hello --data '{"name": "Ada"}'`,
			`serai invoke orders.import --data @orders.json`,
			`cat photo.jpg | serai invoke resize --data - --content-type image/jpeg`,
		},
		setup: func(fs *flag.FlagSet) runner {
			var t target
			data := fs.String("data", "", "`BODY` of the request: text, @FILE, or - for stdin")
			kind := fs.String("content-type", "application/json", "`TYPE` of the body")
			t.register(fs)
			return func(ctx context.Context, a *app, args []string) error {
				body, err := a.input(*data)
				if err != nil {
					return err
				}
				c, err := t.client(a)
				if err != nil {
					return err
				}
				defer c.Close()
				reply, err := c.Invoke(ctx, t.tenantName(a), args[0], *kind, body)
				if err != nil {
					return err
				}
				if _, err := a.stdout.Write(reply.Body); err != nil {
					return fmt.Errorf("writing the reply: %w", err)
				}
				if isTerminal(a.stdout) && len(reply.Body) > 0 && reply.Body[len(reply.Body)-1] != '\n' {
					fmt.Fprintln(a.stdout)
				}
				if reply.Status >= http.StatusBadRequest {
					return fmt.Errorf("service %q answered with status %d %s", args[0], reply.Status, http.StatusText(reply.Status))
				}
				return nil
			}
		},
	}
}

// input returns what a flag like --data means: text, @FILE, or - for stdin.
func (a *app) input(v string) ([]byte, error) {
	switch {
	case v == "-":
		return readLimited(a.stdin, "stdin")
	case strings.HasPrefix(v, "@"):
		f, err := os.Open(v[1:])
		if err != nil {
			return nil, fmt.Errorf("reading the data: %w", err)
		}
		defer f.Close() //nolint:errcheck // it was only read
		return readLimited(f, v[1:])
	default:
		return []byte(v), nil
	}
}

func readLimited(r io.Reader, name string) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(b) > maxInput {
		return nil, fmt.Errorf("%s is over %d bytes", name, maxInput)
	}
	return b, nil
}

// isTerminal reports whether v is a terminal, roughly: a character device.
func isTerminal(v any) bool {
	f, ok := v.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
