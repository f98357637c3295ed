package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/telemetry"
)

// Stage holds what the tests of one run arrange, and what they see. Its
// fields are set before the host starts.
type Stage struct {
	Out      io.Writer // takes what the test runner prints
	Recorded Recording // replies of an earlier run
	// Through, if set, performs requests that nothing is scripted for, and
	// has them recorded.
	Through func(ctx context.Context, r *connector.Request) (*connector.Result, error)
	// Gateway is the address that calls of tests go to.
	Gateway func() string
	// Records returns the log since a time.
	Records func(ctx context.Context, since time.Time) ([]telemetry.Record, error)

	traffic  traffic
	mu       sync.Mutex
	test     int // number of the running test
	since    time.Time
	rules    []*Rule
	used     map[string]int
	requests []Request
	config   map[string][]byte
	recorded Recording
}

// maxRequests bounds what is kept of a test.
const maxRequests = 10_000

// Ops changes the operations of a host to those of its rehearsal.
func (s *Stage) Ops(all []connector.Op) []connector.Op {
	s.reset()
	for i, op := range all {
		switch {
		case op.Name == abi.OpHTTPRequest:
			all[i].Do = s.request
		case op.Name == abi.OpConfigGet:
			all[i].Do = s.configGet(op.Do)
		case op.Name == abi.OpConfigList:
			all[i].Do = s.configList(op.Do)
		case strings.HasPrefix(op.Name, "kv."), strings.HasPrefix(op.Name, "lock."):
			all[i].Do = s.apart(op.Do)
		}
	}
	return append(all,
		connector.Op{Name: "test.reset", Doc: "Begins another test, which finds nothing of those before.", Do: s.doReset},
		connector.Op{Name: "test.script", Doc: "Sets what a system answers.", Do: s.script},
		connector.Op{Name: "test.requests", Doc: "Tells which requests services have sent.", Do: s.tellRequests},
		connector.Op{Name: "test.config", Doc: "Sets a configuration value for the running test.", Do: s.setConfig},
		connector.Op{Name: "test.logs", Doc: "Tells what was logged since the test began.", Do: s.logs},
		connector.Op{Name: "test.idle", Doc: "Waits until all asynchronous calls have been made.", Do: s.idle},
		connector.Op{Name: "test.call", Doc: "Sends a request to the gateway.", Do: s.call},
		connector.Op{Name: "test.output", Doc: "Prints what the test runner says.", Do: s.output},
	)
}

// Queue is told of the host's queues, and leaves them as they are.
func (s *Stage) Queue(q host.Queue) host.Queue {
	s.traffic.add(q)
	return q
}

// Recording returns what was recorded in this run.
func (s *Stage) Recording() Recording {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.recorded
}

type do = func(context.Context, *connector.Request) (*connector.Result, error)

// apart gives each test keys of its own.
func (s *Stage) apart(next do) do {
	return func(ctx context.Context, r *connector.Request) (*connector.Result, error) {
		s.mu.Lock()
		n := s.test
		s.mu.Unlock()
		own := *r
		own.Scope.Tenant += "-" + strconv.Itoa(n)
		return next(ctx, &own)
	}
}

// settled is how long a test waits for what the one before it set off.
const settled = 2 * time.Second

func (s *Stage) doReset(ctx context.Context, _ *connector.Request) (*connector.Result, error) {
	if s.traffic.idle(ctx, settled) != nil {
		if err := s.traffic.giveUp(ctx); err != nil {
			return nil, err
		}
	}
	s.reset()
	return &connector.Result{}, nil
}

func (s *Stage) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.test++
	s.since = time.Now()
	s.rules, s.requests = nil, nil
	s.used, s.config = map[string]int{}, map[string][]byte{}
}

