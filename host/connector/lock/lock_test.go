package lock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

func take(t *testing.T, table *Table, name string, ttl, block time.Duration) string {
	t.Helper()
	token, err := table.Acquire(t.Context(), "a", name, ttl, block)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func empty(t *testing.T, table *Table) {
	t.Helper()
	table.mu.Lock()
	defer table.mu.Unlock()
	if len(table.locks) != 0 || len(table.held) != 0 {
		t.Errorf("left over: %v, %v", table.locks, table.held)
	}
}

func TestOneAtATime(t *testing.T) {
	table := New()
	var all sync.WaitGroup
	inside, most := 0, 0
	for range 50 {
		all.Go(func() {
			token, err := table.Acquire(t.Context(), "a", "n", time.Minute, time.Minute)
			if err != nil {
				t.Error(err)
				return
			}
			inside++ // the race detector sees it if the lock does not hold
			most = max(most, inside)
			inside--
			if !table.Release("a", "n", token) {
				t.Error("the lock was not held")
			}
		})
	}
	all.Wait()
	if most != 1 {
		t.Errorf("%d held the lock at once", most)
	}
	empty(t, table)
}

func TestApart(t *testing.T) {
	table := New()
	token := take(t, table, "n", time.Minute, 0)
	take(t, table, "other", time.Minute, 0)
	if _, err := table.Acquire(t.Context(), "b", "n", time.Minute, 0); err != nil {
		t.Errorf("another tenant's lock: %v", err)
	}
	if table.Release("b", "n", token) || table.Release("a", "n", "guess") || table.Release("a", "none", token) {
		t.Error("released a lock that is not one's own")
	}
	if _, err := table.Acquire(t.Context(), "a", "n", time.Minute, 0); host.CodeOf(err) != abi.Timeout {
		t.Errorf("a lock that is held: %v", err)
	}
}

func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := New()
		first := take(t, table, "n", 10*time.Second, 0)
		start := time.Now()
		if _, err := table.Acquire(t.Context(), "a", "n", time.Minute, 4*time.Second); host.CodeOf(err) != abi.Timeout || time.Since(start) != 4*time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		second := take(t, table, "n", time.Second, time.Minute)
		if waited := time.Since(start); waited != 10*time.Second {
			t.Errorf("the lock was free after %s, its time to live is 10s", waited)
		}
		if table.Release("a", "n", first) {
			t.Error("an expired lock's release freed another's")
		}
		if !table.Release("a", "n", second) {
			t.Error("the holder could not release it")
		}
		empty(t, table)
	})
}

func TestEndOfTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := New()
		call, end := context.WithCancel(t.Context())
		if _, err := table.Acquire(call, "a", "n", time.Hour, 0); err != nil {
			t.Fatal(err)
		}
		waiting, giveUp := context.WithCancel(t.Context())
		var got error
		go func() { _, got = table.Acquire(waiting, "a", "n", time.Hour, time.Hour) }()
		synctest.Wait()
		giveUp()
		synctest.Wait()
		if !errors.Is(got, context.Canceled) {
			t.Errorf("a waiting call that ends: %v", got)
		}
		end()
		synctest.Wait()
		empty(t, table)
		if _, err := table.Acquire(call, "a", "n", time.Hour, 0); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		synctest.Wait()
		empty(t, table)
	})
}

func TestOps(t *testing.T) {
	table := New()
	ops := connector.NewRegistry(connector.Builtins(Connector(table))...)
	do := func(fields ...string) (*connector.Result, error) {
		var e abi.Envelope
		for i := 0; i < len(fields); i += 2 {
			e.Add(fields[i], fields[i+1])
		}
		return ops.Do(t.Context(), &connector.Request{Scope: connector.Scope{Tenant: "a"}, Envelope: e})
	}
	res, err := do("op", "lock.acquire", "name", "n", "ttl", "1000", "block", "0")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1", "0"} {
		out, err := do("op", "lock.release", "name", "n", "token", res.Envelope.Get("token"))
		if err != nil || out.Envelope.Get("released") != want {
			t.Errorf("release: %v, %v, want %s", out, err, want)
		}
	}
	for _, c := range []struct {
		field  string
		fields []string
	}{
		{"name", []string{"op", "lock.acquire", "ttl", "1", "block", "1"}},
		{"name", []string{"op", "lock.release"}},
		{"name", []string{"op", "lock.acquire", "name", fmt.Sprintf("%0513d", 1), "ttl", "1", "block", "1"}},
		{"ttl", []string{"op", "lock.acquire", "name", "n", "block", "1"}},
		{"ttl", []string{"op", "lock.acquire", "name", "n", "ttl", "0", "block", "1"}},
		{"ttl", []string{"op", "lock.acquire", "name", "n", "ttl", "86400001", "block", "1"}},
		{"block", []string{"op", "lock.acquire", "name", "n", "ttl", "1", "block", "-1"}},
	} {
		_, err := do(c.fields...)
		if e, ok := errors.AsType[*host.Error](err); !ok || e.Code != abi.Invalid || e.Field != c.field {
			t.Errorf("%v: %v, want field %q", c.fields, err, c.field)
		}
	}
}

func TestMostLocks(t *testing.T) {
	table := New()
	for i := range maxHeld {
		take(t, table, fmt.Sprint(i), time.Minute, 0)
	}
	if _, err := table.Acquire(t.Context(), "a", "one more", time.Minute, 0); host.CodeOf(err) != abi.Limit {
		t.Errorf("one more: %v", err)
	}
}
