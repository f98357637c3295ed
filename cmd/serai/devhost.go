package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"time"

	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/server"
)

// devData is the data directory of a host that serai dev starts, the same as
// the quickstart's.
const devData = "serai-data"

// devHost is the host that serai dev deploys to.
type devHost struct {
	client  *client.Client
	gateway string       // its address as it can be reached, "" if unknown
	stop    func() error // ends a host that runs in this process
}

// findHost returns the host that the flags and the environment name, or else
// the one at the default address, or else one that it starts.
func findHost(ctx context.Context, a *app, t *target) (*devHost, error) {
	named := cmp.Or(t.control, a.env("SERAI_CONTROL")) != ""
	if !named && !answers(ctx, defaultControl) {
		return ownHost(ctx, a, server.Config{DataDir: devData})
	}
	c, err := t.client(a)
	if err != nil {
		return nil, err
	}
	h := &devHost{client: c, stop: func() error { return nil }}
	if about, err := c.Version(ctx); err == nil { // what is wrong with the host, the deploy says
		h.gateway = reachable(about.Gateway)
	}
	return h, nil
}

// answers reports whether something listens at addr.
func answers(ctx context.Context, addr string) bool {
	d := net.Dialer{Timeout: 500 * time.Millisecond}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return false
	}
	_ = c.Close() // nothing was said
	return true
}

// ownHost starts a host in this process.
func ownHost(ctx context.Context, a *app, c server.Config) (*devHost, error) {
	c.Logger = slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	c.Version = buildVersion()
	s, stop, err := hostWithin(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("starting a host: %w", err)
	}
	cl, err := client.New(client.Config{URL: "http://" + s.ControlAddr(), Token: s.OperatorToken()})
	if err != nil {
		return nil, err
	}
	a.say("%s  no host answers, so one runs here until Ctrl-C: gateway http://%s, data in %s", clock(), s.GatewayAddr(), filepath.Clean(c.DataDir))
	return &devHost{client: cl, gateway: s.GatewayAddr(), stop: stop}, nil
}

func (h *devHost) close() error {
	h.client.Close()
	return h.stop()
}
