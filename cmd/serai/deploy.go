package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
)

// deployFlags say how a service shall run.
type deployFlags struct {
	name, auth, export, entry, isolation string
	routes, grants                       listValue
	memory, request, reply               bytesValue
	timeout, cpu                         durationValue
	inFlight, queue                      int
	packages                             packageFlags
	reset                                bool
	debug                                host.Debug // of serai dev
}

func (f *deployFlags) register(fs *flag.FlagSet) {
	fs.StringVar(&f.name, "name", "", "`NAME` of the service, if PATH holds only one (default: its own)")
	fs.Var(&f.routes, "route", "`\"METHOD [host]/path\"` at the gateway; may be repeated")
	fs.StringVar(&f.auth, "auth", "", "`NAME` of the security definition in front of the routes")
	fs.StringVar(&f.isolation, "isolation", "", "`MODE`: pristine (every call finds the image) or warm (calls share instances)")
	fs.Var(&f.memory, "memory", "most `MEMORY` of an instance, such as 64MiB")
	fs.Var(&f.timeout, "timeout", "most `TIME` of a call, wall and CPU, such as 5s")
	fs.Var(&f.cpu, "cpu", "most CPU `TIME` of a call, if it is not that of --timeout")
	fs.Var(&f.request, "request-size", "largest `SIZE` of a request's body")
	fs.Var(&f.reply, "reply-size", "largest `SIZE` of a reply's body")
	fs.IntVar(&f.inFlight, "in-flight", -1, "most `CALLS` at once")
	fs.IntVar(&f.queue, "queue", -1, "most `CALLS` that wait for their turn")
	fs.Var(&f.grants, "grant", "`KIND:NAME` that the service may use: connection, service, key or config; may be repeated")
	fs.StringVar(&f.export, "export", "", "`FUNCTION` or class to run, where there are several")
	fs.StringVar(&f.entry, "entry", "", "`FILE` in the folder to load (default service.py)")
	f.packages.register(fs)
	fs.BoolVar(&f.reset, "reset", false, "start from the defaults, not from the settings of the running version")
}

// settings are what the flags choose.
func (f *deployFlags) settings() (client.Settings, error) {
	s := client.Settings{Isolation: host.Isolation(f.isolation), Export: f.export, Entry: f.entry, Debug: f.debug, Keep: !f.reset}
	switch s.Isolation {
	case "", host.Pristine, host.Warm:
	default:
		return s, usagef("--isolation %q: use pristine or warm", f.isolation)
	}
	if f.auth != "" && len(f.routes) == 0 {
		return s, usagef("--auth stands in front of routes; give --route too")
	}
	for _, text := range f.routes {
		r, err := parseRoute(text)
		if err != nil {
			return s, err
		}
		r.Auth = f.auth
		s.Routes = append(s.Routes, r)
	}
	var err error
	if s.Grants, err = parseGrants(f.grants); err != nil {
		return s, err
	}
	l := client.Limits{
		Memory: f.memory.v, Timeout: f.timeout.v, CPU: f.cpu.v, RequestBytes: f.request.v, ReplyBytes: f.reply.v,
		InFlight: given(f.inFlight), Queue: given(f.queue),
	}
	if l != (client.Limits{}) {
		s.Limits = &l
	}
	return s, nil
}

func given(n int) *int {
	if n < 0 {
		return nil
	}
	return &n
}

const deployLong = `PATH is a .py file, a folder with Python, an upload that build wrote, a .wasm
file, or a folder with a Go module, which is built with the go command first.
The host finds out the kind of a module. The packages of a requirements.txt
beside the service come along; serai build --help tells how.

Python may hold several services; all of them become live at once. Each is
called by its class attribute name, or by the names of its file and class.

Flags that are not given keep what the running version has; --reset starts
from the defaults. A deploy that fails leaves the running version as it is.`

func deployCommand() *command {
	return &command{
		name: "deploy", args: "PATH", short: "make a service live", long: deployLong, min: 1, max: 1,
		examples: []string{
			`serai deploy hello.py --route "GET /hello/{name}"`,
			`serai deploy ./orders --name api.orders --route "POST /api/orders" --auth shop --grant connection:ERP --timeout 5s`,
			`serai deploy plugin.wasm --export count_vowels --isolation warm`,
		},
		setup: func(fs *flag.FlagSet) runner {
			var t target
			var f deployFlags
			f.register(fs)
			t.register(fs)
			return func(ctx context.Context, a *app, args []string) error {
				c, err := t.client(a)
				if err != nil {
					return err
				}
				defer c.Close()
				all, err := f.deploy(ctx, a, c, t.tenantName(a), args[0])
				if err != nil {
					return err
				}
				return a.print(all, func(w *tabwriter.Writer) {
					for i := range all {
						printReceipt(w, &all[i], "deployed")
					}
				})
			}
		},
	}
}

// deploy packs PATH and uploads it. Services in Python have names of their
// own unless the flags give one; all others are named like their file.
func (f *deployFlags) deploy(ctx context.Context, a *app, c *client.Client, tenant, path string) ([]host.Receipt, error) {
	settings, err := f.settings()
	if err != nil {
		return nil, err
	}
	up, name, err := pack(ctx, path, a.stderr)
	if err != nil {
		return nil, err
	}
	if up, _, err = f.packages.add(ctx, a, path, up); err != nil {
		return nil, err
	}
	if f.name == "" && up.ContentType != host.TypeWASM {
		return c.DeployAll(ctx, tenant, up, settings)
	}
	if f.name != "" {
		name = f.name
	}
	r, err := c.Deploy(ctx, tenant, name, up, settings)
	if err != nil {
		return nil, err
	}
	return []host.Receipt{*r}, nil
}

func printReceipt(w io.Writer, r *host.Receipt, verb string) {
	fmt.Fprintf(w, "%s %s, version %s (%s), live after %.0f ms\n", verb, r.Service, short(r.Version), r.Kind, r.DeployMS)
}
