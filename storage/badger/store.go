package badger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	badgerdb "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/storage/disk"
)

// Bounds on what the store takes. Beyond them Set returns a TooLarge error.
const (
	MaxKeyBytes   = 32 << 10
	MaxValueBytes = 32 << 20
)

// Sizes for a host that shares a small machine with its guests. A memtable
// of 8 MiB bounds a transaction to some 1.2 MiB and 12,000 keys; values above
// valueThreshold count as pointers only and go to the value log.
const (
	memTableBytes  = 8 << 20
	valueThreshold = 256 << 10
	valueLogBytes  = 64 << 20
)

// settings are what tests change.
type settings struct {
	gcEvery time.Duration // between collections of the value log
	keep    uint64        // bytes that must stay free on the disk, besides room to compact
	free    func(dir string) (uint64, error)
}

func defaults() settings {
	return settings{gcEvery: 10 * time.Minute, keep: 64 << 20, free: disk.Free}
}

// Store is a host.Store. It is safe for concurrent use.
type Store struct {
	dir string
	settings
	db  *badgerdb.DB
	log *logger

	mu      sync.Mutex // guards closed
	closed  bool
	running sync.WaitGroup // transactions
	closing sync.Once
	failure error // of Close

	// turn is held for reading by an attempt to update, and for writing by
	// one that lost too often. Order: turn, then commits.mu.
	turn    sync.RWMutex
	commits commitLog

	stopGC context.CancelFunc
	gcDone chan struct{}
}

var _ host.Store = (*Store)(nil)

// Open opens the store in dir, and creates it if it is not there. One
// process at a time can: another gets an Unavailable error. A store that was
// killed opens as it is; what was not acknowledged may be missing.
func Open(dir string, log *slog.Logger) (*Store, error) { return open(dir, log, defaults()) }

func open(dir string, log *slog.Logger, s settings) (*Store, error) {
	bridge := &logger{log: log}
	o := badgerdb.DefaultOptions(dir).
		WithLogger(bridge).
		WithSyncWrites(true).
		WithMemTableSize(memTableBytes).
		WithNumMemtables(2).
		WithNumCompactors(2).
		WithValueThreshold(valueThreshold).
		WithValueLogFileSize(valueLogBytes).
		WithCompression(options.None). // so blocks come from the page cache
		WithBlockCacheSize(0).
		WithMetricsEnabled(false)
	db, err := openBadger(o)
	if err != nil {
		if strings.Contains(err.Error(), "directory lock") {
			return nil, &host.Error{Code: abi.Unavailable, Message: "another serai uses this data directory: " + dir, Err: err}
		}
		return nil, fmt.Errorf("opening store in %s: %w", dir, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	store := &Store{dir: dir, settings: s, db: db, log: bridge, stopGC: cancel, gcDone: make(chan struct{})}
	go store.collect(ctx)
	return store, nil
}

// openBadger opens Badger, which panics on some damage that no crash of the
// process leaves, such as a foreign length after a log's end.
func openBadger(o badgerdb.Options) (db *badgerdb.DB, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the store's files are damaged: %v", r)
		}
	}()
	return badgerdb.Open(o)
}

// collect frees the space of overwritten values until ctx ends.
func (s *Store) collect(ctx context.Context) {
	defer close(s.gcDone)
	tick := time.NewTicker(s.gcEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			// One call rewrites one file; ErrNoRewrite ends the round.
			for ctx.Err() == nil && s.db.RunValueLogGC(0.5) == nil {
				continue
			}
		}
	}
}

// Close waits for running transactions, writes everything to its place and
// releases the directory.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		s.stopGC()
		<-s.gcDone
		s.running.Wait()
		if err := s.db.Close(); err != nil {
			s.failure = fmt.Errorf("closing store: %w", err)
		}
	})
	return s.failure
}

// enter lets a transaction in; the caller must call running.Done if err is nil.
func (s *Store) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("beginning transaction: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return host.Errorf(abi.Unavailable, "the store is closed")
	}
	s.running.Add(1)
	return nil
}

// View implements host.Store.
func (s *Store) View(ctx context.Context, fn func(host.Tx) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.running.Done()
	txn := s.db.NewTransaction(false)
	defer txn.Discard()
	tx := &transaction{txn: txn, now: time.Now()}
	defer tx.end()
	return fn(tx)
}

// How often an update runs beside others before it runs alone, and how long
// it waits in between: up to firstWait, doubled each time.
const (
	sharedAttempts = 6
	firstWait      = time.Millisecond
)

// Update implements host.Store. After a few conflicts it runs alone, so it
// always gets through. fn must not call Update: that can wait for itself.
func (s *Store) Update(ctx context.Context, fn func(host.Tx) error) error {
	for i := range sharedAttempts {
		err := s.attempt(ctx, s.turn.RLocker(), fn)
		if !errors.Is(err, errConflict) {
			return err
		}
		if err := pause(ctx, rand.N(firstWait<<i)); err != nil { //nolint:gosec // jitter
			return err
		}
	}
	err := s.attempt(ctx, &s.turn, fn)
	if errors.Is(err, errConflict) {
		// Only writers outside of Update could do this, and there are none.
		return host.Errorf(abi.Internal, "transaction conflicts with itself")
	}
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("waiting after a conflict: %w", ctx.Err())
	case <-t.C:
		return nil
	}
}

// attempt runs fn once while it holds turn, and commits.
func (s *Store) attempt(ctx context.Context, turn sync.Locker, fn func(host.Tx) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.running.Done()
	turn.Lock()
	defer turn.Unlock()

	start := s.commits.begin()
	defer s.commits.end()
	txn := s.db.NewTransaction(true)
	defer txn.Discard()
	tx := &transaction{txn: txn, update: true, now: time.Now()}
	err := fn(tx)
	tx.end()
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("committing transaction: %w", err)
	}
	return s.commit(tx, start)
}
