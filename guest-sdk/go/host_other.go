//go:build !wasip1

package serai

import "github.com/seraihost/serai/abi"

// Host stands in for Serai in tests of a service, everywhere but on wasip1.
type Host interface {
	// Call performs an operation. With a code other than OK the envelope
	// may hold abi.FieldErrorMessage.
	Call(env abi.Envelope, body []byte) (abi.Envelope, []byte, abi.Code)
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

// Serve runs the registered handler. See [Boot].
func Serve(env abi.Envelope, body []byte) (abi.Envelope, []byte, abi.Code) { return serve(env, body) }

var attached Host = nobody{}

func hostCall(env abi.Envelope, body []byte) (abi.Envelope, []byte, abi.Code) {
	return attached.Call(env, body)
}

func hostLog(level int, message string) { attached.Log(level, message) }

func hostRandom(p []byte) abi.Code {
	attached.Random(p)
	return abi.OK
}

// nobody is the host of a process that has none.
type nobody struct{}

func (nobody) Call(abi.Envelope, []byte) (abi.Envelope, []byte, abi.Code) {
	return abi.Envelope{{Name: abi.FieldErrorMessage, Value: "there is no host; use seraitest.New in tests"}}, nil, abi.Unsupported
}
func (nobody) Log(int, string) {}
func (nobody) Random([]byte)   {}
