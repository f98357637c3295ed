package main

import (
	"bytes"
	"go/format"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host/connector"
)

// TestStreams generates an operation with a reply of one part that streams.
func TestStreams(t *testing.T) {
	type request struct {
		Key string `field:"key" required:"true" doc:"of the object"`
	}
	type reply struct {
		Body   []byte        `body:"the object"`
		Stream io.ReadCloser `stream:"true"`
	}
	var b bytes.Buffer
	goOperation(&b, connector.OpInfo{Name: "store.get", Doc: "Gets an object.", Request: connector.FormOf(request{}), Reply: connector.FormOf(reply{})}, false)
	got, err := format.Source(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	const want = `
// Get gets an object.
//
//   - key: of the object; required
//   - result: the object
func (c Connection) Get(key string) ([]byte, error) {
	reply, err := c.newGet(key).Do()
	if err != nil {
		return nil, err
	}
	return reply.Body, nil
}

// GetStream is Get, and returns before the reply's body has come, which need not fit into memory then.
//
//   - key: of the object; required
//   - result: the object, as it comes; close it
func (c Connection) GetStream(key string) (io.ReadCloser, error) {
	reply, err := c.newGet(key).DoStream()
	if err != nil {
		return nil, err
	}
	return reply.Stream, nil
}

func (c Connection) newGet(key string) *form.Request {
	r := form.New("store.get", string(c), 1)
	r.Add("key", key)
	return r
}
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}
