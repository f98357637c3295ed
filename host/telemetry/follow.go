package telemetry

import (
	"fmt"

	"github.com/seraihost/serai/abi"
)

// follower is one reader of a tenant's records. Its tenantBook's mutex guards
// it, so that nothing is sent after the channel was closed.
type follower struct {
	ch      chan Record
	filter  Filter
	dropped int
}

// offer hands over the record if the reader has room for it. A place is kept
// for the note that says how many were left out.
func (f *follower) offer(r *Record) {
	if !f.filter.match(r) {
		return
	}
	if f.dropped > 0 && len(f.ch)+2 <= cap(f.ch) {
		note := Record{
			Time: r.Time, Tenant: r.Tenant, Service: r.Service, Level: abi.LevelWarning,
			Message: fmt.Sprintf("%d records were left out here: the reader is slower than the log", f.dropped),
		}
		if f.send(note) {
			f.dropped = 0
		}
	}
	if f.dropped > 0 || !f.send(*r) {
		f.dropped++
	}
}

func (f *follower) send(r Record) bool {
	select {
	case f.ch <- r:
		return true
	default:
		return false
	}
}
