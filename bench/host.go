package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// seraiHost is a host that runs as users run it, and its command line.
type seraiHost struct {
	*process
	program, data    string
	gateway, control string
	ready            time.Duration // from start to the line that says so
}

// startHost runs the program on a data directory.
func startHost(program, data string, args ...string) (*seraiHost, error) {
	h := &seraiHost{program: program, data: data}
	r, w := io.Pipe()
	args = append([]string{"serve", "--data", data, "--gateway", "127.0.0.1:0", "--control", "127.0.0.1:0", "--log-level", "error"}, args...)
	started := time.Now()
	var err error
	if h.process, err = start(data+".log", w, []string{"XDG_CACHE_HOME=" + data + ".cache"}, program, args...); err != nil {
		return nil, err
	}
	lines := make(chan error, 1)
	go func() {
		var line struct{ Msg, Gateway, Control string }
		err := json.NewDecoder(r).Decode(&line)
		h.gateway, h.control = line.Gateway, line.Control
		if err == nil && line.Msg != "ready" {
			err = fmt.Errorf("the host says %q", line.Msg)
		}
		lines <- err
		_, _ = io.Copy(io.Discard, r)
	}()
	select {
	case err = <-lines:
	case err = <-h.done:
		err = errors.Join(errors.New("the host ended"), err)
	case <-time.After(5 * time.Minute):
		err = errors.New("the host is not ready after 5 minutes")
	}
	h.ready = time.Since(started)
	if err != nil {
		log, _ := os.ReadFile(data + ".log")
		return nil, fmt.Errorf("starting a host: %w: %s", err, log)
	}
	return h, nil
}

// cli runs a command of the host's operator and decodes what it prints.
func (h *seraiHost) cli(ctx context.Context, out any, args ...string) error {
	args = append(args, "--output", "json")
	b, err := run(ctx, "", []string{"SERAI_CONTROL=http://" + h.control, "SERAI_TOKEN="}, h.program,
		append(args, "--token-file", filepath.Join(h.data, "operator.token"))...)
	if err != nil {
		return err
	}
	if raw, ok := out.(*[]byte); ok {
		*raw = b
		return nil
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(b, out)
}

// receipt is what a deploy prints.
type receipt struct {
	Service    string  `json:"service"`
	ImageBytes int64   `json:"image_bytes"`
	OwnBytes   int64   `json:"own_bytes"`
	DeployMS   float64 `json:"deploy_ms"`
}

// deploy deploys an upload with one service.
func (h *seraiHost) deploy(ctx context.Context, path string, args ...string) (receipt, error) {
	var r []receipt
	if err := h.cli(ctx, &r, append([]string{"deploy", path}, args...)...); err != nil {
		return receipt{}, err
	}
	if len(r) != 1 {
		return receipt{}, fmt.Errorf("%s has %d services", path, len(r))
	}
	return r[0], nil
}

// optimised waits until the code of CPython is compiled with all
// optimisations, which a host's first start does behind its work.
func (h *seraiHost) optimised(ctx context.Context) error {
	for range 600 {
		files, err := filepath.Glob(filepath.Join(h.data+".cache", "serai", "*"))
		if err != nil {
			return err
		}
		for _, f := range files {
			if info, err := os.Stat(f); err == nil && info.Size() > 8<<20 && strings.HasSuffix(f, ".cwasm") {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-h.done:
			h.done <- err // for stop
			return errors.Join(errors.New("the host ended while it compiled CPython"), err)
		case <-time.After(500 * time.Millisecond):
		}
	}
	return errors.New("CPython is not compiled after 5 minutes")
}
