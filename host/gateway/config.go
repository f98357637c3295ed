package gateway

import (
	"log/slog"
	"time"

	"github.com/seraihost/serai/host"
)

// Config sets up a [Gateway]. Zero values take the defaults that are named.
type Config struct {
	Invoker host.Invoker // required
	Logger  *slog.Logger // of internal errors; default discards

	MaxHeaderBytes int // request line and headers, default 16 KiB
	MaxURIBytes    int // request target, default 8 KiB
	// InlineBodyBytes is the longest request body that is read before the
	// service is called; the service reads longer ones as they arrive.
	// Default 1 MiB.
	InlineBodyBytes int
	MaxBodyBytes    int // request body, default no limit but the service's own
	MaxBodyMemory   int // bodies of all requests together, default 1 GiB
	MaxConns        int // connections, default 10,000
	MaxConnsPerIP   int // connections of one address, default no limit

	HeaderTimeout time.Duration // for a request's headers to arrive, default 10 s
	BodyTimeout   time.Duration // for its body, or the next piece of one that the service reads as it arrives, default 60 s
	WriteTimeout  time.Duration // for the client to take the reply, default 60 s
	IdleTimeout   time.Duration // of a connection between requests, default 120 s
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		v    *int
		from int
	}{
		{&c.MaxHeaderBytes, 16 << 10},
		{&c.MaxURIBytes, 8 << 10},
		{&c.InlineBodyBytes, 1 << 20},
		{&c.MaxBodyBytes, maxInt},
		{&c.MaxBodyMemory, 1 << 30},
		{&c.MaxConns, 10_000},
	} {
		if *d.v <= 0 {
			*d.v = d.from
		}
	}
	for _, d := range []struct {
		v    *time.Duration
		from time.Duration
	}{
		{&c.HeaderTimeout, 10 * time.Second},
		{&c.BodyTimeout, time.Minute},
		{&c.WriteTimeout, time.Minute},
		{&c.IdleTimeout, 2 * time.Minute},
	} {
		if *d.v <= 0 {
			*d.v = d.from
		}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}
