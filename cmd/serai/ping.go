package main

import (
	"context"
	"flag"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/seraihost/serai/host/control/client"
)

func pingCommand() *command {
	return &command{
		name: "ping", args: "NAME", short: "ask the system of a connection for a sign of life", min: 1, max: 1,
		examples: []string{"serai ping CRM"},
		setup: func(fs *flag.FlagSet) runner {
			return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, args []string) error {
				start := time.Now()
				if err := c.Ping(ctx, tenant, args[0]); err != nil {
					return err
				}
				took := time.Since(start)
				return a.print(map[string]any{"name": args[0], "ms": took.Milliseconds()}, func(w *tabwriter.Writer) {
					fmt.Fprintf(w, "%s answered after %d ms\n", args[0], took.Milliseconds())
				})
			})
		},
	}
}
