package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/image"
	"github.com/seraihost/serai/host/engine/wasi"
	"github.com/seraihost/serai/host/guest"
	"github.com/seraihost/serai/host/runtime/python"
)

// bootMemory is the most that CPython may take while it boots.
const bootMemory = 256 << 20

// pythonBase is CPython, initialised once and shared by all services: its
// compiled module and the base image that their images lie over.
type pythonBase struct {
	mu     sync.Mutex
	module *compiled
	image  *image.Image
}

// get returns the base, which the first caller prepares. When that fails the
// next caller tries again.
func (b *pythonBase) get(ctx context.Context, r *Runtime) (*compiled, *image.Image, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.image != nil {
		return b.module, b.image, nil
	}
	m, err := r.inspect(python.Module())
	if err != nil {
		return nil, nil, fmt.Errorf("inspecting CPython: %w", err)
	}
	c, err := r.modules.get(ctx, m)
	if err != nil {
		return nil, nil, fmt.Errorf("compiling CPython: %w", err)
	}
	im, err := r.openBase()
	if err != nil {
		im, err = r.bootBase(ctx, c)
	}
	if err != nil {
		return nil, nil, errors.Join(err, r.modules.put(c))
	}
	b.module, b.image = c, im
	return c, im, nil
}

func (b *pythonBase) close(r *Runtime) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.image == nil {
		return nil
	}
	b.image.Release()
	b.image = nil
	return r.modules.put(b.module)
}

// Warm prepares CPython, so that the first Python service need not wait for it.
func (r *Runtime) Warm(ctx context.Context) error {
	_, _, err := r.python.get(ctx, r)
	return err
}

// PythonVersion names the CPython that services run on.
func PythonVersion() string { return "CPython " + python.Version }

const baseSuffix = ".base"

func (r *Runtime) basePath() string {
	return filepath.Join(r.StateDir, strings.TrimPrefix(python.Digest(), "sha256:")+baseSuffix)
}

// BaseImages returns the digests of the base images that the state
// directory names.
func BaseImages(stateDir string) map[string]bool {
	out := make(map[string]bool)
	files, _ := filepath.Glob(filepath.Join(stateDir, "*"+baseSuffix))
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil {
			out[string(b)] = true
		}
	}
	return out
}

// openBase opens the base image of an earlier start.
func (r *Runtime) openBase() (*image.Image, error) {
	digest, err := os.ReadFile(r.basePath())
	if err != nil {
		return nil, err
	}
	return r.Images.Open(string(digest))
}

// bootBase boots CPython and freezes it.
func (r *Runtime) bootBase(ctx context.Context, c *compiled) (*image.Image, error) {
	first, err := initialImage(c.info)
	if err != nil {
		return nil, err
	}
	defer first.Release()
	var lines []string
	src := Source{Tenant: "", Service: "CPython", Log: func(_ int, m string) { lines = append(lines, m) }}
	src.Settings.Limits = host.DefaultLimits()
	src.Settings.Limits.Memory = bootMemory
	files, err := r.pythonFiles(nil)
	if err != nil {
		return nil, err
	}
	in, err := r.initialised(ctx, c, first, src, func(ctx context.Context, in engine.Instance, _ *guest.Session, ec *engine.Call) error {
		if _, err := in.Call(ctx, ec, abi.ExportInitialize); err != nil {
			return err
		}
		code, err := in.Call(ctx, ec, abi.ExportBoot)
		if err == nil && code != 0 {
			err = fmt.Errorf("it answered %d", code)
		}
		return err
	}, func(s *guest.Session) { s.System.FS = files })
	if err != nil {
		return nil, fmt.Errorf("booting CPython: %w: %s", err, strings.Join(lines, "; "))
	}
	defer func() { _ = in.Close() }()
	im, err := r.Images.Freeze(nil, in.Memory(), in.Globals())
	if err != nil {
		return nil, err
	}
	if err := r.rememberBase(im.Digest()); err != nil {
		im.Release()
		return nil, err
	}
	return im, nil
}

func (r *Runtime) rememberBase(digest string) error {
	if err := os.MkdirAll(r.StateDir, 0o700); err != nil {
		return fmt.Errorf("creating runtime directory: %w", err)
	}
	tmp := r.basePath() + ".new"
	err := os.WriteFile(tmp, []byte(digest), 0o600)
	if err == nil {
		err = os.Rename(tmp, r.basePath())
	}
	if err != nil {
		return fmt.Errorf("naming the base image: %w", err)
	}
	return nil
}

// pythonFiles is what a Python service sees: the standard library and its own files.
func (r *Runtime) pythonFiles(app *python.Bundle) (*wasi.Tree, error) {
	library := r.Library
	if library == nil {
		var err error
		if library, err = python.Library(); err != nil {
			return nil, fmt.Errorf("opening the standard library: %w", err)
		}
	}
	mounts := []wasi.Mount{{Path: python.LibraryPath, FS: library}}
	if app != nil {
		mounts = append(mounts, wasi.Mount{Path: python.AppPath, FS: app.Files})
	}
	return wasi.NewTree(mounts...)
}
