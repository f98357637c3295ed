package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os/signal"
	"syscall"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/server"
)

// hostPatience is how long a question to a host that may not be there takes.
const hostPatience = 2 * time.Second

// serveFlags say how a host runs.
type serveFlags struct {
	data, gateway, control, engine, level, traces string
	guests                                        int
	memory                                        bytesValue
}

func (f *serveFlags) register(fs *flag.FlagSet) {
	fs.StringVar(&f.data, "data", "./serai-data", "`DIR` of all data; created if it does not exist")
	fs.StringVar(&f.gateway, "gateway", server.DefaultGateway, "`ADDR` of the gateway; port 0 picks a free one")
	fs.StringVar(&f.control, "control", server.DefaultControl, "`ADDR` of the control API; port 0 picks a free one")
	fs.StringVar(&f.engine, "engine", server.DefaultEngine, "`ENGINE`: wasmtime or wazero")
	fs.StringVar(&f.level, "log-level", "info", "lowest `LEVEL` of the host's log on stderr: debug, info, warn or error")
	fs.StringVar(&f.traces, "traces", "", "`URL` of a receiver of OpenTelemetry's traces over OTLP/HTTP (default $OTEL_EXPORTER_OTLP_ENDPOINT; none without it)")
	fs.IntVar(&f.guests, "guests", 0, "most `CALLS` in flight in all (default 4096)")
	fs.Var(&f.memory, "guest-memory", "most `MEMORY` of all guests together (default half of the machine's)")
}

// config checks the flags.
func (f *serveFlags) config(log io.Writer, getenv func(string) string) (server.Config, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.level)); err != nil {
		return server.Config{}, usagef("--log-level %q: use debug, info, warn or error", f.level)
	}
	if f.engine != "wasmtime" && f.engine != "wazero" {
		return server.Config{}, usagef("--engine %q: use wasmtime or wazero", f.engine)
	}
	if f.guests < 0 {
		return server.Config{}, usagef("--guests %d: use 1 or more", f.guests)
	}
	c := server.Config{
		DataDir: f.data, GatewayAddr: f.gateway, ControlAddr: f.control, Engine: f.engine, Guests: f.guests,
		Logger:  slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: level})),
		Version: buildVersion(), Traces: cmp.Or(f.traces, getenv("OTEL_EXPORTER_OTLP_ENDPOINT")),
	}
	if f.memory.v != nil {
		c.Memory = *f.memory.v
	}
	return c, nil
}

func serveCommand() *command {
	return &command{
		name: "serve", short: "run a host",
		long: `Prints one line of JSON on stdout once it is ready; the log goes to stderr.
SIGTERM or SIGINT drains, a second one ends at once. The operator's token is
in DIR/operator.token.`,
		examples: []string{"serai serve --data /var/lib/serai --gateway :8080"},
		setup: func(fs *flag.FlagSet) runner {
			var f serveFlags
			f.register(fs)
			return func(ctx context.Context, a *app, _ []string) error {
				c, err := f.config(a.stderr, a.env)
				if err != nil {
					return err
				}
				return runHost(ctx, c, func(_ context.Context, s *server.Server) error {
					return json.NewEncoder(a.stdout).Encode(struct {
						Msg     string `json:"msg"`
						Gateway string `json:"gateway"`
						Control string `json:"control"`
					}{"ready", s.GatewayAddr(), s.ControlAddr()})
				})
			}
		},
	}
}

// runHost runs a host until ctx ends or a signal comes; ready is called once
// it serves. The second signal ends the process as signals do.
func runHost(ctx context.Context, c server.Config, ready func(context.Context, *server.Server) error) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	s := server.New(c)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	select {
	case err := <-ended:
		return hostEnded(err)
	case <-s.Ready():
	}
	if err := ready(ctx, s); err != nil {
		interrupted := ctx.Err() != nil
		cancel()
		err = errors.Join(err, <-ended)
		if interrupted {
			return nil
		}
		return err
	}
	return hostEnded(<-ended)
}

// hostWithin starts a host within another command; stop ends it.
func hostWithin(ctx context.Context, c server.Config) (_ *server.Server, stop func() error, err error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := server.New(c)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	select {
	case err := <-ended:
		cancel()
		return nil, nil, hostEnded(err)
	case <-s.Ready():
	}
	return s, func() error { cancel(); return hostEnded(<-ended) }, nil
}

func hostEnded(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return nil
	}
	if known, ok := errors.AsType[*host.Error](err); ok {
		return known
	}
	return fmt.Errorf("running the host: %w", err)
}

// interruptible returns a context that a signal ends; the second signal ends
// the process as signals do.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
