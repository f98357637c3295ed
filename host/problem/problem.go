package problem

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// ContentType is the media type of a problem document (RFC 9457, section 3).
const ContentType = "application/problem+json"

// TypePrefix begins the type member; the code follows it.
const TypePrefix = "urn:serai:problem:"

// Problem is one problem document. The members Type to Instance are those of
// RFC 9457; the others are Serai's extensions.
type Problem struct {
	Type     string `json:"type"`             // TypePrefix and the code
	Title    string `json:"title"`            // the same for every occurrence of the type
	Status   int    `json:"status"`           // HTTP status, 400 to 599
	Detail   string `json:"detail,omitempty"` // about this occurrence, fit for the caller
	Instance string `json:"instance,omitempty"`
	Code     string `json:"code"`                  // such as "not-found"
	CID      string `json:"cid,omitempty"`         // request id, the same as in the log
	Field    string `json:"field,omitempty"`       // place of the bad value in the input
	Retry    int    `json:"retry_after,omitempty"` // seconds after which trying again makes sense
	// Result and Details are what clients of Zato's APIs read: "Error" and
	// texts. Only failures of services have them.
	Result  string   `json:"result,omitempty"`
	Details []string `json:"details,omitempty"`
	// Failure is how the guest's own code failed. It is for the guest's
	// author only and absent unless WithFailure put it there.
	Failure *host.GuestFailure `json:"failure,omitempty"`
	// Traceback is the failure's, for API clients of a version of serai dev.
	Traceback string `json:"traceback,omitempty"`
	// Errors are all that is wrong with an input, where that is several
	// things; the members above are about the first one.
	Errors []Detail `json:"errors,omitempty"`
}

// Detail is one of several errors about an input.
type Detail struct {
	Code   string `json:"code"`
	Field  string `json:"field,omitempty"`
	Detail string `json:"detail"`
	// Failure is as in [Problem].
	Failure *host.GuestFailure `json:"failure,omitempty"`
}

// From returns the problem document of an error, without what only the
// service's author may see. cid is the request id; "" leaves it out. Errors
// without a code become "internal" and give nothing of themselves away.
func From(err error, cid string) Problem {
	code := host.CodeOf(err)
	p := Of(code, host.MessageOf(err), cid)
	if e, ok := errors.AsType[*host.Error](err); ok {
		p.Field = e.Field
		p.Retry = seconds(e.RetryAfter)
	}
	if p.Retry == 0 && code == abi.Unavailable {
		p.Retry = 1
	}
	if all, ok := errors.AsType[host.FieldErrors](err); ok && len(all) > 1 {
		p.Errors = make([]Detail, len(all))
		for i, e := range all {
			p.Errors[i] = Detail{Code: kindOf(e.Code).code, Field: e.Field, Detail: e.Message}
		}
	}
	return p
}

// Of returns the problem document of a code.
func Of(code abi.Code, detail, cid string) Problem {
	k := kindOf(code)
	return Problem{Type: TypePrefix + k.code, Title: k.title, Status: k.status, Detail: detail, Code: k.code, CID: cid}
}

// WithFailure returns p with the guest's own failure out of err, if there is
// one. Only the control API uses it: the failure may show source code.
func (p Problem) WithFailure(err error) Problem {
	if e, ok := errors.AsType[*host.Error](err); ok {
		p.Failure = e.Detail
	}
	if all, ok := errors.AsType[host.FieldErrors](err); ok && len(all) == len(p.Errors) {
		for i, e := range all {
			p.Errors[i].Failure = e.Detail
		}
	}
	return p
}

// Opened returns p with the failure's message and traceback if err says that
// API clients may see them.
func (p Problem) Opened(err error) Problem {
	e, ok := errors.AsType[*host.Error](err)
	if !ok || !e.Open || e.Detail == nil {
		return p
	}
	f := e.Detail
	p.Detail = f.Type + ": " + f.Message
	if f.File != "" {
		p.Detail += " (" + f.File + ", line " + strconv.Itoa(f.Line) + ")"
	}
	p.Details, p.Traceback = []string{p.Detail}, f.Traceback
	return p
}

// Public returns p fit for API clients, who are strangers to the service:
// without Failure, Traceback, Field and Errors, and with a fixed detail where the host or the
// service is at fault.
func (p Problem) Public() Problem {
	p.Failure, p.Traceback, p.Field, p.Errors = nil, "", "", nil
	switch p.Code {
	case abi.Failed.String():
		p.Detail = "the service failed; its log has the detail under the request id"
		p.Result, p.Details = "Error", []string{p.Detail}
	case abi.Internal.String():
		p.Detail = "internal error; the host's log has the detail under the request id"
	}
	return p
}

// Error returns the detail, or the title where there is none, so that a
// client can hand a problem on as an error.
func (p *Problem) Error() string {
	if p.Detail != "" {
		return p.Detail
	}
	return p.Title
}

// JSON returns the encoded document, without a line break at its end.
func (p Problem) JSON() []byte {
	b, err := json.Marshal(p)
	if err != nil { // not reachable: every member is a string, a number or a struct of them
		return []byte(`{"type":"` + TypePrefix + `internal","title":"Internal error","status":500,"code":"internal"}`)
	}
	return b
}

// Parse reads a problem document, as clients do. It returns nil unless data
// holds one with an error status.
func Parse(data []byte) *Problem {
	var p Problem
	if json.Unmarshal(data, &p) != nil || p.Status < http.StatusBadRequest || p.Code == "" {
		return nil
	}
	return &p
}

// seconds rounds up, so that a client never comes back too early.
func seconds(d time.Duration) int {
	if d <= 0 {
		return 0
	}
	return int((d + time.Second - 1) / time.Second)
}
