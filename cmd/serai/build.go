package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/seraihost/serai/cmd/serai/internal/wheel"
	"github.com/seraihost/serai/host"
)

const buildLong = `PATH is what deploy takes. The packages that a requirements.txt beside the
service asks for are resolved with pip on this machine, for the Python that
services run on, and locked with their hashes in requirements.lock. A lock that
fits requirements.txt is used as it is, without network if its packages were
fetched before. deploy and dev do the same.`

// built is what serai build prints as JSON.
type built struct {
	Bytes    int             `json:"bytes"`
	Packages []wheel.Package `json:"packages"`
}

func buildCommand() *command {
	return &command{
		name: "build", args: "PATH", short: "lock and fetch a service's packages", long: buildLong, min: 1, max: 1,
		examples: []string{`serai build ./orders`, `serai build ./orders --upgrade`, `serai build ./orders --archive orders.tar`},
		setup: func(fs *flag.FlagSet) runner {
			var f packageFlags
			var archive, format string
			f.register(fs)
			fs.BoolVar(&f.upgrade, "upgrade", false, "resolve anew although requirements.lock fits")
			fs.StringVar(&archive, "archive", "", "`FILE` to write the upload to; serai deploy takes it if it ends in .tar")
			fs.Var((*formatValue)(&format), "output", formatUsage)
			return func(ctx context.Context, a *app, args []string) error {
				up, _, err := pack(ctx, args[0], a.stderr)
				if err != nil {
					return err
				}
				up, r, err := f.add(ctx, a, args[0], up)
				if err != nil {
					return err
				}
				if archive != "" {
					if up.ContentType == host.TypePython {
						if up, err = addFiles(up, nil); err != nil {
							return err
						}
					}
					if err := os.WriteFile(archive, up.Content, 0o644); err != nil { //nolint:gosec // the author's own sources
						return fmt.Errorf("writing the upload: %w", err)
					}
				}
				return a.printBuilt(built{len(up.Content), packagesOf(r)})
			}
		},
	}
}

func packagesOf(r *wheel.Result) []wheel.Package {
	if r == nil {
		return []wheel.Package{}
	}
	return r.Packages
}

func (a *app) printBuilt(b built) error {
	return a.print(b, func(w *tabwriter.Writer) {
		for _, p := range b.Packages {
			how := ""
			switch {
			case p.Source:
				how = "built from source"
			case p.Stripped:
				how = "without its compiled parts"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\n", p.Name, p.Version, how)
		}
		fmt.Fprintf(w, "upload of %s\n", size(int64(b.Bytes)))
	})
}
