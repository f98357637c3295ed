package config

import (
	"maps"
	"reflect"
	"slices"

	"github.com/seraihost/serai/host"
)

// byType returns the schema of a mapping whose type says which keys it has:
// its own and the connector's settings. Without a type, and with the type of
// REST channels, it has its own keys and rest, if there is a rest.
func byType(required []string, types map[string]map[string]any, own, rest map[string]any) map[string]any {
	names := slices.Sorted(maps.Keys(types))
	var cases []any
	if rest != nil {
		names = append([]string{host.ChannelREST}, names...)
		all := maps.Clone(own)
		maps.Copy(all, rest)
		then := map[string]any{"properties": withType(all), "additionalProperties": false, "required": []string{"path"}}
		// A mapping without a type meets what is said about its type, too.
		cases = append(cases, map[string]any{"if": isType(host.ChannelREST), "then": then})
	}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		settings := settingsOf(types[name])
		keys, _ := settings["properties"].(map[string]any) // so connectors describe their settings
		all := withType(own)
		maps.Copy(all, keys)
		then := map[string]any{"properties": all, "additionalProperties": false}
		if needed, ok := settings["required"]; ok {
			then["required"] = needed
		}
		is := isType(name)
		is["required"] = []string{"type"}
		cases = append(cases, map[string]any{"if": is, "then": then})
	}
	return map[string]any{
		"type": "object", "required": required, "allOf": cases,
		"properties": map[string]any{"type": map[string]any{"enum": names}},
	}
}

func isType(name string) map[string]any {
	return map[string]any{"properties": map[string]any{"type": map[string]any{"const": name}}}
}

func withType(keys map[string]any) map[string]any {
	out := maps.Clone(keys)
	out["type"] = true
	return out
}

// channelKeys returns the keys of channels of every type, and those of
// channels over REST.
func channelKeys() (own, rest map[string]any) {
	own, rest = map[string]any{}, map[string]any{}
	for _, f := range fieldsOf(reflect.New(reflect.TypeFor[Channel]()).Elem()) {
		switch {
		case f.name == "type" || f.name == "config":
		case slices.Contains(received, f.name):
			own[f.name] = schemaOf(f.value.Type())
		default:
			rest[f.name] = schemaOf(f.value.Type())
		}
	}
	return own, rest
}

// settingsOf returns the schema of a connector's settings as documents have
// them: a variable may stand for each value, or for a part of text.
func settingsOf(schema map[string]any) map[string]any {
	out := maps.Clone(schema)
	if properties, ok := schema["properties"].(map[string]any); ok {
		loose := make(map[string]any, len(properties))
		for name, p := range properties {
			loose[name] = settingOf(p)
		}
		out["properties"] = loose
	}
	return out
}

func settingOf(p any) any {
	one, ok := p.(map[string]any)
	if !ok || one["type"] == "object" && one["properties"] == nil || one["type"] == "array" {
		return p // of texts, which take variables anyway
	}
	if one["type"] == "object" {
		return settingsOf(one)
	}
	strict := maps.Clone(one)
	out := map[string]any{"anyOf": []any{strict, map[string]any{"type": "string", "pattern": variablePattern}}}
	for _, name := range []string{"description", "default", "examples", "writeOnly"} {
		if v, ok := strict[name]; ok {
			out[name] = v
			delete(strict, name)
		}
	}
	if len(strict) == 1 && strict["type"] == "string" {
		delete(out, "anyOf")
		out["type"] = "string"
	}
	return out
}
