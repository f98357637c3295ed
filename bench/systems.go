package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/seraihost/serai/host/connector/connectortest"
)

// many is how many operations a call does where the way to the system is
// measured, and not the call.
const many = 50

// system is one that connectors are measured with: operations per second of
// the same work by services, by the plain Go client and by native CPython.
type system struct {
	name       string // of the work: sql, redis, publish
	what       string // is counted
	connection string
	config     string
	kind       string
	addr       string
	peers      []peer
}

// peer is a client library of native CPython.
type peer struct{ work, library, pkg string }

// party is one of those who take turns.
type party struct {
	name string
	run  func(ctx context.Context, d time.Duration) (done, error)
	// pid is of the host that does the work; 0 if processes do that end with
	// the run.
	pid  int
	runs []float64 // operations per second
	cpus []float64 // microseconds of processors an operation
}

// done is what a run came to.
type done struct{ operations, perSecond float64 }

// sql measures queries of PostgreSQL that return one row.
func (l *lab) sql(ctx context.Context) error {
	return inRoom(l.dir, func(r *room) error {
		port := connectortest.PostgreSQL(r)
		addr := fmt.Sprintf("127.0.0.1:%d", port)
		if err := l.table(ctx, addr); err != nil {
			return err
		}
		return l.operations(ctx, system{
			name: "sql", what: "rows of PostgreSQL", connection: "Orders", kind: "sql", addr: addr,
			config: fmt.Sprintf(`{"engine": "postgresql", "host": "127.0.0.1", "port": %d, "database": "postgres", "username": "test", "pool_size": %d}`, port, l.concurrency),
			peers:  []peer{{"sql", "psycopg2", "python3-psycopg2"}, {"sql3", "psycopg", "python3-psycopg"}},
		})
	})
}

// table makes what is queried.
func (l *lab) table(ctx context.Context, addr string) error {
	conn, err := pgx.Connect(ctx, "postgres://test@"+addr+"/postgres")
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // what it was for is done
	for _, statement := range []string{
		"CREATE TABLE orders (id integer PRIMARY KEY, customer text, amount numeric(12, 2), created timestamptz, paid boolean)",
		fmt.Sprintf("INSERT INTO orders SELECT n, 'customer ' || n, n * 1.25, now() - n * interval '1 minute', n %% 2 = 0 FROM generate_series(1, %d) n", orders),
		"VACUUM ANALYZE orders",
	} {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("making the table: %w", err)
		}
	}
	return nil
}

// redis measures SET and GET.
func (l *lab) redis(ctx context.Context) error {
	return inRoom(l.dir, func(r *room) error {
		server := connectortest.StartRedis(r)
		return l.operations(ctx, system{
			name: "redis", what: "commands of Redis", connection: "Cache", kind: "redis", addr: server.Addr(),
			config: fmt.Sprintf(`{"host": "127.0.0.1", "port": %d, "pool_size": %d}`, server.Port, l.concurrency),
			peers:  []peer{{"redis", "redis", "python3-redis"}},
		})
	})
}

// amqp measures messages that RabbitMQ confirms, and those that it delivers.
func (l *lab) amqp(ctx context.Context) error {
	return inRoom(l.dir, func(r *room) error {
		server := connectortest.StartRabbitMQ(r)
		b, err := openBroker(server.Addr())
		if err != nil {
			return err
		}
		s := system{
			name: "publish", what: "messages confirmed by RabbitMQ", connection: "Broker", kind: "amqp", addr: server.Addr(),
			config: fmt.Sprintf(`{"host": "127.0.0.1", "port": %d}`, server.Port),
			peers:  []peer{{"publish", "pika", "python3-pika"}},
		}
		if err := l.operations(ctx, s); err != nil {
			return err
		}
		return l.consumers(ctx, s, b)
	})
}

// operations measures services and clients that do the work.
func (l *lab) operations(ctx context.Context, s system) error {
	h, err := l.connected(ctx, s)
	if err != nil {
		return err
	}
	defer h.stop()
	client := l.client(s.name, s.addr, 1, l.concurrency, "plain Go client")
	all := []*party{client}
	const python, golang = "Python service", "Go service"
	for _, d := range []struct{ name, path, prefix string }{{golang, l.systemsGuest, "go-"}, {python, "bench/service/systems.py", "py-"}} {
		service, err := l.deployed(ctx, h, d.path, d.prefix+s.name, s.connection)
		if err != nil {
			return err
		}
		route := "/" + service
		for _, times := range []int{many, 1} {
			all = append(all, &party{name: fmt.Sprintf("%s, %d a call", d.name, times), pid: h.pid(), run: l.caller(h.gateway, route, s.name, times)})
		}
	}
	native := l.natives(ctx, s.peers, s.addr)
	if err := l.alternate(ctx, s, append(all, native...)); err != nil {
		return err
	}
	of := fmt.Sprintf(", %d a call of %s", many, s.what)
	l.compare(golang+of, 0.8, all[1], client)
	if p := best(native); p != nil {
		l.compare(python+of, 1, all[3], p)
		l.report.ratio(python+", one a call of "+s.what+", against "+p.name, 0, all[4].runs, p.runs)
	}
	return nil
}

