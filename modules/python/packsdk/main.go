// Command packsdk compiles the Python packages that services import and packs
// them into sdk.zip. It runs the CPython that ships, so it needs no other one;
// the packages are given to it as sources, whatever an earlier sdk.zip holds.
//
// Run it with go generate ./modules/python after each change to
// guest-sdk/python or modules/python/extra. With -o it packs other folders
// instead, whole and with the licences in their .dist-info folders:
//
//	packsdk -o pytest.zip FOLDER...
package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	_ "embed" // the compiler
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/blob"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/image"
	"github.com/seraihost/serai/host/engine/wasi"
	"github.com/seraihost/serai/host/engine/wazero"
	"github.com/seraihost/serai/host/guest"
	"github.com/seraihost/serai/host/runtime"
	"github.com/seraihost/serai/host/runtime/python"
)

//go:embed compile.py
var compiler []byte

// roots hold packages; what tests need of them is not packed.
var roots = []string{"../../guest-sdk/python", "extra"}

func main() {
	out := flag.String("o", "", "archive to write, of the folders that follow")
	flag.Parse()
	if err := run(context.Background(), *out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "packsdk:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out string, folders []string) (err error) {
	own, err := collect(roots, false)
	if err != nil {
		return err
	}
	sources := own
	if out == "" {
		out = "sdk.zip"
	} else if sources, err = collect(folders, true); err != nil {
		return err
	}
	library, err := python.SourceLibrary(own)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "packsdk")
	if err != nil {
		return fmt.Errorf("making a working folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c, closing, err := start(ctx, dir, library)
	defer func() { err = errors.Join(err, closing()) }()
	if err != nil {
		return err
	}
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return flate.NewWriter(out, flate.BestCompression) })
	for _, name := range slices.Sorted(keys(sources)) {
		content, packed := sources[name], name
		if stem, ok := strings.CutSuffix(name, ".py"); ok {
			if content, err = c.compile(ctx, name, content); err != nil {
				return fmt.Errorf("compiling %s: %w", name, err)
			}
			packed = stem + ".pyc"
		}
		f, err := w.CreateHeader(&zip.FileHeader{Name: packed, Method: zip.Deflate})
		if err == nil {
			_, err = f.Write(content)
		}
		if err != nil {
			return fmt.Errorf("packing %s: %w", name, err)
		}
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("packing: %w", err)
	}
	if err := os.WriteFile(out, archive.Bytes(), 0o644); err != nil { //nolint:gosec // it is public
		return fmt.Errorf("writing the archive: %w", err)
	}
	return nil
}

// collect reads the packages by their paths in the library; whole takes the
// modules at the top, licences and metadata too.
func collect(roots []string, whole bool) (map[string][]byte, error) {
	found := make(map[string][]byte)
	for _, root := range roots {
		tree := os.DirFS(root)
		err := fs.WalkDir(tree, ".", func(p string, e fs.DirEntry, err error) error {
			switch {
			case errors.Is(err, fs.ErrNotExist) && p == ".":
				return nil // it has no packages yet
			case err != nil:
				return err
			case e.IsDir():
				if p != "." && (e.Name() == "tests" || e.Name() == "build" || strings.HasPrefix(e.Name(), ".") || strings.Contains(e.Name(), "egg-info")) {
					return fs.SkipDir
				}
				return nil
			case whole && strings.Contains(p, ".dist-info/") && (strings.HasPrefix(e.Name(), "LICENSE") || e.Name() == "METADATA"):
			case filepath.Ext(p) != ".py" || !whole && !strings.Contains(p, "/"):
				return nil
			}
			found[p], err = fs.ReadFile(tree, p)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("reading the packages in %s: %w", root, err)
		}
	}
	return found, nil
}

func keys(m map[string][]byte) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// compilation is a running compile.py.
type compilation struct{ program runtime.Program }

// start runs compile.py over the library. closing is to be called in any case.
func start(ctx context.Context, dir string, library fs.FS) (c *compilation, closing func() error, err error) {
	var closers []func() error
	closing = func() error {
		var errs []error
		for _, f := range slices.Backward(closers) {
			errs = append(errs, f())
		}
		return errors.Join(errs...)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = dir
	}
	functions := append(guest.Functions(), wasi.Functions()...)
	eng, err := wazero.New(ctx, wazero.Config{CacheDir: filepath.Join(cache, "serai"), Host: functions})
	if err != nil {
		return nil, closing, err
	}
	closers = append(closers, eng.Close)
	images, err := image.OpenStore(filepath.Join(dir, "images"))
	if err != nil {
		return nil, closing, err
	}
	blobs, err := blob.Open(filepath.Join(dir, "blobs"))
	if err != nil {
		return nil, closing, err
	}
	rt := runtime.New(runtime.Config{
		Engine: eng, Host: functions, Images: images, Blobs: blobs, StateDir: filepath.Join(dir, "runtime"), Library: library,
	})
	closers = append(closers, rt.Close)
	settings := host.Settings{Limits: host.DefaultLimits()}
	built, err := rt.Build(ctx, runtime.Source{
		Tenant: host.DefaultTenant, Service: "compile", FileName: "compile.py", ContentType: host.TypePython,
		Content: compiler, Settings: settings, Quota: host.DefaultQuota(),
		Log: func(_ int, line string) { fmt.Fprintln(os.Stderr, line) },
	})
	if err != nil {
		if e, ok := errors.AsType[*host.Error](err); ok && e.Detail != nil {
			err = fmt.Errorf("%w\n%s", err, e.Detail.Traceback)
		}
		return nil, closing, err
	}
	p, err := rt.Load(ctx, host.Version{
		Tenant: host.DefaultTenant, Service: "compile", Kind: built.Kind, Source: built.Source,
		Image: built.Image, Runtime: built.Runtime, Settings: settings,
	})
	if err != nil {
		return nil, closing, err
	}
	closers = append(closers, p.Close)
	return &compilation{p}, closing, nil
}

// compile returns the bytecode of a module. Each has an instance of its own,
// so that none depends on those before it.
func (c *compilation) compile(ctx context.Context, name string, source []byte) ([]byte, error) {
	in, err := c.program.Start(ctx)
	if err != nil {
		return nil, err
	}
	call := &host.Call{
		Tenant: host.DefaultTenant, Service: "compile", CID: name, Channel: abi.ChannelControl,
		Envelope: abi.Envelope{{Name: abi.FieldPath, Value: python.LibraryPath + "/" + name}}, Body: source,
	}
	limits := host.DefaultLimits()
	s := &guest.Session{Scope: connector.Scope{Limits: limits}, Ops: connector.NewRegistry(), Log: func(int, string) {}}
	reply, err := in.Run(ctx, call, s, &engine.Call{Key: host.DefaultTenant, CPU: time.Duration(limits.CPU)})
	if err = errors.Join(err, in.Close()); err != nil {
		if e, ok := errors.AsType[*host.Error](err); ok && e.Detail != nil {
			return nil, fmt.Errorf("%w\n%s", err, e.Detail.Traceback)
		}
		return nil, err
	}
	return reply.Body, nil
}
