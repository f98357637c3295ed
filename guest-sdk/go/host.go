package serai

import (
	"fmt"

	"github.com/seraihost/serai/abi"
)

// Call performs an operation of the host; the functions of this package are
// built on it. e names the operation in abi.FieldOp and holds its fields. An
// error is an [*Error] with the host's code and message.
func Call(e abi.Envelope, body []byte) (abi.Envelope, []byte, error) {
	reply, out, code := hostCall(e, body)
	if code != abi.OK {
		return nil, nil, &Error{Code: code, Message: reply.Get(abi.FieldErrorMessage), Op: e.Get(abi.FieldOp)}
	}
	return reply, out, nil
}

func operation(name string, more int) abi.Envelope {
	return append(make(abi.Envelope, 0, 1+more), Field{Name: abi.FieldOp, Value: name})
}

// Random fills p with cryptographic randomness of the host. crypto/rand
// draws from the same source.
func Random(p []byte) error {
	for len(p) > 0 {
		n := min(len(p), abi.MaxRandomBytes)
		if code := hostRandom(p[:n]); code != abi.OK {
			return &Error{Code: code, Op: "random"}
		}
		p = p[n:]
	}
	return nil
}

// Log writes a record of a level, one of abi.Level…, to the service's log.
func Log(level int, message string) { hostLog(level, clip(message, abi.MaxLogRecord)) }

// Debugf logs at the level debug.
func Debugf(format string, args ...any) { Log(abi.LevelDebug, fmt.Sprintf(format, args...)) }

// Infof logs at the level info.
func Infof(format string, args ...any) { Log(abi.LevelInfo, fmt.Sprintf(format, args...)) }

// Warningf logs at the level warning.
func Warningf(format string, args ...any) { Log(abi.LevelWarning, fmt.Sprintf(format, args...)) }

// LogErrorf logs at the level error.
func LogErrorf(format string, args ...any) { Log(abi.LevelError, fmt.Sprintf(format, args...)) }
