package wheel

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// resolution is one run of finding what requirements need.
type resolution struct {
	options Options
	req     *requirements
	pip     *pip
	dir     string // working folder
	pinned  bool   // whether the versions of the lock before are asked for
	built   map[string]Package
}

// maxBuilds bounds how many packages are built from source.
const maxBuilds = 20

func newResolution(ctx context.Context, o Options, req *requirements, old *lock) (*resolution, error) {
	dir, err := os.MkdirTemp("", "serai-pip-")
	if err != nil {
		return nil, fmt.Errorf("making a working folder: %w", err)
	}
	r := &resolution{options: o, req: req, dir: dir, built: make(map[string]Package)}
	if r.pip, err = newPip(ctx, o.Python, dir); err == nil {
		err = r.write("requirements.txt", append(slices.Clone(req.options), req.lines...))
	}
	if err == nil {
		err = os.Mkdir(r.path("built"), 0o700)
	}
	if err == nil && old != nil {
		var pins []string
		for _, p := range old.packages {
			pins = append(pins, p.Name+"=="+p.Version)
		}
		r.pinned, err = true, r.write("pins.txt", pins)
	}
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *resolution) path(name string) string { return filepath.Join(r.dir, name) }

func (r *resolution) write(name string, lines []string) error {
	return os.WriteFile(r.path(name), []byte(strings.Join(lines, "\n")+"\n"), 0o600)
}

func (r *resolution) close() { _ = os.RemoveAll(r.dir) }

// run returns the packages, by name.
func (r *resolution) run(ctx context.Context) ([]*archive, error) {
	if err := r.collect(ctx); err != nil {
		return nil, err
	}
	files, err := filepath.Glob(r.path("wheels/*.whl"))
	if err != nil {
		return nil, err
	}
	all := make(map[string]*archive, len(files))
	for _, file := range files {
		a, err := openWheel(file)
		if err != nil {
			return nil, err
		}
		if p, ok := r.built[a.pkg.Name]; ok && p.Version == a.pkg.Version {
			a.pkg = p
		}
		all[a.pkg.Name] = a
	}
	g := graph{r.req, all}
	g.leaveOut(r.options.Log)
	for name, a := range all {
		if all[name], err = r.runnable(ctx, g, a); err != nil {
			return nil, err
		}
	}
	out := make([]*archive, 0, len(all))
	for _, a := range all {
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b *archive) int { return cmp.Compare(a.pkg.Name, b.pkg.Name) })
	return out, nil
}

// collect downloads wheels of everything that is needed, and builds the
// packages that have none.
func (r *resolution) collect(ctx context.Context) error {
	tried := make(map[string]bool)
	for {
		args := append(slices.Clone(target), "--find-links", r.path("built"), "-r", r.path("requirements.txt"))
		if r.pinned {
			args = append(args, "-c", r.path("pins.txt"))
		}
		err := r.pip.download(ctx, r.path("wheels"), args...)
		var failed *pipError
		switch {
		case err == nil:
			return nil
		case !errors.As(err, &failed):
			return err
		case r.pinned: // what is new does not go with what was locked
			r.pinned = false
			continue
		}
		if !r.supply(ctx, failed.missing(), tried, &err) {
			return fmt.Errorf("resolving %s: %w", RequirementsFile, err)
		}
	}
}

// supply builds the first of the requirements that can be built. When there
// is none it returns false, and sets *why if it knows better than pip.
func (r *resolution) supply(ctx context.Context, missing []string, tried map[string]bool, why *error) bool {
	for _, requirement := range missing {
		m := requirementName.FindStringSubmatch(requirement)
		if m == nil || tried[requirement] || len(tried) >= maxBuilds {
			continue
		}
		tried[requirement] = true
		name := normal(m[1])
		if f := refusals[name]; f != nil && f.pure == "" {
			*why = &RefusedError{Name: name, Why: f.why, Instead: f.instead}
			return false
		}
		err := r.buildSource(ctx, name, requirement)
		if err == nil {
			return true
		}
		if refused, ok := errors.AsType[*RefusedError](err); ok {
			*why = refused
			return false
		}
	}
	return false
}

// buildSource makes a wheel of a package that has none.
func (r *resolution) buildSource(ctx context.Context, name, requirement string) error {
	dir := r.path("source-" + name)
	args := append(slices.Clone(r.commandOptions()), "--no-deps", "--no-binary", name, requirement)
	if err := r.pip.download(ctx, dir, args...); err != nil {
		return err
	}
	source, err := single(dir, "*")
	if err != nil || strings.HasSuffix(source, ".whl") {
		return errors.Join(err, fmt.Errorf("%s has no source archive", name))
	}
	fmt.Fprintf(r.options.Log, "%s has no wheel: building it from source\n", name)
	content, err := os.ReadFile(source)
	if err != nil {
		return fmt.Errorf("reading a source archive: %w", err)
	}
	a, err := r.pip.build(ctx, source, r.path("built"))
	if err != nil {
		return err
	}
	if !a.pure || len(a.compiled) > 0 {
		return refuse(a, nil)
	}
	sum := sha256.Sum256(content)
	r.built[a.pkg.Name] = Package{Name: a.pkg.Name, Version: a.pkg.Version, Hash: hex.EncodeToString(sum[:]), Source: true}
	return nil
}

// commandOptions are the options of requirements.txt as arguments.
func (r *resolution) commandOptions() []string { return commandOptions(r.req.options) }

func commandOptions(lines []string) []string {
	var out []string
	for _, line := range lines {
		name, value := splitOption(line)
		if out = append(out, name); value != "" {
			out = append(out, value)
		}
	}
	return out
}

// runnable returns the package as it can run in a service: as it is, the same
// version without compiled code, or without its compiled parts.
func (r *resolution) runnable(ctx context.Context, g graph, a *archive) (*archive, error) {
	if f := refusals[a.pkg.Name]; f != nil && f.pure == "" {
		return nil, refuse(a, g.chain(a.pkg.Name))
	}
	if a.pure && len(a.compiled) == 0 {
		return a, nil
	}
	if !a.pure {
		dir := r.path("pure-" + a.pkg.Name)
		args := append(slices.Clone(anywhere), r.commandOptions()...)
		if err := r.pip.download(ctx, dir, append(args, "--no-deps", a.pkg.Name+"=="+a.pkg.Version)...); err == nil {
			file, err := single(dir, "*.whl")
			if err != nil {
				return nil, err
			}
			if pure, err := openWheel(file); err != nil || len(pure.compiled) == 0 {
				return pure, err
			}
		} else if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	if fallbacks[a.pkg.Name] {
		a.pkg.Stripped = true
		return a, nil
	}
	return nil, refuse(a, g.chain(a.pkg.Name))
}

func refuse(a *archive, chain []string) error {
	e := &RefusedError{Name: a.pkg.Name, Why: "version " + a.pkg.Version + " has compiled code, and is not known to work without it", Chain: chain}
	if f := refusals[a.pkg.Name]; f != nil {
		e.Why, e.Instead = f.why, f.instead
	}
	return e
}
