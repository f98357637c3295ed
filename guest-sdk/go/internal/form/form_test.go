package form_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/abi"
	serai "github.com/seraihost/serai/guest-sdk/go"
	"github.com/seraihost/serai/guest-sdk/go/amqp"
	"github.com/seraihost/serai/guest-sdk/go/http"
	"github.com/seraihost/serai/guest-sdk/go/internal/form"
	"github.com/seraihost/serai/guest-sdk/go/kv"
	"github.com/seraihost/serai/guest-sdk/go/lock"
	"github.com/seraihost/serai/guest-sdk/go/seraitest"
	"github.com/seraihost/serai/guest-sdk/go/sql"
)

// TestRequests compares what functions send: what a request leaves out is not
// sent, and what it sets to zero where that means something is.
func TestRequests(t *testing.T) {
	h := seraitest.New(t)
	for name, c := range map[string]struct {
		do     func() error
		fields string // of the envelope, joined
		body   string
	}{
		"nothing":  {func() error { return amqp.Connection("B").Publish(amqp.PublishRequest{}) }, "op=amqp.publish connection=B", ""},
		"pointers": {func() error { _, err := kv.Delete(kv.DeleteRequest{Key: "k", IfRevision: new(int64(0))}); return err }, "op=kv.delete key=k if-revision=0", ""},
		"required": {func() error {
			_, err := lock.Acquire(lock.AcquireRequest{Name: "l", TTL: 1500 * time.Microsecond})
			return err
		}, "op=lock.acquire name=l ttl=2 block=0", ""},
		"lists": {func() error {
			_, err := http.Connection("").Request(http.RequestRequest{URL: new("http://a/"), Query: serai.Values{{Name: "a", Value: "1"}, {Name: "a", Value: ""}}, Redirects: new(false)})
			return err
		}, "op=http.request query.a=1 query.a= url=http://a/ redirects=0", ""},
		"object": {func() error {
			_, err := sql.Connection("D").Execute(sql.ExecuteRequest{Statement: "SELECT \"é\n", Parameters: map[string]any{"a": 1}})
			return err
		}, "op=sql.execute connection=D", `{"statement":"SELECT \"é\n","parameters":{"a":1}}`},
		"JSON": {func() error {
			return amqp.Connection("B").Publish(amqp.PublishRequest{Headers: []int{1}, Body: []byte("x")})
		}, "op=amqp.publish connection=B headers=[1]", "x"},
		"no array": {func() error { _, err := sql.Connection("D").Batch(sql.BatchRequest{Statement: "S"}); return err }, "op=sql.batch connection=D", `{"statement":"S"}`},
	} {
		var fields []string
		var sent string
		answer := func(e abi.Envelope, body []byte) (abi.Envelope, []byte, error) {
			for _, f := range e {
				fields = append(fields, f.Name+"="+f.Value)
			}
			sent = string(body)
			return nil, nil, nil
		}
		for _, op := range []string{"amqp.publish", "kv.delete", "lock.acquire", "http.request", "sql.execute", "sql.batch"} {
			h.Operations[op] = answer
		}
		if err := c.do(); err != nil || strings.Join(fields, " ") != c.fields || sent != c.body {
			t.Errorf("%s: %v, sent %v and %s", name, err, fields, sent)
		}
	}
}

func TestReplies(t *testing.T) {
	h := seraitest.New(t)
	h.Operations["sql.execute"] = func(abi.Envelope, []byte) (abi.Envelope, []byte, error) {
		return abi.Envelope{{Name: "affected", Value: "0"}, {Name: "cursor", Value: "c"}}, []byte("{}"), nil
	}
	got, err := sql.Connection("D").Execute(sql.ExecuteRequest{})
	if diff := cmp.Diff(sql.ExecuteReply{Affected: new(int64(0)), Cursor: "c", Body: []byte("{}")}, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
	h.Operations["sql.execute"] = func(abi.Envelope, []byte) (abi.Envelope, []byte, error) {
		return nil, nil, serai.Errorf(abi.Denied, "no")
	}
	if _, err := sql.Connection("D").Execute(sql.ExecuteRequest{}); serai.CodeOf(err) != abi.Denied || err.Error() != "sql.execute: no" {
		t.Error(err)
	}
	r := form.Reply{Envelope: abi.Envelope{{Name: "n", Value: "5"}, {Name: "b", Value: "1"}, {Name: "h.a", Value: "x"}, {Name: "n", Value: "6"}, {Name: "j", Value: "[1]"}}}
	all := []any{r.Int("n"), r.Int("none"), r.Duration("n"), r.Bool("b"), r.Bool("n"), r.All("n"), r.Values("h."), string(r.JSON("j")), r.JSON("none") == nil, form.Optional(r, "none", form.Reply.Bool) == nil}
	want := []any{int64(5), int64(0), 5 * time.Millisecond, true, false, []string{"5", "6"}, serai.Values{{Name: "a", Value: "x"}}, "[1]", true, true}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
}

func TestBodiesThatStream(t *testing.T) {
	h := seraitest.New(t)
	var sent string
	h.HTTP["A"] = func(r *serai.HTTPRequest) (*serai.Reply, error) {
		body, err := io.ReadAll(r.Stream)
		sent = fmt.Sprintf("%s %s of %d", r.Method, body, r.Length)
		return &serai.Reply{Status: 201, Body: []byte("answer")}, err
	}
	in := http.RequestRequest{Method: "PUT", Body: []byte("> "), Stream: iotest.OneByteReader(strings.NewReader("abc")), Length: 5}
	reply, err := http.Connection("A").Request(in)
	if err != nil || reply.Status != 201 || string(reply.Body) != "answer" || sent != "PUT > abc of 5" {
		t.Errorf("sent %s, %+v, %v", sent, reply, err)
	}
	in.Stream, in.Length = iotest.OneByteReader(strings.NewReader("def")), 0
	streamed, err := http.Connection("A").RequestStream(in)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(streamed.Stream)
	if err != nil || streamed.Status != 201 || string(body) != "answer" || sent != "PUT > def of 0" {
		t.Errorf("sent %s, %+v, %s, %v", sent, streamed, body, err)
	}
	if _, err := http.Connection("B").RequestStream(http.RequestRequest{}); serai.CodeOf(err) != abi.Denied {
		t.Error(err)
	}
	in.Stream = iotest.ErrReader(serai.Errorf(abi.Timeout, "late"))
	if _, err := http.Connection("A").Request(in); serai.CodeOf(err) != abi.Timeout {
		t.Error(err)
	}
}

// TestNoJSON sees that what JSON cannot hold is an error of the service, and
// nothing is sent.
func TestNoJSON(t *testing.T) {
	h := seraitest.New(t)
	h.Operations["amqp.publish"] = func(abi.Envelope, []byte) (abi.Envelope, []byte, error) {
		t.Error("it was sent")
		return nil, nil, nil
	}
	err := amqp.Connection("B").Publish(amqp.PublishRequest{Headers: func() {}})
	if serai.CodeOf(err) != abi.Invalid || !strings.Contains(err.Error(), "headers is nothing that JSON can hold") {
		t.Error(err)
	}
}
