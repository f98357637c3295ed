package fair

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestKeysTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(1, 100)
		if err := g.Enter(t.Context(), "x", 1); err != nil {
			t.Fatal(err)
		}
		var order []string
		var done sync.WaitGroup
		for _, key := range []string{"a", "a", "a", "a", "b", "b", "c"} {
			done.Go(func() {
				if err := g.Enter(t.Context(), key, 1); err != nil {
					t.Error(err)
				}
				order = append(order, key) // one at a time is inside
				g.Leave(1)
			})
			synctest.Wait()
		}
		g.Leave(1)
		done.Wait()
		if diff := cmp.Diff([]string{"a", "b", "c", "a", "b", "a", "a"}, order); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
		if used, waiting := g.Stats(); used != 0 || waiting != 0 {
			t.Errorf("left over: %d used, %d waiting", used, waiting)
		}
	})
}

func TestFullAndCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(10, 2)
		if err := g.Enter(t.Context(), "a", 8); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		errs := make(chan error, 2)
		go func() { errs <- g.Enter(ctx, "a", 5) }() // does not fit
		synctest.Wait()
		go func() { errs <- g.Enter(t.Context(), "b", 2) }() // would fit, but does not overtake
		synctest.Wait()
		if err := g.Enter(t.Context(), "c", 1); !errors.Is(err, ErrFull) {
			t.Errorf("a third waiter: %v", err)
		}
		if err := <-errs; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the first waiter: %v", err)
		}
		if err := <-errs; err != nil { // let in when the one before it gave up
			t.Errorf("the second waiter: %v", err)
		}
	})
}

func TestHammer(t *testing.T) {
	g := NewGate(3, 1000)
	var inside, most atomic.Int64
	var done sync.WaitGroup
	for i := range 40 {
		done.Go(func() {
			for range 200 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*100*time.Microsecond)
				if g.Enter(ctx, string(rune('a'+i%5)), 1) == nil {
					most.Store(max(most.Load(), inside.Add(1)))
					inside.Add(-1)
					g.Leave(1)
				}
				cancel()
			}
		})
	}
	done.Wait()
	if most.Load() > 3 {
		t.Errorf("%d were inside at once", most.Load())
	}
	if used, waiting := g.Stats(); used != 0 || waiting != 0 {
		t.Errorf("left over: %d used, %d waiting", used, waiting)
	}
}
