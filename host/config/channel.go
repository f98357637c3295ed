package config

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/seraihost/serai/host"
)

// Channel is a configured entry; see [host.Channel] for its fields. In YAML
// the keys of its Config stand beside type, as those of connections do.
type Channel struct {
	Type              string                 `json:"type,omitempty"` // rest unless given
	Connection        string                 `json:"connection,omitempty"`
	Service           string                 `json:"service"`
	Path              string                 `json:"path,omitempty"`
	Method            string                 `json:"method,omitempty"`
	Host              string                 `json:"host,omitempty"`
	Accept            string                 `json:"accept,omitempty"`
	MatchSlash        bool                   `json:"match_slash,omitempty"`
	Security          []string               `json:"security,omitempty"` // definitions, of which any one suffices
	Realm             string                 `json:"realm,omitempty"`
	DataFormat        host.DataFormat        `json:"data_format,omitempty"`
	ContentType       string                 `json:"content_type,omitempty"`
	MergeParams       *bool                  `json:"merge_params,omitempty"`
	ParamsPriority    host.ParamsPriority    `json:"params_priority,omitempty"`
	URLParamsPriority host.URLParamsPriority `json:"url_params_priority,omitempty"`
	Disabled          bool                   `json:"disabled,omitempty"`
	Config            json.RawMessage        `json:"config,omitempty"`
}

// Channel returns what a host keeps of the channel.
func (c Channel) Channel(tenant, name string) host.Channel {
	return host.Channel{
		Tenant: tenant, Name: name, Type: c.Type, Connection: c.Connection, Config: c.Config, Service: c.Service, Disabled: c.Disabled, Host: c.Host, Method: c.Method, Path: c.Path,
		MatchSlash: c.MatchSlash, Accept: c.Accept, Auth: c.Security, Realm: c.Realm, DataFormat: c.DataFormat,
		ContentType: c.ContentType, MergeParams: c.MergeParams, ParamsPriority: c.ParamsPriority, URLParamsPriority: c.URLParamsPriority,
	}
}

// ChannelOf returns the channel as a document has it.
func ChannelOf(c host.Channel) Channel {
	if c.Method == "*" { // the default
		c.Method = ""
	}
	return Channel{
		Type: c.Type, Connection: c.Connection, Config: c.Config, Service: c.Service, Path: c.Path, Method: c.Method, Host: c.Host, Accept: c.Accept, MatchSlash: c.MatchSlash,
		Security: c.Auth, Realm: c.Realm, DataFormat: c.DataFormat, ContentType: c.ContentType, MergeParams: c.MergeParams,
		ParamsPriority: c.ParamsPriority, URLParamsPriority: c.URLParamsPriority, Disabled: c.Disabled,
	}
}

// received are the keys that channels of every type have.
var received = []string{"type", "connection", "service", "data_format", "disabled"}

// decode takes the keys of all channels itself; those of a channel over REST
// are fields, all others are settings of its connector, which the host checks.
func (c *Channel) decode(d *decoder, n *yaml.Node, path string, depth int) {
	fields := reflect.ValueOf(c).Elem()
	if kind := valueOf(n, "type"); kind == "" || kind == host.ChannelREST {
		d.structure(n, fields, path, depth)
		return
	}
	settings := make(map[string]any)
	d.pairs(n, path, func(key string, _, value *yaml.Node) {
		at := join(path, key)
		for _, f := range fieldsOf(fields) {
			if f.name == key && slices.Contains(received, key) {
				d.value(value, f.value, at, depth+1)
				return
			}
		}
		settings[key] = d.free(value, at, depth+1)
	})
	c.Config, _ = json.Marshal(settings) // free makes what can be encoded
}

// valueOf returns the scalar of a key of a mapping, "" if there is none.
func valueOf(n *yaml.Node, key string) string {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1].Value
		}
	}
	return ""
}

// encode writes the settings of the connector beside the type.
func (c Channel) encode() *yaml.Node {
	config := c.Config
	c.Config = nil
	out := encodeStruct(reflect.ValueOf(c))
	var settings map[string]any
	d := json.NewDecoder(bytes.NewReader(config))
	d.UseNumber()
	if d.Decode(&settings) == nil {
		out.Content = append(out.Content, free(settings).Content...)
	}
	return out
}
