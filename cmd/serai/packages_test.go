package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/control/client"
)

func contents(t *testing.T, archive []byte) map[string]string {
	t.Helper()
	out := make(map[string]string)
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		var b []byte
		if err == nil {
			b, err = io.ReadAll(r)
		}
		if err != nil {
			t.Fatal(err)
		}
		out[h.Name] = string(b)
	}
}

func TestPackagesGoIntoTheUpload(t *testing.T) {
	t.Parallel()
	packages := map[string][]byte{"b.py": []byte("B"), "a/__init__.py": []byte("A")}
	one := client.Upload{FileName: "hello.py", ContentType: host.TypePython, Content: []byte("x")}
	up, err := addFiles(one, packages)
	if err != nil {
		t.Fatal(err)
	}
	if up.FileName != "hello.tar" || up.ContentType != host.TypeTar {
		t.Errorf("a file becomes %s, %s", up.FileName, up.ContentType)
	}
	want := map[string]string{"hello.py": "x", "site-packages/b.py": "B", "site-packages/a/__init__.py": "A"}
	if diff := cmp.Diff(want, contents(t, up.Content)); diff != "" {
		t.Error(diff)
	}
	if again, err := addFiles(one, packages); err != nil || !bytes.Equal(again.Content, up.Content) {
		t.Error("the upload depends on more than the files", err)
	}

	folder, err := addFiles(up, nil)
	if err == nil || !strings.Contains(err.Error(), "both requirements.txt and a folder site-packages") {
		t.Errorf("a folder with packages of its own: %v, %v", folder.FileName, err)
	}
}

func TestBuildWithoutRequirements(t *testing.T) {
	s := &session{t: t}
	path := file(t, "hello.py", "def handle(request):\n    return 'hello'\n")
	out := path + ".tar"
	stdout, _ := s.run(exitOK, "build", path, "--archive", out)
	if !strings.Contains(stdout, "upload of") {
		t.Error(stdout)
	}
	if stdout, _ = s.run(exitOK, "build", path, "--output", "json"); !strings.Contains(stdout, `"packages":[]`) {
		t.Error(stdout)
	}
}

func TestDeployOfWhatBuildWrote(t *testing.T) {
	s := newSession(t)
	path := file(t, "built.py", "def handle(request):\n    return 'built'\n")
	archive := strings.TrimSuffix(path, ".py") + ".tar"
	s.run(exitOK, "build", path, "--archive", archive)
	s.run(exitOK, "deploy", archive)
	if stdout, _ := s.run(exitOK, "invoke", "built"); !strings.Contains(stdout, "built") {
		t.Error(stdout)
	}
}
