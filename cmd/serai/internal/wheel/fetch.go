package wheel

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// download gets the packages of a lock; pip checks their hashes.
func (o Options) download(ctx context.Context, req *requirements, l *lock) ([]*archive, error) {
	dir, err := os.MkdirTemp("", "serai-pip-")
	if err != nil {
		return nil, fmt.Errorf("making a working folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	p, err := newPip(ctx, o.Python, dir)
	if err != nil {
		return nil, err
	}
	stripped := func(p Package) bool { return p.Stripped }
	pure := func(p Package) bool { return !p.Stripped && !p.Source }
	if err := p.fetch(ctx, req, l, "stripped", target, stripped); err != nil {
		return nil, err
	}
	if err := p.fetch(ctx, req, l, "pure", anywhere, pure); err != nil {
		return nil, err
	}
	out := make([]*archive, 0, len(l.packages))
	for _, pkg := range l.packages {
		a, err := p.unpack(ctx, req, pkg)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// fetch downloads the wheels of the packages that which picks.
func (p *pip) fetch(ctx context.Context, req *requirements, l *lock, name string, platform []string, which func(Package) bool) error {
	lines := unconstrained(req.options)
	before := len(lines)
	for _, pkg := range l.packages {
		if which(pkg) {
			lines = append(lines, pkg.pin())
		}
	}
	if len(lines) == before {
		return nil
	}
	list := filepath.Join(p.dir, name+".txt")
	if err := os.WriteFile(list, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return fmt.Errorf("writing pip's list: %w", err)
	}
	args := append(slices.Clone(platform), "--no-deps", "--require-hashes", "-r", list)
	if err := p.download(ctx, filepath.Join(p.dir, "wheels"), args...); err != nil {
		return fmt.Errorf("fetching what %s names: %w", LockFile, err)
	}
	return nil
}

// pin is the package as a line of pip's.
func (p Package) pin() string {
	return fmt.Sprintf("%s==%s --hash=sha256:%s", p.Name, p.Version, p.Hash)
}

// unconstrained returns options without constraints, which a lock does not
// need and pip would want hashes for.
func unconstrained(options []string) []string {
	return slices.DeleteFunc(slices.Clone(options), func(o string) bool { return strings.HasPrefix(o, "--constraint ") })
}

// unpack returns one package of a lock, building it if need be.
func (p *pip) unpack(ctx context.Context, req *requirements, pkg Package) (*archive, error) {
	if pkg.Source {
		return p.unpackSource(ctx, req, pkg)
	}
	files, err := filepath.Glob(filepath.Join(p.dir, "wheels", "*.whl"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if name, _, _ := strings.Cut(filepath.Base(file), "-"); normal(name) != pkg.Name {
			continue
		}
		a, err := openWheel(file)
		if err != nil {
			return nil, err
		}
		if len(a.compiled) > 0 && !pkg.Stripped {
			return nil, refuse(a, nil)
		}
		a.pkg = pkg
		return a, nil
	}
	return nil, fmt.Errorf("pip did not fetch %s %s", pkg.Name, pkg.Version)
}

func (p *pip) unpackSource(ctx context.Context, req *requirements, pkg Package) (*archive, error) {
	list, dest := filepath.Join(p.dir, pkg.Name+".txt"), filepath.Join(p.dir, "source-"+pkg.Name)
	if err := os.WriteFile(list, []byte(strings.Join(append(unconstrained(req.options), pkg.pin()), "\n")+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("writing pip's list: %w", err)
	}
	if err := p.download(ctx, dest, "--no-deps", "--no-binary", pkg.Name, "--require-hashes", "-r", list); err != nil {
		return nil, fmt.Errorf("fetching what %s names: %w", LockFile, err)
	}
	source, err := single(dest, "*")
	if err != nil {
		return nil, err
	}
	a, err := p.build(ctx, source, "")
	if err != nil {
		return nil, err
	}
	if !a.pure || len(a.compiled) > 0 {
		return nil, refuse(a, nil)
	}
	a.pkg = pkg
	return a, nil
}
