package host

import (
	"time"

	"github.com/seraihost/serai/abi"
)

// What a connection is at a moment.
const (
	ConnectionIdle    = "idle"    // not open, since nobody has used it yet or it was lost
	ConnectionOpening = "opening" // being opened
	ConnectionOpen    = "open"
	ConnectionResting = "resting" // its system is down and is left alone for a while
	ConnectionFailed  = "failed"  // the last attempt failed; the next use is another one
)

// ConnectionState is what has become of a connection since the host started.
// It holds no secret and no address.
type ConnectionState struct {
	State      string    `json:"state"`                // one of Connection…
	Since      time.Time `json:"since,omitzero"`       // that it is so
	RetryAt    time.Time `json:"retry_at,omitzero"`    // when a system that is left alone is tried again
	LastError  string    `json:"last_error,omitempty"` // of opening, or of a system that was down
	FailedAt   time.Time `json:"failed_at,omitzero"`   // when that was
	InFlight   int       `json:"in_flight"`            // operations under way
	Waiting    int       `json:"waiting"`              // operations that wait for room in the tenant's quota
	Operations uint64    `json:"operations"`           // that have ended
	Failures   uint64    `json:"failures"`             // those that ended with an error
	Opened     uint64    `json:"opened"`               // how many times it was opened
}

// ConnectionStats are the counts of a connection, for metrics.
type ConnectionStats struct {
	Tenant, Name, Type string
	ConnectionState
	Open                bool
	Pings, PingFailures uint64
	Ops                 []OperationCount
	Durations           [len(DurationBounds) + 1]uint64 // operations by their duration
	Seconds             float64                         // all durations together
}

// OperationCount says how many operations ended with a code.
type OperationCount struct {
	Op    string
	Code  abi.Code
	Count uint64
}

// DurationBounds are the upper bounds of [ConnectionStats] Durations; the
// last count there has none.
var DurationBounds = [...]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second,
}
