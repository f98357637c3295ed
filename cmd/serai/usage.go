package main

import (
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// usage prints the help of a command.
func (c *command) usage(w io.Writer, path []string) {
	full := strings.Join(path, " ")
	if len(c.sub) > 0 {
		c.groupUsage(w, full)
		return
	}
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	c.setup(fs)
	synopsis := full
	if c.args != "" {
		synopsis += " " + c.args
	}
	fmt.Fprintf(w, "%s\n\nUsage:\n  %s [flags]\n", sentence(c.short), synopsis)
	if c.long != "" {
		fmt.Fprintf(w, "\n%s\n", strings.TrimSpace(c.long))
	}
	if len(c.examples) > 0 {
		fmt.Fprintf(w, "\nExamples:\n  %s\n", strings.Join(c.examples, "\n  "))
	}
	n := 0
	fs.VisitAll(func(*flag.Flag) { n++ })
	if n > 0 {
		fmt.Fprint(w, "\nFlags:\n")
		flags(w, fs)
	}
}

func (c *command) groupUsage(w io.Writer, full string) {
	fmt.Fprintf(w, "%s\n\nUsage:\n  %s COMMAND\n\nCommands:\n", sentence(c.short), full)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range c.sub {
		fmt.Fprintf(t, "  %s\t%s\n", s.name, s.short)
	}
	t.Flush() //nolint:errcheck // help that cannot be written has no reader
	fmt.Fprintf(w, "\n%s COMMAND --help tells more about one.\n", full)
}

// flags prints flags with their values' placeholders and defaults.
func flags(w io.Writer, fs *flag.FlagSet) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fs.VisitAll(func(f *flag.Flag) {
		kind, text := flag.UnquoteUsage(f)
		if i := strings.Index(f.Usage, "`"); i == 0 {
			text = strings.TrimLeft(strings.TrimPrefix(text, kind), ":, ")
		}
		name := "--" + f.Name
		if kind != "" {
			name += " " + kind
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "0s" && f.DefValue != "-1" {
			text += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(t, "  %s\t%s\n", name, text)
	})
	t.Flush() //nolint:errcheck // as above
}

func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] + "." }
