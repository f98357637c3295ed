package badger

import (
	"errors"
	"fmt"

	badgerdb "github.com/dgraph-io/badger/v4"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// errConflict says that a transaction must run again.
var errConflict = errors.New("transaction conflicts with another")

// commit writes what tx did and returns when it is on disk.
func (s *Store) commit(tx *transaction, start uint64) error {
	if len(tx.written) == 0 {
		return nil // a snapshot is serialisable as it is
	}
	if err := s.check(tx.bytes); err != nil {
		return err
	}
	done := make(chan error, 1)
	if !s.commits.submit(start, tx.ranges, tx.written, func() {
		tx.txn.CommitWith(func(err error) { done <- err })
	}) {
		return errConflict
	}
	err := <-done
	switch {
	case errors.Is(err, badgerdb.ErrConflict):
		return errConflict
	case err != nil:
		return fmt.Errorf("committing transaction: %w", err)
	case s.log.syncFailed.Load():
		return errSync()
	}
	return nil
}

// check refuses a write that the disk may not take. Badger writes through
// memory maps of sparse files, where a full disk is a fault that ends the
// process, so writing stops before. A process that ends so loses nothing that
// was acknowledged.
func (s *Store) check(bytes uint64) error {
	if s.log.syncFailed.Load() {
		return errSync()
	}
	free, err := s.free(s.dir)
	if err != nil {
		return fmt.Errorf("asking for free disk space: %w", err)
	}
	if keep := s.keep + s.compaction(); free < keep+2*bytes {
		return host.Errorf(abi.Unavailable, "the disk of the data directory is full: %s free, %s are kept in reserve; make room",
			mebibytes(free), mebibytes(keep))
	}
	return nil
}

// maxCompaction bounds the room that compaction is given. It rewrites some
// tables at a time, of many.
const maxCompaction = 512 << 20

// compaction returns how much room Badger may need to rewrite its tables.
func (s *Store) compaction() uint64 {
	var size int64
	for _, level := range s.db.Levels() {
		size += level.Size
	}
	return min(uint64(max(0, size))*2, maxCompaction)
}

func mebibytes(n uint64) string { return fmt.Sprintf("%d MiB", n>>20) }

// errSync is what every write returns after the disk refused to sync once:
// what it holds since then is unknown.
func errSync() error {
	return host.Errorf(abi.Unavailable, "the disk of the data directory failed to sync; check it and start serai again")
}
