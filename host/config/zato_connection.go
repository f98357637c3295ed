package config

import (
	"encoding/json"
	"net/netip"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/seraihost/serai/host"
)

// made is a connection of the document, and what it was made of.
type made struct {
	kind     string
	settings map[string]any
	of       object // whose password it has
}

// always returns the object as if it were active.
func (o object) always() object {
	n := &yaml.Node{Kind: yaml.MappingNode, Line: o.line}
	for i := 0; i+1 < len(o.node.Content); i += 2 {
		if o.node.Content[i].Value != "is_active" {
			n.Content = append(n.Content, o.node.Content[i], o.node.Content[i+1])
		}
	}
	return object{o.section, o.line, n}
}

// active notes connections that are not.
func (z *importer) active(o object) bool {
	if !o.is("is_active", true) {
		z.note(o, "the connection is not active: left out")
		return false
	}
	return true
}

// server returns the settings that connections to a server have.
func (z *importer) server(o object) (settings map[string]any, ok bool) {
	address := o.get("host")
	if address == "" {
		z.note(o, "the connection has no host: left out")
		return nil, false
	}
	if !z.active(o) {
		return nil, false
	}
	for _, key := range []string{"host", "port", "db_name", "username", "vhost"} {
		if variable, is := zatoVariable(o.get(key)); is {
			z.note(o, "left out, since %s is the variable %s of Zato's environment: write its value into the file", key, host.Clip(variable))
			return nil, false
		}
	}
	settings = map[string]any{"host": address}
	z.private(o, address)
	z.number(o, settings, "port", "port", 1, 65535)
	return settings, true
}

// private notes addresses that only the operator opens.
func (z *importer) private(o object, address string) {
	addr, err := netip.ParseAddr(address)
	if address == "localhost" || err == nil && (addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast()) {
		z.note(o, "%s is no public address: the operator adds its network to allow_networks of the connection", address)
	}
}

// number sets a setting from a whole number, and notes one out of bounds.
func (z *importer) number(o object, settings map[string]any, key, setting string, low, high int) {
	text := o.get(key)
	if text == "" || text == "0" && low > 0 { // which stands for the default
		return
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		z.note(o, "%s %s is left out: use %d to %d", key, host.Clip(text), low, high)
		return
	}
	settings[setting] = n
}

// add makes a connection of an object that has its own password.
func (z *importer) add(o object, kind string, settings map[string]any) {
	z.addWith(o, o, kind, settings)
}

// addWith makes a connection that is named by one object and has the password
// of another one, and returns its name.
func (z *importer) addWith(o, of object, kind string, settings map[string]any) string {
	name := freeName(z.out.Document.Connections, o, kind)
	if needsPassword(of, kind) {
		secret := name + ".password"
		settings["password"] = "${secret:" + secret + "}"
		z.out.Document.Secrets[secret] = *z.secret(of, of.get("name"), "password")
	}
	raw, err := json.Marshal(settings)
	if err != nil {
		z.note(o, "left out: %v", err)
		return name
	}
	z.renamed(o, name)
	z.out.Document.Connections[name] = Connection{Type: kind, Config: raw}
	z.made[name] = made{kind, settings, of}
	return name
}

// freeName returns a name for an object that nothing has yet: in Zato objects of
// different types may have the same, and some names are none here.
func freeName[V any](taken map[string]V, o object, kind string) string {
	name := clean(o.get("name"))
	if name == "" {
		name = kind
	}
	for n, plain := 1, name[:min(len(name), 100)]; ; n++ { // names are not longer than 128
		if _, is := taken[name]; !is {
			return name
		}
		name = plain + "." + kind
		if n > 1 {
			name += "." + strconv.Itoa(n)
		}
	}
}

// needsPassword reports whether a connection logs in with a password.
func needsPassword(o object, kind string) bool {
	switch {
	case o.get("password") != "":
		return true
	case kind == "redis":
		return false
	}
	name := o.get("username")
	return name != "" && !(kind == "amqp" && name == "guest")
}

// renamed notes that an object has another name here.
func (z *importer) renamed(o object, name string) {
	if name != o.get("name") {
		z.note(o, "renamed to %q, since the name is taken or has other characters than names here", name)
	}
}

// serves notes the service of a channel.
func (z *importer) serves(service string) {
	if !z.services[service] {
		z.services[service] = true
		z.out.Services = append(z.out.Services, service)
	}
}

// zatoVariable returns the variable of the environment that a value stands for.
func zatoVariable(value string) (name string, is bool) {
	for _, prefix := range zatoEnv {
		if name, is = strings.CutPrefix(value, prefix); is {
			return name, true
		}
	}
	return "", false
}
