package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/config"
	"github.com/seraihost/serai/host/control/client"
)

func exportCommand() *command {
	return &command{
		name: "export", short: "write what a tenant has as a serai.yaml",
		long: `Prints the document; applied to the same tenant it changes nothing. Secrets
are written as ${env:NAME}, since their values never leave the host.

With --dir the document and the sources of the services are written to a new
folder, which can be applied elsewhere.`,
		examples: []string{`serai export > serai.yaml`, `serai export --dir backup`},
		setup: func(fs *flag.FlagSet) runner {
			dir := fs.String("dir", "", "new `FOLDER` for the document and the sources of services")
			return remote(fs, func(ctx context.Context, a *app, c *client.Client, tenant string, _ []string) error {
				e, err := c.Export(ctx, tenant)
				if err != nil {
					return err
				}
				if *dir != "" {
					return a.exportTo(ctx, c, tenant, e, *dir)
				}
				a.notes(e.Notes)
				if a.json {
					return a.print(e, nil)
				}
				text, err := config.Render(e.Document)
				if err != nil {
					return err
				}
				_, err = a.stdout.Write(text)
				return err
			})
		},
	}
}

// notes prints what a document does not say.
func (a *app) notes(all []string) {
	for _, n := range all {
		fmt.Fprintf(a.stderr, "note: %s\n", printable(n))
	}
}

// exportTo writes the document and the sources to a folder that is new.
func (a *app) exportTo(ctx context.Context, c *client.Client, tenant string, e *config.Export, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // sources, not secrets
		return fmt.Errorf("creating the folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("opening the folder: %w", err)
	}
	defer root.Close() //nolint:errcheck // nothing is written to it
	if found, err := os.ReadDir(dir); err != nil || len(found) > 0 {
		return errors.Join(err, usagef("%s is not empty; name a new folder", dir))
	}
	e.Document.Services = nil
	taken := map[string]bool{documentName: true}
	for _, u := range e.Uploads {
		if len(u.Services) == 0 {
			continue
		}
		up, err := c.Source(ctx, tenant, u.Services[0])
		if err != nil {
			return err
		}
		if u.Entry.Path, err = writeSource(root, u.Name, up, taken); err != nil {
			return fmt.Errorf("writing the source of %s: %w", printable(u.Services[0]), err)
		}
		e.Document.Services = append(e.Document.Services, u.Entry)
	}
	text, err := config.Render(e.Document)
	if err == nil {
		err = writeNew(root, documentName, text, 0o644)
	}
	if err != nil {
		return err
	}
	a.notes(e.Notes)
	return a.print(map[string]string{"file": filepath.Join(dir, documentName)}, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "wrote %s and the sources of %d services\n", filepath.Join(dir, documentName), services(e))
	})
}

func services(e *config.Export) (n int) {
	for _, u := range e.Uploads {
		n += len(u.Services)
	}
	return n
}

// writeSource writes what services were made from and returns its path: that
// of a file or of a folder with the name, which services are named by.
func writeSource(root *os.Root, name string, up client.Upload, taken map[string]bool) (string, error) {
	if name == "" || !filepath.IsLocal(name) || strings.ContainsAny(name, `/\`) || strings.HasPrefix(name, ".") {
		name = "service"
	}
	if up.ContentType != host.TypeTar {
		at := free(name+".wasm", taken)
		return at, writeNew(root, at, up.Content, 0o644)
	}
	files, err := unpack(up.Content)
	switch {
	case err != nil:
		return "", err
	case len(files) == 1 && files[0].name == name+".py":
		at := free(files[0].name, taken)
		return at, writeNew(root, at, files[0].content, 0o644)
	case hasPackages(files): // as serai build wrote it
		at := free(name+".tar", taken)
		return at, writeNew(root, at, up.Content, 0o644)
	}
	at := free(name, taken)
	for _, f := range files {
		if err := writeNew(root, path.Join(at, f.name), f.content, 0o644); err != nil {
			return "", err
		}
	}
	return at, nil
}

// free returns the path, or below a numbered folder if it is taken.
func free(name string, taken map[string]bool) string {
	at := name
	for n := 2; taken[strings.ToLower(at)]; n++ {
		at = path.Join(strconv.Itoa(n), name)
	}
	taken[strings.ToLower(at)] = true
	return at
}

// writeNew writes a file that does not exist yet, in folders that may.
func writeNew(root *os.Root, name string, content []byte, mode os.FileMode) error {
	if dir := path.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("creating folder: %w", err)
		}
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return fmt.Errorf("creating file: %w", err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}
