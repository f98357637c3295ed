// Command seraigen writes what follows from the connectors' descriptions: a
// reference page of each, and its functions for services in Python and in Go.
// go generate calls it; CI fails when what it writes is not committed.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/standard"
)

func main() {
	root := flag.String("root", ".", "`folder` of the repository")
	flag.Parse()
	if err := run(*root); err != nil {
		fmt.Fprintln(os.Stderr, "seraigen:", err)
		os.Exit(1)
	}
}

// subject is a connector with its source, if it has one.
type subject struct {
	connector.Connector
	source *connector.SourceType
}

func subjects() []subject {
	sources := map[string]*connector.SourceType{}
	for _, s := range standard.Sources() {
		sources[s.Type] = &s
	}
	var out []subject
	for _, c := range append(standard.Connectors(), standard.Builtins()...) {
		out = append(out, subject{c, sources[c.Type]})
	}
	return out
}

func run(root string) error {
	all := subjects()
	files := map[string][]byte{"docs/connectors/README.md": index(all)}
	for _, s := range all {
		files["docs/connectors/"+s.Type+".md"] = page(s)
		if !s.Builtin {
			files["guest-sdk/python/serai/connectors/"+s.Type+".py"] = python(s)
		}
		var err error
		if files["guest-sdk/go/"+s.Type+"/"+s.Type+".go"], err = golang(s); err != nil {
			return err
		}
	}
	files["guest-sdk/python/serai/connectors/__init__.py"] = pythonIndex(all)
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // sources are for everybody
			return fmt.Errorf("making a folder: %w", err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil { //nolint:gosec // sources are for everybody
			return fmt.Errorf("writing a file: %w", err)
		}
	}
	return nil
}
