package wheel

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// index is a folder of packages that pip takes for an index.
type index struct {
	t   *testing.T
	dir string
}

func newIndex(t *testing.T) *index {
	t.Helper()
	if testing.Short() {
		t.Skip("runs pip")
	}
	if err := exec.CommandContext(t.Context(), "python3", "-m", "pip", "--version").Run(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("there is no pip here; CI has it")
	}
	return &index{t, t.TempDir()}
}

// wheel puts a wheel into the index. files alternate between name and content.
func (x *index) wheel(name, version, tags string, requires []string, files ...string) {
	x.t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	under := strings.ReplaceAll(name, "-", "_")
	info := under + "-" + version + ".dist-info/"
	meta := fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\n", name, version)
	for _, r := range requires {
		meta += "Requires-Dist: " + r + "\n"
	}
	files = append(files, info+"METADATA", meta, info+"WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: "+tags+"\n", info+"RECORD", "")
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err == nil {
			_, err = io.WriteString(f, files[i+1])
		}
		if err != nil {
			x.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		x.t.Fatal(err)
	}
	write(x.t, filepath.Join(x.dir, under+"-"+version+"-"+tags+".whl"), b.String())
}

const (
	pureTag     = "py3-none-any"
	compiledTag = "cp313-cp313-manylinux_2_28_x86_64"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// project is a folder with a service that may only use the index.
func (x *index) project(requirements string) (dir string, o Options) {
	x.t.Helper()
	dir = x.t.TempDir()
	x.require(dir, requirements)
	return dir, Options{CacheDir: x.t.TempDir(), Log: io.Discard}
}

func (x *index) require(dir, requirements string) {
	x.t.Helper()
	write(x.t, filepath.Join(dir, RequirementsFile), "--no-index\n--find-links "+x.dir+"\n"+requirements)
}

func names(r *Result) []string {
	var out []string
	for _, p := range r.Packages {
		out = append(out, p.Name+" "+p.Version)
	}
	return out
}

func TestResolveLocksAndNeedsPipOnce(t *testing.T) {
	x := newIndex(t)
	x.wheel("alpha", "1.0", pureTag, []string{"beta>=2", "gamma; extra == 'all'"}, "alpha/__init__.py", "A = 1\n", "alpha/x.pyi", "", "alpha-1.0.data/scripts/run", "")
	x.wheel("beta", "2.1", pureTag, nil, "beta.py", "B = 2\n", "beta-2.1.data/purelib/more.py", "M = 3\n")
	dir, o := x.project("Alpha  # a comment\n")
	first, err := Resolve(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"alpha 1.0", "beta 2.1"}, names(first)); diff != "" || !first.Locked {
		t.Error(diff, first.Locked)
	}
	want := []string{"alpha-1.0.dist-info/METADATA", "alpha/__init__.py", "beta-2.1.dist-info/METADATA", "beta.py", "more.py"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(first.Files))); diff != "" {
		t.Error(diff)
	}

	x.wheel("beta", "2.2", pureTag, nil, "beta.py", "B = 22\n")
	o.Python = "/no/python"
	again, err := Resolve(t.Context(), dir, o)
	if err != nil || again.Locked {
		t.Fatalf("with the lock and the cache: %v", err)
	}
	if diff := cmp.Diff(first.Files, again.Files); diff != "" {
		t.Error(diff)
	}
	o.Python, o.CacheDir = "", t.TempDir() // another machine
	other, err := Resolve(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first.Files, other.Files); diff != "" {
		t.Error(diff)
	}
	if out, err := exec.CommandContext(t.Context(), "python3", "-m", "pip", "download", "--dest", t.TempDir(), "--no-index",
		"--find-links", x.dir, "--require-hashes", "-r", filepath.Join(dir, LockFile)).CombinedOutput(); err != nil {
		t.Errorf("pip does not take the lock: %s", out)
	}

	x.wheel("delta", "1", pureTag, nil, "delta.py", "")
	x.require(dir, "alpha\ndelta\n")
	if r, err := Resolve(t.Context(), dir, o); err != nil || !slices.Contains(names(r), "beta 2.1") || !slices.Contains(names(r), "delta 1") {
		t.Errorf("a new requirement moves the others: %v, %v", r, err)
	}
	x.require(dir, "alpha\nbeta>2.1\n")
	if r, err := Resolve(t.Context(), dir, o); err != nil || !slices.Contains(names(r), "beta 2.2") {
		t.Errorf("a requirement that the lock does not meet: %v, %v", r, err)
	}
	x.wheel("beta", "2.3", pureTag, nil, "beta.py", "")
	o.Upgrade = true
	if r, err := Resolve(t.Context(), dir, o); err != nil || !slices.Contains(names(r), "beta 2.3") {
		t.Errorf("an upgrade: %v, %v", r, err)
	}
}

