package pool

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// How long a system is left alone that is down: so long at first, doubled for
// each attempt that meets it down, give or take a half.
const (
	firstPause = 100 * time.Millisecond
	maxPause   = 30 * time.Second
	// tolerance is how many operations in a row may find the system down
	// before it is left alone. A connection that is lost counts once,
	// whatever was under way on it.
	tolerance = 5
)

// verdict is what an operation, an opening or a ping says about the system.
type verdict int

const (
	unknown verdict = iota // nothing: the caller went away, or the host refused
	up                     // it answered, if only to refuse
	down                   // it cannot be reached, or does not answer
)

// breaker keeps operations off a system that is down. It is closed at first.
// It opens when the system was found down: then operations are refused for a
// while. After that one is let through at a time, which closes it or opens it
// again. The slot's lock guards it.
type breaker struct {
	failures int // in a row
	pauses   int // in a row; 0 is a closed breaker
	until    time.Time
	trying   bool
	failure  error // why it opened
}

// admit lets an operation through or refuses it. probe says that the breaker
// waits for its verdict.
func (b *breaker) admit(now time.Time, name string) (probe bool, err error) {
	if b.pauses == 0 {
		return false, nil
	}
	left := b.until.Sub(now)
	if left <= 0 && !b.trying {
		b.trying = true
		return true, nil
	}
	left = max(left, firstPause)
	return false, &host.Error{
		Code: abi.Unavailable, RetryAfter: left, Err: b.failure,
		Message: fmt.Sprintf("the system of connection %q was down %d times in a row; it is tried again in %s", name, b.failures, left.Round(time.Millisecond)),
	}
}

// note takes a verdict. grave is one that needs no others to be believed.
// It reports whether the breaker opened or closed by it.
func (b *breaker) note(v verdict, probe, grave bool, err error) (changed bool) {
	if probe {
		b.trying = false
	}
	switch {
	case v == up:
		changed = b.pauses > 0
		*b = breaker{}
	case v == down && (b.pauses == 0 || probe || grave): // what was under way when it opened says nothing new
		b.failures++
		b.failure = err
		if grave || probe || b.failures >= tolerance {
			b.open(time.Now())
			changed = true
		}
	}
	return changed
}

func (b *breaker) open(now time.Time) {
	pause := maxPause
	if b.pauses < 9 {
		pause = min(maxPause, firstPause<<b.pauses)
	}
	b.pauses++
	b.until = now.Add(pause/2 + rand.N(pause)) //nolint:gosec // jitter
}

// resting reports whether operations are refused.
func (b *breaker) resting(now time.Time) bool { return b.pauses > 0 && now.Before(b.until) }

// forgive lets the next operation try at once.
func (b *breaker) forgive() { b.until, b.trying = time.Time{}, false }
