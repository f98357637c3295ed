package config

import (
	"encoding/json"
	"reflect"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// decode reads the value itself, or a variable that may be unset.
func (s *Secret) decode(d *decoder, n *yaml.Node, path string, _ int) {
	if name, ok := variable(n.Value); ok && n.Kind == yaml.ScalarNode {
		s.Variable = name
		if value, ok := d.env(name); ok {
			s.Value = &value
		}
		return
	}
	if text, ok := d.text(n, path); ok {
		s.Value = &text
	}
}

// decode takes the keys of the connection itself; all others are its
// connector's configuration, which the host checks.
func (c *Connection) decode(d *decoder, n *yaml.Node, path string, depth int) {
	settings := make(map[string]any)
	d.pairs(n, path, func(key string, _, value *yaml.Node) {
		at := join(path, key)
		d.at[at] = Position{value.Line, value.Column}
		switch key {
		case "type":
			c.Type, _ = d.text(value, at)
		case "allow_networks":
			d.value(value, reflect.ValueOf(&c.AllowNetworks).Elem(), at, depth+1)
		default:
			settings[key] = d.free(value, at, depth+1)
		}
	})
	c.Config, _ = json.Marshal(settings) // free makes what can be encoded
}

// free decodes a value whose shape is not known here.
func (d *decoder) free(n *yaml.Node, path string, depth int) any {
	d.at[path] = Position{n.Line, n.Column}
	if depth > maxDepth || n.Kind == yaml.AliasNode || n.Anchor != "" {
		d.wrong(n, path, "it is nested more than %d deep, or uses an anchor", maxDepth)
		return nil
	}
	if n.Kind == yaml.MappingNode {
		out := make(map[string]any, len(n.Content)/2)
		d.pairs(n, path, func(key string, _, value *yaml.Node) { out[key] = d.free(value, join(path, key), depth+1) })
		return out
	}
	if n.Kind == yaml.SequenceNode {
		out := make([]any, len(n.Content))
		for i, item := range n.Content {
			out[i] = d.free(item, Index(path, i), depth+1)
		}
		return out
	}
	text, ok := d.text(n, path)
	if !ok {
		return nil
	}
	return typed(n, text)
}

// typed returns a scalar as the number or boolean that YAML takes it for.
// What came out of a variable is read like a plain value.
func typed(n *yaml.Node, text string) any {
	tag := n.Tag
	if text != n.Value && n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) == 0 {
		tag = (&yaml.Node{Kind: yaml.ScalarNode, Value: text}).ShortTag()
	}
	switch tag {
	case "!!bool":
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	case "!!int", "!!float":
		if number := json.Number(text); json.Valid([]byte(number)) {
			return number
		}
	}
	return text
}
