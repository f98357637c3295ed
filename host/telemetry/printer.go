package telemetry

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/seraihost/serai/abi"
)

// printer writes records as JSON lines from a goroutine of its own, so that a
// slow writer delays nobody.
type printer struct {
	queue   chan Record
	dropped atomic.Int64
	handler slog.Handler
	stop    chan struct{}
	done    chan struct{}
	once    sync.Once
}

// printQueue is how many records may wait for the writer.
const printQueue = 1024

func newPrinter(w io.Writer) *printer {
	p := &printer{
		queue:   make(chan Record, printQueue),
		handler: slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug - 100}),
		stop:    make(chan struct{}),
		done:    make(chan struct{}),
	}
	go p.run()
	return p
}

func (p *printer) print(r Record) {
	select {
	case p.queue <- r:
	default:
		p.dropped.Add(1)
	}
}

func (p *printer) run() {
	defer close(p.done)
	for {
		select {
		case r := <-p.queue:
			p.write(r)
		case <-p.stop:
			for {
				select {
				case r := <-p.queue:
					p.write(r)
				default:
					return
				}
			}
		}
	}
}

func (p *printer) write(r Record) {
	line := slog.NewRecord(r.Time, slogLevel(r.Level), r.Message, 0)
	line.AddAttrs(slog.String("tenant", r.Tenant), slog.String("service", r.Service),
		slog.String("version", r.Version), slog.String("cid", r.CID))
	if f := r.Failure; f != nil {
		line.AddAttrs(slog.Group("failure", slog.String("type", f.Type), slog.String("message", f.Message),
			slog.String("traceback", f.Traceback), slog.String("file", f.File), slog.Int("line", f.Line)))
	}
	if n := p.dropped.Swap(0); n > 0 {
		line.AddAttrs(slog.Int64("dropped", n)) // records before this one that the writer was too slow for
	}
	if p.handler.Handle(context.Background(), line) != nil {
		p.dropped.Add(1) // told with the next record that goes through
	}
}

func (p *printer) close() {
	p.once.Do(func() { close(p.stop) })
	<-p.done
}

func slogLevel(level int) slog.Level {
	switch {
	case level >= abi.LevelError:
		return slog.LevelError
	case level >= abi.LevelWarning:
		return slog.LevelWarn
	case level >= abi.LevelInfo:
		return slog.LevelInfo
	default:
		return slog.LevelDebug
	}
}
