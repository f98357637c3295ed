package server

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// Addresses that a host listens on unless told otherwise.
const (
	DefaultGateway = "127.0.0.1:17010"
	DefaultControl = "127.0.0.1:8183"
)

// Config says how a host runs. The zero value of a field is its default.
type Config struct {
	DataDir     string       // required; created if it does not exist
	GatewayAddr string       // DefaultGateway; port 0 picks a free one
	ControlAddr string       // DefaultControl; port 0 picks a free one
	Engine      string       // "wasmtime" or "wazero"; DefaultEngine
	Logger      *slog.Logger // the host's log; default discards
	Version     string       // of Serai, for the control API
	// CacheDir keeps compiled modules. Whoever can write to it can run code
	// as the host. The default is "serai" in the user's cache directory,
	// which hosts share, or else cache/ in DataDir.
	CacheDir string

	// Library is what Python services see at /lib; the default is what ships.
	Library fs.FS
	// Ops and Queue, if set, change the operations that services have and
	// the queues of asynchronous calls before the host uses them.
	Ops   func([]connector.Op) []connector.Op
	Queue func(host.Queue) host.Queue

	// Drain is how long a host that was told to stop waits for the calls in
	// progress, default 30s.
	Drain time.Duration

	// Traces is where an OpenTelemetry receiver takes traces over OTLP/HTTP,
	// such as "http://127.0.0.1:4318"; the default makes none.
	Traces string

	Guests int        // calls in flight in all, default 4096
	Memory host.Bytes // that they may take together, default half of the machine's
}

func (c Config) withDefaults() Config {
	if c.GatewayAddr == "" {
		c.GatewayAddr = DefaultGateway
	}
	if c.ControlAddr == "" {
		c.ControlAddr = DefaultControl
	}
	if c.Engine == "" {
		c.Engine = DefaultEngine
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Drain <= 0 {
		c.Drain = 30 * time.Second
	}
	if c.Guests <= 0 {
		c.Guests = 4096
	}
	if c.CacheDir == "" {
		if dir, err := os.UserCacheDir(); err == nil {
			c.CacheDir = filepath.Join(dir, "serai")
		} else {
			c.CacheDir = filepath.Join(c.DataDir, "cache")
		}
	}
	if c.Memory <= 0 {
		c.Memory = halfOfMemory()
	}
	return c
}

func halfOfMemory() host.Bytes {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 2 * host.GiB
	}
	return host.Bytes(info.Totalram) * host.Bytes(info.Unit) / 2 //nolint:gosec // a machine's memory
}

// platform is the operating system and processor, "linux/amd64".
func platform() string { return runtime.GOOS + "/" + runtime.GOARCH }
