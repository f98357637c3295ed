package host

import "time"

// ChannelState is how a channel does that receives messages from another
// system.
type ChannelState struct {
	Receiving bool      `json:"receiving"`
	Since     time.Time `json:"since"`           // of receiving, or of not receiving
	Error     string    `json:"error,omitempty"` // why it does not receive, or did not the last time
	InFlight  int64     `json:"in_flight"`       // messages that the channel has and has not settled
	Done      uint64    `json:"done"`            // messages that its service has dealt with, since the host started
	Failed    uint64    `json:"failed"`          // attempts that failed
	Parked    uint64    `json:"parked"`          // messages that were put aside
	Dropped   uint64    `json:"dropped"`         // messages for which there was no room
	Opened    uint64    `json:"opened"`          // how often the channel has connected
}

// ChannelStatus is a channel with its state, which those of the gateway and
// those that are disabled do not have.
type ChannelStatus struct {
	Channel
	State *ChannelState `json:"state,omitempty"`
}

// ParkedMessage is a message that a channel has put aside.
type ParkedMessage struct {
	ID     string `json:"id"`
	Reason string `json:"reason"` // what went wrong
	Size   int    `json:"size"`   // of the body in bytes
	Body   string `json:"body"`   // its beginning, as text
}
