package config

import (
	"cmp"
	"fmt"
	"maps"
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

// zatoEnv are what values of Zato begin with that stand for variables of the environment.
var zatoEnv = []string{"Zato_Enmasse_Env.", "ZatoEnmasseEnv."}

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
		definitions: map[string]object{}, groups: map[string][]string{}, brokers: map[string]object{}, services: map[string]bool{},
		made: map[string]made{}, variables: map[string]*yaml.Node{},
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
	brokers     map[string]object   // definitions of AMQP, by name
	services    map[string]bool
	made        map[string]made       // connections, by their names here
	variables   map[string]*yaml.Node // of secrets, to the objects that have them
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
	var channels, connections, consumers []object
	others := map[string][]object{} // by section
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
			case "def_amqp":
				z.brokers[o.get("name")] = o
			case "channel_amqp":
				consumers = append(consumers, o)
			case "outconn_amqp", "outgoing_amqp", "sql", "outconn_sql", "outgoing_sql", "outconn_redis", "outgoing_redis":
				others[section] = append(others[section], o)
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
	z.servers(others)
	for _, o := range consumers {
		z.amqpChannel(o)
	}
	z.unused()
}

// servers maps connections other than those over HTTP.
func (z *importer) servers(of map[string][]object) {
	for _, kind := range []struct {
		sections []string
		take     func(o object)
	}{
		{[]string{"sql", "outconn_sql", "outgoing_sql"}, z.sqlConnection},
		{[]string{"outconn_amqp", "outgoing_amqp"}, z.amqpConnection},
		{[]string{"outconn_redis", "outgoing_redis"}, z.redisConnection},
	} {
		for _, section := range kind.sections {
			for _, o := range of[section] {
				kind.take(o)
			}
		}
	}
}

// unused notes definitions of brokers that nothing names.
func (z *importer) unused() {
	for _, def := range z.brokers {
		if !slices.ContainsFunc(slices.Collect(maps.Values(z.made)), func(m made) bool { return m.of.node == def.node }) {
			z.note(def, "left out, since no connection or channel uses it")
		}
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
