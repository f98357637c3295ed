package rehearsal

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// Rule is what a test lets a system answer.
type Rule struct {
	Connection string `json:"connection"` // its name, or the beginning of a URL
	Method     string `json:"method"`     // "" is any
	Path       string `json:"path"`       // pattern as of path.Match; "" is any
	// Match is a part of the request's parameters or of its JSON body; any
	// of several will do. Without one every request matches.
	Match     []map[string]any `json:"match"`
	Responses []Response       `json:"responses"` // one after the other; the last one stays

	next int
}

// Response is one answer of a system, or an error in place of one.
type Response struct {
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    []byte            `json:"body"`
	Error   string            `json:"error"` // a key of faults
	Delay   int               `json:"delay"` // milliseconds before the answer
}

// faults are the errors that a system can be scripted to end with.
var faults = map[string]struct {
	code    abi.Code
	message string
}{
	"timeout":     {abi.Timeout, "the system did not answer in time (scripted)"},
	"unavailable": {abi.Unavailable, "the system cannot be reached (scripted)"},
	"remote":      {abi.Remote, "the system broke the connection (scripted)"},
	"denied":      {abi.Denied, "a policy forbids the request (scripted)"},
}

// Request is a request that a service sent to a system.
type Request struct {
	Service    string              `json:"service"`
	Connection string              `json:"connection"` // or the URL
	Method     string              `json:"method"`
	Path       string              `json:"path"`
	Params     map[string][]string `json:"params"` // of path and query
	Headers    map[string]string   `json:"headers"`
	Body       []byte              `json:"body"`
}

// check returns why a rule makes no sense.
func (r *Rule) check() error {
	if r.Connection == "" {
		return errors.New("name a connection, or the beginning of a URL")
	}
	if _, err := path.Match(r.Path, "/"); err != nil {
		return errors.New("path " + strconv.Quote(r.Path) + " is not a pattern such as /user/*")
	}
	if len(r.Responses) == 0 {
		return errors.New("give at least one response")
	}
	for _, a := range r.Responses {
		if _, known := faults[a.Error]; a.Error != "" && !known {
			return errors.New("error " + strconv.Quote(a.Error) + ": use timeout, unavailable, remote or denied")
		}
		if a.Error == "" && (a.Status < 100 || a.Status > 599) {
			return errors.New("status " + strconv.Itoa(a.Status) + ": use a number from 100 to 599")
		}
	}
	r.Method = strings.ToUpper(r.Method)
	return nil
}

// requestOf reads what a service asks a system for.
func requestOf(r *connector.Request) Request {
	out := Request{
		Service: r.Scope.Service, Connection: r.Envelope.Get(abi.FieldConnection),
		Method: strings.ToUpper(r.Envelope.Get(abi.FieldMethod)), Path: r.Envelope.Get(abi.FieldPath),
		Params: map[string][]string{}, Headers: map[string]string{}, Body: slices.Clone(r.Body),
	}
	if out.Method == "" {
		out.Method = http.MethodGet
	}
	if whole, ok := r.Envelope.Lookup(abi.FieldURL); ok {
		out.Connection = whole
		if u, err := url.Parse(whole); err == nil {
			out.Path, out.Params = u.Path, u.Query()
		}
	}
	for _, f := range r.Envelope {
		for _, prefix := range []string{abi.PrefixParam, abi.PrefixQuery} {
			if name, ok := strings.CutPrefix(f.Name, prefix); ok {
				out.Params[name] = append(out.Params[name], f.Value)
			}
		}
		if name, ok := strings.CutPrefix(f.Name, abi.PrefixHeader); ok {
			out.Headers[name] = f.Value
		}
	}
	return out
}

// to reports whether the request goes to what a rule calls connection.
func (q *Request) to(connection string, similar bool) bool {
	switch {
	case strings.Contains(connection, "://"):
		return strings.HasPrefix(q.Connection, connection)
	case similar:
		return plain(q.Connection) == plain(connection)
	default:
		return q.Connection == connection
	}
}

// plain is a name as self.rest.my_crm means it.
func plain(name string) string {
	return strings.NewReplacer("_", "", "-", "", " ", "", ".", "").Replace(strings.ToLower(name))
}

// takes reports whether the rule is for the request.
func (r *Rule) takes(q *Request, similar bool) bool {
	if !q.to(r.Connection, similar) || r.Method != "" && r.Method != q.Method {
		return false
	}
	if r.Path != "" {
		if ok, err := path.Match(r.Path, q.Path); err != nil || !ok {
			return false
		}
	}
	return len(r.Match) == 0 || slices.ContainsFunc(r.Match, q.holds)
}

// holds reports whether the wanted values are among the request's.
func (q *Request) holds(want map[string]any) bool {
	var body map[string]any
	_ = json.Unmarshal(q.Body, &body) // what is no object holds nothing
	for name, value := range want {
		if got, ok := body[name]; ok && reflect.DeepEqual(got, value) {
			continue
		}
		if !slices.Contains(q.Params[name], text(value)) {
			return false
		}
	}
	return true
}

// text is a JSON value as a parameter has it.
func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	b, _ := json.Marshal(v) //nolint:errchkjson // it came from JSON
	return string(b)
}

// answer is the rule's next response.
func (r *Rule) answer() Response {
	a := r.Responses[r.next]
	if r.next < len(r.Responses)-1 {
		r.next++
	}
	return a
}

// play waits, and answers as the response says.
func (a Response) play(ctx context.Context) (*connector.Result, error) {
	if a.Delay > 0 {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Duration(a.Delay) * time.Millisecond):
		}
	}
	if f, ok := faults[a.Error]; ok {
		return nil, host.Errorf(f.code, "%s", f.message)
	}
	res := &connector.Result{Body: a.Body}
	res.Envelope.Add(abi.FieldStatus, strconv.Itoa(a.Status))
	for name, value := range a.Headers {
		res.Envelope.Add(abi.PrefixHeader+strings.ToLower(name), value)
	}
	return res, nil
}
