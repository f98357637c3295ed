package rehearsal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host/connector"
)

// Exchange is a recorded request and its reply, in a form that people can
// read and edit.
type Exchange struct {
	Method string              `json:"method"`
	Path   string              `json:"path,omitempty"`
	Params map[string][]string `json:"params,omitempty"`
	Sent   *Content            `json:"sent,omitempty"`

	Status   int               `json:"status"`
	Headers  map[string]string `json:"headers,omitempty"`
	Received *Content          `json:"received,omitempty"`
}

// Content is a body: one of the three.
type Content struct {
	JSON   json.RawMessage `json:"json,omitempty"`
	Text   string          `json:"text,omitempty"`
	Base64 []byte          `json:"base64,omitempty"`
}

// Recording holds the exchanges with each connection.
type Recording map[string][]Exchange

// volatile are headers of a reply that are not worth keeping.
var volatile = []string{"date", "set-cookie", "content-length", "connection", "server", "expires", "age", "x-request-id"}

func contentOf(body []byte) *Content {
	switch {
	case len(body) == 0:
		return nil
	case json.Valid(body):
		return &Content{JSON: bytes.Clone(body)}
	case utf8.Valid(body):
		return &Content{Text: string(body)}
	default:
		return &Content{Base64: bytes.Clone(body)}
	}
}

func (c *Content) body() []byte {
	switch {
	case c == nil:
		return nil
	case c.JSON != nil:
		return c.JSON
	case c.Base64 != nil:
		return c.Base64
	default:
		return []byte(c.Text)
	}
}

// same reports whether two bodies mean the same.
func same(a, b []byte) bool {
	var x, y bytes.Buffer
	if json.Compact(&x, a) == nil && json.Compact(&y, b) == nil {
		return bytes.Equal(x.Bytes(), y.Bytes())
	}
	return bytes.Equal(a, b)
}

// exchangeOf is what is kept of a request and its result.
func exchangeOf(q Request, res *connector.Result) Exchange {
	x := Exchange{Method: q.Method, Path: q.Path, Params: q.Params, Sent: contentOf(q.Body), Received: contentOf(res.Body), Headers: map[string]string{}}
	x.Status, _ = strconv.Atoi(res.Envelope.Get(abi.FieldStatus))
	for _, f := range res.Envelope {
		if name, ok := strings.CutPrefix(f.Name, abi.PrefixHeader); ok && !slices.Contains(volatile, name) {
			x.Headers[name] = f.Value
		}
	}
	return x
}

// find returns the recorded reply to a request. Several to equal requests
// come one after the other, the last one stays; used counts them.
func (r Recording) find(q Request, similar bool, used map[string]int) (Response, bool) {
	for _, name := range slices.Sorted(maps.Keys(r)) {
		if !q.to(name, similar) {
			continue
		}
		var found []int
		for i, x := range r[name] {
			if x.Method == q.Method && x.Path == q.Path && maps.EqualFunc(x.Params, q.Params, slices.Equal[[]string]) && same(x.Sent.body(), q.Body) {
				found = append(found, i)
			}
		}
		if len(found) == 0 {
			continue
		}
		key := name + "#" + strconv.Itoa(found[0])
		x := r[name][found[min(used[key], len(found)-1)]]
		used[key]++
		return Response{Status: x.Status, Headers: x.Headers, Body: x.Received.body()}, true
	}
	return Response{}, false
}

// LoadRecording reads the files that [Recording.Save] wrote; a folder that
// does not exist holds none.
func LoadRecording(dir string) (Recording, error) {
	out := Recording{}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading recorded replies: %w", err)
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok || e.IsDir() {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("reading recorded replies: %w", err)
		}
		var all []Exchange
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		if err := d.Decode(&all); err != nil {
			return nil, fmt.Errorf("reading recorded replies: %s: %w; record them again with: serai test --record", filepath.Join(dir, e.Name()), err)
		}
		out[name] = all
	}
	return out, nil
}

// Save writes one file for each connection.
func (r Recording) Save(dir string) error {
	if len(r) == 0 {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // it belongs to the author's sources
		return fmt.Errorf("writing recorded replies: %w", err)
	}
	for name, all := range r {
		b, err := json.MarshalIndent(all, "", "  ")
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name+".json"), append(b, '\n'), 0o644) //nolint:gosec // as above
		}
		if err != nil {
			return fmt.Errorf("writing recorded replies: %w", err)
		}
	}
	return nil
}
