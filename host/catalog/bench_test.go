package catalog

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/storage/badger"
)

// What a host of a thousand services reads when it starts.
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	log := slog.New(slog.DiscardHandler)
	open := func() (*badger.Store, *Catalog) {
		store, err := badger.Open(dir, log)
		if err != nil {
			b.Fatal(err)
		}
		return store, New(store, nil)
	}
	store, c := open()
	if err := c.CreateTenant(b.Context(), host.Tenant{Name: "a"}); err != nil {
		b.Fatal(err)
	}
	for i := range 1000 {
		v := version("a", fmt.Sprint("service", i), i, fmt.Sprintf("GET /s%d/{id}", i), fmt.Sprintf("POST /s%d", i))
		if err := c.Activate(b.Context(), v); err != nil {
			b.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		store, c := open()
		bindings, err := c.Bindings(b.Context())
		if err != nil || len(bindings) != 2000 {
			b.Fatal(len(bindings), err)
		}
		for i := range 1000 {
			if _, err := c.Version(b.Context(), "a", fmt.Sprint("service", i), ""); err != nil {
				b.Fatal(err)
			}
		}
		b.StopTimer()
		if err := store.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func BenchmarkActivate(b *testing.B) {
	store, err := badger.Open(b.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	c := New(store, nil)
	if err := c.CreateTenant(b.Context(), host.Tenant{Name: "a"}); err != nil {
		b.Fatal(err)
	}
	i := 0
	for b.Loop() {
		i++
		if err := c.Activate(b.Context(), version("a", "s", i, "GET /s")); err != nil {
			b.Fatal(err)
		}
	}
}
