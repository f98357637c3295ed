package connectortest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// operations tries each with success, with failure, and without a grant.
func (s Suite) operations(t *testing.T) {
	f := s.client(t, s.addr())
	if err := f.Ping(t.Context()); err != nil {
		t.Fatalf("ping: %v", err)
	}
	tried, failed := map[string]bool{}, map[string]bool{}
	for _, op := range s.Ops {
		tried[op.Name] = true
		r, err := s.do(t.Context(), f, op)
		if err != nil {
			t.Errorf("%s: %v", op.Name, err)
			continue
		}
		if op.Check != nil {
			op.Check(t, r)
		}
		if _, err := f.as(t.Context(), host.Grants{}, op.Name, op.Fields, op.Body); host.CodeOf(err) != abi.Denied {
			t.Errorf("%s without a grant: %v", op.Name, err)
		}
	}
	for _, op := range s.Fails {
		failed[op.Name] = true
		if _, err := s.do(t.Context(), f, op.Op); host.CodeOf(err) != op.Code || op.Code == abi.OK {
			t.Errorf("%s %v %.40q: %v (%s), want %s", op.Name, op.Fields, op.Body, err, host.CodeOf(err), op.Code)
		}
		if err := s.first(t.Context(), f); err != nil {
			t.Errorf("after %s was refused: %v", op.Name, err)
		}
	}
	for _, op := range s.Connector.Ops {
		s.form(t, f, op)
		if !tried[op.Name] && !slices.Contains(s.Lacks, op.Name) {
			t.Errorf("%s is not tried: add it to Ops", op.Name)
		}
		takes := len(op.Request.Fields) > 0 || op.Request.Body.Type != ""
		if takes && !failed[op.Name] {
			t.Errorf("%s is not tried with failure: add it to Fails", op.Name)
		}
	}
}

// together has many calls use one connection.
func (s Suite) together(t *testing.T) {
	f := s.client(t, s.addr())
	errs := make(chan error, 32)
	for i := range cap(errs) {
		go func() {
			for j := range s.Ops {
				op := s.Ops[(i+j)%len(s.Ops)] // not all the same at a time
				if _, err := s.do(t.Context(), f, op); err != nil && host.CodeOf(err) != abi.Conflict {
					errs <- fmt.Errorf("%s: %w", op.Name, err)
					return
				}
			}
			errs <- nil
		}()
	}
	var bad []error
	for range cap(errs) {
		if err := <-errs; err != nil {
			bad = append(bad, err)
		}
	}
	if len(bad) > 0 {
		t.Errorf("%d of %d calls at a time fail: %v", len(bad), cap(errs), errors.Join(bad...))
	}
}

// form checks that an operation is described, and tries what its fields do not
// take.
func (s Suite) form(t *testing.T, f *Client, op connector.OpInfo) {
	t.Helper()
	if op.Doc == "" || !strings.HasPrefix(op.Name, s.Connector.Type+".") {
		t.Errorf("%s needs a sentence that says what it does, and a name below %s", op.Name, s.Connector.Type)
	}
	for _, form := range []connector.Form{op.Request, op.Reply} {
		if (form.Body.Type == "") != (form.Body.Doc == "") {
			t.Errorf("%s has a body without documentation", op.Name)
		}
		for _, field := range append(slices.Clone(form.Fields), form.Body.Fields...) {
			if field.Doc == "" {
				t.Errorf("%s has the field %s without documentation", op.Name, field.Name)
			}
		}
	}
	refuses := func(name string, fields ...abi.Field) {
		t.Helper()
		var e *host.Error
		if _, err := f.Do(t.Context(), op.Name, fields, ""); !errors.As(err, &e) || e.Code != abi.Invalid || e.Field != name {
			t.Errorf("%s with %v: %v, want Invalid with the field %s", op.Name, fields, err, name)
		}
	}
	if !slices.ContainsFunc(op.Request.Fields, func(f connector.Field) bool { return f.Name == "*" }) {
		refuses("no-such-field", abi.Field{Name: "no-such-field", Value: "1"})
	}
	for _, field := range op.Request.Fields {
		for _, wrong := range wrongTexts(field) {
			refuses(field.Name, abi.Field{Name: field.Name, Value: wrong})
		}
	}
}

// wrongTexts are values that a field of a request does not take.
func wrongTexts(f connector.Field) []string {
	var out []string
	switch f.Type {
	case "integer", "milliseconds":
		out = []string{"", "x", "1.5", "99999999999999999999"}
		if f.Type == "milliseconds" {
			out = append(out, "-1")
		}
	case "boolean":
		out = []string{"", "yes", "2"}
	case "json":
		out = []string{"{", "text"}
	}
	if len(f.Enum) > 0 {
		out = append(out, "no-such-value")
	}
	return out
}
