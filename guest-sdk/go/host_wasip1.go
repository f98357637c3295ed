//go:build wasip1

package serai

import (
	"unsafe"

	"github.com/seraihost/serai/abi"
)

//go:wasmimport serai_v1 call
//go:noescape
func importCall(env unsafe.Pointer, envLen uint32, body unsafe.Pointer, bodyLen uint32, result unsafe.Pointer) int32

//go:wasmimport serai_v1 read
//go:noescape
func importRead(handle uint32, p unsafe.Pointer, n uint32) int32

//go:wasmimport serai_v1 write
//go:noescape
func importWrite(handle uint32, p unsafe.Pointer, n uint32) int32

//go:wasmimport serai_v1 close
func importClose(handle uint32) int32

//go:wasmimport serai_v1 reply
//go:noescape
func importReply(env unsafe.Pointer, envLen uint32, body unsafe.Pointer, bodyLen uint32) int32

//go:wasmimport serai_v1 log
//go:noescape
func importLog(level int32, p unsafe.Pointer, n uint32) int32

//go:wasmimport serai_v1 random
//go:noescape
func importRandom(p unsafe.Pointer, n uint32) int32

//go:wasmexport serai_init
func exportInit(_, _ uint32) int32 {
	failure, code := boot()
	if code != abi.OK {
		hostReply(failure, nil)
		return int32(code)
	}
	locateRandom()
	return int32(abi.OK)
}

//go:wasmexport serai_handle
func exportHandle(envelopeLen, bodyLen uint32) int32 {
	calls++
	refreshRandom()
	first := bodyLen // how much of the body is read here
	if streams {
		first = 0
	}
	in, code := readMessage(abi.HandleRequest, envelopeLen, first)
	if code != abi.OK {
		return int32(code)
	}
	env, err := abi.Decode(in[:envelopeLen])
	if err != nil {
		return int32(abi.Invalid)
	}
	r := newRequest(env, in[envelopeLen:])
	if streams {
		r.Body, r.stream = nil, newStream(abi.HandleRequest, lengthOf(bodyLen), "")
	}
	return int32(serve(r))
}

func hostReply(env abi.Envelope, body []byte) abi.Code {
	e := env.Append(make([]byte, 0, env.Size()))
	return codeOf(importReply(at(e), length(e), at(body), length(body)))
}

// hostOpen performs an operation and reads the envelope of its reply. The body
// is left to be read from the handle, or if there is an error given up.
func hostOpen(env abi.Envelope, body []byte) (reply abi.Envelope, handle uint32, bodyLen int64, code abi.Code) {
	e := env.Append(make([]byte, 0, env.Size()))
	raw := make([]byte, abi.ResultSize)
	code = codeOf(importCall(at(e), length(e), at(body), length(body), at(raw)))
	r := abi.ParseResult(raw)
	if r.Handle == 0 {
		return nil, 0, 0, max(code, abi.Failed)
	}
	buf, failed := readMessage(r.Handle, r.EnvelopeLen, 0)
	if failed == abi.OK {
		var err error
		if reply, err = abi.Decode(buf); err != nil {
			failed = abi.Internal
		}
	}
	if code == abi.OK {
		code = failed
	}
	if code != abi.OK {
		importClose(r.Handle)
	}
	return reply, r.Handle, lengthOf(r.BodyLen), code
}

func lengthOf(bodyLen uint32) int64 {
	if bodyLen == abi.UnknownLength {
		return -1
	}
	return int64(bodyLen)
}

func hostRead(handle uint32, p []byte) (int, abi.Code) {
	return counted(importRead(handle, at(p), length(p)))
}

func hostWrite(handle uint32, p []byte) (int, abi.Code) {
	return counted(importWrite(handle, at(p), length(p)))
}

func hostClose(handle uint32) { importClose(handle) }

func hostCall(env abi.Envelope, body []byte) (abi.Envelope, []byte, abi.Code) {
	e := env.Append(make([]byte, 0, env.Size()))
	raw := make([]byte, abi.ResultSize)
	code := codeOf(importCall(at(e), length(e), at(body), length(body), at(raw)))
	r := abi.ParseResult(raw)
	if r.Handle == 0 {
		return nil, nil, code
	}
	defer importClose(r.Handle)
	buf, failed := readMessage(r.Handle, r.EnvelopeLen, r.BodyLen)
	if failed == abi.OK && int(r.EnvelopeLen) <= len(buf) {
		if reply, err := abi.Decode(buf[:r.EnvelopeLen]); err == nil {
			return reply, buf[r.EnvelopeLen:], code
		}
	}
	if code == abi.OK {
		code = max(failed, abi.Failed)
	}
	return nil, nil, code
}

// readMessage reads an envelope and its body.
func readMessage(handle, envelopeLen, bodyLen uint32) ([]byte, abi.Code) {
	if bodyLen == abi.UnknownLength {
		p, code := readAll(handle)
		if code == abi.OK && len(p) < int(envelopeLen) {
			code = abi.Internal
		}
		return p, code
	}
	p := make([]byte, int(envelopeLen)+int(bodyLen))
	return p, readFull(handle, p)
}

// readFull reads exactly len(p) bytes.
func readFull(handle uint32, p []byte) abi.Code {
	for len(p) > 0 {
		n := importRead(handle, at(p), length(p))
		if n == 0 {
			return abi.Internal
		}
		if n < 0 {
			return codeOf(n)
		}
		p = p[n:]
	}
	return abi.OK
}

// readAll reads to the end of the stream.
func readAll(handle uint32) ([]byte, abi.Code) {
	buf := make([]byte, 0, 4096)
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		free := buf[len(buf):cap(buf)]
		n := importRead(handle, at(free), length(free))
		if n <= 0 {
			return buf, codeOf(n)
		}
		buf = buf[:len(buf)+int(n)]
	}
}

func hostLog(level int, message string) {
	importLog(int32(level), unsafe.Pointer(unsafe.StringData(message)), uint32(len(message)))
}

func hostRandom(p []byte) abi.Code { return codeOf(importRandom(at(p), length(p))) }

func at(p []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(p)) }

func length(p []byte) uint32 { return uint32(len(p)) }

// codeOf turns a host function's result into a code.
func codeOf(n int32) abi.Code {
	if n >= 0 {
		return abi.OK
	}
	return abi.Code(-n)
}

// counted turns a host function's result into a number of bytes and a code.
func counted(n int32) (int, abi.Code) { return int(max(n, 0)), codeOf(n) }
