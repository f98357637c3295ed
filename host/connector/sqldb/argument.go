package sqldb

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector/jsonraw"
)

// tagged is a value that JSON has no form for: {"type": "decimal", "value": "1.20"}.
type tagged struct {
	Type  string          `json:"type"`
	Value json.RawMessage `json:"value"`
}

// layouts are the forms of times, with and without a zone.
var layouts = map[string][]string{
	"datetime": {time.RFC3339Nano, "2006-01-02T15:04:05.999999999"},
	"date":     {time.DateOnly},
}

// place is where a value stands, for messages: at an index of base, or below
// it under a name.
type place struct {
	base, name string
	index      int
}

func (p place) String() string {
	if p.name != "" {
		return p.base + "." + host.Clip(p.name)
	}
	return p.base + "[" + strconv.Itoa(p.index) + "]"
}

// argument returns a parameter as a driver takes it. Numbers, text, booleans
// and null are themselves; everything else has a type.
func (d *Database) argument(raw json.RawMessage, at place) (any, error) {
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return nil, nil
	case raw[0] == '"':
		return jsonraw.Text(raw), nil
	case raw[0] == 't' || raw[0] == 'f':
		return d.truth(raw[0] == 't'), nil
	case raw[0] == '{':
		var t tagged
		if err := json.Unmarshal(raw, &t); err == nil && t.Type != "" {
			return d.typed(t, at.String())
		}
	default:
		if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
			return n, nil
		}
		if !strings.ContainsAny(string(raw), ".eE") {
			return string(raw), nil // larger than a machine's integer: the database converts it
		}
		if f, err := strconv.ParseFloat(string(raw), 64); err == nil {
			return f, nil
		}
	}
	field := at.String()
	return nil, host.FieldErrorf(field, "%s is none of null, a number, text, true, false or a typed value", field)
}

func (d *Database) typed(t tagged, field string) (any, error) {
	if t.Type == "json" {
		return string(t.Value), nil
	}
	if t.Type == "list" {
		if d.engine != postgresql {
			return nil, host.FieldErrorf(field, "%s is a list, which only PostgreSQL has; pass its JSON as text, or one parameter for each value", field)
		}
		var out strings.Builder
		if err := d.list(&out, t.Value, field, 1); err != nil {
			return nil, err
		}
		return out.String(), nil
	}
	var text string
	if err := json.Unmarshal(t.Value, &text); err != nil {
		return nil, host.FieldErrorf(field, "%s: the value of a %s is text", field, host.Clip(t.Type))
	}
	switch t.Type {
	case "decimal", "uuid", "time", "interval":
		return text, nil
	case "bytes":
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, host.FieldErrorf(field, "%s is no base64", field)
		}
		return b, nil
	case "datetime", "date":
		for _, layout := range layouts[t.Type] {
			if v, err := time.Parse(layout, text); err == nil {
				return d.moment(v, text), nil
			}
		}
	}
	return nil, host.FieldErrorf(field, "%s: %q is no %s", field, host.Clip(text), host.Clip(t.Type))
}

// moment returns a time as the engine stores it: SQLite has text only.
func (d *Database) moment(v time.Time, text string) any {
	if d.engine == sqliteName {
		return strings.Replace(text, "T", " ", 1)
	}
	return v
}
