package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/config"
	"github.com/seraihost/serai/host/control/client"
)

// print writes v as JSON where that was asked for, and otherwise what text
// writes into columns that tabs separate.
func (a *app) print(v any, text func(w *tabwriter.Writer)) error {
	if a.json {
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false)
		return enc.Encode(v)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	text(w)
	return w.Flush()
}

// say writes one line for people; JSON output stays free of it.
func (a *app) say(format string, args ...any) {
	if !a.json {
		fmt.Fprintf(a.stdout, format+"\n", args...)
	}
}

// problemText is an error as JSON.
type problemText struct {
	Code    string             `json:"code"`
	Message string             `json:"message"`
	Status  int                `json:"status,omitempty"`
	Field   string             `json:"field,omitempty"`
	CID     string             `json:"cid,omitempty"`
	Failure *host.GuestFailure `json:"failure,omitempty"`
	Errors  []placeText        `json:"errors,omitempty"`
}

// placeText is a problem of a document as JSON.
type placeText struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
}

// report writes an error to stderr: one line, then the author's traceback.
func (a *app) report(err error) {
	var quiet *exitError
	if errors.As(err, &quiet) && quiet.message == "" {
		return
	}
	if doc, ok := errors.AsType[*config.Error](err); ok {
		a.reportDocument(err, doc)
		return
	}
	p := problemText{Code: "failed", Message: err.Error()}
	var remote *client.Error
	var local *host.Error
	switch {
	case errors.As(err, &remote):
		p = problemText{remote.Code, remote.Message, remote.Status, remote.Field, remote.CID, remote.Failure, nil}
	case errors.As(err, &local):
		p.Code, p.Field, p.Failure = local.Code.String(), local.Field, local.Detail
	}
	if a.json {
		b, _ := json.Marshal(p) //nolint:errchkjson // strings and numbers only
		fmt.Fprintf(a.stderr, "%s\n", b)
		return
	}
	line := strings.TrimSpace(p.Message)
	if p.Field != "" && !strings.Contains(line, p.Field) {
		line = p.Field + ": " + line
	}
	if p.CID != "" && (p.Code == "internal" || p.Code == "failed") {
		line += " (request " + p.CID + ")"
	}
	fmt.Fprintf(a.stderr, "serai: %s\n", line)
	if p.Failure != nil {
		fmt.Fprint(a.stderr, traceback(p.Failure, line))
	}
}

// reportDocument writes a line for each problem of a document, which editors
// can jump to, and the tracebacks of services that do not start.
func (a *app) reportDocument(err error, doc *config.Error) {
	code := abi.Invalid.String()
	var failures []*host.GuestFailure
	if e, ok := errors.AsType[*documentError](err); ok {
		code, failures = e.code, e.failures
	}
	if !a.json {
		fmt.Fprintln(a.stderr, doc.Error())
		for _, f := range failures {
			fmt.Fprint(a.stderr, traceback(f, doc.Error()))
		}
		return
	}
	p := problemText{Code: code, Message: doc.Error()}
	for _, e := range doc.Problems {
		p.Errors = append(p.Errors, placeText{doc.File, e.Line, e.Column, e.Path, e.Message})
	}
	if len(failures) > 0 {
		p.Failure = failures[0]
	}
	b, _ := json.Marshal(p) //nolint:errchkjson // strings and numbers only
	fmt.Fprintf(a.stderr, "%s\n", b)
}

// traceback is what an author needs of a failure beyond the line said already.
func traceback(f *host.GuestFailure, said string) string {
	var b strings.Builder
	if f.File != "" && !strings.Contains(f.Traceback, f.File) {
		fmt.Fprintf(&b, "  %s, line %d\n", f.File, f.Line)
	}
	if t := strings.TrimRight(f.Traceback, "\n"); t != "" {
		b.WriteString(t + "\n")
	} else if f.Message != "" && !strings.Contains(said, f.Message) {
		fmt.Fprintf(&b, "%s: %s\n", f.Type, f.Message)
	}
	return b.String()
}

// exitError ends with code 1; without a message all was said already.
type exitError struct{ message string }

func (e *exitError) Error() string { return e.message }

// short is the start of a digest, enough to name a version.
func short(digest string) string {
	const prefix, n = "sha256:", 12
	if d, ok := strings.CutPrefix(digest, prefix); ok && len(d) > n {
		return d[:n]
	}
	return digest
}

// routeText is a route as the flag --route takes it.
func routeText(r host.Route) string {
	method := r.Method
	if method == "" {
		method = "*"
	}
	return method + " " + r.Host + r.Path
}
