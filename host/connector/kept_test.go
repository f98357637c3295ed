package connector_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

func partOf(tenant string, call uint64) *connector.Request {
	return &connector.Request{Scope: connector.Scope{Tenant: tenant, Call: call}}
}

func TestKeptIsFoundByItsCallOnly(t *testing.T) {
	t.Parallel()
	var k connector.Kept[string]
	id, err := k.Keep(t.Context(), partOf("t", 1), "v", func() { t.Error("ended though it was dropped") })
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := k.Find(partOf("t", 1), id); v != "v" || !ok {
		t.Errorf("%q, %v", v, ok)
	}
	for what, r := range map[string]*connector.Request{"another call": partOf("t", 2), "another tenant": partOf("u", 1)} {
		if v, ok := k.Find(r, id); v != "" || ok {
			t.Errorf("%s finds %q", what, v)
		}
	}
	if _, ok := k.Find(partOf("t", 1), "no-such-id"); ok {
		t.Error("an id that nothing has is found")
	}
	if !k.Drop(id) || k.Drop(id) {
		t.Error("it is not dropped exactly once")
	}
	if _, ok := k.Find(partOf("t", 1), id); ok {
		t.Error("it is found after it was dropped")
	}
}

func TestKeptEndsWithItsCall(t *testing.T) {
	t.Parallel()
	var k connector.Kept[int]
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	id, err := k.Keep(ctx, partOf("t", 1), 1, func() { close(ended) })
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	<-ended
	if _, ok := k.Find(partOf("t", 1), id); ok || k.Drop(id) {
		t.Error("it is held after its call")
	}
	again := make(chan struct{})
	if _, err := k.Keep(ctx, partOf("t", 1), 2, func() { close(again) }); err != nil {
		t.Error(err)
	}
	<-again // the call had ended before
}

func TestKeptIsEndedOnce(t *testing.T) {
	t.Parallel()
	var k connector.Kept[int]
	for range 100 {
		ctx, cancel := context.WithCancel(t.Context())
		var ends atomic.Int32
		over := make(chan struct{})
		end := func() {
			ends.Add(1)
			close(over) // twice would panic
		}
		id, err := k.Keep(ctx, partOf("t", 1), 1, end)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		all.Go(cancel)
		for range 3 {
			all.Go(func() {
				if k.Drop(id) {
					end()
				}
			})
		}
		all.Wait()
		<-over
		if ends.Load() != 1 {
			t.Fatalf("ended %d times", ends.Load())
		}
	}
}

func TestKeptIsBounded(t *testing.T) {
	t.Parallel()
	var k connector.Kept[int]
	var last string
	for i := range connector.MaxKept {
		id, err := k.Keep(t.Context(), partOf("t", uint64(i)), i, func() {})
		if err != nil {
			t.Fatal(err)
		}
		last = id
	}
	if _, err := k.Keep(t.Context(), partOf("t", 0), 0, func() { t.Error("ended what was not held") }); host.CodeOf(err) != abi.Limit {
		t.Error(err)
	}
	k.Drop(last)
	if _, err := k.Keep(t.Context(), partOf("t", 0), 0, func() {}); err != nil {
		t.Error(err)
	}
}