// request answers in place of a system.
func (s *Stage) request(ctx context.Context, r *connector.Request) (*connector.Result, error) {
	q := requestOf(r)
	similar := r.Envelope.Get(abi.FieldSimilar) == "1"
	if _, whole := r.Envelope.Lookup(abi.FieldURL); !whole && !similar {
		if err := r.Scope.CheckConnection(q.Connection); err != nil {
			return nil, err
		}
	}
	a, ok := s.answer(q, similar)
	switch {
	case ok:
		return a.play(ctx)
	case s.Through == nil:
		return nil, host.Errorf(abi.Unavailable, "nothing is scripted for %s %s of connection %q: call set_response(%q, ...) before, or record replies with: serai test --record",
			q.Method, q.Path, host.Clip(q.Connection), host.Clip(q.Connection))
	}
	res, err := s.Through(ctx, r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.recorded == nil {
		s.recorded = Recording{}
	}
	s.recorded[q.Connection] = append(s.recorded[q.Connection], exchangeOf(q, res))
	return res, nil
}

// answer finds the response to a request and keeps the request. The rule set
// last that takes it counts.
func (s *Stage) answer(q Request, similar bool) (Response, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) < maxRequests {
		s.requests = append(s.requests, q)
	}
	for _, rule := range slices.Backward(s.rules) {
		if rule.takes(&q, similar) {
			return rule.answer(), true
		}
	}
	return s.Recorded.find(q, similar, s.used)
}

func (s *Stage) script(_ context.Context, r *connector.Request) (*connector.Result, error) {
	var rule Rule
	err := json.Unmarshal(r.Body, &rule)
	if err == nil {
		err = rule.check()
	}
	if err != nil {
		return nil, host.Errorf(abi.Invalid, "set_response: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = append(s.rules, &rule)
	return &connector.Result{}, nil
}

func (s *Stage) tellRequests(_ context.Context, r *connector.Request) (*connector.Result, error) {
	name := r.Envelope.Get(abi.FieldConnection)
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []Request{}
	for _, q := range s.requests {
		if name == "" || q.to(name, false) || plain(q.Connection) == plain(name) {
			out = append(out, q)
		}
	}
	return asJSON(out)
}

func (s *Stage) setConfig(_ context.Context, r *connector.Request) (*connector.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config[r.Envelope.Get(abi.FieldKey)] = slices.Clone(r.Body)
	return &connector.Result{}, nil
}

func (s *Stage) configGet(next do) do {
	return func(ctx context.Context, r *connector.Request) (*connector.Result, error) {
		s.mu.Lock()
		value, ok := s.config[r.Envelope.Get(abi.FieldKey)]
		s.mu.Unlock()
		if ok {
			return &connector.Result{Body: value}, nil
		}
		return next(ctx, r)
	}
}

func (s *Stage) configList(next do) do {
	return func(ctx context.Context, r *connector.Request) (*connector.Result, error) {
		res, err := next(ctx, r)
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for key := range s.config {
			f := abi.Field{Name: abi.FieldKey, Value: key}
			if strings.HasPrefix(key, r.Envelope.Get(abi.FieldPrefix)) && !slices.Contains(res.Envelope, f) {
				res.Envelope = append(res.Envelope, f)
			}
		}
		return res, nil
	}
}

func (s *Stage) logs(ctx context.Context, r *connector.Request) (*connector.Result, error) {
	s.mu.Lock()
	since := s.since
	s.mu.Unlock()
	all, err := s.Records(ctx, since)
	if err != nil {
		return nil, err
	}
	wanted, out := r.Envelope.Get(abi.FieldService), []telemetry.Record{}
	for _, rec := range all {
		if wanted == "" || rec.Service == wanted {
			out = append(out, rec)
		}
	}
	return asJSON(out)
}

func (s *Stage) idle(ctx context.Context, r *connector.Request) (*connector.Result, error) {
	ms, err := strconv.Atoi(r.Envelope.Get(abi.FieldTimeout))
	if err != nil || ms <= 0 {
		return nil, host.FieldErrorf(abi.FieldTimeout, "timeout: use a number above zero")
	}
	return &connector.Result{}, s.traffic.idle(ctx, time.Duration(ms)*time.Millisecond)
}

func (s *Stage) output(_ context.Context, r *connector.Request) (*connector.Result, error) {
	if _, err := s.Out.Write(r.Body); err != nil {
		return nil, fmt.Errorf("printing: %w", err)
	}
	return &connector.Result{}, nil
}

func asJSON(v any) (*connector.Result, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding an answer: %w", err)
	}
	return &connector.Result{Body: b}, nil
}
