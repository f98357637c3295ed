package storagetest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/seraihost/serai/host"
)

func testGetSetDelete(t *testing.T, s host.Store) {
	wantValue(t, s, "k", "(none)")
	fill(t, s, "k")
	wantValue(t, s, "k", "k")
	update(t, s, func(tx host.Tx) error { return tx.Set([]byte("k"), []byte{}, 0) })
	wantValue(t, s, "k", "")
	update(t, s, func(tx host.Tx) error {
		if err := errors.Join(tx.Delete([]byte("k")), tx.Delete([]byte("never was"))); err != nil {
			return err
		}
		if got, err := value(tx, "k"); got != "(none)" || err != nil {
			t.Errorf("deleted key reads %q, %v in its transaction", got, err)
		}
		return nil
	})
	wantValue(t, s, "k", "(none)")
}

func testHostileKeys(t *testing.T, s host.Store) {
	keys := []string{
		"\x00", "\x00\x00", "\xff", "\xff\xff\xff\xff", "!badger!txn", "!badger!", "a\x00b", "a", "a\x00", "\n",
		strings.Repeat("\xff", 1000), "ключ", "a/b/../c", "'; drop table",
	}
	fill(t, s, keys...)
	for _, k := range keys {
		wantValue(t, s, k, k)
	}
	update(t, s, func(tx host.Tx) error { return tx.Delete([]byte("a\x00")) })
	wantValue(t, s, "a\x00", "(none)")
	wantValue(t, s, "a", "a")
	wantValue(t, s, "a\x00b", "a\x00b")
}

func testBigValues(t *testing.T, s host.Store) {
	for _, size := range []int{1, 4 << 10, 300 << 10, 1 << 20, 5 << 20} {
		big := bytes.Repeat([]byte{byte(size >> 10), 1, 2, 3}, size/4+1)
		for range 2 { // the second overwrites
			update(t, s, func(tx host.Tx) error { return tx.Set([]byte("big"), big, 0) })
		}
		view(t, s, func(tx host.Tx) error {
			got, err := tx.Get([]byte("big"))
			if !bytes.Equal(got, big) {
				t.Errorf("value of %d bytes came back as another one of %d", len(big), len(got))
			}
			return err
		})
	}
}

// The store keeps its own copies, and gives copies out.
func testCopies(t *testing.T, s host.Store) {
	key, val := []byte("key"), []byte("val")
	update(t, s, func(tx host.Tx) error {
		if err := tx.Set(key, val, 0); err != nil {
			return err
		}
		copy(key, "xxx")
		copy(val, "xxx")
		return nil
	})
	wantValue(t, s, "key", "val")
	view(t, s, func(tx host.Tx) error {
		got, err := tx.Get([]byte("key"))
		if err != nil {
			return err
		}
		copy(got, "yyy")
		again, err := tx.Get([]byte("key"))
		if string(again) != "val" {
			t.Errorf("value = %q after its copy was changed", again)
		}
		return err
	})
}

var errTest = errors.New("on purpose")

func testErrorRollsBack(t *testing.T, s host.Store) {
	fill(t, s, "old")
	err := s.Update(t.Context(), func(tx host.Tx) error {
		if err := errors.Join(tx.Set([]byte("new"), nil, 0), tx.Delete([]byte("old"))); err != nil {
			t.Error(err)
		}
		return errTest
	})
	if !errors.Is(err, errTest) {
		t.Errorf("Update = %v, want fn's error", err)
	}
	if err := s.View(t.Context(), func(host.Tx) error { return errTest }); !errors.Is(err, errTest) {
		t.Errorf("View = %v, want fn's error", err)
	}
	wantValue(t, s, "new", "(none)")
	wantValue(t, s, "old", "old")
}

func testPanicRollsBack(t *testing.T, s host.Store) {
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = s.Update(t.Context(), func(tx host.Tx) error {
			_ = tx.Set([]byte("new"), nil, 0)
			panic("on purpose")
		})
	}()
	wantValue(t, s, "new", "(none)")
	fill(t, s, "after") // nothing stayed locked
}

func testViewRefusesWrites(t *testing.T, s host.Store) {
	view(t, s, func(tx host.Tx) error {
		if tx.Set([]byte("k"), nil, 0) == nil {
			t.Error("Set in a View succeeded")
		}
		if tx.Delete([]byte("k")) == nil {
			t.Error("Delete in a View succeeded")
		}
		return nil
	})
}

