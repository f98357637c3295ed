package connector

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector/jsonraw"
)

// decode fills the struct that to points to from a request. What does not fit
// the form is an error that names the field.
func (f *form) decode(to any, op string, r *Request) error {
	v := reflect.ValueOf(to).Elem()
	var seen uint64 // of the first 64 fields, more than any operation has
	for i := range r.Envelope {
		name, value := r.Envelope[i].Name, r.Envelope[i].Value
		at, prefix := f.find(name)
		switch {
		case at == frameworks:
			continue
		case at < 0:
			return unknownField(op, name, f.Form)
		}
		field := &f.Fields[at]
		if field.Type == "values" {
			if list, ok := reflect.TypeAssert[*[]abi.Field](v.FieldByIndex(field.index).Addr()); ok {
				if !field.whole {
					name = name[len(prefix):]
				}
				*list = append(*list, abi.Field{Name: name, Value: value})
			}
			continue
		}
		if seen&(1<<at) != 0 && field.Type != "list" {
			return host.FieldErrorf(name, "%s has the field %q twice", op, name)
		}
		seen |= 1 << at
		if err := field.parse(v.FieldByIndex(field.index), value); err != nil {
			return err
		}
	}
	for at := range f.Fields {
		field := &f.Fields[at]
		switch {
		case seen&(1<<at) != 0 || !field.Required && field.Default == "":
		case field.Required:
			return host.FieldErrorf(field.Name, "%s needs the field %q: %s", op, field.Name, field.Doc)
		default:
			if err := field.parse(v.FieldByIndex(field.index), wireDefault(field)); err != nil {
				return err
			}
		}
	}
	return f.decodeBody(v, op, r)
}

// wireDefault returns a default as a service would send it.
func wireDefault(f *Field) string {
	switch f.Default {
	case "true":
		return "1"
	case "false":
		return "0"
	}
	return f.Default
}

// find returns the place of a field, and its prefix if it is one of many.
func (f *form) find(name string) (at int, prefix string) {
	if at, ok := f.at[name]; ok {
		return at, ""
	}
	for _, at := range f.prefixed {
		prefix := strings.TrimSuffix(f.Fields[at].Name, "*")
		if len(name) > len(prefix) && strings.HasPrefix(name, prefix) {
			return at, prefix
		}
	}
	return -1, ""
}

func (f *form) decodeBody(v reflect.Value, op string, r *Request) error {
	if r.Stream != nil {
		if f.stream == nil {
			return host.FieldErrorf("body", "%s takes no body that streams: send it whole", op)
		}
		v.FieldByIndex(f.stream).Set(reflect.ValueOf(r.Stream))
		return nil
	}
	switch {
	case f.body == nil:
		if len(r.Body) > 0 {
			return host.FieldErrorf("body", "%s takes no body", op)
		}
	case f.Body.Type == "text":
		v.FieldByIndex(f.body).SetString(string(r.Body))
	case f.Body.Type == "object":
		return f.decodeObject(v.FieldByIndex(f.body), op, r.Body)
	case f.Body.Type == "json" && len(r.Body) > 0 && !json.Valid(r.Body):
		return host.FieldErrorf("body", "the body of %s is no JSON", op)
	case f.Body.Type == "bytes" && r.Body == nil:
		v.FieldByIndex(f.body).SetBytes([]byte{}) // a body with nothing in it, for those who tell that from none
	default:
		v.FieldByIndex(f.body).SetBytes(r.Body)
	}
	return nil
}

// decodeObject fills a struct from the JSON object that a body is. It is what
// operations do before anything else, so it takes the text apart itself, for a
// fifth of what encoding/json takes to make values of it.
func (f *form) decodeObject(v reflect.Value, op string, body []byte) error {
	body = bytes.TrimSpace(body)
	if len(body) == 0 || body[0] != '{' || !json.Valid(body) {
		return host.FieldErrorf("body", "the body of %s is no JSON object with %s", op, strings.Join(namesOf(f.Body.Fields), ", "))
	}
	object, ok := jsonraw.Members(body, len(f.Body.Fields))
	for i := range object.List {
		m := &object.List[i]
		at := slices.IndexFunc(f.Body.Fields, func(f Field) bool { return f.Name == m.Name })
		if at < 0 {
			return host.FieldErrorf(m.Name, "the body of %s has no member %q: use %s", op, host.Clip(m.Name), strings.Join(namesOf(f.Body.Fields), ", "))
		}
		if slices.ContainsFunc(object.List[:i], func(before jsonraw.Member) bool { return before.Name == m.Name }) {
			return host.FieldErrorf(m.Name, "the body of %s has %q twice", op, m.Name)
		}
		if err := f.Body.Fields[at].decodeMember(v.FieldByIndex(f.Body.Fields[at].index), op, m.Value); err != nil {
			return err
		}
	}
	if !ok { // more than there are
		return host.FieldErrorf("body", "the body of %s has other members than %s", op, strings.Join(namesOf(f.Body.Fields), ", "))
	}
	for i := range f.Body.Fields {
		if m := &f.Body.Fields[i]; m.Required && v.FieldByIndex(m.index).IsZero() {
			return host.FieldErrorf(m.Name, "%s needs %q in its body: %s", op, m.Name, m.Doc)
		}
	}
	return nil
}

