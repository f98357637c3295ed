package wheel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// target are the options that make pip choose for the services' Python and
// never build. The platform is the one that nearly every package with
// compiled code has wheels for; their compiled parts are not used.
var target = []string{
	"--only-binary=:all:", "--python-version", PythonVersion, "--implementation", "cp",
	"--abi", "cp313", "--abi", "abi3", "--abi", "none",
	"--platform", "manylinux_2_34_x86_64", "--platform", "manylinux_2_28_x86_64", "--platform", "manylinux_2_17_x86_64",
	"--platform", "manylinux2014_x86_64", "--platform", "manylinux1_x86_64",
}

// anywhere are the same for wheels without compiled code.
var anywhere = []string{
	"--only-binary=:all:", "--python-version", PythonVersion, "--implementation", "py", "--abi", "none", "--platform", "any",
}

// pip runs pip in a folder of its own, so that no module of the author's is
// imported instead of one of Python's.
type pip struct {
	python, dir string
}

// oldestPip is the first version that resolves dependencies as pip does today.
const oldestPip = 21

func newPip(ctx context.Context, python, dir string) (*pip, error) {
	names := []string{python}
	if python == "" {
		names = []string{"python3", "python"}
	}
	var found string
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			found = path
			break
		}
	}
	if found == "" {
		if python != "" {
			return nil, fmt.Errorf("there is no program %s: choose a Python with --python or SERAI_PYTHON", python)
		}
		return nil, errors.New("requirements.txt needs Python and pip on this machine, and there is no python3: install it, " +
			"such as with apt install python3-pip or from python.org, or choose one with --python or SERAI_PYTHON")
	}
	p := &pip{python: found, dir: dir}
	out, err := exec.CommandContext(ctx, found, "-c", "import pip; print(pip.__version__)").Output() //nolint:gosec // the author's own Python
	var major int
	if err == nil {
		_, err = fmt.Sscanf(string(out), "%d.", &major)
	}
	if err != nil {
		return nil, fmt.Errorf("%s has no pip: install it, such as with apt install python3-pip or %s -m ensurepip, or choose another Python with --python or SERAI_PYTHON",
			found, filepath.Base(found))
	}
	if major < oldestPip {
		return nil, fmt.Errorf("%s has pip %d, and %d or later is needed: run %s -m pip install --upgrade pip", found, major, oldestPip, filepath.Base(found))
	}
	return p, nil
}

// run runs one pip command and returns what it writes. The error of a failed
// one is a *pipError.
func (p *pip) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, p.python, append([]string{"-m", "pip"}, args...)...) //nolint:gosec // the author's own Python
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "PIP_DISABLE_PIP_VERSION_CHECK=1", "PIP_NO_INPUT=1", "PIP_REQUIRE_VIRTUALENV=0", "PIP_NO_COLOR=1",
		"PYTHONIOENCODING=utf-8", "NO_COLOR=1")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if err == nil {
		return out.String(), nil
	}
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if _, failed := errors.AsType[*exec.ExitError](err); !failed {
		return "", fmt.Errorf("running pip: %w", err)
	}
	return "", &pipError{out.String()}
}

// download runs pip download into a folder.
func (p *pip) download(ctx context.Context, dest string, args ...string) error {
	_, err := p.run(ctx, append([]string{"download", "--progress-bar", "off", "--dest", dest}, args...)...)
	return err
}

// build makes a wheel of a source archive, which runs the package's own code
// on this machine.
func (p *pip) build(ctx context.Context, source, dest string) (*archive, error) {
	only, err := os.MkdirTemp(p.dir, "build")
	if err != nil {
		return nil, fmt.Errorf("making a working folder: %w", err)
	}
	if _, err := p.run(ctx, "wheel", "--progress-bar", "off", "--no-deps", "--wheel-dir", only, source); err != nil {
		return nil, err
	}
	file, err := single(only, "*.whl")
	if err != nil {
		return nil, err
	}
	a, err := openWheel(file)
	if err != nil {
		return nil, err
	}
	if dest != "" {
		err = os.Rename(file, filepath.Join(dest, filepath.Base(file)))
	}
	return a, err
}

// single returns the only file of a folder that matches.
func single(dir, pattern string) (string, error) {
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("pip left %d files %s, not one", len(found), pattern)
	}
	return found[0], nil
}

// pipError is what a failed pip says.
type pipError struct{ output string }

// mostLines of pip's complaints are shown.
const mostLines = 12

// Error returns the lines of the output that say what is wrong.
func (e *pipError) Error() string {
	var lines []string
	for line := range strings.Lines(e.output) {
		line = strings.TrimRight(line, "\r\n")
		if rest, ok := strings.CutPrefix(line, "ERROR: "); ok {
			lines = append(lines, rest)
		} else if dependsOn.MatchString(line) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if len(lines) == 0 {
		lines = strings.Split(strings.TrimSpace(e.output), "\n")
		lines = lines[max(0, len(lines)-mostLines):]
	}
	if len(lines) > mostLines {
		lines = append(lines[:mostLines], "…")
	}
	return "pip: " + strings.Join(lines, "\npip: ")
}

var (
	noVersion = regexp.MustCompile(`(?m)^ERROR: Could not find a version that satisfies the requirement ([A-Za-z0-9._-]+)([^(;\n]*).*\(from versions: none\)`)
	dependsOn = regexp.MustCompile(`(?m)^\s+\S+ \S+ depends on ([A-Za-z0-9._-]+)([^;\n]*)`)
)

// missing returns the requirements that had no wheel, or may have had none.
func (e *pipError) missing() []string {
	var out []string
	for _, pattern := range []*regexp.Regexp{noVersion, dependsOn} {
		for _, m := range pattern.FindAllStringSubmatch(e.output, -1) {
			out = append(out, m[1]+strings.TrimSpace(m[2]))
		}
	}
	return out
}