func testTxEnds(t *testing.T, s host.Store) {
	for _, run := range []func(context.Context, func(host.Tx) error) error{s.View, s.Update} {
		var kept host.Tx
		if err := run(t.Context(), func(tx host.Tx) error { kept = tx; return nil }); err != nil {
			t.Fatal(err)
		}
		_, err := kept.Get([]byte("k"))
		for name, err := range map[string]error{
			"Get": err, "Set": kept.Set([]byte("k"), nil, 0), "Delete": kept.Delete([]byte("k")),
			"Scan": kept.Scan(nil, nil, func(_, _ []byte) bool { return true }),
		} {
			if err == nil || errors.Is(err, host.ErrNoKey) {
				t.Errorf("%s after the transaction = %v, want an error", name, err)
			}
		}
	}
}

func testCancelledContext(t *testing.T, s host.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	fn := func(host.Tx) error { t.Error("fn ran"); return nil }
	if err := s.View(ctx, fn); !errors.Is(err, context.Canceled) {
		t.Errorf("View = %v", err)
	}
	if err := s.Update(ctx, fn); !errors.Is(err, context.Canceled) {
		t.Errorf("Update = %v", err)
	}
}

func testUseAfterClose(t *testing.T, s host.Store) {
	fill(t, s, "k")
	for range 2 {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	fn := func(host.Tx) error { t.Error("fn ran"); return nil }
	if s.View(t.Context(), fn) == nil {
		t.Error("View after Close succeeded")
	}
	if s.Update(t.Context(), fn) == nil {
		t.Error("Update after Close succeeded")
	}
}

// Close waits for a transaction; one that begins meanwhile is refused, even
// if the first one waits for it.
func testCloseWaits(t *testing.T, s host.Store) {
	closed := make(chan struct{})
	view(t, s, func(tx host.Tx) error {
		go func() {
			defer close(closed)
			if err := s.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}()
		none := func(host.Tx) error { return nil }
		for begin := time.Now(); s.View(t.Context(), none) == nil; time.Sleep(time.Millisecond) {
			if time.Since(begin) > patience {
				t.Fatal("transactions still begin while the store closes")
			}
		}
		select {
		case <-closed:
			t.Error("Close did not wait")
		default:
		}
		_, err := value(tx, "k")
		return err
	})
	waitFor(t, "Close", closed)
}

func testTTL(t *testing.T, s host.Store) {
	const ttl = 200 * time.Millisecond
	begin := time.Now()
	update(t, s, func(tx host.Tx) error {
		return errors.Join(
			tx.Set([]byte("short"), []byte("v"), ttl),
			tx.Set([]byte("long"), []byte("v"), time.Hour),
			tx.Set([]byte("ever"), []byte("v"), 0))
	})
	for deadline := begin.Add(patience); ; time.Sleep(5 * time.Millisecond) {
		var got string
		view(t, s, func(tx host.Tx) (err error) {
			got, err = value(tx, "short")
			return err
		})
		age := time.Since(begin)
		if got == "(none)" {
			if age < ttl {
				t.Errorf("expired after %s, want %s", age, ttl)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("lives after %s, want %s", age, ttl)
		}
	}
	if age := time.Since(begin); age > ttl+500*time.Millisecond {
		t.Logf("expired after %s; the machine is busy, or the store counts in seconds", age)
	}
	wantScan(t, s, nil, nil, []string{"ever", "long"})
}

// Writing a key again replaces its time to live, too.
func testTTLReplaced(t *testing.T, s host.Store) {
	const ttl = 50 * time.Millisecond
	update(t, s, func(tx host.Tx) error {
		return errors.Join(tx.Set([]byte("k"), nil, ttl), tx.Set([]byte("gone"), nil, ttl))
	})
	fill(t, s, "k")
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		var got string
		view(t, s, func(tx host.Tx) (err error) {
			got, err = value(tx, "gone")
			return err
		})
		if got == "(none)" {
			break
		}
	}
	wantScan(t, s, nil, nil, []string{"k"})
	fill(t, s, "gone")
	wantScan(t, s, nil, nil, []string{"gone", "k"})
}
