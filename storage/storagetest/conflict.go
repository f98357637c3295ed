package storagetest

import (
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/seraihost/serai/host"
)

// A View sees the state at its beginning, whatever others write meanwhile.
func testSnapshot(t *testing.T, s host.Store) {
	fill(t, s, "a", "b")
	view(t, s, func(tx host.Tx) error {
		if got, err := value(tx, "a"); got != "a" || err != nil {
			t.Errorf("a = %q, %v", got, err)
		}
		written := make(chan struct{})
		go func() {
			defer close(written)
			err := s.Update(t.Context(), func(tx host.Tx) error {
				return errors.Join(tx.Set([]byte("a"), []byte("new"), 0), tx.Delete([]byte("b")), tx.Set([]byte("c"), nil, 0))
			})
			if err != nil {
				t.Errorf("Update beside a View: %v", err)
			}
		}()
		waitFor(t, "an Update beside a View", written)
		for key, want := range map[string]string{"a": "a", "b": "b", "c": "(none)"} {
			if got, err := value(tx, key); got != want || err != nil {
				t.Errorf("%s = %q, %v in the snapshot, want %q", key, got, err, want)
			}
		}
		keys, err := scan(tx, nil, nil, 10)
		if len(keys) != 2 {
			t.Errorf("scan of the snapshot = %q", keys)
		}
		return err
	})
	wantScan(t, s, nil, nil, []string{"a", "c"})
}

// race runs both transactions so that the first attempts of both have read
// before either writes.
func race(t *testing.T, s host.Store, one, two func(tx host.Tx, meet func()) error) {
	t.Helper()
	var both sync.WaitGroup
	both.Add(2)
	met := make(chan struct{})
	go func() {
		both.Wait()
		close(met)
	}()
	var done sync.WaitGroup
	for _, fn := range []func(host.Tx, func()) error{one, two} {
		var once sync.Once
		done.Go(func() {
			err := s.Update(t.Context(), func(tx host.Tx) error {
				return fn(tx, func() {
					once.Do(func() {
						both.Done()
						select {
						case <-met:
						case <-time.After(time.Second): // a store may let one in at a time
						}
					})
				})
			})
			if err != nil {
				t.Errorf("Update: %v", err)
			}
		})
	}
	done.Wait()
}

// Two transactions that read and write one key: neither write is lost.
func testLostUpdate(t *testing.T, s host.Store) {
	add := func(tx host.Tx, meet func()) error { return addOne(tx, "n", meet) }
	race(t, s, add, add)
	wantValue(t, s, "n", "2")
}

func addOne(tx host.Tx, key string, meet func()) error {
	text, err := value(tx, key)
	if err != nil {
		return err
	}
	meet()
	n, _ := strconv.Atoi(text) // "(none)" is 0
	return tx.Set([]byte(key), []byte(strconv.Itoa(n+1)), 0)
}

// Two transactions that each read what the other one writes: one of them
// sees the other's write.
func testWriteSkew(t *testing.T, s host.Store) {
	copyTo := func(from, to string) func(host.Tx, func()) error {
		return func(tx host.Tx, meet func()) error {
			got, err := value(tx, from)
			if err != nil {
				return err
			}
			meet()
			return tx.Set([]byte(to), []byte("saw "+got), 0)
		}
	}
	race(t, s, copyTo("x", "y"), copyTo("y", "x"))
	view(t, s, func(tx host.Tx) error {
		x, err1 := value(tx, "x")
		y, err2 := value(tx, "y")
		if x == "saw (none)" && y == "saw (none)" {
			t.Error("neither transaction saw the other")
		}
		return errors.Join(err1, err2)
	})
}

// Two transactions that each find a range empty and write into it: the
// second one sees the first one's key.
func testPhantom(t *testing.T, s host.Store) {
	fill(t, s, "p", "q/", "z")
	claim := func(name string) func(host.Tx, func()) error {
		return func(tx host.Tx, meet func()) error {
			taken, err := scan(tx, []byte("p/"), nil, 10)
			if err != nil {
				return err
			}
			meet()
			if len(taken) > 0 {
				return nil
			}
			return tx.Set([]byte("p/"+name), nil, 0)
		}
	}
	race(t, s, claim("1"), claim("2"))
	view(t, s, func(tx host.Tx) error {
		keys, err := scan(tx, []byte("p/"), nil, 10)
		if len(keys) != 1 {
			t.Errorf("claimed: %q, want one", keys)
		}
		return err
	})
}

// Many transactions move amounts between few accounts while others check
// that the sum stays.
func testHammer(t *testing.T, s host.Store) {
	const accounts, workers, moves, start = 5, 8, 40, 100
	account := func(i int) []byte { return []byte("acc/" + number(i%accounts)) }
	update(t, s, func(tx host.Tx) error {
		for i := range accounts {
			if err := tx.Set(account(i), []byte(strconv.Itoa(start)), 0); err != nil {
				return err
			}
		}
		return nil
	})
	sum := func(tx host.Tx) (total int, err error) {
		err = tx.Scan([]byte("acc/"), nil, func(_, value []byte) bool {
			n, _ := strconv.Atoi(string(value))
			total += n
			return true
		})
		return total, err
	}
	move := func(tx host.Tx, from, to []byte) error {
		for key, by := range map[string]int{string(from): -1, string(to): 1} {
			text, err := value(tx, key)
			if err != nil {
				return err
			}
			n, err := strconv.Atoi(text)
			if err != nil {
				return err
			}
			if err := tx.Set([]byte(key), []byte(strconv.Itoa(n+by)), 0); err != nil {
				return err
			}
		}
		return addOne(tx, "moves", func() {})
	}
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := range moves {
				err := s.Update(t.Context(), func(tx host.Tx) error { return move(tx, account(w+i), account(w+i+1+w%2)) })
				if err != nil {
					t.Errorf("Update: %v", err)
				}
				err = s.View(t.Context(), func(tx host.Tx) error {
					total, err := sum(tx)
					if total != accounts*start {
						t.Errorf("a View sums up to %d, want %d", total, accounts*start)
					}
					return err
				})
				if err != nil {
					t.Errorf("View: %v", err)
				}
			}
		})
	}
	group.Wait()
	wantValue(t, s, "moves", strconv.Itoa(workers*moves))
}
