package badger

import (
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/seraihost/serai/host"
)

func openBench(b *testing.B, dir string) *Store {
	b.Helper()
	s, err := Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func closeBench(b *testing.B, s *Store) {
	b.Helper()
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkOpenEmpty(b *testing.B) {
	for b.Loop() {
		s := openBench(b, b.TempDir())
		b.StopTimer()
		closeBench(b, s)
		b.StartTimer()
	}
}

func BenchmarkUpdate(b *testing.B) {
	s := openBench(b, b.TempDir())
	defer closeBench(b, s)
	value := make([]byte, 1024)
	i := 0
	for b.Loop() {
		i++
		err := s.Update(b.Context(), func(tx host.Tx) error { return tx.Set(fmt.Append(nil, i), value, 0) })
		if err != nil {
			b.Fatal(err)
		}
	}
}

// Sixteen writers at once.
func BenchmarkUpdateParallel(b *testing.B) {
	s := openBench(b, b.TempDir())
	defer closeBench(b, s)
	value := make([]byte, 1024)
	i := 0
	for b.Loop() {
		i++
		var group sync.WaitGroup
		for w := range 16 {
			group.Go(func() {
				err := s.Update(b.Context(), func(tx host.Tx) error { return tx.Set(fmt.Append(nil, w, "/", i), value, 0) })
				if err != nil {
					b.Error(err)
				}
			})
		}
		group.Wait()
	}
	b.ReportMetric(float64(b.N*16)/b.Elapsed().Seconds(), "updates/s")
}

func BenchmarkGet(b *testing.B) {
	s := openBench(b, b.TempDir())
	defer closeBench(b, s)
	if err := s.Update(b.Context(), func(tx host.Tx) error { return tx.Set([]byte("k"), make([]byte, 1024), 0) }); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		err := s.View(b.Context(), func(tx host.Tx) error {
			_, err := tx.Get([]byte("k"))
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
