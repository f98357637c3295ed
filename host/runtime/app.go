package runtime

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/engine"
	"github.com/seraihost/serai/host/engine/image"
	"github.com/seraihost/serai/host/engine/wasi"
	"github.com/seraihost/serai/host/guest"
	"github.com/seraihost/serai/host/runtime/python"
)

func (r *Runtime) buildPython(ctx context.Context, src Source) (*Built, error) {
	content := src.Content
	if src.ContentType == host.TypePython {
		var err error
		if content, err = pack(src.FileName, content); err != nil {
			return nil, err
		}
	}
	app, err := python.Open(content, src.Settings.Entry)
	if err != nil {
		return nil, err
	}
	c, base, err := r.python.get(ctx, r)
	if err != nil {
		return nil, err
	}
	upload := uploadName(src.FileName)
	im, said, err := r.freezePython(ctx, c, base, app, upload, src)
	if err != nil {
		return nil, err
	}
	defer im.Release()
	offers, err := parseOffers(said)
	if err != nil {
		return nil, err
	}
	source, err := r.Blobs.Put(content)
	if err != nil {
		return nil, err
	}
	b := &Built{
		Kind: host.KindPython, Source: source, Runtime: python.Digest(), Image: im.Digest(),
		ImageBytes: int64(im.Size()), OwnBytes: im.OwnBytes(), Services: offers, //nolint:gosec // at most 4 GiB
	}
	if src.Service == "" {
		b.Upload = upload
	}
	return b, nil
}

// freezePython loads the author's files over the base image and freezes it.
// said is what the guest tells of its services.
func (r *Runtime) freezePython(ctx context.Context, c *compiled, base *image.Image, app *python.Bundle, upload string, src Source) (im *image.Image, said []byte, err error) {
	files, err := r.pythonFiles(app)
	if err != nil {
		return nil, nil, err
	}
	in, err := r.initialised(ctx, c, base, src, func(ctx context.Context, in engine.Instance, s *guest.Session, ec *engine.Call) error {
		err := callInit(ctx, in, s, ec, app.InitEnvelope(src.Service, src.Settings.Export, upload))
		said = s.Reply().Body
		return err
	}, func(s *guest.Session) { s.System.FS = files })
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = in.Close() }()
	im, err = r.Images.Freeze(base, in.Memory(), in.Globals())
	return im, said, err
}

// app is an upload that is ready to run: what its services share.
type app struct {
	key    string
	refs   int
	files  *wasi.Tree
	module *compiled
	layout *layout
}

// loadPython returns the program of a version. Services of one upload have
// one image and one view of their files, however many they are.
func (r *Runtime) loadPython(ctx context.Context, v host.Version) (Program, error) {
	key := v.Source + " " + v.Image + " " + v.Settings.Entry + " " + v.Upload
	if v.Upload == "" {
		key += " " + v.Service + " " + v.Settings.Export
	}
	a := r.apps.get(key)
	if a == nil {
		made, err := r.openApp(ctx, v)
		if err != nil {
			return nil, err
		}
		made.key = key
		if a = r.apps.add(made); a != made {
			if err := r.closeApp(made); err != nil {
				return nil, errors.Join(err, r.leaveApp(a))
			}
		}
	}
	return &imaged{
		rt: r, module: a.module, layout: a.layout, files: a.files, limits: v.Settings.Limits,
		serve: serveABI(abi.ExportHandle), leave: func() error { return r.leaveApp(a) },
	}, nil
}

func (r *Runtime) openApp(ctx context.Context, v host.Version) (*app, error) {
	content, err := r.Blobs.Get(v.Source)
	if err != nil {
		return nil, err
	}
	bundle, err := python.Open(content, v.Settings.Entry)
	if err != nil {
		return nil, err
	}
	files, err := r.pythonFiles(bundle)
	if err != nil {
		return nil, err
	}
	c, base, err := r.python.get(ctx, r)
	if err != nil {
		return nil, err
	}
	im, err := r.Images.Open(v.Image)
	if err != nil || v.Runtime != python.Digest() {
		// The image belongs to another CPython, or is lost: the source is
		// what counts, so it is initialised again.
		if err == nil {
			im.Release()
		}
		src := Source{Tenant: v.Tenant, Settings: v.Settings, Quota: host.DefaultQuota()}
		if v.Upload == "" {
			src.Service = v.Service
		}
		if im, _, err = r.freezePython(ctx, c, base, bundle, v.Upload, src); err != nil {
			return nil, err
		}
	}
	if c, err = r.modules.get(ctx, c.info); err != nil { // a reference of its own
		im.Release()
		return nil, err
	}
	return &app{files: files, module: c, layout: r.newLayout(im)}, nil
}

func (r *Runtime) leaveApp(a *app) error {
	if r.apps.leave(a) {
		return r.closeApp(a)
	}
	return nil
}

func (r *Runtime) closeApp(a *app) error {
	a.layout.close()
	return r.modules.put(a.module)
}

// uploadName is what an upload is called: its file's name without the ending.
func uploadName(fileName string) string {
	base := filepath.Base(fileName)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// pack makes a folder of a single source file.
func pack(name string, content []byte) ([]byte, error) {
	name = filepath.Base(name)
	if !strings.HasSuffix(name, ".py") || name == ".py" {
		name = "service.py"
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Format: tar.FormatUSTAR})
	if err == nil {
		_, err = w.Write(content)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, host.FieldErrorf("module", "packing the file: %w", err)
	}
	return b.Bytes(), nil
}
