package connector

import (
	"encoding/json"
	"strconv"
)

// Schema returns the JSON Schema (draft 2020-12) of settings.
func Schema(fields []Field) map[string]any {
	properties := make(map[string]any, len(fields))
	required := []string{}
	for _, f := range fields {
		properties[f.Name] = schemaOf(f)
		if f.Required {
			required = append(required, f.Name)
		}
	}
	out := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

// schemaOf returns the schema of one setting. The bounds of durations and
// sizes, which JSON Schema has no words for, stand in its description.
func schemaOf(f Field) map[string]any {
	out := typeSchema(f)
	out["description"] = f.Doc
	if f.Default != "" {
		out["default"] = f.Typed(f.Default)
	}
	if f.Example != "" {
		out["examples"] = []any{f.Typed(f.Example)}
	}
	if len(f.Enum) > 0 {
		out["enum"] = f.Enum
	}
	if f.Secret {
		out["writeOnly"] = true // forms hide it
	}
	for name, text := range map[string]string{"minimum": f.Min, "maximum": f.Max} {
		if text != "" && f.Type == "integer" {
			out[name] = bound(f, text)
		}
	}
	if f.Type != "integer" && f.Min != "" && f.Max != "" {
		out["description"] = f.Doc + "; " + f.Min + " to " + f.Max
	}
	return out
}

// Typed returns a default or an example as JSON has values of the field's type.
func (f Field) Typed(text string) any {
	switch f.Type {
	case "integer":
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	case "boolean":
		return text == "true"
	case "list", "map":
		var v any
		if json.Unmarshal([]byte(text), &v) == nil {
			return v
		}
	}
	return text
}

func typeSchema(f Field) map[string]any {
	text := map[string]any{"type": "string"}
	switch f.Type {
	case "integer":
		return map[string]any{"type": "integer"}
	case "boolean":
		return map[string]any{"type": "boolean"}
	case "duration":
		return map[string]any{"type": "string", "pattern": `^(0|([0-9.]+(ns|us|µs|ms|s|m|h))+)$`}
	case "size":
		return map[string]any{"type": []string{"string", "integer"}, "pattern": `^[0-9]+ *(B|KiB|MiB|GiB)?$`}
	case "list":
		return map[string]any{"type": "array", "items": text}
	case "map":
		return map[string]any{"type": "object", "additionalProperties": text}
	case "object":
		return Schema(f.Fields)
	}
	switch {
	case f.Within:
		text["pattern"] = `\$\{secret:[^{}]+\}`
	case f.Secret:
		text["pattern"] = `^\$\{secret:[^{}]+\}$`
	}
	return text
}
