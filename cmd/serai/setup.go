package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
)

// secretFlags take a value that does not belong on a command line.
type secretFlags struct{ file string }

func (s *secretFlags) register(fs *flag.FlagSet, what string) {
	fs.StringVar(&s.file, "from-file", "", "`FILE` with "+what+", - for stdin (default: a prompt, or stdin)")
}

// read returns the value from the file, from a prompt on a terminal, or from
// stdin. One line end after it is not part of it.
func (s *secretFlags) read(a *app, what string) ([]byte, error) {
	switch {
	case s.file != "" && s.file != "-":
		b, err := os.ReadFile(s.file)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", what, err)
		}
		return chomp(b), nil
	case s.file == "" && isTerminal(a.stdin):
		return a.prompt(what)
	}
	b, err := readLimited(a.stdin, "stdin")
	return chomp(b), err
}

func chomp(b []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(b, []byte("\n")), []byte("\r"))
}

func authCommand() *command {
	return &command{
		name: "auth", short: "manage security definitions, which stand in front of routes",
		sub: []*command{
			{
				name: "list", short: "list security definitions",
				setup: func(fs *flag.FlagSet) runner {
					return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, _ []string) error {
						all, err := c.Auths(ctx, tenant)
						if err != nil {
							return err
						}
						return a.printAuths(list(all), all)
					})
				},
			},
			{
				name: "get", args: "NAME", short: "show a security definition", min: 1, max: 1,
				setup: func(fs *flag.FlagSet) runner {
					return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, args []string) error {
						d, err := c.Auth(ctx, tenant, args[0])
						if err != nil {
							return err
						}
						return a.printAuths(d, []host.AuthDefinition{*d})
					})
				},
			},
			authSet(),
			removal("security definition", func(ctx context.Context, c *client.Client, tenant, name string) error {
				return c.DeleteAuth(ctx, tenant, name)
			}),
		},
	}
}

func (a *app) printAuths(v any, all []host.AuthDefinition) error {
	return a.print(v, func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "NAME\tTYPE\tUSER OR HEADER")
		for _, d := range all {
			fmt.Fprintf(w, "%s\t%s\t%s%s\n", d.Name, d.Type, d.Username, d.Header)
		}
	})
}

func authSet() *command {
	return &command{
		name: "set", args: "NAME", short: "create or replace a security definition", min: 1, max: 1,
		long: `The password or key is read from a file, a prompt or stdin, and stored hashed.`,
		examples: []string{
			`serai auth set shop --type basic --username api --from-file password.txt`,
			`openssl rand -hex 32 | tee key.txt | serai auth set partner --type api-key --header X-API-Key`,
		},
		setup: func(fs *flag.FlagSet) runner {
			var d client.Auth
			var s secretFlags
			fs.StringVar((*string)(&d.Type), "type", "basic", "`TYPE`: basic or api-key")
			fs.StringVar(&d.Username, "username", "", "`NAME` of the user (basic)")
			fs.StringVar(&d.Realm, "realm", "", "`TEXT` that browsers show (basic)")
			fs.StringVar(&d.Header, "header", "", "`HEADER` that carries the key (api-key; default X-API-Key)")
			s.register(fs, "the password or key")
			return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, args []string) error {
				if d.Type == host.AuthBasic && d.Username == "" {
					return usagef("--username is missing")
				}
				value, err := s.read(a, "the password or key")
				if err != nil {
					return err
				}
				if d.Type == host.AuthAPIKey {
					d.Key = string(value)
				} else {
					d.Password = string(value)
				}
				if err := c.PutAuth(ctx, tenant, args[0], d); err != nil {
					return err
				}
				return a.stored("security definition", args[0])
			})
		},
	}
}

func (a *app) stored(what, name string) error {
	return a.print(map[string]string{"name": name}, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "stored %s %s\n", what, name)
	})
}

// removal is the command that deletes one named thing.
func removal(what string, remove func(ctx context.Context, c *client.Client, tenant, name string) error) *command {
	return &command{
		name: "delete", args: "NAME", short: "delete a " + what, min: 1, max: 1,
		setup: func(fs *flag.FlagSet) runner {
			return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, args []string) error {
				if err := remove(ctx, c, tenant, args[0]); err != nil {
					return err
				}
				return a.deleted(what, args[0])
			})
		},
	}
}

func connectionCommand() *command {
	return &command{
		name: "connection", short: "manage connections, through which services reach other systems",
		sub: []*command{
			{
				name: "list", short: "list connections",
				setup: func(fs *flag.FlagSet) runner {
					return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, _ []string) error {
						all, err := c.Connections(ctx, tenant)
						if err != nil {
							return err
						}
						return a.print(list(all), func(w *tabwriter.Writer) {
							fmt.Fprintln(w, "NAME\tTYPE\tCONFIG\tALLOWED NETWORKS")
							for _, v := range all {
								fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", v.Name, v.Type, v.Config, strings.Join(v.AllowNetworks, ", "))
							}
						})
					})
				},
			},
			{
				name: "get", args: "NAME", short: "show a connection as JSON", min: 1, max: 1,
				setup: func(fs *flag.FlagSet) runner {
					return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, args []string) error {
						v, err := c.Connection(ctx, tenant, args[0])
						if err != nil {
							return err
						}
						enc := json.NewEncoder(a.stdout)
						if !a.json {
							enc.SetIndent("", "  ")
						}
						return enc.Encode(v)
					})
				},
			},
			connectionSet(),
			connectionTypes(),
			removal("connection", func(ctx context.Context, c *client.Client, tenant, name string) error {
				return c.DeleteConnection(ctx, tenant, name)
			}),
		},
	}
}

func connectionSet() *command {
	return &command{
		name: "set", args: "NAME", short: "create or replace a connection", min: 1, max: 1,
		long: `The configuration is JSON. It names secrets and does not hold them:
${secret:NAME} stands for the secret NAME. Only the operator may allow a
connection to reach networks that are not public.`,
		examples: []string{
			`serai connection set CRM --config '{"base_url": "https://crm.example.com/api", "timeout": "5s"}'`,
			`serai connection set CRM --config @crm.json --allow-network 10.1.0.0/16`,
		},
		setup: func(fs *flag.FlagSet) runner {
			var v client.Connection
			var networks listValue
			fs.StringVar(&v.Type, "type", "http", "`TYPE` of the connector")
			config := fs.String("config", "", "`JSON` of the configuration, @FILE, or - for stdin")
			fs.Var(&networks, "allow-network", "`CIDR` that it may reach although it is not public (operator); may be repeated")
			return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, args []string) error {
				raw, err := a.input(*config)
				if err != nil {
					return err
				}
				if len(raw) == 0 {
					return usagef("--config is missing")
				}
				if !json.Valid(raw) {
					return usagef("--config is not valid JSON")
				}
				v.Config, v.AllowNetworks = raw, networks
				if _, err := c.PutConnection(ctx, tenant, args[0], v); err != nil {
					return err
				}
				return a.stored("connection", args[0])
			})
		},
	}
}