func TestHashesAreChecked(t *testing.T) {
	x := newIndex(t)
	x.wheel("alpha", "1", pureTag, nil, "alpha.py", "good = 1\n")
	dir, o := x.project("alpha\n")
	if _, err := Resolve(t.Context(), dir, o); err != nil {
		t.Fatal(err)
	}
	x.wheel("alpha", "1", pureTag, nil, "alpha.py", "evil = 1\n")
	o.CacheDir = t.TempDir()
	if _, err := Resolve(t.Context(), dir, o); err == nil || !strings.Contains(strings.ToLower(err.Error()), "hash") {
		t.Errorf("a package that changed under the lock: %v", err)
	}
}

func TestCompiledCode(t *testing.T) {
	x := newIndex(t)
	x.wheel("PyYAML", "6.0", compiledTag, nil, "yaml/__init__.py", "", "yaml/_yaml.cpython-313-x86_64-linux-gnu.so", "\x7fELF", "pyyaml.libs/libyaml.so.2", "\x7fELF")
	x.wheel("both", "1", compiledTag, nil, "both/__init__.py", "fast = 1\n", "both/f.so", "")
	x.wheel("both", "1", pureTag, nil, "both/__init__.py", "fast = 0\n")
	x.wheel("user", "1", pureTag, []string{"lxml"}, "user.py", "")
	x.wheel("app", "1", pureTag, []string{"user"}, "app.py", "")
	x.wheel("lxml", "5", compiledTag, nil, "lxml/__init__.py", "", "lxml/etree.so", "")
	x.wheel("liar", "1", pureTag, nil, "liar/x.pyd", "")
	x.wheel("psycopg", "3", pureTag, nil, "psycopg.py", "")

	dir, o := x.project("pyyaml\nboth\n")
	r, err := Resolve(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if string(r.Files["both/__init__.py"]) != "fast = 0\n" || !r.Packages[1].Stripped || r.Packages[0].Stripped {
		t.Errorf("%+v %s", r.Packages, r.Files["both/__init__.py"])
	}
	for name := range r.Files {
		if native(name) {
			t.Errorf("%s is packed", name)
		}
	}
	o.CacheDir = t.TempDir()
	if again, err := Resolve(t.Context(), dir, o); err != nil || !cmp.Equal(r.Files, again.Files) {
		t.Errorf("by the lock: %v", err)
	}

	for _, c := range []struct{ requirements, want string }{
		{"app\n", "lxml cannot run in a Serai service: it is compiled code around libxml2, user requires it, app requires user; use xml.etree.ElementTree, defusedxml or xmltodict"},
		{"numpy>=2\n", "requirements.txt:3: numpy cannot run in a Serai service: it is compiled code; use statistics"},
		{"psycopg\n", "use an SQL connection of the host"},
		{"liar\n", "liar cannot run in a Serai service: version 1 has compiled code, and is not known to work without it"},
	} {
		dir, o := x.project(c.requirements)
		_, err := Resolve(t.Context(), dir, o)
		var refused *RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.requirements, err)
		}
		if _, err := os.Stat(filepath.Join(dir, LockFile)); err == nil {
			t.Errorf("%s: a lock was written", c.requirements)
		}
	}
}

func TestWhatSeraiServesIsLeftOut(t *testing.T) {
	x := newIndex(t)
	x.wheel("requests", "2.32", pureTag, []string{"idna", "certifi"}, "requests/__init__.py", "")
	x.wheel("idna", "3", pureTag, nil, "idna.py", "")
	x.wheel("certifi", "1", pureTag, nil, "certifi.py", "")
	x.wheel("client", "1", pureTag, []string{"requests>=2", "idna"}, "client.py", "")
	dir, o := x.project("client\nRequests==2.32\nzato-common\nserai\n")
	var log bytes.Buffer
	o.Log = &log
	r, err := Resolve(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"client 1", "idna 3"}, names(r)); diff != "" {
		t.Error(diff)
	}
	for _, want := range []string{"Requests is left out: Serai has it", "requests, which client requires, is left out", "zato-common is left out", "serai is left out"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("no %q in\n%s", want, &log)
		}
	}
	x.require(dir, "requests\n")
	if r, err := Resolve(t.Context(), dir, o); err != nil || len(r.Files) != 0 {
		t.Errorf("only what Serai serves: %v, %v", r, err)
	}
}

