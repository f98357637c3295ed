package wazero

import (
	"fmt"
	"strings"

	"github.com/seraihost/serai/host/engine"
)

// reasons translate wazero's words for traps into those of the other engine.
var reasons = map[string]string{
	"stack overflow":                "call stack exhausted",
	"unreachable":                   "unreachable executed",
	"out of bounds memory access":   "out of bounds memory access",
	"invalid table access":          "out of bounds table access",
	"indirect call type mismatch":   "indirect call with another signature",
	"integer overflow":              "integer overflow",
	"integer divide by zero":        "integer division by zero",
	"invalid conversion to integer": "bad conversion to integer",
}

// The parts of wazero's message about a trap, whose type it does not export.
const (
	trapPrefix  = "wasm error: "
	traceMarker = "\nwasm stack trace:\n"
)

// failure makes an *engine.Trap of wazero's error if it is one.
func failure(err error) error {
	head, trace, _ := strings.Cut(err.Error(), traceMarker)
	word, marked := strings.CutPrefix(head, trapPrefix)
	reason, known := reasons[word]
	switch {
	case known && (marked || trace == ""):
		return &engine.Trap{Reason: reason, Backtrace: backtrace(trace)}
	case marked:
		return &engine.Trap{Reason: word, Backtrace: backtrace(trace)}
	default:
		return fmt.Errorf("running guest: %w", err)
	}
}

// backtrace makes a line with a function's name of each of wazero's, which
// have the module's name before a dot and the signature in parentheses.
func backtrace(trace string) string {
	var b strings.Builder
	for line := range strings.Lines(trace) {
		name := strings.TrimSpace(line)
		if !strings.HasPrefix(name, "...") {
			if at := strings.LastIndexByte(name, '('); at > 0 {
				name = name[:at]
			}
			name = strings.TrimPrefix(name, ".")
		}
		b.WriteString(name)
		b.WriteByte('\n')
	}
	return b.String()
}
