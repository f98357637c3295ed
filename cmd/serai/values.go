package main

import (
	"context"
	"flag"
	"fmt"
	"text/tabwriter"

	"github.com/seraihost/serai/host/control/client"
)

// names is the command that lists names.
func names(short string, fetch func(ctx context.Context, c *client.Client, tenant string) ([]string, error)) *command {
	return &command{
		name: "list", short: short,
		setup: func(fs *flag.FlagSet) runner {
			return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, _ []string) error {
				all, err := fetch(ctx, c, tenant)
				if err != nil {
					return err
				}
				return a.printNames(all)
			})
		},
	}
}

func (a *app) printNames(all []string) error {
	return a.print(list(all), func(w *tabwriter.Writer) {
		for _, n := range all {
			fmt.Fprintln(w, printable(n))
		}
	})
}

// value is the command that prints a value's bytes as they are.
func value(short string, fetch func(ctx context.Context, c *client.Client, tenant, key string) ([]byte, error)) *command {
	return &command{
		name: "get", args: "KEY", short: short, min: 1, max: 1,
		setup: func(fs *flag.FlagSet) runner {
			return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, args []string) error {
				v, err := fetch(ctx, c, tenant, args[0])
				if err != nil {
					return err
				}
				return a.printValue(v)
			})
		},
	}
}

// printValue prints a value's bytes as they are; in a terminal a line ends after them.
func (a *app) printValue(v []byte) error {
	if isTerminal(a.stdout) {
		v = append(v, '\n')
	}
	_, err := a.stdout.Write(v)
	return err
}

func configCommand() *command {
	return &command{
		name: "config", short: "manage the configuration that services read",
		sub: []*command{
			names("list configuration keys", func(ctx context.Context, c *client.Client, tenant string) ([]string, error) {
				return c.ConfigKeys(ctx, tenant)
			}),
			value("print a configuration value", func(ctx context.Context, c *client.Client, tenant, key string) ([]byte, error) {
				return c.Config(ctx, tenant, key)
			}),
			{
				name: "set", args: "KEY [VALUE]", short: "set a configuration value", min: 1, max: 2,
				examples: []string{"serai config set limit.daily 1000", "serai config set template --from-file mail.txt"},
				setup: func(fs *flag.FlagSet) runner {
					var s secretFlags
					s.register(fs, "the value")
					return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, args []string) error {
						v, err := s.argument(a, args, "the value")
						if err != nil {
							return err
						}
						if err := c.SetConfig(ctx, tenant, args[0], v); err != nil {
							return err
						}
						return a.stored("configuration key", args[0])
					})
				},
			},
			removal("configuration key", func(ctx context.Context, c *client.Client, tenant, key string) error {
				return c.DeleteConfig(ctx, tenant, key)
			}),
		},
	}
}

// argument returns the second argument or, without one, what read does.
func (s *secretFlags) argument(a *app, args []string, what string) ([]byte, error) {
	if len(args) < 2 {
		return s.read(a, what)
	}
	if s.file != "" {
		return nil, usagef("give VALUE or --from-file, not both")
	}
	return []byte(args[1]), nil
}

func secretCommand() *command {
	return &command{
		name: "secret", short: "manage secrets, which can be used and never read back",
		sub: []*command{
			names("list the names of secrets", func(ctx context.Context, c *client.Client, tenant string) ([]string, error) {
				return c.SecretNames(ctx, tenant)
			}),
			{
				name: "set", args: "NAME", short: "set a secret from a file, a prompt or stdin", min: 1, max: 1,
				examples: []string{"serai secret set crm.password", "serai secret set erp.key --from-file key.pem"},
				setup: func(fs *flag.FlagSet) runner {
					var s secretFlags
					s.register(fs, "the secret")
					return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, args []string) error {
						v, err := s.read(a, "the secret")
						if err != nil {
							return err
						}
						if err := c.SetSecret(ctx, tenant, args[0], v); err != nil {
							return err
						}
						return a.stored("secret", args[0])
					})
				},
			},
			removal("secret", func(ctx context.Context, c *client.Client, tenant, name string) error {
				return c.DeleteSecret(ctx, tenant, name)
			}),
		},
	}
}
