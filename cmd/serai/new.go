package main

import (
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/server"
)

//go:embed all:template
var templates embed.FS

func newCommand() *command {
	return &command{
		name: "new", args: "python|go NAME", short: "write a service that deploys as it is", min: 2, max: 2,
		examples: []string{"serai new python hello", "serai new go orders"},
		setup: func(*flag.FlagSet) runner {
			return func(_ context.Context, a *app, args []string) error {
				language, dir := args[0], args[1]
				if language != "python" && language != "go" {
					return usagef("language %q: use python or go", language)
				}
				name := filepath.Base(filepath.Clean(dir))
				if err := host.CheckName("service", name); err != nil {
					return err
				}
				if err := write(language, dir, name); err != nil {
					return err
				}
				a.say("wrote %s; next:\n", dir)
				for _, words := range next(language, dir, slug(name)) {
					a.say("  %s", words)
				}
				return nil
			}
		},
	}
}

// slug is a service's name as a part of a path.
func slug(name string) string { return strings.ReplaceAll(name, " ", "-") }

// next are the commands to go on with.
func next(language, dir, path string) []string {
	if language == "python" {
		return []string{
			program() + " test " + quoted(dir),
			program() + " dev " + quoted(dir),
			"curl 'http://" + server.DefaultGateway + "/" + path + "?name=Ada'",
		}
	}
	return []string{
		program() + " deploy " + quoted(dir) + " --route 'GET /" + path + "'",
		"curl http://" + server.DefaultGateway + "/" + path,
	}
}

// write copies a template into a new folder. Files are named with .txt so
// that Go's tools leave them alone; NAME in them is the service's name, SLUG the
// same in a path.
func write(language, dir, name string) error {
	if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // a folder of source, for all to read
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s exists already; choose another name", dir)
		}
		return fmt.Errorf("making the folder: %w", err)
	}
	source, err := fs.Sub(templates, "template/"+language)
	if err != nil {
		return fmt.Errorf("opening the template: %w", err)
	}
	return fs.WalkDir(source, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(source, p)
		if err != nil {
			return fmt.Errorf("reading the template: %w", err)
		}
		text := strings.NewReplacer("NAME", name, "SLUG", slug(name)).Replace(string(b))
		to := filepath.Join(dir, strings.TrimSuffix(p, ".txt"))
		if err := os.WriteFile(to, []byte(text), 0o644); err != nil { //nolint:gosec // source, for all to read
			return fmt.Errorf("writing the service: %w", err)
		}
		return nil
	})
}