// decodeMember fills the value of a member.
func (f *Field) decodeMember(v reflect.Value, op string, raw json.RawMessage) error {
	switch {
	case f.Type == "json":
		v.SetBytes(raw)
	case f.Type == "string" && raw[0] == '"':
		v.SetString(jsonraw.Text(raw))
	default:
		if err := json.Unmarshal(raw, v.Addr().Interface()); err != nil {
			return host.FieldErrorf(f.Name, "%q in the body of %s is %s, which it cannot be: %s", f.Name, op, host.Clip(string(raw)), f.Doc)
		}
	}
	return nil
}

// parse reads a value into v.
func (f *Field) parse(v reflect.Value, text string) error {
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch f.Type {
	case "string":
		if f.Required && text == "" {
			return host.FieldErrorf(f.Name, "%s is empty: %s", f.Name, f.Doc)
		}
		if len(f.Enum) > 0 && text != "" && !slices.Contains(f.Enum, text) {
			return host.FieldErrorf(f.Name, "%s %q: use %s", f.Name, host.Clip(text), strings.Join(f.Enum, ", "))
		}
		v.SetString(text)
	case "list":
		v.Set(reflect.Append(v, reflect.ValueOf(text)))
	case "json":
		if text != "" && !json.Valid([]byte(text)) {
			return host.FieldErrorf(f.Name, "%s is no JSON", f.Name)
		}
		v.SetBytes([]byte(text))
	case "boolean":
		if text != "0" && text != "1" {
			return host.FieldErrorf(f.Name, "%s %q: use 0 or 1", f.Name, host.Clip(text))
		}
		v.SetBool(text == "1")
	default:
		return f.parseNumber(v, text)
	}
	return nil
}

func (f *Field) parseNumber(v reflect.Value, text string) error {
	low, high := int64(math.MinInt64), int64(math.MaxInt64)
	unit := int64(1)
	if f.Type == "milliseconds" {
		low, high, unit = 0, math.MaxInt64/int64(time.Millisecond), int64(time.Millisecond)
	}
	if f.Min != "" {
		low = bound(*f, f.Min)
	}
	if f.Max != "" {
		high = bound(*f, f.Max)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < low || n > high {
		what := "a whole number"
		if unit > 1 {
			what = "whole milliseconds"
		}
		if f.Min != "" || f.Max != "" {
			what += " from " + strconv.FormatInt(low, 10) + " to " + strconv.FormatInt(high, 10)
		}
		return host.FieldErrorf(f.Name, "%s %q: use %s", f.Name, host.Clip(text), what)
	}
	v.SetInt(n * unit)
	return nil
}

// encode returns the result that the struct that from points to describes.
func (f *form) encode(from any) *Result {
	v := reflect.ValueOf(from).Elem()
	out := &Result{Envelope: f.appendFields(nil, "", v)}
	switch {
	case f.body == nil:
	case f.Body.Type == "text":
		out.Body = []byte(v.FieldByIndex(f.body).String())
	default:
		out.Body = v.FieldByIndex(f.body).Bytes()
	}
	if f.stream != nil {
		if s, ok := reflect.TypeAssert[io.ReadCloser](v.FieldByIndex(f.stream)); ok {
			out.Stream = s
		}
	}
	return out
}

func (f *form) appendFields(e abi.Envelope, prefix string, v reflect.Value) abi.Envelope {
	if len(f.Fields) == 0 {
		return e
	}
	e = slices.Grow(e, len(f.Fields))
	for i := range f.Fields {
		f.Fields[i].format(&e, prefix+f.Fields[i].Name, v.FieldByIndex(f.Fields[i].index))
	}
	return e
}

// Encoder writes structs that have the tags of [FormOf] into envelopes.
type Encoder[T any] struct{ form *form }

// NewEncoder returns an encoder. A type that makes no sense is a fault of the
// program and panics.
func NewEncoder[T any]() Encoder[T] { return Encoder[T]{formFor[T](true)} }

// Fields returns what it writes.
func (e Encoder[T]) Fields() []Field { return e.form.Fields }

// Append appends the fields of v to an envelope, their names after prefix.
func (e Encoder[T]) Append(to abi.Envelope, prefix string, v *T) abi.Envelope {
	return e.form.appendFields(to, prefix, reflect.ValueOf(v).Elem())
}

func (f *Field) format(e *abi.Envelope, name string, v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return
		}
		v = v.Elem()
	}
	switch f.Type {
	case "string":
		if v.Len() > 0 {
			e.Add(name, v.String())
		}
	case "json":
		if v.Len() > 0 {
			e.Add(name, string(v.Bytes()))
		}
	case "list":
		for i := range v.Len() {
			e.Add(name, v.Index(i).String())
		}
	case "values":
		prefix := strings.TrimSuffix(name, "*")
		for i := range v.Len() {
			one := v.Index(i)
			e.Add(prefix+one.Field(0).String(), one.Field(1).String())
		}
	case "boolean":
		text := "0"
		if v.Bool() {
			text = "1"
		}
		e.Add(name, text)
	case "milliseconds":
		e.Add(name, strconv.FormatInt(time.Duration(v.Int()).Milliseconds(), 10))
	default:
		e.Add(name, strconv.FormatInt(v.Int(), 10))
	}
}
