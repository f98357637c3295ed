package main

import (
	"context"
	"flag"
	"time"

	"github.com/seraihost/serai/host/control/client"
)

func kvCommand() *command {
	return &command{
		name: "kv", short: "manage the key/value store of a tenant",
		sub: []*command{
			{
				name: "list", args: "[PREFIX]", short: "list keys", max: 1,
				examples: []string{"serai kv list session.", "serai kv list --area cache/default"},
				setup: area(func(ctx context.Context, a *app, keys client.Area, tenant string, args []string) error {
					all, err := keys.AllKeys(ctx, tenant, first(args))
					if err != nil {
						return err
					}
					return a.printNames(all)
				}),
			},
			{
				name: "get", args: "KEY", short: "print a key's value", min: 1, max: 1,
				setup: area(func(ctx context.Context, a *app, keys client.Area, tenant string, args []string) error {
					v, err := keys.Key(ctx, tenant, args[0])
					if err != nil {
						return err
					}
					return a.printValue(v)
				}),
			},
			{
				name: "set", args: "KEY [VALUE]", short: "write a key", min: 1, max: 2,
				examples: []string{"serai kv set feature.new-report on", "serai kv set session.1 --from-file session.json --ttl 1h"},
				setup:    setKey,
			},
			{
				name: "delete", args: "KEY", short: "delete a key", min: 1, max: 1,
				setup: area(func(ctx context.Context, a *app, keys client.Area, tenant string, args []string) error {
					if err := keys.DeleteKey(ctx, tenant, args[0]); err != nil {
						return err
					}
					return a.deleted("key", args[0])
				}),
			},
		},
	}
}

// onArea does something with the keys of an area.
type onArea func(ctx context.Context, a *app, keys client.Area, tenant string, args []string) error

// area registers the flag that names an area.
func area(run onArea) func(fs *flag.FlagSet) runner {
	return func(fs *flag.FlagSet) runner {
		name := fs.String("area", "", "area of the keys, such as cache/default (default: the tenant's own keys)")
		return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, args []string) error {
			return run(ctx, a, c.Area(*name), tenant, args)
		})
	}
}

func setKey(fs *flag.FlagSet) runner {
	var s secretFlags
	s.register(fs, "the value")
	ttl := fs.Duration("ttl", 0, "time to live, such as 1h (default: forever)")
	return area(func(ctx context.Context, a *app, keys client.Area, tenant string, args []string) error {
		if *ttl != 0 && *ttl < time.Millisecond {
			return usagef("--ttl %s: use 1ms or more", *ttl)
		}
		v, err := s.argument(a, args, "the value")
		if err != nil {
			return err
		}
		if err := keys.SetKey(ctx, tenant, args[0], v, *ttl); err != nil {
			return err
		}
		return a.stored("key", args[0])
	})(fs)
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
