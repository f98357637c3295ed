package connector

import (
	"context"

	"github.com/seraihost/serai/host"
)

// Parked are the messages that the sources of a channel have put aside, where
// the system keeps them.
type Parked interface {
	// List returns the oldest ones, at most so many.
	List(ctx context.Context, most int) ([]host.ParkedMessage, error)
	// Settle takes away the message with an id, or all if it is "", and
	// returns how many. With retry they go back to where the channel receives
	// from, before they are taken away: none is lost, one may come twice.
	Settle(ctx context.Context, id string, retry bool) (int, error)
	// Close releases it.
	Close() error
}
