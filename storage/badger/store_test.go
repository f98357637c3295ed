package badger

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/storage/storagetest"
)

func openTest(t *testing.T, dir string) *Store { return openWith(t, dir, defaults()) }

func openWith(t *testing.T, dir string, with settings) *Store {
	t.Helper()
	s, err := open(dir, slog.New(slog.NewTextHandler(t.Output(), nil)), with)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func set(t *testing.T, s *Store, key string, value []byte) {
	t.Helper()
	if err := s.Update(t.Context(), func(tx host.Tx) error { return tx.Set([]byte(key), value, 0) }); err != nil {
		t.Fatal(err)
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, func(t *testing.T) host.Store { return openTest(t, t.TempDir()) })
}

func TestReopen(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "on", "first", "use")
	big := bytes.Repeat([]byte("0123456789abcdef"), 100_000)
	for i := range 3 {
		s := openTest(t, dir)
		for j := range i {
			err := s.View(t.Context(), func(tx host.Tx) error {
				got, err := tx.Get(fmt.Append(nil, j))
				if !bytes.Equal(got, big) {
					t.Errorf("value %d came back with %d bytes", j, len(got))
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
		set(t, s, fmt.Sprint(i), big)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLocked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openTest(t, dir)
	_, err := Open(dir, slog.New(slog.DiscardHandler))
	if host.CodeOf(err) != abi.Unavailable || !strings.HasPrefix(host.MessageOf(err), "another serai uses this data directory") {
		t.Errorf("second Open = %v", err)
	}
	set(t, s, "still", []byte("works"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	openTest(t, dir)
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(file, slog.New(slog.DiscardHandler)); err == nil {
		t.Errorf("a file opened as a directory: %v", s.Close())
	}
}

// A full disk is an error before anything is written; reading goes on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	with := defaults()
	free := uint64(1 << 40)
	with.free = func(string) (uint64, error) { return free, nil }
	s := openWith(t, t.TempDir(), with)
	set(t, s, "before", []byte("v"))
	write := func(size int) error {
		return s.Update(t.Context(), func(tx host.Tx) error { return tx.Set([]byte("k"), make([]byte, size), 0) })
	}
	free = with.keep - 1
	if err := write(1); host.CodeOf(err) != abi.Unavailable || !strings.Contains(err.Error(), "full") {
		t.Errorf("Update = %v", err)
	}
	free = with.keep + 1<<20
	if err := write(1 << 20); host.CodeOf(err) != abi.Unavailable {
		t.Errorf("Update of a big value = %v", err)
	}
	if err := write(1); err != nil {
		t.Errorf("Update of a small value = %v", err)
	}
	with.free = nil
	s.free = func(string) (uint64, error) { return 0, errors.New("on purpose") }
	if err := write(1); err == nil {
		t.Error("Update without knowing the free space succeeded")
	}
	err := s.View(t.Context(), func(tx host.Tx) error {
		_, err := tx.Get([]byte("before"))
		return err
	})
	if err != nil {
		t.Errorf("View = %v", err)
	}
}

// Badger logs that the value log did not sync and goes on; the store does not.
func TestSyncFails(t *testing.T) {
	t.Parallel()
	s := openTest(t, t.TempDir())
	set(t, s, "before", nil)
	s.log.Errorf("Error while curlf sync: %v\n", errors.New("on purpose"))
	err := s.Update(t.Context(), func(tx host.Tx) error { return tx.Set([]byte("k"), nil, 0) })
	if host.CodeOf(err) != abi.Unavailable {
		t.Errorf("Update = %v", err)
	}
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	s := openTest(t, t.TempDir())
	for name, fn := range map[string]func(host.Tx) error{
		"key":   func(tx host.Tx) error { return tx.Set(make([]byte, MaxKeyBytes+1), nil, 0) },
		"value": func(tx host.Tx) error { return tx.Set([]byte("k"), make([]byte, MaxValueBytes+1), 0) },
		"transaction": func(tx host.Tx) error {
			for i := range 100_000 {
				if err := tx.Set(fmt.Append(nil, i), make([]byte, 100), 0); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		if err := s.Update(t.Context(), fn); host.CodeOf(err) != abi.TooLarge {
			t.Errorf("%s: Update = %v", name, err)
		}
	}
	set(t, s, strings.Repeat("k", MaxKeyBytes), make([]byte, MaxValueBytes))
}

// A transaction that keeps losing runs alone in the end.
func TestStarvation(t *testing.T) {
	t.Parallel()
	s := openTest(t, t.TempDir())
	set(t, s, "k", []byte("0"))
	attempts := 0
	err := s.Update(t.Context(), func(tx host.Tx) error {
		attempts++
		if _, err := tx.Get([]byte("k")); err != nil {
			return err
		}
		if attempts <= sharedAttempts { // another one gets in between
			done := make(chan error)
			go func() {
				done <- s.Update(t.Context(), func(tx host.Tx) error { return tx.Set([]byte("k"), fmt.Append(nil, attempts), 0) })
			}()
			if err := <-done; err != nil {
				return err
			}
		}
		return tx.Set([]byte("k"), []byte("mine"), 0)
	})
	if err != nil || attempts != sharedAttempts+1 {
		t.Errorf("%d attempts, %v", attempts, err)
	}
}

// The value log is collected while the store is used, and Close stops it.
func TestCollect(t *testing.T) {
	t.Parallel()
	with := defaults()
	with.gcEvery = time.Millisecond
	s := openWith(t, t.TempDir(), with)
	var group sync.WaitGroup
	for w := range 3 {
		group.Go(func() {
			for i := range 10 {
				value := bytes.Repeat([]byte{byte(i)}, valueThreshold+1)
				err := s.Update(t.Context(), func(tx host.Tx) error { return tx.Set(fmt.Append(nil, w), value, 0) })
				if err != nil {
					t.Error(err)
				}
				err = s.View(t.Context(), func(tx host.Tx) error {
					got, err := tx.Get(fmt.Append(nil, w))
					if !bytes.Equal(got, value) {
						t.Errorf("value %d of %d came back wrong", i, w)
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	select {
	case <-s.gcDone:
	default:
		t.Error("the collector runs on after Close")
	}
}

func TestCommitLog(t *testing.T) {
	t.Parallel()
	whole := []keyRange{{prefix: "a/", whole: true}}
	for name, test := range map[string]struct {
		ranges []keyRange
		key    string
		want   bool
	}{
		"inside":       {whole, "a/x", false},
		"the prefix":   {whole, "a/", false},
		"outside":      {whole, "b/x", true},
		"no range":     {nil, "a/x", true},
		"passed":       {[]keyRange{{prefix: "a/", last: "a/m"}}, "a/m", false},
		"not reached":  {[]keyRange{{prefix: "a/", last: "a/m"}}, "a/n", true},
		"before after": {[]keyRange{{prefix: "a/", after: "a/m", whole: true}}, "a/l", true},
		"after itself": {[]keyRange{{prefix: "a/", after: "a/m", whole: true}}, "a/m", true},
		"beyond after": {[]keyRange{{prefix: "a/", after: "a/m", whole: true}}, "a/n", false},
	} {
		var l commitLog
		mine, other := l.begin(), l.begin()
		l.submit(other, nil, []string{test.key}, func() {})
		l.end()
		sent := false
		if got := l.submit(mine, test.ranges, []string{"a/mine"}, func() { sent = true }); got != test.want || sent != test.want {
			t.Errorf("%s: submit = %v, sent %v", name, got, sent)
		}
		l.end()
		if again := l.begin(); !l.submit(again, whole, nil, func() {}) {
			t.Errorf("%s: conflicts with the past", name)
		}
	}

	// A transaction that is older than the log conflicts, and the log is bounded.
	var l commitLog
	old := l.begin()
	for range maxRemembered + 10 {
		l.submit(l.begin(), nil, []string{"other"}, func() {})
		l.end()
	}
	if l.size > maxRemembered || len(l.recent) > maxRemembered {
		t.Errorf("%d keys are remembered", l.size)
	}
	if l.submit(old, whole, nil, func() {}) {
		t.Error("a transaction older than the log was let through")
	}
}

func FuzzPayload(f *testing.F) {
	now := time.UnixMilli(1_000_000)
	f.Add(byte(0), []byte("value"))
	f.Add(byte(expires), []byte("short"))
	f.Add(byte(expires), newEntry([]byte("k"), []byte("v"), time.Second).Value)
	f.Fuzz(func(t *testing.T, meta byte, data []byte) {
		value, _, err := payload(meta, data, now)
		if err == nil && !bytes.HasSuffix(data, value) {
			t.Errorf("payload(%d, %x) = %x", meta, data, value)
		}
	})
}
