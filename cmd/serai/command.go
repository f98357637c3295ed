package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// app is what a command works with.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            func(string) string
	json           bool // errors as JSON too
}

// runner does the work of a command with its positional arguments.
type runner func(ctx context.Context, a *app, args []string) error

// command is one command, or a group of them.
type command struct {
	name     string
	args     string // synopsis of the positional arguments, such as "PATH"
	short    string // one line
	long     string // paragraphs; may be empty
	examples []string
	sub      []*command
	// min and max bound the number of positional arguments.
	min, max int
	// setup registers flags and returns what runs once they are parsed.
	setup func(fs *flag.FlagSet) runner
}

// usageError is a command line that makes no sense.
type usageError struct{ message string }

func (e *usageError) Error() string { return e.message }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// main finds the command and runs it.
func (a *app) main(ctx context.Context, all []*command, args []string) int {
	root := &command{name: "serai", short: "a host for integration services", sub: all}
	path, c := []string{"serai"}, root
	for len(args) > 0 && len(c.sub) > 0 {
		switch args[0] {
		case "help", "-h", "-help", "--help":
			return a.help(path, c, args[1:])
		}
		next := c.find(args[0])
		if next == nil {
			return a.misuse(path, "unknown command %q%s", args[0], suggest(c.sub, args[0]))
		}
		c, path, args = next, append(path, next.name), args[1:]
	}
	if len(c.sub) > 0 {
		c.usage(a.stderr, path)
		return exitUsage
	}
	fs := flag.NewFlagSet(strings.Join(path, " "), flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	run := c.setup(fs)
	positional, err := parse(fs, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		c.usage(a.stdout, path)
		return exitOK
	case err != nil:
		return a.misuse(path, "%s", flagError(err))
	case len(positional) < c.min:
		return a.misuse(path, "%s is missing", nth(c.args, len(positional)))
	case len(positional) > c.max:
		return a.misuse(path, "argument %q is one too many", positional[c.max])
	}
	if f := fs.Lookup("output"); f != nil {
		a.json = f.Value.String() == "json"
	}
	err = run(ctx, a, positional)
	var usage *usageError
	var exit *statusError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &exit):
		return exit.code
	case errors.As(err, &usage):
		return a.misuse(path, "%s", usage.message)
	default:
		a.report(err)
		return exitFailed
	}
}

func (a *app) misuse(path []string, format string, args ...any) int {
	full := strings.Join(path, " ")
	fmt.Fprintf(a.stderr, "%s: %s; see: %s --help\n", full, fmt.Sprintf(format, args...), full)
	return exitUsage
}

// help prints the help of c, or of the command below it that args name.
func (a *app) help(path []string, c *command, args []string) int {
	for _, name := range args {
		next := c.find(name)
		if next == nil {
			return a.misuse(path, "unknown command %q%s", name, suggest(c.sub, name))
		}
		c, path = next, append(path, next.name)
	}
	c.usage(a.stdout, path)
	return exitOK
}

func (c *command) find(name string) *command {
	i := slices.IndexFunc(c.sub, func(s *command) bool { return s.name == name })
	if i < 0 {
		return nil
	}
	return c.sub[i]
}

// suggest returns a hint if a command begins like what was typed.
func suggest(all []*command, typed string) string {
	for n := len(typed); n > 1; n-- {
		for _, c := range all {
			if strings.HasPrefix(c.name, typed[:n]) {
				return fmt.Sprintf(" (did you mean %q?)", c.name)
			}
		}
	}
	return ""
}

// nth returns the nth word of a synopsis without its brackets.
func nth(synopsis string, n int) string {
	if words := strings.Fields(synopsis); n < len(words) {
		return strings.Trim(words[n], "[]")
	}
	return "an argument"
}

// parse reads flags before, between and after positional arguments; "--"
// ends the flags.
func parse(fs *flag.FlagSet, args []string) ([]string, error) {
	var positional []string
	for {
		if err := fs.Parse(args); err != nil {
			return nil, err
		}
		rest := fs.Args()
		if len(rest) == 0 {
			return positional, nil
		}
		if at := len(args) - len(rest); at > 0 && args[at-1] == "--" {
			return append(positional, rest...), nil
		}
		positional, args = append(positional, rest[0]), rest[1:]
	}
}

// flagError rewords the flag package's errors to two hyphens.
func flagError(err error) string {
	s := err.Error()
	for _, p := range []string{"flag provided but not defined: -", "flag needs an argument: -"} {
		if name, ok := strings.CutPrefix(s, p); ok {
			name = "--" + strings.TrimLeft(name, "-")
			if strings.HasPrefix(p, "flag needs") {
				return name + " needs a value"
			}
			return name + " is not a flag of this command"
		}
	}
	if rest, ok := strings.CutPrefix(s, "invalid value "); ok {
		return "invalid value " + strings.Replace(rest, "for flag -", "for --", 1)
	}
	return strings.Replace(s, "for -", "for --", 1)
}
