package abi

// Code is what a guest sees of an error. The host keeps the error itself.
type Code int32

// The codes. Their numbers are part of the ABI.
const (
	OK          Code = 0
	Failed      Code = 1  // the guest's own code failed
	Invalid     Code = 2  // an argument is malformed
	Denied      Code = 3  // no grant, or the policy forbids it
	NotFound    Code = 4  // no such key, service or connection
	Conflict    Code = 5  // the state is not the one expected
	TooLarge    Code = 6  // a size limit
	Timeout     Code = 7  // a deadline passed
	Unavailable Code = 8  // try again later
	Limit       Code = 9  // a quota or a limit of the call
	Remote      Code = 10 // the remote system answered with an error
	Cancelled   Code = 11 // the caller went away
	Unsupported Code = 12 // the operation does not exist here
	Internal    Code = 13 // a fault of the host
)

var codeNames = [...]string{
	"ok", "failed", "invalid", "denied", "not-found", "conflict", "too-large",
	"timeout", "unavailable", "limit", "remote", "cancelled", "unsupported", "internal",
}

// String returns the code's name, the one used in problem documents.
func (c Code) String() string {
	if c < 0 || int(c) >= len(codeNames) {
		return "internal"
	}
	return codeNames[c]
}

// Valid reports whether c is one of the package's codes.
func (c Code) Valid() bool { return c >= 0 && int(c) < len(codeNames) }
