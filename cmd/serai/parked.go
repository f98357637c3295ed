package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"text/tabwriter"

	"github.com/seraihost/serai/host/control/client"
)

// channelParked lists what a channel has put aside.
func channelParked() *command {
	return &command{
		name: "parked", args: "NAME", short: "list the messages that a channel has put aside", min: 1, max: 1,
		examples: []string{"serai channel parked mails", "serai channel parked mails --limit 1000"},
		setup: func(fs *flag.FlagSet) runner {
			limit := fs.Int("limit", 100, "how many at most, the oldest first; up to 1000")
			return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, args []string) error {
				all, err := c.Parked(ctx, tenant, args[0], *limit)
				if err != nil {
					return err
				}
				return a.print(list(all), func(w *tabwriter.Writer) {
					fmt.Fprintln(w, "ID\tBYTES\tREASON\tBODY")
					for _, m := range all {
						fmt.Fprintf(w, "%s\t%d\t%s\t%s\n", clean(m.ID, 64), m.Size, clean(m.Reason, 120), clean(m.Body, 60))
					}
				})
			})
		},
	}
}

// clean returns the beginning of a text on one line, without what a terminal
// would obey.
func clean(text string, most int) string {
	out := []rune(text)
	cut := len(out) > most
	out = out[:min(len(out), most)]
	for i, r := range out {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			out[i] = ' '
		}
	}
	if cut {
		return string(out) + "…"
	}
	return string(out)
}

// channelSettle takes messages away that a channel has put aside.
func channelSettle(name, short, done string, settle func(c *client.Client, ctx context.Context, tenant, channel, id string) (int, error)) *command {
	return &command{
		name: name, args: "NAME [ID]", short: short, min: 1, max: 2,
		long:     "One message by its ID, as \"serai channel parked\" shows it, or all of them with --all.",
		examples: []string{"serai channel " + name + " mails --all", "serai channel " + name + " mails ZBKJ5HQJ6NQ4RRCAOEMAEVQOWS"},
		setup: func(fs *flag.FlagSet) runner {
			all := fs.Bool("all", false, "all messages that the channel has put aside")
			return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, args []string) error {
				id := ""
				if len(args) == 2 {
					id = args[1]
				}
				if *all == (id != "") {
					return errors.New("give the ID of a message, or --all")
				}
				n, err := settle(c, ctx, tenant, args[0], id)
				if err != nil {
					return err
				}
				return a.print(map[string]int{"messages": n}, func(w *tabwriter.Writer) {
					fmt.Fprintf(w, "%s %d of channel %s\n", done, n, args[0])
				})
			})
		},
	}
}