// connected returns a host with a connection to the system.
func (l *lab) connected(ctx context.Context, s system) (*seraiHost, error) {
	h, err := l.host(ctx, "systems")
	if err != nil {
		return nil, err
	}
	if err := h.cli(ctx, nil, "connection", "set", s.connection, "--type", s.kind, "--config", s.config, "--allow-network", "127.0.0.0/8"); err != nil {
		h.stop()
		return nil, err
	}
	return h, nil
}

// deployed deploys one of the services and returns its name, which is its route too.
func (l *lab) deployed(ctx context.Context, h *seraiHost, path, name, connection string) (string, error) {
	service := "bench." + name
	args := []string{"--name", service, "--route", "POST /" + service, "--grant", "connection:" + connection}
	if class, ok := classes[name]; ok {
		args = append(args, "--export", class)
	}
	_, err := h.deploy(ctx, path, args...)
	return service, err
}

// classes of bench/service/systems.py by the names of their services.
var classes = map[string]string{"py-sql": "SQL", "py-redis": "Redis", "py-publish": "Publish", "py-consume": "Consume"}

// caller returns how calls do the work so many times each. A call that does
// it once costs what its call does; one that does it often shows the work.
func (l *lab) caller(gateway, route, name string, times int) func(context.Context, time.Duration) (done, error) {
	each := times
	if name == "redis" { // SET and GET
		each *= 2
	}
	var first int
	return func(ctx context.Context, d time.Duration) (done, error) {
		first++
		r := request{
			addr: gateway, method: "POST", path: route, body: fmt.Sprintf(`{"first": %d, "times": %d}`, first, times),
			want: func(body []byte) error {
				var got struct{ OK bool }
				if err := json.Unmarshal(body, &got); err != nil || !got.OK {
					return fmt.Errorf("the reply is not the expected one: %.300s", body)
				}
				return nil
			},
		}
		out, err := fire(ctx, r, l.concurrency, d)
		return done{float64(out.Requests * each), out.PerSecond * float64(each)}, err
	}
}

// client is the plain client in a process of its own.
func (l *lab) client(work, addr string, processes, workers int, name string) *party {
	return &party{name: name, run: func(ctx context.Context, d time.Duration) (done, error) {
		self, err := os.Executable()
		if err != nil {
			return done{}, fmt.Errorf("finding this program: %w", err)
		}
		return together(ctx, d, processes, self, "client", work, addr, strconv.Itoa(workers), seconds(d))
	}}
}

// natives are native CPython with each library, as one process and as one for
// each processor.
func (l *lab) natives(ctx context.Context, peers []peer, addr string) (all []*party) {
	for _, p := range peers {
		version, err := run(ctx, "", nil, systemPython, "-c", "import platform, "+p.library+" as l; print(platform.python_version() + \", \" + l.__name__, l.__version__)")
		if err != nil {
			l.report.note("%s is not installed: apt-get install %s", p.library, p.pkg)
			continue
		}
		l.report.note("peer: CPython %s", strings.TrimSpace(string(version)))
		for _, processes := range []int{1, runtime.NumCPU()} {
			threads := max(1, l.concurrency/processes)
			all = append(all, &party{
				name: fmt.Sprintf("%s, %d × %d threads", p.library, processes, threads),
				run: func(ctx context.Context, d time.Duration) (done, error) {
					return together(ctx, d, processes, systemPython, "bench/peer/systems.py", p.work, addr, strconv.Itoa(threads), seconds(d))
				},
			})
		}
	}
	return all
}

// systemPython has the libraries of Debian's packages.
const systemPython = "/usr/bin/python3"

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }

// together runs a program several times at once for d and adds up what it prints.
func together(ctx context.Context, d time.Duration, processes int, name string, args ...string) (out done, err error) {
	var sum float64
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range processes {
		wg.Go(func() {
			out, e := run(ctx, "", nil, name, args...)
			var n float64
			if e == nil {
				n, e = strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
			}
			mu.Lock()
			defer mu.Unlock()
			if sum += n; e != nil {
				err = e
			}
		})
	}
	wg.Wait()
	return done{sum * d.Seconds(), sum}, err
}

