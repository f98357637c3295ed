package invoke_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/invoke"
)

// answering is an invoker that keeps the call.
type answering struct {
	reply host.Reply
	call  *host.Call
	left  time.Duration
}

func (a *answering) Invoke(ctx context.Context, call *host.Call) (*host.Reply, error) {
	a.call = call
	if end, ok := ctx.Deadline(); ok {
		a.left = time.Until(end)
	}
	return &a.reply, nil
}

func registry(to *answering) *connector.Registry {
	return connector.NewRegistry(connector.Builtins(invoke.Connector(invoke.Services{Now: func() host.Invoker { return to }}))...)
}

func request(fields ...string) *connector.Request {
	r := &connector.Request{
		Scope:    connector.Scope{Tenant: "t", Service: "from", CID: "c", Depth: 1, Limits: host.DefaultLimits(), Grants: host.Grants{Services: &[]string{"to", "from"}}},
		Envelope: abi.Envelope{{Name: abi.FieldOp, Value: abi.OpInvoke}}, Body: []byte(`{"a":1}`),
	}
	for i := 0; i < len(fields); i += 2 {
		r.Envelope.Add(fields[i], fields[i+1])
	}
	return r
}

func TestCall(t *testing.T) {
	t.Parallel()
	to := &answering{reply: host.Reply{Status: 201, Headers: []abi.Field{{Name: "content-type", Value: "text/plain"}}, Body: []byte("b")}}
	got, err := registry(to).Do(t.Context(), request("service", "to", "header.content-type", "application/json", "timeout", "60000", "header.x", "", "cid", "own"))
	if err != nil {
		t.Fatal(err)
	}
	want := &connector.Result{Envelope: abi.Envelope{{Name: "status", Value: "201"}, {Name: "header.content-type", Value: "text/plain"}}, Body: []byte("b")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	call := &host.Call{
		Tenant: "t", Service: "to", CID: "own", Channel: abi.ChannelInvoke, Body: []byte(`{"a":1}`), Depth: 2,
		Envelope: abi.Envelope{{Name: "header.content-type", Value: "application/json"}, {Name: "header.x", Value: ""}},
	}
	if diff := cmp.Diff(call, to.call); diff != "" {
		t.Error(diff)
	}
	if to.left <= 0 || to.left > time.Minute {
		t.Errorf("the service has %v", to.left)
	}
	if _, err = registry(to).Do(t.Context(), request("service", "to")); err != nil || to.call.CID != "c" || to.call.Envelope != nil {
		t.Error(to.call, err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fields string
		code   abi.Code
		says   string
	}{
		{"", abi.Invalid, `invoke needs the field "service"`},
		{"service=", abi.Invalid, "service is empty"},
		{"service=../x", abi.Invalid, `service "../x": use 1 to 128`},
		{"service=to service=to", abi.Invalid, "twice"},
		{"service=to timeout=0", abi.Invalid, `timeout "0": use whole milliseconds from 1 to 86400000`},
		{"service=to timeout=1e3", abi.Invalid, "timeout"},
		{"service=to timeout=86400001", abi.Invalid, "timeout"},
		{"service=to cid=" + strings.Repeat("x", 65), abi.Invalid, "cid"},
		{"service=to header.=x", abi.Invalid, `invoke has no field "header."`},
		{"service=to method=POST", abi.Invalid, `invoke has no field "method": use cid, header.*, service, timeout`},
		{"service=other", abi.Denied, "no grant for service"},
		{"service=from", abi.Invalid, "invokes itself"},
	} {
		var fields []string
		for f := range strings.FieldsSeq(c.fields) {
			name, value, _ := strings.Cut(f, "=")
			fields = append(fields, name, value)
		}
		to := &answering{}
		if _, err := registry(to).Do(t.Context(), request(fields...)); host.CodeOf(err) != c.code || !strings.Contains(host.MessageOf(err), c.says) || to.call != nil {
			t.Errorf("%s: %v %v, want %v %q", c.fields, host.CodeOf(err), err, c.code, c.says)
		}
	}
}

func BenchmarkCall(b *testing.B) {
	ops := registry(&answering{reply: host.Reply{Status: 200, Headers: []abi.Field{{Name: "content-type", Value: "application/json"}}, Body: []byte(`{"a":1}`)}})
	r := request("service", "to", "header.content-type", "application/json")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ops.Do(b.Context(), r); err != nil {
			b.Fatal(err)
		}
	}
}
