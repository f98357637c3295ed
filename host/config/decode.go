package config

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/seraihost/serai/host"
)

// Bounds on a document.
const (
	MaxBytes = 4 << 20
	maxDepth = 32
)

// Parse reads a document. file names it in errors, environment looks up the
// variables of "${env:NAME}". An error is an *[Error] with every problem.
func Parse(file string, content []byte, environment func(string) (string, bool)) (*Document, Positions, error) {
	d := &decoder{file: file, env: environment, at: Positions{"": {1, 1}}}
	root := d.read(content)
	doc := new(Document)
	if root != nil {
		d.value(root, reflect.ValueOf(doc).Elem(), "", 0)
	}
	if len(d.problems) == 0 {
		d.problems = d.at.Locate(Check(doc))
	}
	if len(d.problems) > 0 {
		return nil, d.at, newError(file, d.problems)
	}
	return doc, d.at, nil
}

// decoder fills values from YAML nodes by the names of their JSON fields.
type decoder struct {
	file     string
	env      func(string) (string, bool)
	at       Positions
	problems []Problem
}

// decodable is a type with a form of its own in YAML.
type decodable interface {
	decode(d *decoder, n *yaml.Node, path string, depth int)
}

func (d *decoder) read(content []byte) *yaml.Node {
	var doc yaml.Node
	switch {
	case len(content) > MaxBytes:
		d.problem(1, 1, "", "the document has %d bytes; use at most %d", len(content), MaxBytes)
		return nil
	case len(strings.TrimSpace(string(content))) == 0:
		d.problem(1, 1, "", "%v", errEmpty)
		return nil
	}
	if err := yaml.Unmarshal(content, &doc); err != nil {
		line, message := yamlError(err)
		d.problem(line, 1, "", "%s", message)
		return nil
	}
	if len(doc.Content) != 1 {
		d.problem(1, 1, "", "%v", errEmpty)
		return nil
	}
	return doc.Content[0]
}

// yamlError takes the line out of the text of an error, which has no field for it.
func yamlError(err error) (line int, message string) {
	message = strings.TrimPrefix(err.Error(), "yaml: ")
	if rest, ok := strings.CutPrefix(message, "line "); ok {
		number, text, _ := strings.Cut(rest, ": ")
		if n, err := strconv.Atoi(number); err == nil {
			return n, text
		}
	}
	return 1, message
}

func (d *decoder) problem(line, column int, path, format string, args ...any) {
	d.problems = append(d.problems, Problem{Position{line, column}, path, fmt.Sprintf(format, args...)})
}

// wrong notes a problem of a node.
func (d *decoder) wrong(n *yaml.Node, path, format string, args ...any) {
	d.problem(n.Line, n.Column, path, format, args...)
}

// value decodes a node into v.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path string, depth int) {
	d.at[path] = Position{n.Line, n.Column}
	if depth > maxDepth {
		d.wrong(n, path, "it is nested more than %d deep", maxDepth)
		return
	}
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		d.wrong(n, path, "anchors and aliases are not used here; write the value itself")
		return
	}
	if x, ok := reflect.TypeAssert[decodable](v.Addr()); ok {
		x.decode(d, n, path, depth)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		d.value(n, p.Elem(), path, depth)
		v.Set(p)
	case reflect.Struct:
		d.structure(n, v, path, depth)
	case reflect.Map:
		d.mapping(n, v, path, depth)
	case reflect.Slice:
		d.list(n, v, path, depth)
	default:
		d.scalar(n, v, path)
	}
}

// pairs calls each for the keys and values of a mapping, once for a key.
func (d *decoder) pairs(n *yaml.Node, path string, each func(key string, keyNode, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.wrong(n, path, "expected keys and values, found %s", kindOf(n))
		return
	}
	seen := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if k.Kind != yaml.ScalarNode {
			d.wrong(k, path, "a key is text, found %s", kindOf(k))
			continue
		}
		if line, twice := seen[k.Value]; twice {
			d.wrong(k, join(path, k.Value), "the key %q is in line %d already", host.Clip(k.Value), line)
			continue
		}
		seen[k.Value] = k.Line
		each(k.Value, k, v)
	}
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value, path string, depth int) {
	fields := fieldsOf(v)
	d.pairs(n, path, func(key string, k, value *yaml.Node) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == key })
		if i < 0 {
			d.wrong(k, join(path, key), "unknown key; use %s", names(fields, key))
			return
		}
		d.value(value, fields[i].value, join(path, key), depth+1)
	})
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, path string, depth int) {
	v.Set(reflect.MakeMap(v.Type()))
	d.pairs(n, path, func(key string, _, value *yaml.Node) {
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(value, item, join(path, key), depth+1)
		v.SetMapIndex(reflect.ValueOf(key), item)
	})
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, path string, depth int) {
	items := []*yaml.Node{n}
	switch {
	case n.Kind == yaml.SequenceNode:
		items = n.Content
	case n.Kind != yaml.ScalarNode || v.Type().Elem().Kind() != reflect.String: // one name needs no brackets
		d.wrong(n, path, "expected a list, found %s", kindOf(n))
		return
	}
	out := reflect.MakeSlice(v.Type(), len(items), len(items))
	for i, item := range items {
		d.value(item, out.Index(i), Index(path, i), depth+1)
	}
	v.Set(out)
}

// scalar decodes text, numbers and booleans; what reads itself from text does.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, path string) {
	text, ok := d.text(n, path)
	if !ok {
		return
	}
	var err error
	switch x := v.Addr().Interface().(type) {
	case json.Unmarshaler:
		quoted, _ := json.Marshal(text) // text is always encoded
		err = x.UnmarshalJSON(quoted)
	case encoding.TextUnmarshaler:
		err = x.UnmarshalText([]byte(text))
	default:
		err = setScalar(v, text)
	}
	if err != nil {
		d.wrong(n, path, "%v", err)
	}
}

func setScalar(v reflect.Value, text string) error {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil || len(text) == 1 {
			return fmt.Errorf("%q: use true or false", host.Clip(text))
		}
		v.SetBool(b)
	case reflect.Int:
		i, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q: use a whole number", host.Clip(text))
		}
		v.SetInt(int64(i))
	default:
		panic(fmt.Sprintf("config: a document has no values of type %s", v.Type())) // a fault of the package
	}
	return nil
}

// text returns a scalar with its variables replaced.
func (d *decoder) text(n *yaml.Node, path string) (string, bool) {
	if n.Kind != yaml.ScalarNode {
		d.wrong(n, path, "expected one value, found %s", kindOf(n))
		return "", false
	}
	if n.Tag == "!!null" {
		d.wrong(n, path, "the value is missing")
		return "", false
	}
	text, unset := substitute(n.Value, d.env)
	if unset != "" {
		d.wrong(n, path, "the environment variable %s is not set; set it, or write the value itself", unset)
	}
	return text, unset == ""
}

func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "keys and values"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return "an alias"
	case n.Tag == "!!null":
		return "nothing"
	}
	return fmt.Sprintf("%q", host.Clip(n.Value))
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return Path(path, key)
}
