package badger

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/seraihost/serai/host"
)

// childDir tells the test binary to be a child that works in the directory.
const childDir = "SERAI_TEST_BADGER_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := child(dir); err != nil {
			fmt.Println("child:", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

const (
	childWriters = 4
	partsOfTx    = 5
)

// part is a key of transaction i of a writer; value is what it holds. One
// part of some transactions is so big that it goes to the value log.
func part(writer string, i, part int) []byte {
	return fmt.Appendf(nil, "%s/%06d/%d", writer, i, part)
}

func partValue(key []byte, i, part int) []byte {
	if part == 2 && i%16 == 0 {
		return bytes.Repeat(key, 300<<10/len(key))
	}
	return bytes.Repeat(key, 8)
}

func writeParts(tx host.Tx, writer string, i int) error {
	for p := range partsOfTx {
		key := part(writer, i, p)
		if err := tx.Set(key, partValue(key, i, p), 0); err != nil {
			return err
		}
	}
	return nil
}

// child writes transactions until it is killed, and prints the name of each
// when Update returned.
func child(dir string) error {
	s, err := Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	failed := make(chan error)
	var out sync.Mutex
	for w := range childWriters {
		go func() {
			writer := fmt.Sprintf("%d-%d", os.Getpid(), w)
			for i := 0; ; i++ {
				err := s.Update(context.Background(), func(tx host.Tx) error { return writeParts(tx, writer, i) })
				if err != nil {
					failed <- err
					return
				}
				out.Lock()
				fmt.Printf("%s %d\n", writer, i)
				out.Unlock()
			}
		}()
	}
	return <-failed
}

// runAndKill runs a child, kills it after so many transactions and returns
// what it acknowledged: the number of the last transaction of each writer.
func runAndKill(t *testing.T, dir string, after int) map[string]int {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	last := make(map[string]int)
	n := 0
	for lines := bufio.NewScanner(stdout); lines.Scan(); n++ {
		var writer string
		var i int
		if _, err := fmt.Sscanf(lines.Text(), "%s %d", &writer, &i); err != nil {
			t.Fatalf("child printed %q", lines.Text())
		}
		last[writer] = i
		if n == after {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("child: %v\n%s", err, stderr.String())
	}
	if stderr.Len() > 0 {
		t.Errorf("the store wrote to stderr: %s", stderr.String())
	}
	return last
}

// checkWhole fails unless each transaction of the writer is there as a whole
// or not at all. It returns how many there are without a gap.
func checkWhole(t *testing.T, s *Store, writer string) (n int) {
	t.Helper()
	err := s.View(t.Context(), func(tx host.Tx) error {
		for ; ; n++ {
			found := 0
			for p := range partsOfTx {
				key := part(writer, n, p)
				got, err := tx.Get(key)
				if err == nil {
					found++
					if !bytes.Equal(got, partValue(key, n, p)) {
						t.Errorf("key %s has another value of %d bytes", key, len(got))
					}
				}
			}
			if found == 0 {
				break
			}
			if found != partsOfTx {
				t.Errorf("transaction %d of %s has %d of %d keys", n, writer, found, partsOfTx)
			}
		}
		beyond := 0
		err := tx.Scan([]byte(writer+"/"), part(writer, n, 0), func(_, _ []byte) bool { beyond++; return true })
		if beyond > 0 {
			t.Errorf("%d keys of %s lie beyond the missing transaction %d", beyond, writer, n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// What Update acknowledged is there after kill -9, and every transaction is
// whole, several times over.
func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	acknowledged := make(map[string]int)
	for round := range 4 {
		maps.Copy(acknowledged, runAndKill(t, dir, 150+100*round))
	}
	s := openTest(t, dir)
	for writer, last := range acknowledged {
		if n := checkWhole(t, s, writer); n <= last {
			t.Errorf("%s: transaction %d was acknowledged and only %d are there", writer, last, n)
		}
	}
	if len(acknowledged) != 4*childWriters {
		t.Errorf("%d writers acknowledged something", len(acknowledged))
	}
}

// trimZeros returns data without the zeros at its end, which are most of it.
func trimZeros(data []byte) []byte {
	zeros := make([]byte, 64<<10)
	for bytes.HasSuffix(data, zeros) {
		data = data[:len(data)-len(zeros)]
	}
	return bytes.TrimRight(data, "\x00")
}

// copyDir takes what a crash would leave at this moment.
func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(to, e.Name())
		if err := os.WriteFile(path, trimZeros(data), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, int64(len(data))); err != nil { // sparse, as it was
			t.Fatal(err)
		}
	}
	return to
}

// A tail that is cut, zeroed or garbled opens without repair and costs at
// most the transactions that it held.
func TestDamagedTail(t *testing.T) { //nolint:tparallel // the cases share a store
	t.Parallel()
	const writer, written = "w", 50
	dir := t.TempDir()
	s := openTest(t, dir)
	for i := range written {
		if err := s.Update(t.Context(), func(tx host.Tx) error { return writeParts(tx, writer, i) }); err != nil {
			t.Fatal(err)
		}
	}
	for name, damage := range map[string]func(data []byte, end int) []byte{
		"nothing":    func(data []byte, _ int) []byte { return data },
		"zeroed":     func(data []byte, end int) []byte { clear(data[end-200 : end]); return data },
		"garbled":    func(data []byte, end int) []byte { data[end-100] ^= 0xFF; return data },
		"one bit":    func(data []byte, end int) []byte { data[end-1] ^= 1; return data },
		"cut":        func(data []byte, end int) []byte { return data[:end-150] },
		"cut at end": func(data []byte, end int) []byte { return data[:end] },
		"random more": func(data []byte, end int) []byte {
			copy(data[end:], "\x01\x02\x03\x7f\x05\x06\x07\x08\x09")
			return data
		},
	} {
		t.Run(name, func(t *testing.T) {
			left := copyDir(t, dir)
			logs, err := filepath.Glob(filepath.Join(left, "*.mem"))
			if err != nil || len(logs) != 1 {
				t.Fatalf("logs %v, %v", logs, err)
			}
			data, err := os.ReadFile(logs[0])
			if err != nil {
				t.Fatal(err)
			}
			end := len(trimZeros(data))
			if err := os.WriteFile(logs[0], damage(data, end), 0o600); err != nil {
				t.Fatal(err)
			}
			s := openTest(t, left)
			n := checkWhole(t, s, writer)
			if n < written-1 || name == "nothing" && n != written {
				t.Errorf("%d of %d transactions are left", n, written)
			}
			if err := s.Update(t.Context(), func(tx host.Tx) error { return writeParts(tx, "after", 0) }); err != nil {
				t.Errorf("writing after it: %v", err)
			}
		})
	}
}
