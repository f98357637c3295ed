package config

import (
	"reflect"

	"github.com/seraihost/serai/host"
)

// SchemaID names the JSON Schema of serai.yaml.
const SchemaID = "urn:serai:schema:document"

// Schema returns the JSON Schema (2020-12) of a document, for editors. What
// depends on a host or on several values together is not in it. The schemas of
// the settings of connections and of channels, by their types, come from the
// connectors; see settingsOf for how they change.
func Schema(connections, channels map[string]map[string]any) map[string]any {
	s := schemaOf(reflect.TypeFor[Document]())
	properties, _ := s["properties"].(map[string]any) // structSchema made it
	properties["connections"] = map[string]any{"type": "object", "additionalProperties": byType(
		[]string{"type"}, connections, map[string]any{"allow_networks": schemaOf(reflect.TypeFor[[]string]())}, nil)}
	own, rest := channelKeys()
	properties["channels"] = map[string]any{"type": "object", "additionalProperties": byType([]string{"service"}, channels, own, rest)}
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["$id"] = SchemaID
	s["title"] = "serai.yaml"
	return s
}

// variablePattern is what text must look like that stands for another type.
const variablePattern = `\$\{env:[^}]+\}`

// scalarTypes are the types that are written as text with a form of its own.
var scalarTypes = map[reflect.Type]map[string]any{
	reflect.TypeFor[Secret]():                 {"type": []string{"string", "number"}, "description": "Usually ${env:NAME}; without a value the host keeps what it has."},
	reflect.TypeFor[host.Bytes]():             text(`^[0-9]+ *(B|KiB|MiB|GiB)?$|` + variablePattern),
	reflect.TypeFor[host.Duration]():          text(`^([0-9.]+(ns|us|µs|ms|s|m|h))+$|` + variablePattern),
	reflect.TypeFor[host.Isolation]():         oneOf(host.Pristine, host.Warm),
	reflect.TypeFor[host.AuthType]():          oneOf(host.AuthBasic, host.AuthAPIKey),
	reflect.TypeFor[host.DataFormat]():        oneOf(host.DataFormats()...),
	reflect.TypeFor[host.ParamsPriority]():    oneOf(host.ParamsOverMessage, host.MessageOverParams),
	reflect.TypeFor[host.URLParamsPriority](): oneOf(host.PathOverQuery, host.QueryOverPath),
}

// required are the keys that a mapping cannot do without.
var required = map[reflect.Type][]string{
	reflect.TypeFor[Security]():   {"type"},
	reflect.TypeFor[host.Route](): {"path"},
}

func text(pattern string) map[string]any {
	return map[string]any{"type": []string{"string", "integer"}, "pattern": pattern}
}

func oneOf[T ~string](values ...T) map[string]any { return map[string]any{"enum": values} }

func schemaOf(t reflect.Type) map[string]any {
	if s, ok := scalarTypes[t]; ok {
		return s
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem())
	case reflect.Struct:
		return structSchema(t)
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": schemaOf(t.Elem())}
	case reflect.Slice:
		list := map[string]any{"type": "array", "items": schemaOf(t.Elem())}
		if t.Elem().Kind() == reflect.String { // one name needs no brackets
			return map[string]any{"anyOf": []any{schemaOf(t.Elem()), list}}
		}
		return list
	case reflect.Bool:
		return map[string]any{"type": []string{"boolean", "string"}, "pattern": variablePattern}
	case reflect.Int:
		return map[string]any{"type": []string{"integer", "string"}, "pattern": variablePattern}
	default:
		return map[string]any{"type": []string{"string", "number", "boolean"}}
	}
}

func structSchema(t reflect.Type) map[string]any {
	properties := map[string]any{}
	for _, f := range fieldsOf(reflect.New(t).Elem()) {
		properties[f.name] = schemaOf(f.value.Type())
	}
	s := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if keys, ok := required[t]; ok {
		s["required"] = keys
	}
	return s
}
