package main

import (
	"context"
	"flag"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/seraihost/serai/host/control/client"
)

func connectionsCommand() *command {
	return &command{
		name: "connections", short: "show what has become of connections",
		long: `A connection is idle until it is used, open, resting while its system is down
and left alone, or failed: then the next use is another attempt.`,
		examples: []string{"serai connections"},
		setup: func(fs *flag.FlagSet) runner {
			return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, _ []string) error {
				all, err := c.ConnectionStates(ctx, tenant)
				if err != nil {
					return err
				}
				return a.print(list(all), func(w *tabwriter.Writer) {
					fmt.Fprintln(w, "NAME\tTYPE\tSTATE\tSINCE\tIN FLIGHT\tOPERATIONS\tFAILURES\tLAST ERROR")
					for _, v := range all {
						since := "-"
						if !v.Since.IsZero() {
							since = v.Since.Format(time.RFC3339)
						}
						fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\n", v.Name, v.Type, v.State, since, v.InFlight, v.Operations, v.Failures, v.LastError)
					}
				})
			})
		},
	}
}
