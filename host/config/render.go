package config

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Render writes the document as YAML that [Parse] reads back. Keys are in the
// order of the types, names are sorted. A secret is written as its variable,
// which it must have, never as its value.
func Render(doc *Document) ([]byte, error) {
	if err := checkVariables(doc); err != nil {
		return nil, err
	}
	root := encodeStruct(reflect.ValueOf(doc).Elem())
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(root); err != nil {
		return nil, fmt.Errorf("writing the document: %w", err)
	}
	if err := e.Close(); err != nil {
		return nil, fmt.Errorf("writing the document: %w", err)
	}
	return b.Bytes(), nil
}

func checkVariables(doc *Document) error {
	for name, s := range sorted(doc.Secrets) {
		if s.Variable == "" {
			return fmt.Errorf("writing the document: secret %q has no variable", name)
		}
	}
	for name, s := range sorted(doc.Security) {
		for _, secret := range []*Secret{s.Password, s.Key} {
			if secret != nil && secret.Variable == "" {
				return fmt.Errorf("writing the document: the secret of %q has no variable", name)
			}
		}
	}
	return nil
}

// encodable is a type with a form of its own in YAML.
type encodable interface{ encode() *yaml.Node }

// encode returns the node of a value, nil for one that is left out.
func encode(v reflect.Value) *yaml.Node {
	if v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return nil
		}
		return given(v.Elem())
	}
	if v.IsZero() {
		return nil
	}
	return given(v)
}

// given returns the node of a value that is written even if it is zero.
func given(v reflect.Value) *yaml.Node {
	switch x := v.Interface().(type) {
	case encodable:
		return x.encode()
	case encoding.TextMarshaler:
		text, err := x.MarshalText()
		if err != nil {
			panic(fmt.Sprintf("config: a value of the document has no text: %v", err)) // sizes and durations have
		}
		return plain(string(text))
	}
	switch v.Kind() {
	case reflect.Struct:
		return encodeStruct(v)
	case reflect.Map:
		return encodeMap(v)
	case reflect.Slice:
		return encodeList(v)
	case reflect.Bool:
		return plain(strconv.FormatBool(v.Bool()))
	case reflect.Int:
		return plain(strconv.FormatInt(v.Int(), 10))
	case reflect.Pointer:
		return encode(v)
	default:
		return scalar(v.String())
	}
}

func encodeStruct(v reflect.Value) *yaml.Node {
	out := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range fieldsOf(v) {
		if value := encode(f.value); value != nil {
			out.Content = append(out.Content, key(f.name), value)
		}
	}
	return out
}

func encodeMap(v reflect.Value) *yaml.Node {
	out := &yaml.Node{Kind: yaml.MappingNode}
	keys := make([]string, 0, v.Len())
	for _, k := range v.MapKeys() {
		keys = append(keys, k.String())
	}
	slices.Sort(keys)
	for _, k := range keys {
		out.Content = append(out.Content, key(k), given(v.MapIndex(reflect.ValueOf(k))))
	}
	return out
}

func encodeList(v reflect.Value) *yaml.Node {
	out := &yaml.Node{Kind: yaml.SequenceNode}
	short := true
	for i := range v.Len() {
		item := given(v.Index(i))
		short = short && item.Kind == yaml.ScalarNode && len(item.Value) < 40
		out.Content = append(out.Content, item)
	}
	if short {
		out.Style = yaml.FlowStyle
	}
	return out
}

// scalar is text, quoted where YAML would take it for something else. A
// variable in it stands for itself.
func scalar(text string) *yaml.Node {
	n := new(yaml.Node)
	n.SetString(strings.ReplaceAll(text, envOpen, "$"+envOpen))
	return n
}

// key is a key; there are no variables in it.
func key(text string) *yaml.Node {
	n := new(yaml.Node)
	n.SetString(text)
	return n
}

// plain is text that is written as it is.
func plain(text string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: text} }

func (s Secret) encode() *yaml.Node { return plain(envOpen + s.Variable + "}") }

func (c Connection) encode() *yaml.Node {
	out := &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{key("type"), scalar(c.Type)}}
	if len(c.AllowNetworks) > 0 {
		out.Content = append(out.Content, key("allow_networks"), encodeList(reflect.ValueOf(c.AllowNetworks)))
	}
	var settings map[string]any
	d := json.NewDecoder(bytes.NewReader(c.Config))
	d.UseNumber()
	if err := d.Decode(&settings); err != nil {
		return out // the catalogue takes JSON objects only
	}
	out.Content = append(out.Content, free(settings).Content...)
	return out
}

// free returns the node of a decoded JSON value.
func free(value any) *yaml.Node {
	switch x := value.(type) {
	case map[string]any:
		out := &yaml.Node{Kind: yaml.MappingNode}
		keys := make([]string, 0, len(x))
		for k := range x {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			if x[k] != nil { // null is as good as absent
				out.Content = append(out.Content, key(k), free(x[k]))
			}
		}
		return out
	case []any:
		out := &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range x {
			out.Content = append(out.Content, free(item))
		}
		return out
	case json.Number:
		return plain(x.String())
	case bool:
		return plain(strconv.FormatBool(x))
	case string:
		return scalar(x)
	}
	return plain("null")
}

// Variable returns the name of the variable that stands for a secret:
// Variable("API Credentials", "password") is API_CREDENTIALS_PASSWORD. A
// shell takes none that begins with a digit.
func Variable(names ...string) string {
	out := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return r - 'a' + 'A'
		case 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return r
		}
		return '_'
	}, strings.Join(names, "_"))
	if out != "" && '0' <= out[0] && out[0] <= '9' {
		out = "_" + out
	}
	return out
}
