package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/seraihost/serai/host/config"
)

func importCommand() *command {
	return &command{
		name: "import", short: "write a serai.yaml from the configuration of another system",
		sub: []*command{importZato()},
	}
}

func importZato() *command {
	return &command{
		name: "zato", args: "FILE", short: "write a serai.yaml from an enmasse file of Zato", min: 1, max: 1,
		long: `Reads an enmasse file of Zato 3.2 or 4.1, YAML or JSON. Passwords go to a file
of their own, which only you can read. What could not be taken over is printed,
each with its line; files that are there already are not overwritten.`,
		examples: []string{`serai import zato enmasse.yaml`, `serai import zato enmasse.json --output shop/serai.yaml`},
		setup: func(fs *flag.FlagSet) runner {
			output := fs.String("output", documentName, "`FILE` to write the document to")
			envFile := fs.String("env-file", "", "`FILE` to write passwords to (default: serai.env beside the document)")
			return func(_ context.Context, a *app, args []string) error {
				if *envFile == "" {
					*envFile = filepath.Join(filepath.Dir(*output), "serai.env")
				}
				return a.importZato(args[0], *output, *envFile)
			}
		},
	}
}

func (a *app) importZato(file, output, envFile string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("reading the enmasse file: %w", err)
	}
	in, err := config.ImportZato(file, content)
	if err != nil {
		return err
	}
	text, err := config.Render(in.Document)
	if err != nil {
		return err
	}
	for _, name := range []string{output, envFile} {
		if _, err := os.Lstat(name); !errors.Is(err, os.ErrNotExist) {
			return errors.Join(err, fmt.Errorf("%s exists already; move it, or name another file", name))
		}
	}
	if err := os.WriteFile(output, text, 0o644); err != nil { //nolint:gosec // it holds no secrets
		return fmt.Errorf("writing the document: %w", err)
	}
	d := in.Document
	a.say("wrote %s with %d security definitions, %d connections and %d channels", output, len(d.Security), len(d.Connections), len(d.Channels))
	if len(in.Values) > 0 {
		if err := os.WriteFile(envFile, []byte(formatEnv(in.Values)), 0o600); err != nil {
			return fmt.Errorf("writing passwords: %w", err)
		}
		a.say("wrote %s with %d secrets", envFile, len(in.Values))
	}
	for _, n := range in.Notes {
		a.say("%s:%d: %s: %s", file, n.Line, printable(n.Object), printable(n.Message))
	}
	if len(in.Services) > 0 {
		a.say("channels name these services: %s; add the paths of their files to services", printable(strings.Join(in.Services, ", ")))
	}
	return nil
}
