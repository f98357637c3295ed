// Command bench measures a host against peers that do the same work on the
// same machine, taking turns, and keeps the results in bench/results.
//
//	go run ./bench                    # everything, some ten minutes
//	go run ./bench -only http,cpu -rounds 3
//
// Peers: gunicorn with gevent and falcon from Debian's packages (gunicorn,
// python3-gevent, python3-falcon, python3-requests), a bare Fiber route, and a native CPython
// of the same version as the services'. For the latter name one with -python;
// "just python" builds it on its way, from the source that the services'
// CPython comes from. A peer that is not there is left out and the report
// says so.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	only        string
	rounds      int
	duration    time.Duration
	concurrency int
	services    int
	waiting     int
	python      string
	out         string
}

func main() {
	if len(os.Args) == 3 && os.Args[1] == "fiber" {
		fail(serveFiber(os.Args[2]))
		return
	}
	if len(os.Args) > 2 && os.Args[1] == "client" {
		fail(runClient(os.Stdout, os.Args[2:]))
		return
	}
	var o options
	flag.StringVar(&o.only, "only", "", "`NAMES` of measures, with commas: http, join, calls, sql, redis, amqp, cpu, deploy, idle, wait (default all)")
	flag.IntVar(&o.rounds, "rounds", 5, "of everything; the medians count")
	flag.DurationVar(&o.duration, "duration", 5*time.Second, "of each run of requests")
	flag.IntVar(&o.concurrency, "concurrency", 16, "connections of a run of requests")
	flag.IntVar(&o.services, "services", 1000, "that a host starts with")
	flag.IntVar(&o.waiting, "waiting", 2000, "calls that wait at once")
	flag.StringVar(&o.python, "python", os.Getenv("SERAI_BENCH_PYTHON"), "native CPython (default $SERAI_BENCH_PYTHON, else python3.13)")
	flag.StringVar(&o.out, "out", "bench/results", "folder of the results")
	flag.Parse()
	if flag.NArg() > 0 || o.rounds < 1 {
		flag.Usage()
		os.Exit(2)
	}
	fail(measure(o))
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// lab is where measures work.
type lab struct {
	options
	dir     string // temporary
	program string // cmd/serai, built
	guest   string // bench/guest, built
	// systemsGuest is bench/guest/systems, built.
	systemsGuest string
	report       *report
}

// measures in the order in which they run.
var measures = []struct {
	name string
	run  func(*lab, context.Context) error
}{
	{"http", (*lab).http},
	{"join", (*lab).join},
	{"calls", (*lab).calls},
	{"sql", (*lab).sql},
	{"redis", (*lab).redis},
	{"amqp", (*lab).amqp},
	{"cpu", (*lab).cpu},
	{"deploy", (*lab).deploys},
	{"wait", (*lab).waits},
	{"idle", (*lab).idle},
}

func measure(o options) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if _, err := os.Stat("bench/guest/main.go"); err != nil {
		return errors.New("run it from the root of the repository: go run ./bench")
	}
	dir, err := os.MkdirTemp("", "serai-bench-")
	if err != nil {
		return fmt.Errorf("creating a temporary folder: %w", err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	l := &lab{options: o, dir: dir, program: filepath.Join(dir, "serai"), guest: filepath.Join(dir, "guest.wasm"), report: newReport(o)}
	l.systemsGuest = filepath.Join(dir, "systems.wasm")
	if err := l.build(ctx); err != nil {
		return err
	}
	for _, m := range measures {
		if o.only != "" && !strings.Contains(","+o.only+",", ","+m.name+",") {
			continue
		}
		l.say("measuring %s", m.name)
		if err := m.run(l, ctx); err != nil {
			return fmt.Errorf("measuring %s: %w", m.name, err)
		}
	}
	return l.report.write(o.out)
}

func (l *lab) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s "+format+"\n", append([]any{time.Now().Format("15:04:05")}, args...)...)
}

// build builds what users run.
func (l *lab) build(ctx context.Context) error {
	if _, err := run(ctx, "", nil, "go", "build", "-o", l.program, "./cmd/serai"); err != nil {
		return err
	}
	for pkg, out := range map[string]string{"./bench/guest": l.guest, "./bench/guest/systems": l.systemsGuest} {
		_, err := run(ctx, "", []string{"GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0"}, "go", "build",
			"-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", out, pkg)
		if err != nil {
			return err
		}
	}
	return nil
}

// host returns a running host whose CPython is compiled with all
// optimisations, on a new data directory.
func (l *lab) host(ctx context.Context, name string, args ...string) (*seraiHost, error) {
	data := filepath.Join(l.dir, name)
	h, err := startHost(l.program, data, args...)
	if err != nil {
		return nil, err
	}
	if name == "deploy" {
		l.report.number("first start of a host on a new machine to ready", "ms", h.ready.Seconds()*1000)
	}
	if err := h.optimised(ctx); err != nil {
		h.stop()
		return nil, err
	}
	h.stop()
	return startHost(l.program, data, args...)
}
