package main

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
)

func tenantCommand() *command {
	return &command{
		name: "tenant", short: "create and manage tenants (operator)",
		sub: []*command{
			tenantCreate(), tenantList(), tenantGet(), tenantQuota(), tenantToken(), tenantDelete(),
		},
	}
}

// quotaFlag registers --quota, whose values quota reads.
func quotaFlag(fs *flag.FlagSet) *listValue {
	v := new(listValue)
	fs.Var(v, "quota", "`NAME=VALUE`: memory, timeout, request_bytes, reply_bytes, module_bytes, in_flight, services, kv_bytes, operations, operation_bytes; may be repeated")
	return v
}

func quota(values []string) (map[string]any, error) {
	out := map[string]any{}
	for _, s := range values {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" || value == "" {
			return nil, usagef("--quota %q: use NAME=VALUE, such as memory=128MiB", s)
		}
		if n, err := strconv.Atoi(value); err == nil {
			out[name] = n
		} else {
			out[name] = value
		}
	}
	return out, nil
}

func tenantCreate() *command {
	return &command{
		name: "create", args: "NAME", short: "create a tenant and print its token, once", min: 1, max: 1,
		examples: []string{"serai tenant create acme --quota memory=128MiB --output json"},
		setup: func(fs *flag.FlagSet) runner {
			values := quotaFlag(fs)
			return remote(fs, func(ctx context.Context, a *app, c *client.Client, _ string, args []string) error {
				q, err := quota(*values)
				if err != nil {
					return err
				}
				t, err := c.CreateTenant(ctx, args[0], q)
				if err != nil {
					return err
				}
				return a.printToken(t)
			})
		},
	}
}

func (a *app) printToken(t *client.TenantToken) error {
	return a.print(t, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "tenant\t%s\ntoken\t%s\n", t.Tenant, t.Token)
	})
}

func tenantList() *command {
	return &command{
		name: "list", short: "list tenants",
		setup: func(fs *flag.FlagSet) runner {
			return remote(fs, func(ctx context.Context, a *app, c *client.Client, _ string, _ []string) error {
				all, err := c.Tenants(ctx)
				if err != nil {
					return err
				}
				return a.printTenants(list(all), all)
			})
		},
	}
}

func (a *app) printTenants(v any, all []host.Tenant) error {
	return a.print(v, func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "TENANT\tMEMORY\tTIMEOUT\tIN FLIGHT\tSERVICES\tMODULE")
		for _, t := range all {
			q := t.Quota
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\n", t.Name, q.Memory, q.Timeout, q.InFlight, q.Services, q.ModuleBytes)
		}
	})
}

func tenantGet() *command {
	return &command{
		name: "get", args: "NAME", short: "show a tenant's quota", min: 1, max: 1,
		setup: func(fs *flag.FlagSet) runner {
			return remote(fs, func(ctx context.Context, a *app, c *client.Client, _ string, args []string) error {
				t, err := c.Tenant(ctx, args[0])
				if err != nil {
					return err
				}
				return a.printTenants(t, []host.Tenant{*t})
			})
		},
	}
}

func tenantQuota() *command {
	return &command{
		name: "quota", args: "NAME", short: "change a tenant's quota", min: 1, max: 1,
		examples: []string{"serai tenant quota acme --quota timeout=1m --quota services=50"},
		setup: func(fs *flag.FlagSet) runner {
			values := quotaFlag(fs)
			return remote(fs, func(ctx context.Context, a *app, c *client.Client, _ string, args []string) error {
				q, err := quota(*values)
				if err != nil {
					return err
				}
				if len(q) == 0 {
					return usagef("--quota is missing")
				}
				t, err := c.SetQuota(ctx, args[0], q)
				if err != nil {
					return err
				}
				return a.printTenants(t, []host.Tenant{*t})
			})
		},
	}
}

func tenantToken() *command {
	return &command{
		name: "token", args: "NAME", short: "replace a tenant's token and print the new one, once", min: 1, max: 1,
		setup: func(fs *flag.FlagSet) runner {
			return remote(fs, func(ctx context.Context, a *app, c *client.Client, _ string, args []string) error {
				t, err := c.RotateToken(ctx, args[0])
				if err != nil {
					return err
				}
				return a.printToken(t)
			})
		},
	}
}

func tenantDelete() *command {
	return &command{
		name: "delete", args: "NAME", short: "delete a tenant and everything it has", min: 1, max: 1,
		setup: func(fs *flag.FlagSet) runner {
			return remote(fs, func(ctx context.Context, a *app, c *client.Client, _ string, args []string) error {
				if err := c.DeleteTenant(ctx, args[0]); err != nil {
					return err
				}
				return a.deleted("tenant", args[0])
			})
		},
	}
}
