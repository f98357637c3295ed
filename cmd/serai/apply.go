package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/seraihost/serai/host/config"
	"github.com/seraihost/serai/host/control/client"
)

func applyCommand() *command {
	return &command{
		name: "apply", short: "make a tenant what a serai.yaml says",
		long: `The document is applied in one transaction: all of it or, if anything in it is
wrong, nothing. Every problem is printed with its line and column. What the
document does not name stays as it is, unless --prune says otherwise.

Secrets are written as ${env:NAME}. One whose variable is not set keeps the
value that the host has.`,
		examples: []string{`serai apply`, `serai apply -f prod/serai.yaml --env-file prod/serai.env`, `serai apply --prune --dry-run`},
		setup: func(fs *flag.FlagSet) runner {
			var f documentFlags
			f.register(fs)
			dryRun := fs.Bool("dry-run", false, "print what would change, and change nothing")
			return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, _ []string) error {
				d, err := f.read(ctx, a)
				if err != nil {
					return err
				}
				plan, err := d.apply(ctx, c, tenant, client.Apply{Prune: f.prune, DryRun: *dryRun})
				if err != nil {
					return err
				}
				return a.print(plan, func(w *tabwriter.Writer) {
					printPlan(w, plan)
					fmt.Fprintln(w, summary(plan))
				})
			})
		},
	}
}

// exitTrouble is the exit code of diff where it cannot tell, as that of the
// program diff.
const exitTrouble = 2

func diffCommand() *command {
	return &command{
		name: "diff", short: "show what applying a serai.yaml would change",
		long: `Prints + for what would be created, ~ for what would change and - for what
would be deleted with --prune. The exit code is 0 if nothing would change, 1 if
something would, and 2 if that cannot be found out.`,
		examples: []string{`serai diff`, `serai diff -f prod/serai.yaml --prune`},
		setup: func(fs *flag.FlagSet) runner {
			var f documentFlags
			f.register(fs)
			return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, _ []string) error {
				plan, err := f.diff(ctx, a, c, tenant)
				if err != nil {
					a.report(err)
					return &statusError{exitTrouble}
				}
				if err := a.print(plan, func(w *tabwriter.Writer) { printPlan(w, plan) }); err != nil {
					return err
				}
				if plan.Differs() {
					return &statusError{exitFailed}
				}
				return nil
			})
		},
	}
}

func (f *documentFlags) diff(ctx context.Context, a *app, c *client.Client, tenant string) (*config.Plan, error) {
	d, err := f.read(ctx, a)
	if err != nil {
		return nil, err
	}
	return d.apply(ctx, c, tenant, client.Apply{Prune: f.prune, DryRun: true})
}

// signs stand for actions.
var signs = map[config.Action]string{config.Create: "+", config.Update: "~", config.Delete: "-"}

// printPlan prints what changes.
func printPlan(w io.Writer, p *config.Plan) {
	for _, c := range p.Changes {
		sign, differs := signs[c.Action]
		if !differs {
			continue
		}
		line := fmt.Sprintf("%s %s %s", sign, c.Kind, printable(c.Name))
		if c.Digest != "" {
			line += ", version " + short(c.Digest)
		}
		fmt.Fprintln(w, line)
		for _, f := range c.Fields {
			fmt.Fprintf(w, "    %s: %s -> %s\n", printable(f.Name), fieldText(f.Before), fieldText(f.After))
		}
	}
}

// fieldText is a value of a plan.
func fieldText(s string) string {
	if s == "" {
		return "none"
	}
	return printable(short(s))
}

// summary counts the changes.
func summary(p *config.Plan) string {
	n := map[config.Action]int{}
	for _, c := range p.Changes {
		n[c.Action]++
	}
	verb := "applied"
	switch {
	case !p.Differs():
		return fmt.Sprintf("nothing to change (%d as they are)", n[config.Unchanged])
	case !p.Applied:
		verb = "would apply"
	}
	return fmt.Sprintf("%s: %d created, %d changed, %d deleted, %d as they are",
		verb, n[config.Create], n[config.Update], n[config.Delete], n[config.Unchanged])
}
