package sqldb

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// Bounds of a page: it ends with the row that crosses one.
const (
	pageRows  = 1000
	pageBytes = 1 << 20
)

// page reads the rows of a statement, so many at a time.
type page struct {
	rows
	start   []byte // {"columns": …, "types": …, "rows": [
	pending bool   // the next row is there
	started bool
}

// newPage returns the rows of a result, nil if it has no columns.
func newPage(ctx context.Context, r rows) (*page, error) {
	start, err := r.head(ctx)
	if err != nil || len(start) == 0 {
		return nil, err
	}
	return &page{rows: r, start: start}, nil
}

// headOf writes what a page begins with.
func headOf(names, kinds []string) ([]byte, error) {
	if len(names) == 0 {
		return nil, nil
	}
	shown := make([]string, len(kinds))
	for i, kind := range kinds {
		shown[i] = strings.Replace(kind, "single", "float", 1)
	}
	head, err := json.Marshal(struct {
		Columns []string `json:"columns"`
		Types   []string `json:"types"`
	}{names, shown})
	if err != nil {
		return nil, fmt.Errorf("writing columns: %w", err)
	}
	return append(head[:len(head)-1], `,"rows":[`...), nil
}

// read returns the next page and whether there is more.
func (p *page) read() (body []byte, more bool, err error) {
	out := make([]byte, len(p.start), len(p.start)+rowBytes)
	copy(out, p.start)
	if !p.started {
		p.started = true
		p.pending = p.next()
	}
	for n := 0; p.pending && n < pageRows && len(out) < pageBytes; n++ {
		if n > 0 {
			out = append(out, ',')
		}
		if out, err = p.append(out); err != nil {
			return nil, false, err
		}
		p.pending = p.next()
	}
	if err := p.err(); err != nil {
		return nil, false, err
	}
	return append(out, `]}`...), p.pending, nil
}

// rowBytes is what a page has room for at first: a row of some columns.
const rowBytes = 256
