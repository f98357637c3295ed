package telemetry

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// Record is one record of a service's log.
type Record struct {
	Time    time.Time          `json:"time"`
	Tenant  string             `json:"tenant"`
	Service string             `json:"service"`
	Version string             `json:"version,omitempty"` // digest
	CID     string             `json:"cid,omitempty"`     // request id of the call
	Level   int                `json:"level"`             // one of abi.Level…
	Message string             `json:"message"`           // UTF-8, at most abi.MaxLogRecord bytes
	Failure *host.GuestFailure `json:"failure,omitempty"` // how the guest's code failed
}

// LevelName returns the name of the highest of the levels that is not above level.
func LevelName(level int) string {
	switch {
	case level >= abi.LevelCritical:
		return "CRITICAL"
	case level >= abi.LevelError:
		return "ERROR"
	case level >= abi.LevelWarning:
		return "WARNING"
	case level >= abi.LevelInfo:
		return "INFO"
	default:
		return "DEBUG"
	}
}

// Filter chooses records of one tenant. The zero value chooses all of them.
type Filter struct {
	Service  string    // "" is every service
	CID      string    // "" is every call
	MinLevel int       // records of at least this level
	Limit    int       // the newest so many; 0 is DefaultLimit, at most MaxLimit
	Since    time.Time // not older than this
}

// Bounds on what [Book.Tail] returns.
const (
	DefaultLimit = 100
	MaxLimit     = 10_000
)

func (f *Filter) match(r *Record) bool {
	return (f.Service == "" || f.Service == r.Service) &&
		(f.CID == "" || f.CID == r.CID) &&
		r.Level >= f.MinLevel &&
		(f.Since.IsZero() || !r.Time.Before(f.Since))
}

func (f *Filter) limit() int {
	switch {
	case f.Limit <= 0:
		return DefaultLimit
	case f.Limit > MaxLimit:
		return MaxLimit
	default:
		return f.Limit
	}
}

// recordOverhead is what a record takes in memory besides its text.
const recordOverhead = 256

// tidy bounds the texts of a record, makes them valid UTF-8 and detaches it
// from what the caller may change. It returns the memory it takes.
func (r *Record) tidy() int {
	if r.Time.IsZero() {
		r.Time = time.Now()
	}
	r.Message = clip(r.Message, abi.MaxLogRecord)
	r.CID = clip(r.CID, 256)
	n := recordOverhead + len(r.Message) + len(r.CID)
	if r.Failure != nil {
		f := *r.Failure
		f.Type, f.File = clip(f.Type, 1<<10), clip(f.File, 1<<10)
		f.Message, f.Traceback = clip(f.Message, abi.MaxLogRecord), clip(f.Traceback, abi.MaxLogRecord)
		r.Failure = &f
		n += len(f.Type) + len(f.File) + len(f.Message) + len(f.Traceback)
	}
	return n
}

// clip cuts s to at most so many bytes, at the start of a character, and
// replaces what is not UTF-8.
func clip(s string, most int) string {
	if len(s) > most {
		for most > 0 && !utf8.RuneStart(s[most]) {
			most--
		}
		s = strings.Clone(s[:most])
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return s
}
