package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
)

func channelCommand() *command {
	return &command{
		name: "channel", short: "manage channels, through which requests and messages reach services",
		sub: []*command{
			{
				name: "list", short: "list channels",
				setup: func(fs *flag.FlagSet) runner {
					return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, _ []string) error {
						all, err := c.Channels(ctx, tenant)
						if err != nil {
							return err
						}
						return a.print(list(all), func(w *tabwriter.Writer) {
							fmt.Fprintln(w, "NAME\tREQUESTS\tSERVICE\tAUTH\tSTATE")
							for _, v := range all {
								fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", v.Name, requests(v.Channel), v.Service, strings.Join(v.Auth, ", "), state(v))
							}
						})
					})
				},
			},
			{
				name: "get", args: "NAME", short: "show a channel as JSON", min: 1, max: 1,
				setup: func(fs *flag.FlagSet) runner {
					return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, args []string) error {
						v, err := c.Channel(ctx, tenant, args[0])
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
			channelSet(),
			channelParked(),
			channelSettle("retry", "give messages that were put aside back to a channel", "gave back", (*client.Client).RetryParked),
			channelSettle("drop", "delete messages that a channel has put aside", "deleted", (*client.Client).DropParked),
			removal("channel", func(ctx context.Context, c *client.Client, tenant, name string) error {
				return c.DeleteChannel(ctx, tenant, name)
			}),
		},
	}
}

// requests says which requests a channel takes.
func requests(v host.Channel) string {
	if !v.REST() {
		return v.Type + " " + v.Connection + " " + string(v.Config)
	}
	out := v.Method + " " + v.Host + v.Path
	if v.Accept != "" {
		out += " as " + v.Accept
	}
	return out
}

func state(v host.ChannelStatus) string {
	s := v.State
	switch {
	case v.Disabled:
		return "disabled"
	case s == nil:
		return "enabled"
	case !s.Receiving && s.Error == "":
		return "connecting"
	}
	var out strings.Builder
	if !s.Receiving {
		out.WriteString("not ")
	}
	out.WriteString("receiving since " + s.Since.UTC().Format(time.RFC3339))
	for _, c := range []struct {
		n    uint64
		what string
	}{{s.Done, "done"}, {s.Failed, "failed"}, {s.Parked, "parked"}, {s.Dropped, "dropped"}} {
		if c.n > 0 {
			fmt.Fprintf(&out, ", %d %s", c.n, c.what)
		}
	}
	if !s.Receiving {
		out.WriteString(": " + s.Error)
	}
	return out.String()
}

func channelSet() *command {
	return &command{
		name: "set", args: "NAME", short: "create a channel or change an existing one", min: 1, max: 1,
		long: `Of an existing channel only what is given changes, for the next request on;
those under way are answered as before. A switch is set back with =false, a
text with an empty one.`,
		examples: []string{
			`serai channel set orders --service api.orders --method POST --path /orders/{id}`,
			`serai channel set orders --auth shop --auth partner --data-format json`,
			`serai channel set orders --disabled`,
			`serai channel set mails --service api.mails --type amqp --connection Broker --config '{"queue": "mails"}'`,
		},
		setup: func(fs *flag.FlagSet) runner {
			edits := registerChannel(fs)
			return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, args []string) error {
				v, err := c.Channel(ctx, tenant, args[0])
				if err != nil && !isNotFound(err) {
					return err
				}
				created := err != nil
				for _, edit := range *edits {
					edit(v)
				}
				switch {
				case created && v.Service == "":
					return usagef("--service is missing")
				case created && v.REST() && v.Path == "":
					return usagef("--path is missing")
				}
				if _, err := c.PutChannel(ctx, tenant, args[0], *v); err != nil {
					return err
				}
				if _, err := c.Service(ctx, tenant, v.Service); isNotFound(err) {
					fmt.Fprintf(a.stderr, "service %q is not deployed yet; until it is, %s\n", v.Service, meanwhile(*v))
				}
				return a.stored("channel", args[0])
			})
		},
	}
}

// meanwhile says what a channel does without its service.
func meanwhile(v host.Channel) string {
	if v.REST() {
		return "the channel answers 503"
	}
	return "messages wait"
}

// registerChannel registers the flags of a channel. Those that are given add
// to the list of edits.
func registerChannel(fs *flag.FlagSet) *[]func(*host.Channel) {
	edits := new([]func(*host.Channel))
	text := func(name, usage string, set func(c *host.Channel, value string)) {
		fs.Func(name, usage, func(value string) error {
			*edits = append(*edits, func(c *host.Channel) { set(c, value) })
			return nil
		})
	}
	toggle := func(name, usage string, set func(c *host.Channel, on bool)) {
		fs.BoolFunc(name, usage, func(value string) error {
			on, err := strconv.ParseBool(value)
			*edits = append(*edits, func(c *host.Channel) { set(c, on) })
			return err
		})
	}
	text("service", "`NAME` of the service", func(c *host.Channel, v string) { c.Service = v })
	text("type", "`TYPE`: rest, or amqp (default rest)", func(c *host.Channel, v string) { c.Type = v })
	text("connection", "`NAME` of the connection that messages come from", func(c *host.Channel, v string) { c.Connection = v })
	text("config", "`JSON` of the type's settings, such as {\"queue\": \"orders\"}", func(c *host.Channel, v string) { c.Config = json.RawMessage(v) })
	text("path", "`PATH` of its requests, such as /user/{id}", func(c *host.Channel, v string) { c.Path = v })
	text("method", "`METHOD` of its requests (default any)", func(c *host.Channel, v string) { c.Method = v })
	text("host", "`HOST` that requests name (default any)", func(c *host.Channel, v string) { c.Host = v })
	toggle("match-slash", "let placeholders take slashes too", func(c *host.Channel, on bool) { c.MatchSlash = on })
	text("accept", "media `TYPE` that clients get, such as text/csv (default any)", func(c *host.Channel, v string) { c.Accept = v })
	first := true
	fs.Func("auth", "`NAME` of a security definition; may be repeated, and any one suffices", func(name string) error {
		fresh := first
		first = false
		*edits = append(*edits, func(c *host.Channel) {
			if fresh {
				c.Auth = nil
			}
			if name != "" {
				c.Auth = append(c.Auth, name)
			}
		})
		return nil
	})
	text("realm", "`TEXT` that clients without credentials are shown", func(c *host.Channel, v string) { c.Realm = v })
	text("data-format", "`FORMAT` of messages: json, xml, csv, form or raw", func(c *host.Channel, v string) { c.DataFormat = host.DataFormat(v) })
	text("content-type", "media `TYPE` of replies that have none", func(c *host.Channel, v string) { c.ContentType = v })
	toggle("merge-params", "make path and query parameters part of the input (default true)", func(c *host.Channel, on bool) { c.MergeParams = &on })
	text("params-priority", "`ORDER`: "+string(host.ParamsOverMessage)+" or "+string(host.MessageOverParams),
		func(c *host.Channel, v string) { c.ParamsPriority = host.ParamsPriority(v) })
	text("url-params-priority", "`ORDER`: "+string(host.PathOverQuery)+" or "+string(host.QueryOverPath),
		func(c *host.Channel, v string) { c.URLParamsPriority = host.URLParamsPriority(v) })
	toggle("disabled", "answer as if nothing were there", func(c *host.Channel, on bool) { c.Disabled = on })
	return edits
}
