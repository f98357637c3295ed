package pubsub

import (
	"log/slog"
	"sync"
	"testing"
)

func openBench(b *testing.B, dir string) *Broker {
	b.Helper()
	broker, err := Open(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	return broker
}

func closeBench(b *testing.B, broker *Broker) {
	b.Helper()
	if err := broker.Close(); err != nil {
		b.Fatal(err)
	}
}

// Open of an empty directory, and of one with a queue of 1,000 messages.
func BenchmarkOpenCold(b *testing.B) {
	for b.Loop() {
		broker := openBench(b, b.TempDir())
		b.StopTimer()
		closeBench(b, broker)
		b.StartTimer()
	}
}

func BenchmarkOpenWarm(b *testing.B) {
	dir := b.TempDir()
	broker := openBench(b, dir)
	q := queueOf(b, broker, "q")
	for range 1000 {
		publish(b, q, "message")
	}
	closeBench(b, broker)
	for b.Loop() {
		broker := openBench(b, dir)
		queueOf(b, broker, "q")
		b.StopTimer()
		closeBench(b, broker)
		b.StartTimer()
	}
}

func BenchmarkPublish(b *testing.B) {
	broker := openBench(b, b.TempDir())
	defer closeBench(b, broker)
	q := queueOf(b, broker, "q")
	message := make([]byte, 1024)
	for b.Loop() {
		if err := q.Publish(b.Context(), "", message); err != nil {
			b.Fatal(err)
		}
	}
}

// Sixteen publishers at once.
func BenchmarkPublishParallel(b *testing.B) {
	broker := openBench(b, b.TempDir())
	defer closeBench(b, broker)
	q := queueOf(b, broker, "q")
	message := make([]byte, 1024)
	for b.Loop() {
		var group sync.WaitGroup
		for range 16 {
			group.Go(func() {
				if err := q.Publish(b.Context(), "", message); err != nil {
					b.Error(err)
				}
			})
		}
		group.Wait()
	}
	b.ReportMetric(float64(b.N*16)/b.Elapsed().Seconds(), "messages/s")
}