func TestPackagesThatClash(t *testing.T) {
	x := newIndex(t)
	x.wheel("alpha", "1", pureTag, nil, "same.py", "1\n", "ns/__init__.py", "")
	x.wheel("beta", "1", pureTag, nil, "same.py", "2\n", "ns/__init__.py", "")
	dir, o := x.project("alpha\nbeta\n")
	if _, err := Resolve(t.Context(), dir, o); err == nil || !strings.Contains(err.Error(), "alpha and beta both have the file same.py") {
		t.Error(err)
	}
}

func TestWhatPipCannotDo(t *testing.T) {
	x := newIndex(t)
	x.wheel("alpha", "1", pureTag, nil, "alpha.py", "")
	for _, c := range []struct{ requirements, python, want string }{
		{"no-such-package\n", "", "no-such-package"},
		{"alpha\n", "/no/python", "choose a Python with --python or SERAI_PYTHON"},
		{"alpha\n", "true", "pip"},
		{"alpha\n", "false", "has no pip: install it"},
		{"./alpha\n", "", "not the name of a package in an index"},
		{"git+https://example.com/x.git\n", "", "not the name of a package in an index"},
		{"alpha @ https://example.com/alpha.whl\n", "", "not the name of a package in an index"},
		{"-e .\n", "", "an editable package cannot be packed"},
		{"--target /tmp\nalpha\n", "", "--target is not an option"},
		{"-r requirements.txt\n", "", "includes itself"},
		{"-r missing.txt\n", "", "missing.txt"},
	} {
		dir, o := x.project(c.requirements)
		o.Python = c.python
		if _, err := Resolve(t.Context(), dir, o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.requirements, err, c.want)
		}
	}
}

func TestIncludedFilesCount(t *testing.T) {
	x := newIndex(t)
	x.wheel("alpha", "1", pureTag, nil, "alpha.py", "")
	x.wheel("alpha", "2", pureTag, nil, "alpha.py", "")
	dir, o := x.project("-r more.txt\n-c limits.txt\n")
	write(t, filepath.Join(dir, "more.txt"), "al\\\npha\r\n")
	write(t, filepath.Join(dir, "limits.txt"), "alpha<2\n")
	if r, err := Resolve(t.Context(), dir, o); err != nil || !slices.Contains(names(r), "alpha 1") {
		t.Fatal(r, err)
	}
	o.CacheDir = t.TempDir()
	if r, err := Resolve(t.Context(), dir, o); err != nil || r.Locked {
		t.Errorf("constraints stand in the lock's way: %v", err)
	}
	write(t, filepath.Join(dir, "limits.txt"), "alpha>1\n")
	if r, err := Resolve(t.Context(), dir, o); err != nil || !slices.Contains(names(r), "alpha 2") {
		t.Errorf("constraints that changed: %v, %v", r, err)
	}
}

func TestNoRequirements(t *testing.T) {
	t.Parallel()
	if r, err := Resolve(t.Context(), t.TempDir(), Options{Log: io.Discard}); r != nil || err != nil {
		t.Error(r, err)
	}
}

func TestLocksOfOthers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"alpha==1 --hash=sha256:" + strings.Repeat("0", 64) + "\n": "not made by serai",
		digestLine + "x\nalpha==1\n":                               "entry 2 is not NAME==VERSION",
		digestLine + "x\n-r other.txt\n":                           "entry 2 is not",
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, RequirementsFile), "alpha\n")
		write(t, filepath.Join(dir, LockFile), text)
		if _, err := Resolve(t.Context(), dir, Options{Log: io.Discard}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestHostileWheels(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"../x.py": "leads out", "/etc/x.py": "leads out", `a\b.py`: "leads out"} {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		f, err := w.Create(name)
		if err == nil {
			_, err = io.WriteString(f, "x")
		}
		if err = errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := readWheel("x-1-py3-none-any.whl", b.Bytes()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := readWheel("x-1-py3-none-any.whl", []byte("no zip")); err == nil {
		t.Error("what is no archive is taken")
	}
	if _, err := readWheel("x.whl", nil); err == nil {
		t.Error("a name that is none is taken")
	}
}

func TestEveryRefusalSaysWhatToUse(t *testing.T) {
	t.Parallel()
	if len(refusals) < 25 {
		t.Errorf("only %d packages are known", len(refusals))
	}
	for name, f := range refusals {
		if name != normal(name) || f.why == "" || f.instead == "" || fallbacks[name] {
			t.Errorf("%s: %+v", name, f)
		}
	}
}
