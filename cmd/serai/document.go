package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/config"
	"github.com/seraihost/serai/host/control/client"
)

// documentName is what a document is called unless it is named.
const documentName = "serai.yaml"

// documentFlags say which document is meant.
type documentFlags struct {
	file, envFile string
	prune         bool
	packages      packageFlags
}

func (f *documentFlags) register(fs *flag.FlagSet) {
	fs.StringVar(&f.file, "file", documentName, "`FILE` with the document, - for stdin; paths in it are relative to its folder")
	fs.StringVar(&f.file, "f", documentName, "`FILE`, short for --file")
	fs.StringVar(&f.envFile, "env-file", "", "`FILE` with lines NAME=VALUE for ${env:NAME}; they come before the environment")
	fs.BoolVar(&f.prune, "prune", false, "delete what the document does not name")
	f.packages.register(fs)
}

// document is a serai.yaml with what it brings along.
type document struct {
	*config.Document
	name    string // for messages
	at      config.Positions
	uploads map[int]client.Upload
}

// read reads the document and packs its services.
func (f *documentFlags) read(ctx context.Context, a *app) (*document, error) {
	env, err := f.environment(a)
	if err != nil {
		return nil, err
	}
	d := &document{name: f.file, uploads: map[int]client.Upload{}}
	var content []byte
	if f.file == "-" {
		d.name = "stdin"
		content, err = readLimited(a.stdin, d.name)
	} else {
		content, err = readDocument(f.file)
	}
	if err != nil {
		return nil, err
	}
	if d.Document, d.at, err = config.Parse(d.name, content, env); err != nil {
		return nil, err
	}
	var problems []config.Problem
	for i, s := range d.Services {
		if s.Path == "" {
			continue
		}
		if d.uploads[i], err = f.pack(ctx, a, s); err != nil {
			problems = append(problems, config.Problem{Path: config.Path(config.Index("services", i), "path"), Message: err.Error()})
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	if len(problems) > 0 {
		return nil, config.NewError(d.name, d.at, problems)
	}
	return d, nil
}

func readDocument(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, os.ErrNotExist) && name == documentName:
		return nil, usagef("there is no %s here; name a document with --file", documentName)
	case err == nil && info.Size() > config.MaxBytes:
		return nil, fmt.Errorf("%s has %d bytes; a document has at most %d", name, info.Size(), config.MaxBytes)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the document: %w", err)
	}
	return b, nil
}

func (f *documentFlags) pack(ctx context.Context, a *app, s config.Service) (client.Upload, error) {
	name := s.Path
	if !filepath.IsAbs(name) && f.file != "-" {
		name = filepath.Join(filepath.Dir(f.file), name)
	}
	up, _, err := pack(ctx, name, a.stderr)
	if err != nil {
		return up, err
	}
	up, _, err = f.packages.add(ctx, a, name, up)
	return up, err
}

// environment looks up variables in the env file and then in the environment.
// One without a value counts as unset.
func (f *documentFlags) environment(a *app) (func(string) (string, bool), error) {
	own := map[string]string{}
	if f.envFile != "" {
		b, err := os.ReadFile(f.envFile)
		if err != nil {
			return nil, fmt.Errorf("reading the variables: %w", err)
		}
		if own, err = parseEnv(string(b)); err != nil {
			return nil, fmt.Errorf("%s:%w", f.envFile, err)
		}
	}
	return func(name string) (string, bool) {
		value, ok := own[name]
		if !ok {
			value = a.env(name)
		}
		return value, value != ""
	}, nil
}

// apply sends the document to the host. An error about the document has its
// line and column.
func (d *document) apply(ctx context.Context, c *client.Client, tenant string, how client.Apply) (*config.Plan, error) {
	plan, err := c.Apply(ctx, tenant, d.Document, d.uploads, how)
	if refused, ok := errors.AsType[*client.Error](err); ok && refused.Field != "" {
		return nil, d.locate(refused)
	}
	return plan, err
}

// documentError is what a host refused of a document.
type documentError struct {
	document *config.Error
	code     string
	failures []*host.GuestFailure
}

func (e *documentError) Error() string { return e.document.Error() }

func (e *documentError) Unwrap() error { return e.document }

func (d *document) locate(e *client.Error) error {
	out := &documentError{code: e.Code}
	problems := []config.Problem{{Path: e.Field, Message: e.Message}}
	failures := []*host.GuestFailure{e.Failure}
	if len(e.Errors) > 0 {
		problems, failures = nil, nil
		for _, p := range e.Errors {
			problems = append(problems, config.Problem{Path: p.Field, Message: p.Detail})
			failures = append(failures, p.Failure)
		}
	}
	for _, f := range failures {
		if f != nil {
			out.failures = append(out.failures, f)
		}
	}
	for i, p := range problems {
		// The path is said already.
		problems[i].Message = strings.TrimPrefix(p.Message, p.Path+": ")
	}
	out.document = config.NewError(d.name, d.at, problems)
	return out
}
