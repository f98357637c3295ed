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
		setReply(failure, nil)
		return int32(code)
	}
	locateRandom()
	return int32(abi.OK)
}

//go:wasmexport serai_handle
func exportHandle(envelopeLen, bodyLen uint32) int32 {
	refreshRandom()
	in, code := readMessage(abi.HandleRequest, envelopeLen, bodyLen)
	if code != abi.OK {
		return int32(code)
	}
	env, err := abi.Decode(in[:envelopeLen])
	if err != nil {
		return int32(abi.Invalid)
	}
	reply, body, code := serve(env, in[envelopeLen:])
	if refused := setReply(reply, body); code == abi.OK {
		code = refused
	}
	return int32(code)
}

func setReply(env abi.Envelope, body []byte) abi.Code {
	e := env.Append(make([]byte, 0, env.Size()))
	return codeOf(importReply(at(e), length(e), at(body), length(body)))
}

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
