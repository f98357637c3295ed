package storagetest

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seraihost/serai/host"
)

func testScanOrder(t *testing.T, s host.Store) {
	wantScan(t, s, nil, nil, nil)
	fill(t, s, "b", "a", "ab", "a\x00", "\x00", "\xff", "a\xff", "B", "ba")
	wantScan(t, s, nil, nil, []string{"\x00", "B", "a", "a\x00", "ab", "a\xff", "b", "ba", "\xff"})
	wantScan(t, s, []byte("a"), nil, []string{"a", "a\x00", "ab", "a\xff"})
	wantScan(t, s, []byte("c"), nil, nil)
	view(t, s, func(tx host.Tx) error {
		return tx.Scan(nil, nil, func(key, value []byte) bool {
			if string(key) != string(value) {
				t.Errorf("key %q has value %q", key, value)
			}
			return true
		})
	})
}

func testScanAfter(t *testing.T, s host.Store) {
	fill(t, s, "a", "b1", "b2", "b3", "c")
	prefix := []byte("b")
	for _, test := range []struct {
		after []byte
		want  []string
	}{
		{nil, []string{"b1", "b2", "b3"}},
		{[]byte{}, []string{"b1", "b2", "b3"}},
		{[]byte("a"), []string{"b1", "b2", "b3"}}, // below the prefix
		{[]byte("b"), []string{"b1", "b2", "b3"}},
		{[]byte("b1"), []string{"b2", "b3"}},
		{[]byte("b1\x00"), []string{"b2", "b3"}},
		{[]byte("b15"), []string{"b2", "b3"}},
		{[]byte("b3"), nil},
		{[]byte("c"), nil}, // beyond the prefix
	} {
		wantScan(t, s, prefix, test.after, test.want)
	}
	// In pages, as a listing does it.
	var all []string
	var after []byte
	for {
		var page []string
		view(t, s, func(tx host.Tx) (err error) {
			page, err = scan(tx, nil, after, 2)
			return err
		})
		if len(page) == 0 {
			break
		}
		all = append(all, page...)
		after = []byte(page[len(page)-1])
	}
	if diff := cmp.Diff([]string{"a", "b1", "b2", "b3", "c"}, all); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
}

func testScanPrefixEdges(t *testing.T, s host.Store) {
	fill(t, s, "\xfe", "\xff", "\xff\x00", "\xff\xff", "\xff\xff\xff")
	wantScan(t, s, []byte("\xff"), nil, []string{"\xff", "\xff\x00", "\xff\xff", "\xff\xff\xff"})
	wantScan(t, s, []byte("\xff\xff"), []byte("\xff\xff"), []string{"\xff\xff\xff"})
	wantScan(t, s, []byte("\xff"), []byte("\xff\xff\xff"), nil)
}

func testScanMany(t *testing.T, s host.Store) {
	var want []string
	for i := range 2000 {
		want = append(want, "n"+number(i))
	}
	fill(t, s, append([]string{"m", "o"}, want...)...)
	wantScan(t, s, []byte("n"), nil, want)
	wantScan(t, s, []byte("n"), []byte("n"+number(1500)), want[1501:])
}

func testScanSeesOwnWrites(t *testing.T, s host.Store) {
	fill(t, s, "a", "b", "d")
	update(t, s, func(tx host.Tx) error {
		if err := errors.Join(tx.Set([]byte("c"), nil, 0), tx.Delete([]byte("b"))); err != nil {
			return err
		}
		got, err := scan(tx, nil, nil, 100)
		if diff := cmp.Diff([]string{"a", "c", "d"}, got); diff != "" {
			t.Errorf("scan in the transaction (-want +got):\n%s", diff)
		}
		return err
	})
}

// A callback may use its transaction: read, write and scan.
func testScanNested(t *testing.T, s host.Store) {
	fill(t, s, "a1", "a2", "b1", "b2")
	var got []string
	update(t, s, func(tx host.Tx) error {
		got = nil
		var failures []error
		err := tx.Scan([]byte("a"), nil, func(outer, _ []byte) bool {
			name := string(outer)
			_, err := tx.Get([]byte("b1"))
			failures = append(failures, err, tx.Set([]byte("c"+name), nil, 0), tx.Delete([]byte(name)),
				tx.Scan([]byte("b"), nil, func(inner, _ []byte) bool {
					got = append(got, name+string(inner))
					return true
				}))
			return true
		})
		return errors.Join(append(failures, err)...)
	})
	if diff := cmp.Diff([]string{"a1b1", "a1b2", "a2b1", "a2b2"}, got); diff != "" {
		t.Errorf("nested scans (-want +got):\n%s", diff)
	}
	wantScan(t, s, nil, nil, []string{"b1", "b2", "ca1", "ca2"})
}
