package sqldb

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector/jsonraw"
)

// list writes a list as PostgreSQL writes arrays, {1,NULL,{"a"}}, so that the
// database makes of it what the statement needs.
func (d *Database) list(out *strings.Builder, raw json.RawMessage, field string, depth int) error {
	var items []json.RawMessage
	ok := string(raw) == "null" // an empty list of some languages
	if len(raw) > 0 && raw[0] == '[' {
		items, ok = jsonraw.Elements(raw, maxParameters)
	}
	if !ok || depth > maxDimensions {
		return host.FieldErrorf(field, "%s is a list of at most %d values, or of such lists, %d deep", field, maxParameters, maxDimensions)
	}
	out.WriteByte('{')
	for i, item := range items {
		if i > 0 {
			out.WriteByte(',')
		}
		at := place{base: field, index: i}
		var inner tagged
		if item[0] == '{' && json.Unmarshal(item, &inner) == nil && inner.Type == "list" {
			if err := d.list(out, inner.Value, at.String(), depth+1); err != nil {
				return err
			}
			continue
		}
		v, err := d.argument(item, at)
		if err != nil {
			return err
		}
		writeItem(out, v)
	}
	out.WriteByte('}')
	return nil
}

var escapeItem = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func writeItem(out *strings.Builder, v any) {
	switch x := v.(type) {
	case nil:
		out.WriteString("NULL")
	case string:
		out.WriteByte('"')
		_, _ = escapeItem.WriteString(out, x)
		out.WriteByte('"')
	case []byte:
		out.WriteString(`"\\x` + hex.EncodeToString(x) + `"`)
	case time.Time:
		out.WriteString(`"` + x.Format(time.RFC3339Nano) + `"`)
	default: // numbers and booleans
		fmt.Fprint(out, x)
	}
}
