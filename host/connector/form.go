package connector

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/seraihost/serai/abi"
)

// Form is what a request or a reply of an operation consists of: fields of
// the envelope and a body.
type Form struct {
	Fields []Field
	Body   Body
}

// Body is the payload of a request or a reply.
type Body struct {
	Type    string // bytes, text, json, or object; "" if there is none
	Doc     string
	Fields  []Field // of an object, which is JSON
	Streams bool    // it may be one that does not fit into memory
}

// names lists the fields for messages.
func (f Form) names() string {
	names := namesOf(f.Fields)
	slices.Sort(names)
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// FormOf returns the form of a struct, from its fields and their tags:
//
//	Queue   string          `field:"queue" required:"true" doc:"…"`
//	Durable bool            `field:"durable" default:"true" doc:"…"`    // "0" or "1"
//	Type    string          `field:"type" enum:"direct,fanout" doc:"…"`
//	Count   int64           `field:"count" min:"1" max:"100" doc:"…"`   // decimal
//	Wait    time.Duration   `field:"wait" doc:"…"`                      // whole milliseconds
//	Last    *int64          `field:"last" doc:"…"`                      // nil: absent
//	Keys    []string        `field:"key" doc:"…"`                       // the field repeats
//	Headers []abi.Field     `field:"header.*" doc:"…"`                  // all with the prefix, without it; names:"whole" in a request: with it
//	Table   json.RawMessage `field:"table" doc:"…"`                     // JSON
//	Body    []byte          `body:"…"`   // or string for text, json.RawMessage for JSON, a struct for a JSON object
//	Stream  io.Reader       `stream:"true"` // what the body is when it streams; io.ReadCloser in a reply
//
// The fields of a struct for an object have the tags json, doc and required.
//
// A body of bytes is not nil, unless the request streams.
//
// The name "*" takes all fields that have no other place, in order.
//
// An embedded struct adds its fields. Of a reply, text that is empty and
// pointers that are nil are left out.
func FormOf(v any) Form {
	var f form
	f.add(reflect.TypeOf(v), nil)
	return f.Form
}

// form is a Form and where its parts are in the struct.
type form struct {
	Form
	at       map[string]int // of a field among Fields, by its name; frameworks for those of framework
	prefixed []int          // those that take names with a prefix
	body     []int          // index of the body, nil if there is none
	stream   []int          // index of the stream
}

var (
	rawType    = reflect.TypeFor[json.RawMessage]()
	waitType   = reflect.TypeFor[time.Duration]()
	fieldsType = reflect.TypeFor[[]abi.Field]()
	readerType = reflect.TypeFor[io.Reader]()
	closerType = reflect.TypeFor[io.ReadCloser]()
)

// frameworks is the place of fields that operations do not see.
const frameworks = -2

// formFor returns the form of T; it panics on types that make no sense.
func formFor[T any](reply bool) *form {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("connector: %s is no struct, which requests and replies are", t))
	}
	f := &form{}
	f.add(t, nil)
	f.at = make(map[string]int, len(f.Fields))
	for i, field := range f.Fields {
		if _, twice := f.at[field.Name]; twice || slices.Contains(framework, field.Name) {
			panic(fmt.Sprintf("connector: %s has the field %q twice, or it is the framework's", t, field.Name))
		}
		f.at[field.Name] = i
		if field.Type == "values" {
			f.prefixed = append(f.prefixed, i)
		}
	}
	for _, name := range framework {
		f.at[name] = frameworks
	}
	want := readerType
	if reply {
		want = closerType
	}
	if f.stream != nil && t.FieldByIndex(f.stream).Type != want {
		panic(fmt.Sprintf("connector: the stream of %s is no %s", t, want))
	}
	return f
}

// add takes in the fields of a struct that is at an index of the whole.
func (f *form) add(t reflect.Type, at []int) {
	for i := range t.NumField() {
		one := t.Field(i)
		index := append(slices.Clone(at), i)
		name, isField := one.Tag.Lookup("field")
		doc, isBody := one.Tag.Lookup("body")
		_, isStream := one.Tag.Lookup("stream")
		switch {
		case isField:
			f.Fields = append(f.Fields, operand(t, one, name, index))
		case isBody:
			f.Body.Type, f.Body.Doc, f.body = bodyType(one.Type), doc, index
			if f.Body.Type == "object" {
				f.Body.Fields = members(one.Type)
			}
		case isStream:
			f.Body.Streams, f.stream = true, index
		case one.Anonymous && one.Type.Kind() == reflect.Struct:
			f.add(one.Type, index)
		default:
			panic(fmt.Sprintf("connector: field %s of %s needs the tag field, body or stream", one.Name, t))
		}
	}
}

// members returns the fields of a JSON object.
func members(t reflect.Type) []Field {
	var out []Field
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || f.Tag.Get("doc") == "" {
			panic(fmt.Sprintf("connector: field %s of %s needs the tags json and doc", f.Name, t))
		}
		kind := "array"
		if f.Type.Kind() != reflect.Slice || f.Type == rawType {
			kind = operandType(f.Type)
		}
		out = append(out, Field{Name: name, Type: kind, Doc: f.Tag.Get("doc"), Required: f.Tag.Get("required") == "true", index: []int{i}})
	}
	return out
}

func operand(t reflect.Type, f reflect.StructField, name string, index []int) Field {
	tag := f.Tag.Get
	out := Field{
		Name: name, Type: operandType(f.Type), Doc: tag("doc"), Default: tag("default"), Required: tag("required") == "true",
		Min: tag("min"), Max: tag("max"), Optional: f.Type.Kind() == reflect.Pointer, index: index, whole: tag("names") == "whole",
	}
	if enum := tag("enum"); enum != "" {
		out.Enum = strings.Split(enum, ",")
	}
	prefixed := strings.HasSuffix(name, "*")
	if name == "" || out.Doc == "" || prefixed != (out.Type == "values") {
		panic(fmt.Sprintf("connector: field %s of %s needs a name, the tag doc, and a name that ends with * if it has many", f.Name, t))
	}
	for _, text := range []string{out.Min, out.Max} {
		if text != "" {
			bound(out, text)
		}
	}
	return out
}

// operandType returns the type of a field of an operation.
func operandType(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case rawType:
		return "json"
	case waitType:
		return "milliseconds"
	case fieldsType:
		return "values"
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64:
		return "integer"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.String {
			return "list"
		}
	default:
	}
	panic(fmt.Sprintf("connector: an operation has no fields of type %s", t))
}

func bodyType(t reflect.Type) string {
	switch {
	case t == rawType:
		return "json"
	case t.Kind() == reflect.Struct:
		return "object"
	case t.Kind() == reflect.String:
		return "text"
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return "bytes"
	}
	panic(fmt.Sprintf("connector: a body is no %s", t))
}
