package badger

import (
	"strings"
	"sync"
)

// keyRange is what a scan has seen: all keys of a prefix that are greater
// than after and, unless the scan reached the end, not greater than last.
type keyRange struct {
	prefix, after, last string
	whole               bool // the scan reached the end
}

func (r keyRange) contains(key string) bool {
	return strings.HasPrefix(key, r.prefix) && (r.after == "" || key > r.after) && (r.whole || key <= r.last)
}

// maxRemembered bounds the keys that the log holds; a transaction that is
// older than the log conflicts.
const maxRemembered = 16384

// commitLog remembers which keys were written lately, so that a transaction
// can tell whether another one wrote into a range that it scanned. Without
// it, two transactions that each find a range empty could both write to it.
type commitLog struct {
	mu     sync.Mutex
	seq    uint64 // of the last commit
	floor  uint64 // commits up to this one are forgotten
	active int    // transactions under way
	size   int    // keys in recent
	recent []commit
}

type commit struct {
	seq  uint64
	keys []string
}

// begin returns what a transaction that starts now must pass to submit. The
// snapshot must be taken after it.
func (l *commitLog) begin() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active++
	return l.seq
}

func (l *commitLog) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.active--; l.active == 0 {
		l.recent, l.size, l.floor = nil, 0, l.seq
	}
}

// submit calls send and remembers keys, unless a commit since start wrote
// into one of the ranges. send must fix the order of commits.
func (l *commitLog) submit(start uint64, ranges []keyRange, keys []string, send func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(ranges) > 0 && l.conflicts(start, ranges) {
		return false
	}
	send()
	l.seq++
	l.recent = append(l.recent, commit{seq: l.seq, keys: keys})
	l.size += len(keys)
	for l.size > maxRemembered {
		l.floor = l.recent[0].seq
		l.size -= len(l.recent[0].keys)
		l.recent = l.recent[1:]
	}
	return true
}

func (l *commitLog) conflicts(start uint64, ranges []keyRange) bool {
	if start < l.floor {
		return true
	}
	for _, c := range l.recent {
		if c.seq <= start {
			continue
		}
		for _, key := range c.keys {
			for _, r := range ranges {
				if r.contains(key) {
					return true
				}
			}
		}
	}
	return false
}
