//go:build !wasip1

package serai

import (
	"bytes"
	"io"

	"github.com/seraihost/serai/abi"
)

// Host stands in for Serai in tests of a service, everywhere but on wasip1.
type Host interface {
	// Call performs an operation. body is never nil, and comes as the service
	// sends it if env has abi.FieldStreamBody; reading it fails if the service
	// gives it up. With a code other than OK the envelope may hold
	// abi.FieldErrorMessage. The reply's body may be nil; it is closed.
	Call(env abi.Envelope, body io.Reader) (abi.Envelope, io.ReadCloser, abi.Code)
	// Log takes a log record.
	Log(level int, message string)
	// Random fills p.
	Random(p []byte)
}

// Attach makes h the host of this process and returns a function that puts
// the one before back. It exists everywhere but on wasip1.
func Attach(h Host) (detach func()) {
	old := attached
	attached = h
	return func() { attached = old }
}

// Boot runs what a deploy does, and Serve one call; they exist everywhere
// but on wasip1. The envelope and code are what the host would get.
func Boot() (abi.Envelope, abi.Code) { return boot() }

// Serve runs the registered handler for a request with a body, which may be
// nil. It returns the fields of the reply, then those of a failure, and as
// much of the reply's body as was sent. See [Boot].
func Serve(env abi.Envelope, body io.Reader) (abi.Envelope, []byte, abi.Code) {
	calls++
	r := newRequest(env, nil)
	if body == nil {
		body = bytes.NewReader(nil)
	}
	length := int64(-1)
	if known, ok := body.(interface{ Len() int }); ok {
		length = int64(known.Len())
	}
	call := begin(body)
	defer call.end()
	if r.stream = newStream(abi.HandleRequest, length, ""); !streams {
		var err error
		if r.Body, err = io.ReadAll(r.stream); err != nil {
			return abi.Envelope{{Name: abi.FieldErrorMessage, Value: err.Error()}}, nil, CodeOf(err)
		}
		r.stream = nil
	}
	code := serve(r)
	return call.reply, call.body, code
}

var attached Host = nobody{}

func hostCall(env abi.Envelope, body []byte) (abi.Envelope, []byte, abi.Code) {
	reply, from, code := attached.Call(env, bytes.NewReader(bytes.Clone(body)))
	if from == nil {
		return reply, nil, code
	}
	defer from.Close()
	out, err := io.ReadAll(from)
	if err != nil && code == abi.OK {
		return abi.Envelope{{Name: abi.FieldErrorMessage, Value: err.Error()}}, nil, CodeOf(err)
	}
	return reply, out, code
}

func hostLog(level int, message string) { attached.Log(level, message) }

func hostRandom(p []byte) abi.Code {
	attached.Random(p)
	return abi.OK
}

// nobody is the host of a process that has none.
type nobody struct{}

func (nobody) Call(abi.Envelope, io.Reader) (abi.Envelope, io.ReadCloser, abi.Code) {
	return abi.Envelope{{Name: abi.FieldErrorMessage, Value: "there is no host; use seraitest.New in tests"}}, nil, abi.Unsupported
}
func (nobody) Log(int, string) {}
func (nobody) Random([]byte)   {}
