package storagetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host"
)

// Run runs the suite. open returns an empty store for one test, which closes
// it; closing it again must be fine.
func Run(t *testing.T, open func(t *testing.T) host.Store) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(*testing.T, host.Store)
	}{
		{"GetSetDelete", testGetSetDelete},
		{"HostileKeys", testHostileKeys},
		{"BigValues", testBigValues},
		{"Copies", testCopies},
		{"ErrorRollsBack", testErrorRollsBack},
		{"PanicRollsBack", testPanicRollsBack},
		{"ViewRefusesWrites", testViewRefusesWrites},
		{"TxEnds", testTxEnds},
		{"CancelledContext", testCancelledContext},
		{"UseAfterClose", testUseAfterClose},
		{"CloseWaits", testCloseWaits},
		{"TTL", testTTL},
		{"TTLReplaced", testTTLReplaced},
		{"ScanOrder", testScanOrder},
		{"ScanAfter", testScanAfter},
		{"ScanPrefixEdges", testScanPrefixEdges},
		{"ScanMany", testScanMany},
		{"ScanSeesOwnWrites", testScanSeesOwnWrites},
		{"ScanNested", testScanNested},
		{"Snapshot", testSnapshot},
		{"LostUpdate", testLostUpdate},
		{"WriteSkew", testWriteSkew},
		{"Phantom", testPhantom},
		{"Hammer", testHammer},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			t.Cleanup(func() {
				if err := store.Close(); err != nil {
					t.Errorf("closing store: %v", err)
				}
			})
			test.run(t, store)
		})
	}
}

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

func update(t *testing.T, s host.Store, fn func(host.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

func view(t *testing.T, s host.Store, fn func(host.Tx) error) {
	t.Helper()
	if err := s.View(t.Context(), fn); err != nil {
		t.Fatalf("View: %v", err)
	}
}

// fill sets the keys, each to its own name.
func fill(t *testing.T, s host.Store, keys ...string) {
	t.Helper()
	update(t, s, func(tx host.Tx) error {
		for _, k := range keys {
			if err := tx.Set([]byte(k), []byte(k), 0); err != nil {
				return err
			}
		}
		return nil
	})
}

// value returns what a key holds, and "(none)" when there is none.
func value(tx host.Tx, key string) (string, error) {
	v, err := tx.Get([]byte(key))
	if errors.Is(err, host.ErrNoKey) {
		return "(none)", nil
	}
	return string(v), err
}

func wantValue(t *testing.T, s host.Store, key, want string) {
	t.Helper()
	view(t, s, func(tx host.Tx) error {
		got, err := value(tx, key)
		if got != want {
			t.Errorf("value of %q = %q, want %q", key, got, want)
		}
		return err
	})
}

// scan returns the keys that a scan passes, at most limit.
func scan(tx host.Tx, prefix, after []byte, limit int) ([]string, error) {
	var keys []string
	err := tx.Scan(prefix, after, func(key, _ []byte) bool {
		keys = append(keys, string(key))
		return len(keys) < limit
	})
	return keys, err
}

// wantScan compares a whole scan in a View and in an Update.
func wantScan(t *testing.T, s host.Store, prefix, after []byte, want []string) {
	t.Helper()
	for name, run := range map[string]func(context.Context, func(host.Tx) error) error{"View": s.View, "Update": s.Update} {
		err := run(t.Context(), func(tx host.Tx) error {
			got, err := scan(tx, prefix, after, 1<<30)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: Scan(%q, %q) (-want +got):\n%s", name, prefix, after, diff)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: Scan(%q, %q): %v", name, prefix, after, err)
		}
	}
}

// waitFor fails the test unless ch is ready within patience.
func waitFor(t *testing.T, what string, ch <-chan struct{}) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(patience):
		t.Fatalf("waited %s for %s", patience, what)
	}
}

func number(i int) string { return fmt.Sprintf("%06d", i) }
