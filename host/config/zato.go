package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/seraihost/serai/host"
)

// Import is what an enmasse file of Zato (3.2 or 4.1, YAML or JSON) became.
type Import struct {
	Document *Document
	// Values are what the file had for the variables of Document's secrets.
	Values map[string]string
	// Services are the services that channels name: they are deployed from
	// their own files.
	Services []string
	Notes    []Note // what was not mapped, or differs
}

// Note is about one object of an imported file.
type Note struct {
	Line    int
	Object  string // section and name, such as `outgoing_sql "Billing"`
	Message string
}

// zatoEnv begins a value of Zato that stands for a variable of the environment.
const zatoEnv = "Zato_Enmasse_Env."

// ImportZato reads an enmasse file. An error is an *[Error] about a file that
// is none; what has no counterpart is noted, not an error.
func ImportZato(file string, content []byte) (*Import, error) {
	d := &decoder{file: file, env: func(string) (string, bool) { return "", false }, at: Positions{}}
	root := d.read(content)
	if root != nil && root.Kind != yaml.MappingNode {
		d.wrong(root, "", "an enmasse file has sections such as channel_rest, found %s", kindOf(root))
	}
	if len(d.problems) > 0 {
		return nil, &Error{File: file, Problems: d.problems}
	}
	z := &importer{
		out: &Import{
			Values: map[string]string{},
			Document: &Document{
				Secrets: map[string]Secret{}, Security: map[string]Security{},
				Connections: map[string]Connection{}, Channels: map[string]Channel{},
			},
		},
		definitions: map[string]object{}, groups: map[string][]string{}, services: map[string]bool{},
	}
	z.sections(root)
	slices.SortStableFunc(z.out.Notes, func(a, b Note) int { return cmp.Compare(a.Line, b.Line) })
	return z.out, nil
}

// importer collects what the objects of a file become.
type importer struct {
	out         *Import
	definitions map[string]object   // of security, by name
	groups      map[string][]string // of security definitions
	services    map[string]bool
}

// object is one item of a section.
type object struct {
	section string
	line    int
	node    *yaml.Node
}

// get returns the first of the keys that has a value, "" if none has.
func (o object) get(keys ...string) string {
	for _, key := range keys {
		for i := 0; i+1 < len(o.node.Content); i += 2 {
			v := o.node.Content[i+1]
			if o.node.Content[i].Value == key && v.Kind == yaml.ScalarNode && v.Tag != "!!null" && v.Value != "" {
				return strings.TrimSuffix(v.Value, ",")
			}
		}
	}
	return ""
}

// list returns the items of a list of names.
func (o object) list(key string) (out []string) {
	for i := 0; i+1 < len(o.node.Content); i += 2 {
		if o.node.Content[i].Value == key {
			for _, item := range o.node.Content[i+1].Content {
				out = append(out, item.Value)
			}
		}
	}
	return out
}

// is reports whether a boolean is true; unset is what it is without a value.
func (o object) is(key string, unset bool) bool {
	switch strings.ToLower(o.get(key)) {
	case "true", "yes", "on", "1":
		return true
	case "false", "no", "off", "0":
		return false
	}
	return unset
}

// sections handles what others refer to first.
func (z *importer) sections(root *yaml.Node) {
	var channels, connections []object
	for i := 0; i+1 < len(root.Content); i += 2 {
		section := root.Content[i].Value
		for _, n := range root.Content[i+1].Content {
			if n.Kind != yaml.MappingNode {
				continue
			}
			o := object{section, n.Line, n}
			switch section {
			case "security", "def_sec":
				z.definitions[o.get("name")] = o
			case "groups", "security_groups":
				z.groups[o.get("name")] = o.list("members")
			case "channel_rest", "channel_plain_http":
				channels = append(channels, o)
			case "outgoing_rest", "outconn_plain_http":
				connections = append(connections, o)
			case "http_soap":
				if o.get("connection") == "channel" {
					channels = append(channels, o)
				} else {
					connections = append(connections, o)
				}
			default:
				z.note(o, "%s", unmapped(section))
			}
		}
	}
	for _, o := range channels {
		z.channel(o)
	}
	for _, o := range connections {
		z.connection(o)
	}
}

func (z *importer) note(o object, format string, args ...any) {
	z.out.Notes = append(z.out.Notes, Note{
		Line: o.line, Object: fmt.Sprintf("%s %q", o.section, host.Clip(o.get("name"))), Message: fmt.Sprintf(format, args...),
	})
}

// unmapped says what to do about a section that has no counterpart here.
func unmapped(section string) string {
	for prefix, remedy := range map[string]string{
		"scheduler":       "jobs are not part of the document; a service schedules itself with self.schedule.onetime",
		"pubsub":          "topics and subscriptions are not part of the document; self.invoke_async delivers durably to a service",
		"rbac":            "roles are not supported; bind security definitions to channels instead",
		"zato_cache":      "caches need no definition: self.cache.default and self.cache.get_cache('builtin', name) exist",
		"cache":           "caches need no definition: self.cache.default and self.cache.get_cache('builtin', name) exist",
		"channel_openapi": "OpenAPI channels are not supported",
	} {
		if strings.HasPrefix(section, prefix) {
			return remedy
		}
	}
	return "this kind of object is not supported yet"
}
