package main

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
)

// remote makes the runner of a command that only talks to the host.
func remote(fs *flag.FlagSet, run func(ctx context.Context, a *app, c *client.Client, tenant string, args []string) error) runner {
	t := new(target)
	t.register(fs)
	return func(ctx context.Context, a *app, args []string) error {
		c, err := t.client(a)
		if err != nil {
			return err
		}
		defer c.Close()
		return run(ctx, a, c, t.tenantName(a), args)
	}
}

func servicesCommand() *command {
	return &command{
		name: "services", short: "list services",
		setup: func(fs *flag.FlagSet) runner {
			return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, _ []string) error {
				all, err := c.Services(ctx, tenant)
				if err != nil {
					return err
				}
				return a.print(list(all), func(w *tabwriter.Writer) {
					fmt.Fprintln(w, "SERVICE\tKIND\tVERSION\tISOLATION\tROUTES")
					for _, s := range all {
						var routes []string
						for _, r := range s.Routes {
							routes = append(routes, routeText(r))
						}
						fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", s.Name, s.Kind, short(s.Running), s.Isolation, strings.Join(routes, ", "))
					}
				})
			})
		},
	}
}

func versionsCommand() *command {
	return &command{
		name: "versions", args: "NAME", short: "list the versions of a service, the latest active first", min: 1, max: 1,
		setup: func(fs *flag.FlagSet) runner {
			return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, args []string) error {
				all, err := c.Versions(ctx, tenant, args[0])
				if err != nil {
					return err
				}
				return a.print(list(all), func(w *tabwriter.Writer) {
					fmt.Fprintln(w, "VERSION\tKIND\tCREATED\tIMAGE\tOWN\t")
					for _, v := range all {
						mark := ""
						if v.Running {
							mark = "running"
						}
						fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", short(v.Digest), v.Kind, v.Created.Local().Format(time.DateTime),
							size(v.ImageBytes), size(v.OwnBytes), mark)
					}
				})
			})
		},
	}
}

func rollbackCommand() *command {
	return &command{
		name: "rollback", args: "NAME [VERSION]", short: "make an earlier version the running one", min: 1, max: 2,
		long:     "Without a version it is the one that ran before. A unique start of a version is enough.",
		examples: []string{"serai rollback hello", "serai rollback hello 4be1a7"},
		setup: func(fs *flag.FlagSet) runner {
			version := fs.String("version", "", "`VERSION` to go back to")
			return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, args []string) error {
				if len(args) == 2 {
					*version = args[1]
				}
				r, err := c.Rollback(ctx, tenant, args[0], *version)
				if err != nil {
					return err
				}
				return a.print(r, func(w *tabwriter.Writer) { printReceipt(w, r, "rolled back") })
			})
		},
	}
}

func deleteCommand() *command {
	return &command{
		name: "delete", args: "NAME", short: "drain and delete a service with its versions", min: 1, max: 1,
		setup: func(fs *flag.FlagSet) runner {
			return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, args []string) error {
				if err := c.DeleteService(ctx, tenant, args[0]); err != nil {
					return err
				}
				return a.deleted("service", args[0])
			})
		},
	}
}

// deleted reports that something is gone.
func (a *app) deleted(what, name string) error {
	return a.print(map[string]string{"deleted": name}, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "deleted %s %s\n", what, name)
	})
}

// size rounds a number of bytes for people.
func size(n int64) string {
	switch b := host.Bytes(n); {
	case b >= host.MiB:
		return fmt.Sprintf("%.1f MiB", float64(b)/float64(host.MiB))
	case b >= host.KiB:
		return fmt.Sprintf("%.0f KiB", float64(b)/float64(host.KiB))
	default:
		return fmt.Sprintf("%d B", n)
	}
}

// list returns v, an empty list instead of nil, so that JSON has [] and not null.
func list[T any](v []T) []T {
	if v == nil {
		return []T{}
	}
	return v
}