// alternate has the parties take turns.
func (l *lab) alternate(ctx context.Context, s system, all []*party) error {
	for _, p := range all { // the first second is for caches and pools
		if _, err := p.run(ctx, time.Second); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	for round := range l.rounds {
		for _, p := range all {
			before, err := spent(p.pid)
			if err != nil {
				return err
			}
			out, err := p.run(ctx, l.duration)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			after, err := spent(p.pid)
			if err != nil {
				return err
			}
			each := float64((after - before).Microseconds()) / out.operations
			p.runs, p.cpus = append(p.runs, out.perSecond), append(p.cpus, each)
			l.say("round %d: %-28s %8.0f/s, %5.0f µs of CPU each", round+1, p.name, out.perSecond, each)
		}
	}
	for _, p := range all {
		l.report.spread(s.what+": "+p.name, "/s", p.runs)
		l.report.spread(s.what+": "+p.name+", CPU time each", "µs", p.cpus)
	}
	return nil
}

// compare reports how much a does in the time of b, and of the processors'.
func (l *lab) compare(name string, atLeast float64, a, b *party) {
	l.report.ratio(name+", against "+b.name, atLeast, a.runs, b.runs)
	l.report.ratio(name+", against "+b.name+", for each second of CPU time", 0, b.cpus, a.cpus)
}

// best returns the fastest, nil of none.
func best(all []*party) (first *party) {
	for _, p := range all {
		if first == nil || median(p.runs) > median(first.runs) {
			first = p
		}
	}
	return first
}

// consumers measures how fast a queue is emptied.
func (l *lab) consumers(ctx context.Context, s system, b *broker) error {
	s.what = "messages consumed from RabbitMQ"
	h, err := l.connected(ctx, s)
	if err != nil {
		return err
	}
	defer h.stop()
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	prefetch := strconv.Itoa(l.concurrency)
	all := []*party{l.consumer(b, "plain Go client", 1, self, "client", "consume", s.addr, prefetch, "0")}
	for _, d := range []struct{ name, path, service string }{
		{"Go service", l.systemsGuest, "go-consume"}, {"Python service", "bench/service/systems.py", "py-consume"},
	} {
		service, err := l.deployed(ctx, h, d.path, d.service, s.connection)
		if err != nil {
			return err
		}
		all = append(all, &party{name: d.name, pid: h.pid(), run: func(ctx context.Context, duration time.Duration) (done, error) {
			config := fmt.Sprintf(`{"queue": %q, "prefetch": %s}`, queue, prefetch)
			start := func() error {
				return h.cli(ctx, nil, "channel", "set", "consume", "--service", service, "--type", "amqp", "--connection", s.connection, "--config", config)
			}
			stop := func() error { return h.cli(ctx, nil, "channel", "delete", "consume") }
			return l.emptied(ctx, b, duration, start, stop)
		}})
	}
	if _, err := exec.LookPath(systemPython); err == nil {
		for _, processes := range []int{1, runtime.NumCPU()} {
			all = append(all, l.consumer(b, fmt.Sprintf("pika, %d × 1 consumer", processes), processes,
				systemPython, "bench/peer/systems.py", "consume", s.addr, "1", "0"))
		}
	}
	if err := l.alternate(ctx, s, all); err != nil {
		return err
	}
	l.compare("Go service, "+s.what, 0.8, all[1], all[0])
	if len(all) > 3 {
		l.compare("Python service, "+s.what, 1, all[2], all[3])
		l.compare("Python service, "+s.what, 0, all[2], all[4])
	}
	return nil
}

// consumer is a program that consumes until it is ended.
func (l *lab) consumer(b *broker, name string, processes int, program string, args ...string) *party {
	return &party{name: name, run: func(ctx context.Context, d time.Duration) (done, error) {
		var running []*process
		begin := func() error {
			for i := range processes {
				p, err := start(filepath.Join(l.dir, fmt.Sprintf("consumer-%d.log", i)), nil, nil, program, args...)
				if err != nil {
					return err
				}
				running = append(running, p)
			}
			return nil
		}
		return l.emptied(ctx, b, d, begin, func() error {
			for _, p := range running {
				p.stop()
			}
			return nil
		})
	}}
}

// emptied fills the queue and measures how fast what start starts empties it.
func (l *lab) emptied(ctx context.Context, b *broker, d time.Duration, begin, end func() error) (out done, err error) {
	n := int(15_000 * d.Seconds())
	if err := b.fill(ctx, n); err != nil {
		return out, err
	}
	if err := begin(); err != nil {
		return out, err
	}
	out.perSecond, err = b.drained(ctx, n, d)
	if e := end(); err == nil {
		err = e
	}
	if err == nil {
		out.operations, err = b.gone(n)
	}
	return out, err
}
