package redisdb

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/seraihost/serai/host"
)

// Fields that a parked entry has at its end, in this order: where it was, and
// what went wrong.
const (
	fieldStream = "serai-stream"
	fieldID     = "serai-id"
	fieldError  = "serai-error"
)

const (
	maxReason = 4 << 10
	// maxParked bounds the fields of a parked entry, which has to be read
	// again with what parking adds.
	maxParked = maxReply - 64<<10
)

// bodyOf returns the body of an entry: one field, or all of them.
func (s SourceConfig) bodyOf(fields []string) []byte {
	all := make(map[string]string, len(fields)/2)
	for i := 0; i+1 < len(fields); i += 2 {
		all[fields[i]] = fields[i+1]
	}
	if s.Body != "" {
		return []byte(all[s.Body])
	}
	b, _ := json.Marshal(all) // strings always can be
	return b
}

// park puts an entry aside with what went wrong. One that is too large to be
// read again is parked without its fields; it is still in the stream, where
// its id leads.
func (s *source) park(ctx context.Context, e *entry, why error) error {
	reason := host.MessageOf(why)
	reason = strings.ToValidUTF8(reason[:min(len(reason), maxReason)], "")
	args := []any{"XADD", s.config.Dead, "*"}
	if sizeOf(e.fields) <= maxParked {
		for _, f := range e.fields {
			args = append(args, f)
		}
	}
	args = append(args, fieldStream, s.config.Stream, fieldID, e.id, fieldError, reason)
	_, err := s.do(ctx, 0, args...)
	return err
}

// sizeOf returns about how many bytes fields have in a reply.
func sizeOf(fields []string) (n int) {
	const header = 14 // the length of a bulk string, and its end
	for _, f := range fields {
		n += len(f) + header
	}
	return n
}

// unpark returns the fields of a parked entry as it was, and what went wrong.
// One that somebody else has put there has no reason.
func unpark(fields []string) (own []string, reason string) {
	n := len(fields) - 6
	if n < 0 || fields[n] != fieldStream || fields[n+2] != fieldID || fields[n+4] != fieldError {
		return fields, ""
	}
	return fields[:n], fields[n+5]
}
