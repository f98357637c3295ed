package connector

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/seraihost/serai/host"
)

// Field is one setting of a configuration, or one field of an operation, see
// [FormOf]. A setting comes from a field of the configuration's struct and its
// tags:
//
//	Host string `json:"host" required:"true" doc:"name or address of the server"`
//	Port int    `json:"port" default:"5432" min:"1" max:"65535" doc:"…"`
//	Password string `json:"password" secret:"true" doc:"…"`  // "within": with text around the reference
//	Mode string `json:"mode" enum:"single,cluster" default:"single" doc:"…"`
//
// The tag example has a value for documents and forms; those of a
// configuration make one that is valid together.
//
// A nested struct has Fields; an embedded one adds its fields.
type Field struct {
	Name     string // from json
	Type     string // string, integer, boolean, duration, size, list, map or object; in an operation also milliseconds, json and values
	Doc      string
	Default  string
	Example  string // of a setting, for documents and forms
	Required bool
	Secret   bool // must be a reference to a secret
	Within   bool // of a secret: text may stand around the reference
	Optional bool // of an operation: absent is something else than empty or zero
	Enum     []string
	Min, Max string
	Fields   []Field // of an object

	index []int
	whole bool // of fields with a prefix: the operation gets their names with it
}

var (
	durationType = reflect.TypeFor[host.Duration]()
	bytesType    = reflect.TypeFor[host.Bytes]()
)

// Fields returns the settings of a configuration. One without documentation
// or of a type that no document has is a fault of the program and panics.
func Fields(config any) []Field { return fieldsOf(reflect.TypeOf(config), nil) }

func fieldsOf(t reflect.Type, at []int) []Field {
	var out []Field
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(slices.Clone(at), i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			out = append(out, fieldsOf(f.Type, index)...)
			continue
		}
		if name == "" || f.Tag.Get("doc") == "" {
			panic(fmt.Sprintf("connector: field %s of %s needs the tags json and doc", f.Name, t))
		}
		field := Field{
			Name: name, Type: typeName(f.Type), Doc: f.Tag.Get("doc"), Default: f.Tag.Get("default"), Example: f.Tag.Get("example"),
			Required: f.Tag.Get("required") == "true", Secret: f.Tag.Get("secret") != "", Within: f.Tag.Get("secret") == "within",
			Min: f.Tag.Get("min"), Max: f.Tag.Get("max"), index: index,
		}
		if enum := f.Tag.Get("enum"); enum != "" {
			field.Enum = strings.Split(enum, ",")
		}
		if field.Type == "object" {
			field.Fields = fieldsOf(f.Type, nil)
		}
		out = append(out, field)
	}
	return out
}

func typeName(t reflect.Type) string {
	switch t {
	case durationType:
		return "duration"
	case bytesType:
		return "size"
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int:
		return "integer"
	case reflect.Struct:
		return "object"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.String {
			return "list"
		}
	case reflect.Map:
		if t.Key().Kind() == reflect.String && t.Elem().Kind() == reflect.String {
			return "map"
		}
	default:
	}
	panic(fmt.Sprintf("connector: a configuration has no fields of type %s", t))
}

// Flat returns settings with those of objects after the object, as "tls.mode".
func Flat(fields []Field) []Field { return flat("", fields) }

func flat(prefix string, fields []Field) (out []Field) {
	for _, f := range fields {
		f.Name = prefix + f.Name
		out = append(append(out, f), flat(f.Name+".", f.Fields)...)
	}
	return out
}

// Meaning is Doc with the values that the field takes.
func (f Field) Meaning() string {
	switch {
	case len(f.Enum) > 0:
		return f.Doc + "; one of " + strings.Join(f.Enum, ", ")
	case f.Min != "" && f.Max != "":
		return f.Doc + "; " + f.Min + " to " + f.Max
	case f.Min != "":
		return f.Doc + "; from " + f.Min
	case f.Max != "":
		return f.Doc + "; up to " + f.Max
	}
	return f.Doc
}
