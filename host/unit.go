package host

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Bytes is a size. As text it is a whole number and a unit: "64MiB".
type Bytes int64

// Binary multiples.
const (
	KiB Bytes = 1 << 10
	MiB Bytes = 1 << 20
	GiB Bytes = 1 << 30
)

var units = []struct {
	name string
	size Bytes
}{{"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}, {"B", 1}}

// ParseBytes reads "64MiB", "512KiB", "1GiB", "100B" or a plain number of bytes.
func ParseBytes(s string) (Bytes, error) {
	text, unit := strings.TrimSpace(s), Bytes(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(text, u.name); ok {
			text, unit = strings.TrimSpace(rest), u.size
			break
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > int64(1<<62)/int64(unit) {
		return 0, fmt.Errorf("size %q: use a whole number with B, KiB, MiB or GiB, such as 64MiB", Clip(s))
	}
	return Bytes(n) * unit, nil
}

// String returns b with the largest unit that divides it.
func (b Bytes) String() string {
	for _, u := range units {
		if b != 0 && b%u.size == 0 {
			return strconv.FormatInt(int64(b/u.size), 10) + u.name
		}
	}
	return "0B"
}

// MarshalText implements encoding.TextMarshaler.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalJSON accepts a string with a unit or a number of bytes.
func (b *Bytes) UnmarshalJSON(data []byte) error {
	v, err := ParseBytes(scalar(data))
	if err == nil {
		*b = v
	}
	return err
}

// Duration is a time.Duration that is text in JSON: "5s", "250ms", "10m".
type Duration time.Duration

// String returns the duration as time.Duration does.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalJSON accepts what time.ParseDuration does.
func (d *Duration) UnmarshalJSON(data []byte) error {
	v, err := time.ParseDuration(scalar(data))
	if err != nil || v < 0 {
		return fmt.Errorf("duration %s: use a number with ms, s or m, such as 5s", Clip(string(data)))
	}
	*d = Duration(v)
	return nil
}

func scalar(data []byte) string {
	var s string
	if json.Unmarshal(data, &s) == nil {
		return s
	}
	return string(data)
}
