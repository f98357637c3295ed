package runtime

import (
	"context"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/image"
	"github.com/seraihost/serai/host/fair"
	"github.com/seraihost/serai/host/guest"
)

// Program is a version that is ready to run. It is safe for concurrent use.
type Program interface {
	// Start returns a new instance.
	Start(ctx context.Context) (Instance, error)
	// Close releases the program after its last instance.
	Close() error
}

// TurnTaker is a program whose instances run in turns: who holds a turn says
// so in engine.Call.
type TurnTaker interface {
	// Turns are the turns of the engine, nil if it has none.
	Turns() *fair.Gate
}

// Instance serves calls, one at a time.
type Instance interface {
	// Run serves one call. The session holds the call's scope, operations
	// and log; engine.Call its budget. An error is a *[host.Error]; after it
	// the instance must be closed.
	Run(ctx context.Context, call *host.Call, s *guest.Session, c *engine.Call) (*host.Reply, error)
	// Reset makes the instance pristine; after an error it must be closed.
	Reset() (image.Stats, error)
	// MemoryBytes is the size of the instance's linear memory.
	MemoryBytes() int64
	// Close releases the instance. Closing twice is fine.
	Close() error
}
