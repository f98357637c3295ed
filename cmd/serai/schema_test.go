package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestSchemaKnowsConnectors has the schema judge settings as an editor does.
func TestSchemaKnowsConnectors(t *testing.T) {
	raw, err := json.Marshal(documentSchema())
	if err != nil {
		t.Fatal(err)
	}
	var schema any
	if err := json.Unmarshal(raw, &schema); err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct{ document, want string }{
		{"connections: {DB: {type: sql, engine: postgresql, host: db, port: 5432, database: d, tls: {mode: 'on'}, options: {a: b}}}", ""},
		{"connections: {DB: {type: sql, engine: '${env:E}', port: '${env:PORT}', database: d, password: '${secret:p}', allow_networks: [10.0.0.0/8]}}", ""},
		{"connections: {CRM: {type: http, base_url: 'https://a', timeout: 1m30s, max_response_bytes: 1 MiB, auth: {type: basic, password: 'a ${secret:p}'}}}", ""},
		{"connections: {DB: {type: sql, engine: db2, database: d}}", "connections.DB.engine: no choice fits"},
		{"connections: {DB: {type: sql, engine: sqlite}}", "connections.DB: needs database"},
		{"connections: {DB: {type: sql, engine: sqlite, database: d, prot: 1}}", "connections.DB: has prot"},
		{"connections: {DB: {type: sql, engine: mysql, database: d, port: 70000}}", "connections.DB.port: no choice fits"},
		{"connections: {DB: {type: sql, engine: mysql, database: d, password: clear}}", "connections.DB.password: no choice fits"},
		{"connections: {DB: {type: sql, engine: mysql, database: d, timeout: soon}}", "connections.DB.timeout: no choice fits"},
		{"connections: {DB: {type: sql, engine: mysql, database: d, tls: {mod: on}}}", "connections.DB.tls: has mod"},
		{"connections: {Q: {type: sql3}}", "connections.Q.type: sql3 is no choice"},
		{"connections: {Q: {host: a}}", "connections.Q: needs type"},
		{"channels: {A: {service: a, path: /a, method: GET}, B: {type: rest, service: a, path: /a}}", ""},
		{"channels: {Q: {type: amqp, connection: B, service: a, queue: q, prefetch: 1, backoff: 2s}}", ""},
		{"channels: {L: {type: sql, connection: DB, service: a, channels: [orders], catch_up: true}}", ""},
		{"channels: {L: {type: sql, connection: DB, service: a, channels: orders}}", "channels.L.channels: is no array"},
		{"channels: {A: {service: a}}", "channels.A: needs path"},
		{"channels: {A: {service: a, path: /a, queue: q}}", "channels.A: has queue"},
		{"channels: {Q: {type: amqp, connection: B, service: a}}", "channels.Q: needs queue"},
		{"channels: {Q: {type: amqp, connection: B, service: a, queue: q, path: /a}}", "channels.Q: has path"},
		{"services: [{path: a}]", ""},
		{"service: []", ": has service"},
	} {
		var document any
		if err := yaml.Unmarshal([]byte(v.document), &document); err != nil {
			t.Fatal(err)
		}
		s, _ := schema.(map[string]any)
		if got := against(s, document, ""); got != v.want {
			t.Errorf("%s: %q, want %q", v.document, got, v.want)
		}
	}
}

// against says what about a value does not fit a schema, in as many words of
// JSON Schema as ours has.
func against(s map[string]any, v any, path string) string {
	object, isObject := v.(map[string]any)
	text, isText := v.(string)
	number, isNumber := v.(int)
	if kind, ok := s["type"]; ok && !fits(kind, v) {
		return fmt.Sprintf("%s: is no %v", path, kind)
	}
	if list, ok := s["enum"].([]any); ok && !slices.Contains(list, v) {
		return fmt.Sprintf("%s: %v is no choice", path, v)
	}
	if c, ok := s["const"]; ok && c != v {
		return path + ": is another"
	}
	if p, ok := s["pattern"].(string); ok && isText && !regexp.MustCompile(p).MatchString(text) {
		return path + ": is not as the pattern"
	}
	low, hasLow := s["minimum"].(float64)
	high, hasHigh := s["maximum"].(float64)
	if isNumber && (hasLow && float64(number) < low || hasHigh && float64(number) > high) {
		return path + ": is out of bounds"
	}
	if items, ok := s["items"].(map[string]any); ok {
		list, _ := v.([]any)
		for i, one := range list {
			if wrong := against(items, one, fmt.Sprintf("%s[%d]", path, i)); wrong != "" {
				return wrong
			}
		}
	}
	if choices, ok := s["anyOf"].([]any); ok && !slices.ContainsFunc(choices, func(one any) bool { return against(toMap(one), v, path) == "" }) {
		return path + ": no choice fits"
	}
	if isObject {
		if wrong := objectAgainst(s, object, path); wrong != "" {
			return wrong
		}
	}
	for _, one := range toList(s["allOf"]) {
		if wrong := against(toMap(one), v, path); wrong != "" {
			return wrong
		}
	}
	if condition, ok := s["if"].(map[string]any); ok && against(condition, v, path) == "" {
		return against(toMap(s["then"]), v, path)
	}
	return ""
}

func objectAgainst(s, object map[string]any, path string) string {
	for _, name := range toList(s["required"]) {
		if text, _ := name.(string); object[text] == nil {
			return fmt.Sprintf("%s: needs %v", path, name)
		}
	}
	properties := toMap(s["properties"])
	for name, one := range object {
		at := strings.TrimPrefix(path+"."+name, ".")
		known, isKnown := properties[name]
		more, hasMore := s["additionalProperties"]
		switch {
		case isKnown:
			if wrong := against(toMap(known), one, at); wrong != "" {
				return wrong
			}
		case more == false:
			return path + ": has " + name
		case hasMore:
			if wrong := against(toMap(more), one, at); wrong != "" {
				return wrong
			}
		}
	}
	return ""
}

func fits(kind, v any) bool {
	name := "null"
	switch v.(type) {
	case map[string]any:
		name = "object"
	case []any:
		name = "array"
	case string:
		name = "string"
	case bool:
		name = "boolean"
	case int:
		name = "integer"
	}
	if list, ok := kind.([]any); ok {
		return slices.ContainsFunc(list, func(one any) bool { return fits(one, v) })
	}
	return kind == name || kind == "number" && name == "integer"
}

func toMap(v any) map[string]any {
	m, _ := v.(map[string]any) // true is a schema that everything fits
	return m
}

func toList(v any) []any {
	l, _ := v.([]any)
	return l
}
