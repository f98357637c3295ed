package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/seraihost/serai/cmd/serai/internal/wheel"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
	"github.com/seraihost/serai/host/telemetry"
)

const (
	// settle is how long a change must be over before it is deployed; an
	// editor writes a file in several steps.
	settle = 50 * time.Millisecond
	// reconnect is the pause before the log is followed again.
	reconnect = time.Second
)

func devCommand() *command {
	return &command{
		name: "dev", args: "PATH", short: "deploy on every save and follow the log", min: 1, max: 1,
		long: `Takes the same flags as deploy; a folder with a serai.yaml is applied as by
serai apply, and takes none of them. A save that does not deploy prints why, and
the version before goes on running. Failures are shown here and, of versions
that serai dev deploys, to HTTP clients too, with their tracebacks. A deploy
by serai deploy ends that.

If no host is named and none answers at ` + defaultControl + `, one runs in this process
until Ctrl-C, with its data in ./` + devData + `.`,
		examples: []string{`serai dev hello.py --route "GET /hello/{name}"`, `serai dev ./orders --locals`},
		setup: func(fs *flag.FlagSet) runner {
			var f deployFlags
			var t target
			f.register(fs)
			t.register(fs)
			locals := fs.Bool("locals", false, "show local values in tracebacks; those of secret names are masked")
			return func(ctx context.Context, a *app, args []string) (err error) {
				f.debug = host.DebugTraceback
				if *locals {
					f.debug = host.DebugLocals
				}
				ctx, stop := interruptible(ctx)
				defer stop()
				h, err := findHost(ctx, a, &t)
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, h.close()) }()
				d := newDev(a, h, &f, t.tenantName(a), args[0])
				return d.run(ctx)
			}
		},
	}
}

// dev is one run of serai dev.
type dev struct {
	app          *app
	client       *client.Client
	gateway      string // address, "" if unknown
	flags        *deployFlags
	tenant, path string
	services     sync.Map // names of those that were deployed
	channels     sync.Map // those whose addresses were printed
	following    bool     // the log
}

func newDev(a *app, h *devHost, f *deployFlags, tenant, path string) *dev {
	return &dev{app: a, client: h.client, gateway: h.gateway, flags: f, tenant: tenant, path: path}
}

// run watches until ctx ends.
func (d *dev) run(ctx context.Context) error {
	if _, err := d.flags.settings(); err != nil {
		return err
	}
	if file := documentIn(d.path); file != "" && d.flags.chosen() {
		return usagef("%s says how the services in it run; leave out the flags for that, or remove it", file)
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watching files: %w", err)
	}
	defer w.Close() //nolint:errcheck // nothing is written to it
	file, err := d.watch(w)
	if err != nil {
		return err
	}
	d.deploy(ctx)
	timer := time.NewTimer(settle)
	timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case e, open := <-w.Events:
			if !open {
				return errors.New("watching files: the watcher ended")
			}
			if !d.concerns(w, e, file) {
				continue
			}
			timer.Reset(settle)
		case err := <-w.Errors:
			return fmt.Errorf("watching files: %w", err)
		case <-timer.C:
			d.deploy(ctx)
		}
	}
}

// watch adds the folder, or the folder of the file, to the watcher: editors
// replace files, and a watch on the file itself would be lost with it. It
// returns the file's path, or "" for a folder.
func (d *dev) watch(w *fsnotify.Watcher) (string, error) {
	abs, err := filepath.Abs(d.path)
	if err != nil {
		return "", fmt.Errorf("resolving %s: %w", d.path, err)
	}
	info, err := os.Stat(abs)
	if err != nil {
		return "", fmt.Errorf("reading the service: %w", err)
	}
	if !info.IsDir() {
		return abs, w.Add(filepath.Dir(abs))
	}
	return "", watchFolder(w, abs)
}

// watchFolder adds dir and the folders below it that belong to a service.
func watchFolder(w *fsnotify.Watcher, dir string) error {
	root := os.DirFS(dir)
	return fs.WalkDir(root, ".", func(p string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !e.IsDir():
			return nil
		case p != "." && skipped(root, p, e):
			return fs.SkipDir
		}
		return w.Add(filepath.Join(dir, p))
	})
}

// concerns reports whether an event changes the service; a new folder is
// watched from then on.
func (d *dev) concerns(w *fsnotify.Watcher, e fsnotify.Event, file string) bool {
	if e.Op == fsnotify.Chmod {
		return false
	}
	name := filepath.Base(e.Name)
	if name == wheel.LockFile { // written by the deploy of its requirements
		return false
	}
	if file != "" {
		return filepath.Clean(e.Name) == file || name == wheel.RequirementsFile
	}
	if strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") || strings.HasSuffix(name, ".pyc") || name == "__pycache__" {
		return false
	}
	if info, err := os.Stat(e.Name); err == nil && info.IsDir() && e.Has(fsnotify.Create) {
		if err := watchFolder(w, e.Name); err != nil {
			d.app.report(fmt.Errorf("watching %s: %w", e.Name, err))
		}
	}
	return true
}

// deploy uploads what is there now and prints the outcome. The log is
// followed from the first success on.
func (d *dev) deploy(ctx context.Context) {
	before := time.Now()
	var err error
	if file := documentIn(d.path); file != "" {
		err = d.apply(ctx, file)
	} else {
		err = d.deployPath(ctx)
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		d.app.report(err)
		return
	}
	if !d.following {
		d.following = true
		go d.follow(ctx, before)
	}
}

// deployPath deploys as serai deploy does.
func (d *dev) deployPath(ctx context.Context) error {
	all, err := d.flags.deploy(ctx, d.app, d.client, d.tenant, d.path)
	if err != nil {
		return err
	}
	for _, r := range all {
		d.app.say("%s  deployed  %s, version %s, live after %.0f ms", clock(), r.Service, short(r.Version), r.DeployMS)
		if _, known := d.services.LoadOrStore(r.Service, true); !known {
			d.tellRoutes(ctx, r.Service)
		}
	}
	return nil
}

// tellRoutes prints how to call a service.
func (d *dev) tellRoutes(ctx context.Context, service string) {
	v, err := d.client.Service(ctx, d.tenant, service)
	if err != nil {
		return // it was deleted just now
	}
	for _, r := range v.Routes {
		at := r.Host
		if at == "" {
			at = d.gateway
		}
		d.app.say("          %s http://%s%s", cmp.Or(r.Method, "*"), at, r.Path)
	}
	if len(v.Routes) == 0 {
		d.app.say("          no route; call it with: serai invoke %s", quoted(service))
	}
}

// follow prints the log of the deployed services until ctx ends, also across
// restarts of the host.
func (d *dev) follow(ctx context.Context, since time.Time) {
	show := func(r telemetry.Record) error {
		if _, ours := d.services.Load(r.Service); !ours {
			return nil
		}
		return d.app.printRecord(r)
	}
	for ctx.Err() == nil {
		q := client.LogQuery{Follow: true, Since: since.Format(time.RFC3339Nano)}
		err := d.client.Logs(ctx, d.tenant, q, show)
		since = time.Now()
		var refused *client.Error
		if errors.As(err, &refused) && refused.Status < 500 {
			d.app.report(err)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(reconnect):
		}
	}
}
