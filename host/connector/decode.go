package connector

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
)

// maxConfigBytes bounds a configuration.
const maxConfigBytes = 64 << 10

// decodeConfig reads raw into the struct that to points to: unknown keys,
// wrong types, missing and bad values are errors that name the field.
// References to secrets are replaced if secret is not nil.
func decodeConfig(raw []byte, to any, fields []Field, secret func(string) (string, error)) error {
	if len(raw) > maxConfigBytes {
		return host.FieldErrorf("config", "config has %d bytes, at most %d", len(raw), maxConfigBytes)
	}
	var values map[string]json.RawMessage
	d := json.NewDecoder(bytes.NewReader(raw))
	if err := d.Decode(&values); err != nil || values == nil {
		return host.FieldErrorf("config", "config is no JSON object")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return host.FieldErrorf("config", "config has data after the object")
	}
	return decodeFields(values, reflect.ValueOf(to).Elem(), fields, "config", secret)
}

func decodeFields(values map[string]json.RawMessage, to reflect.Value, fields []Field, path string, secret func(string) (string, error)) error {
	known := make([]string, len(fields))
	for i, f := range fields {
		known[i] = f.Name
	}
	for name := range values {
		if !slices.Contains(known, name) {
			slices.Sort(known)
			return host.FieldErrorf(path+"."+host.Clip(name), "%s has no field %q: use %s", path, host.Clip(name), strings.Join(known, ", "))
		}
	}
	for _, f := range fields {
		if err := decodeField(values[f.Name], to.FieldByIndex(f.index), f, path+"."+f.Name, secret); err != nil {
			return err
		}
	}
	return nil
}

func decodeField(raw json.RawMessage, v reflect.Value, f Field, path string, secret func(string) (string, error)) error {
	switch {
	case raw != nil && string(raw) != "null":
	case f.Required:
		return host.FieldErrorf(path, "%s is missing: %s", path, f.Doc)
	case f.Type == "object":
		raw = json.RawMessage("{}")
	case f.Default == "":
		return nil
	default:
		raw = json.RawMessage(f.Default)
		if f.Type != "integer" && f.Type != "boolean" {
			raw, _ = json.Marshal(f.Default) // text is always encoded
		}
	}
	if f.Type == "object" {
		var values map[string]json.RawMessage
		if err := json.Unmarshal(raw, &values); err != nil {
			return host.FieldErrorf(path, "%s is an object with %s", path, strings.Join(namesOf(f.Fields), ", "))
		}
		return decodeFields(values, v, f.Fields, path, secret)
	}
	if err := json.Unmarshal(raw, v.Addr().Interface()); err != nil {
		if v.Type() == durationType || v.Type() == bytesType {
			return host.FieldErrorf(path, "%s: %v", path, err)
		}
		return host.FieldErrorf(path, "%s is %s, not %s", path, described[f.Type], host.Clip(string(raw)))
	}
	if err := checkField(v, f, path); err != nil {
		return err
	}
	return fillSecrets(v, path, secret)
}

// described are the types of settings as messages call them.
var described = map[string]string{
	"string": "text", "integer": "a whole number", "boolean": "true or false", "list": "a list of texts", "map": "an object of texts",
}

func namesOf(fields []Field) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.Name
	}
	return out
}

// checkField holds a value against its tags.
func checkField(v reflect.Value, f Field, path string) error {
	text := fmt.Sprint(v.Interface())
	switch {
	case f.Required && text == "":
		return host.FieldErrorf(path, "%s is missing: %s", path, f.Doc)
	case len(f.Enum) > 0 && text != "" && !slices.Contains(f.Enum, text):
		return host.FieldErrorf(path, "%s %q: use %s", path, host.Clip(text), strings.Join(f.Enum, ", "))
	case f.Secret && text != "" && !whole.MatchString(text) && !(f.Within && reference.MatchString(text)):
		return host.FieldErrorf(path, "%s is in clear: store it as a secret and write ${secret:NAME} here", path)
	}
	if f.Min == "" && f.Max == "" {
		return nil
	}
	number := v.Int()
	low, high := bound(f, f.Min), bound(f, f.Max)
	if f.Min != "" && number < low || f.Max != "" && number > high {
		return host.FieldErrorf(path, "%s is %s: use %s to %s", path, text, f.Min, f.Max)
	}
	return nil
}

// bound reads the tag of a bound as the field's type does.
func bound(f Field, text string) int64 {
	if text == "" {
		return 0
	}
	switch f.Type {
	case "duration":
		var d host.Duration
		if d.UnmarshalJSON([]byte(strconv.Quote(text))) == nil {
			return int64(d)
		}
	case "size":
		if b, err := host.ParseBytes(text); err == nil {
			return int64(b)
		}
	default:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	}
	panic(fmt.Sprintf("connector: field %s has the bound %q", f.Name, text))
}

var (
	whole     = regexp.MustCompile(`^\$\{secret:[^{}]+\}$`)
	reference = regexp.MustCompile(`\$\{secret:([^{}]*)\}`)
)

// fillSecrets replaces the references in text, lists and maps.
func fillSecrets(v reflect.Value, path string, secret func(string) (string, error)) error {
	switch v.Kind() {
	case reflect.String:
		text, err := fillText(v.String(), path, secret)
		if err != nil {
			return err
		}
		v.SetString(text)
	case reflect.Slice:
		for i := range v.Len() {
			if err := fillSecrets(v.Index(i), path, secret); err != nil {
				return err
			}
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			text, err := fillText(v.MapIndex(k).String(), fmt.Sprintf("%s[%q]", path, host.Clip(k.String())), secret)
			if err != nil {
				return err
			}
			v.SetMapIndex(k, reflect.ValueOf(text))
		}
	default:
	}
	return nil
}

func fillText(text, path string, secret func(string) (string, error)) (string, error) {
	var b strings.Builder
	at := 0
	for _, m := range reference.FindAllStringSubmatchIndex(text, -1) {
		name := text[m[2]:m[3]]
		if err := host.CheckName(path, name); err != nil {
			return "", host.FieldErrorf(path, "%s refers to a secret without a proper name: use ${secret:NAME}", path)
		}
		b.WriteString(text[at:m[0]])
		at = m[1]
		if secret == nil {
			b.WriteString(text[m[0]:m[1]])
			continue
		}
		value, err := secret(name)
		if err != nil {
			return "", missing(name, err)
		}
		b.WriteString(value)
	}
	b.WriteString(text[at:])
	if strings.Contains(reference.ReplaceAllLiteralString(text, ""), "${") {
		return "", host.FieldErrorf(path, `%s has a "${" that is not part of ${secret:NAME}`, path)
	}
	return b.String(), nil
}

// EachSecret calls fn for the secrets that a configuration refers to, in
// order, until fn fails.
func EachSecret(raw []byte, fn func(name string) (string, error)) error {
	for _, m := range reference.FindAllSubmatch(raw, -1) {
		if name := string(m[1]); name != "" {
			if _, err := fn(name); err != nil {
				return missing(name, err)
			}
		}
	}
	return nil
}

// missing says that a secret cannot be had.
func missing(name string, err error) error {
	if host.CodeOf(err) == abi.NotFound {
		return host.Errorf(abi.NotFound, "the connection needs the secret %q, which is not set", host.Clip(name))
	}
	return fmt.Errorf("reading secret %q: %w", host.Clip(name), err)
}
