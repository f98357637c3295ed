package async

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// maxJoined bounds the replies of a group together: its final callback gets
// them all in one message.
const maxJoined = 24 << 20

// outcome is how a call ended, as callbacks of patterns get it.
type outcome struct {
	Source    string          `json:"source"`
	Target    string          `json:"target"`
	Response  json.RawMessage `json:"response"` // the reply's JSON; a string if it is text; null if neither
	Requested string          `json:"req_ts_utc"`
	Responded string          `json:"resp_ts_utc"`
	OK        bool            `json:"ok"`
	Exception *string         `json:"exception"` // class and message
	CID       string          `json:"cid"`

	// The rest is there for a retried call.
	Context json.RawMessage `json:"context,omitempty"`
	Repeats *int            `json:"retry_repeats,omitempty"`
	Seconds *float64        `json:"retry_seconds,omitempty"`
	CallCID string          `json:"call_cid,omitempty"` // the same as CID
	OrigCID string          `json:"orig_cid,omitempty"` // of the call that asked for it

	reply *host.Reply // nil if there is none
}

// timeLayout is that of Python's datetime.isoformat.
const timeLayout = "2006-01-02T15:04:05.000000"

// outcomeOf describes how the call of m ended.
func outcomeOf(m *message, began, ended time.Time, reply *host.Reply, err error) *outcome {
	o := &outcome{
		Source: m.From, Target: m.Service, CID: m.CID, Response: json.RawMessage("null"),
		Requested: began.UTC().Format(timeLayout), Responded: ended.UTC().Format(timeLayout), reply: reply,
	}
	if m.Retry != nil {
		every := m.Retry.Every.Seconds()
		o.Context, o.Repeats, o.Seconds, o.CallCID, o.OrigCID = m.Retry.Context, &m.Retry.Times, &every, m.CID, m.Retry.Origin
	}
	switch {
	case err != nil:
		o.fail(host.Explain(err))
	case reply.Problem() != "":
		o.fail(reply.Problem())
	default:
		o.OK, o.Response = true, response(reply)
	}
	return o
}

func (o *outcome) fail(why string) { o.OK, o.Exception = false, &why }

// fit drops a response that is over the share of a group's target.
func (o *outcome) fit(of int) {
	if most := maxJoined / of; len(o.Response) > most {
		o.fail("TooLarge: the response has " + strconv.Itoa(len(o.Response)) + " bytes; the callback of " + strconv.Itoa(of) +
			" targets takes up to " + strconv.Itoa(most) + " of each: keep it under a key instead")
		o.Response = json.RawMessage("null")
	}
}

// response is a reply's body within JSON.
func response(r *host.Reply) json.RawMessage {
	if len(r.Body) == 0 {
		return json.RawMessage("null")
	}
	if kind := r.ContentType(); (kind == "application/json" || strings.HasSuffix(kind, "+json")) && json.Valid(r.Body) {
		return r.Body
	}
	if utf8.Valid(r.Body) {
		if raw, err := json.Marshal(string(r.Body)); err == nil {
			return raw
		}
	}
	return json.RawMessage("null")
}

// summary is what the final callback of a group gets.
type summary struct {
	Source    string                     `json:"source"`
	CID       string                     `json:"cid"`
	OK        bool                       `json:"ok"` // all of them are
	Requested string                     `json:"req_ts_utc"`
	Responded string                     `json:"resp_ts_utc"`
	OnTarget  []string                   `json:"on_target"`
	OnFinal   []string                   `json:"on_final"`
	Data      map[string]json.RawMessage `json:"data"` // outcomes by target
}

// summarise describes how a group's calls ended.
func summarise(m *message, all []json.RawMessage) (*summary, error) {
	s := &summary{Source: m.From, CID: m.CID, OK: true, OnTarget: m.Callbacks, OnFinal: m.Member.OnFinal, Data: make(map[string]json.RawMessage, len(all))}
	for _, raw := range all {
		var o outcome
		if err := json.Unmarshal(raw, &o); err != nil {
			return nil, host.Errorf(abi.Internal, "reading an outcome: %w", err)
		}
		s.OK = s.OK && o.OK
		if s.Requested == "" || o.Requested < s.Requested {
			s.Requested = o.Requested
		}
		s.Responded = max(s.Responded, o.Responded)
		s.Data[o.Target] = raw
	}
	return s, nil
}
