package security

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func testBox(t testing.TB) *Box {
	t.Helper()
	box, err := NewBox(bytes.Repeat([]byte{7}, KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func TestSealOpen(t *testing.T) {
	t.Parallel()
	box := testBox(t)
	for _, plain := range [][]byte{{}, []byte("secret"), bytes.Repeat([]byte("x"), 100000)} {
		sealed := box.Seal(plain, []byte("use"))
		if len(plain) > 0 && bytes.Contains(sealed, plain) {
			t.Error("the secret is in clear")
		}
		if bytes.Equal(sealed, box.Seal(plain, []byte("use"))) {
			t.Error("sealing twice gives the same")
		}
		got, err := box.Open(sealed, []byte("use"))
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("Open = %d bytes, %v", len(got), err)
		}
		if _, err := box.Open(sealed, []byte("another use")); !errors.Is(err, ErrSealed) {
			t.Errorf("opened for another use: %v", err)
		}
		for i := 0; i < len(sealed); i += 1 + len(sealed)/50 {
			bad := bytes.Clone(sealed)
			bad[i] ^= 1
			if _, err := box.Open(bad, []byte("use")); !errors.Is(err, ErrSealed) {
				t.Errorf("opened with byte %d changed: %v", i, err)
			}
		}
	}
	other, err := NewBox(bytes.Repeat([]byte{8}, KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Open(box.Seal([]byte("x"), nil), nil); !errors.Is(err, ErrSealed) {
		t.Errorf("opened with another key: %v", err)
	}
	for _, n := range []int{0, 16, 31, 33} {
		if _, err := NewBox(make([]byte, n)); err == nil {
			t.Errorf("a key of %d bytes was taken", n)
		}
	}
}

func FuzzOpen(f *testing.F) {
	box := testBox(f)
	f.Add([]byte{})
	f.Add([]byte{boxV1})
	f.Add(box.Seal([]byte("secret"), nil)[:20])
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if plain, err := box.Open(sealed, []byte("never sealed for this")); err == nil {
			t.Errorf("opened %x as %x", sealed, plain)
		}
	})
}

func TestOpenBox(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret.key")
	first, err := OpenBox(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() != KeyBytes || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v, %v", info, err)
	}
	second, err := OpenBox(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := second.Open(first.Seal([]byte("x"), nil), nil); err != nil || string(got) != "x" {
		t.Errorf("the second box cannot open what the first sealed: %v", err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left beside the key file: %v, %v", entries, err)
	}
}

// Two hosts that start at once agree on one key.
func TestOpenBoxRace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "secret.key")
	boxes := make([]*Box, 8)
	var group sync.WaitGroup
	for i := range boxes {
		group.Go(func() {
			var err error
			if boxes[i], err = OpenBox(path); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if t.Failed() {
		return
	}
	sealed := boxes[0].Seal([]byte("x"), nil)
	for i, box := range boxes {
		if _, err := box.Open(sealed, nil); err != nil {
			t.Errorf("box %d: %v", i, err)
		}
	}
}

func TestOpenBoxRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name string, size int, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, path := range map[string]string{
		"empty":           write("empty", 0, 0o600),
		"short":           write("short", 31, 0o600),
		"long":            write("long", 33, 0o600),
		"group readable":  write("group", KeyBytes, 0o640),
		"world readable":  write("world", KeyBytes, 0o604),
		"a directory":     dir,
		"in no directory": filepath.Join(dir, "missing", "key"),
	} {
		if _, err := OpenBox(path); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
