package sqldb

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of a page: it ends with the row that crosses one.
const (
	pageRows  = 1000
	pageBytes = 1 << 20
)

// page reads the rows of a statement, so many at a time.
type page struct {
	rows    *sql.Rows
	head    []byte // {"columns": …, "types": …, "rows": [
	kinds   []string
	engine  string
	values  []any
	pending bool // the next row is there
	started bool
}

func newPage(ctx context.Context, d *Database, rows *sql.Rows) (*page, error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, fmt.Errorf("reading columns: %w", err)
	}
	names, kinds := make([]string, len(types)), make([]string, len(types))
	for i, t := range types {
		names[i], kinds[i] = t.Name(), d.kind(ctx, t.DatabaseTypeName())
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
	p := &page{rows: rows, kinds: kinds, engine: d.engine, values: make([]any, len(types))}
	p.head = append(bytes.TrimSuffix(head, []byte("}")), `,"rows":[`...)
	return p, nil
}

// read returns the next page and whether there is more.
func (p *page) read() (body []byte, more bool, err error) {
	out := append([]byte(nil), p.head...)
	targets := make([]any, len(p.values))
	for i := range p.values {
		targets[i] = &p.values[i]
	}
	if !p.started {
		p.started = true
		p.pending = p.rows.Next()
	}
	for n := 0; p.pending && n < pageRows && len(out) < pageBytes; n++ {
		if err := p.rows.Scan(targets...); err != nil {
			return nil, false, fmt.Errorf("reading row: %w", err)
		}
		if n > 0 {
			out = append(out, ',')
		}
		out = p.append(out)
		p.pending = p.rows.Next()
	}
	if err := p.rows.Err(); err != nil {
		return nil, false, err
	}
	return append(out, `]}`...), p.pending, nil
}

// append writes the scanned row.
func (p *page) append(out []byte) []byte {
	out = append(out, '[')
	for i, v := range p.values {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendValue(out, v, p.kinds[i], p.engine)
	}
	return append(out, ']')
}

func appendValue(out []byte, v any, kind, engine string) []byte {
	switch x := v.(type) {
	case nil:
		return append(out, "null"...)
	case int64:
		if kind == "boolean" {
			return strconv.AppendBool(out, x != 0)
		}
		return strconv.AppendInt(out, x, 10)
	case uint64:
		return strconv.AppendUint(out, x, 10)
	case float32:
		return appendFloat(out, float64(x), "single")
	case float64:
		return appendFloat(out, x, kind)
	case bool:
		return strconv.AppendBool(out, x)
	case time.Time:
		if x.IsZero() && (kind == "date" || kind == "datetime") && engine == mysqlName {
			return append(out, `"0000-00-00"`...) // which MySQL has, and no calendar
		}
		return appendText(out, x.Format(timeLayout(kind)))
	case []byte:
		switch {
		case kind == "any":
			return append(appendBase64(append(out, `{"type":"bytes","value":`...), x), '}')
		case kind == "bytes" || !utf8.Valid(x):
			return appendBase64(out, x)
		}
		return appendString(out, string(x), kind)
	case string:
		return appendString(out, x, kind)
	}
	return appendText(out, fmt.Sprint(v))
}

// appendString writes what a driver gives as text, by what it stands for.
func appendString(out []byte, s, kind string) []byte {
	switch kind {
	case "bytes":
		return appendBase64(out, []byte(s))
	case "moment", "datetime": // of an array of PostgreSQL, which has a space
		s = strings.Replace(s, " ", "T", 1)
	case "integer", "float", "single", "json":
		if json.Valid([]byte(s)) {
			return append(out, s...)
		}
	}
	if element, ok := strings.CutPrefix(kind, "list:"); ok {
		return appendArray(out, s, element)
	}
	return appendText(out, s)
}

// appendFloat writes a number with the digits that its size has; JSON knows no
// infinity.
func appendFloat(out []byte, x float64, kind string) []byte {
	bits := 64
	if kind == "single" {
		bits = 32
	}
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return appendText(out, strconv.FormatFloat(x, 'g', -1, bits))
	}
	return strconv.AppendFloat(out, x, 'g', -1, bits)
}

func appendBase64(out, b []byte) []byte {
	return append(base64.StdEncoding.AppendEncode(append(out, '"'), b), '"')
}

func appendText(out []byte, s string) []byte {
	b, err := json.Marshal(strings.ToValidUTF8(s, "\uFFFD"))
	if err != nil {
		return append(out, `""`...)
	}
	return append(out, b...)
}

func timeLayout(kind string) string {
	switch kind {
	case "date":
		return time.DateOnly
	case "time":
		return "15:04:05.999999999"
	case "datetime":
		return "2006-01-02T15:04:05.999999999"
	}
	return time.RFC3339Nano
}
