package config

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"github.com/seraihost/serai/host"
)

// noSecurity are the names that stand for none.
var noSecurity = map[string]bool{"": true, "zato-no-security": true, "ZATO_NONE": true, "null": true}

// secured returns the definition that an object names.
func (z *importer) secured(o object) string {
	name := o.get("security", "security_name", "sec_def")
	if noSecurity[name] {
		return ""
	}
	return name
}

// security adds a definition that protects channels and reports whether it
// could be mapped.
func (z *importer) security(o object, name string) bool {
	if _, ok := z.out.Document.Security[name]; ok {
		return true
	}
	def, ok := z.definitions[name]
	if !ok {
		z.note(o, "the security definition %q is not in the file: the channel is left out, since it would be open", host.Clip(name))
		return false
	}
	switch kind := def.get("type", "sec_type"); kind {
	case "basic_auth":
		z.out.Document.Security[name] = Security{
			Type: host.AuthBasic, Username: def.get("username"), Realm: def.get("realm"), Password: z.secret(def, name, "password"),
		}
	case "apikey":
		header := def.get("header", "header_name")
		z.out.Document.Security[name] = Security{Type: host.AuthAPIKey, Header: header, Key: z.secret(def, name, "password", "key")}
	default:
		z.note(o, "left out, since its security definition %q is of type %s, which is not supported", host.Clip(name), host.Clip(kind))
		return false
	}
	return true
}

// secret makes a secret of the first key that has a value.
func (z *importer) secret(o object, name string, keys ...string) *Secret {
	value := o.get(keys...)
	if variable, ok := zatoVariable(value); ok {
		return &Secret{Variable: variable}
	}
	variable := Variable(name, keys[0])
	for n := 2; z.variables[variable] != nil && z.variables[variable] != o.node; n++ {
		variable = Variable(name, keys[0], strconv.Itoa(n)) // names are unique within a section only
	}
	told := z.variables[variable] != nil
	z.variables[variable] = o.node
	switch {
	case value != "":
		z.out.Values[variable] = value
	case !told:
		z.note(o, "the file has no password: set the variable %s", variable)
	}
	return &Secret{Variable: variable}
}

func (z *importer) channel(o object) {
	name := clean(o.get("name"))
	service := o.get("service", "service_name")
	path := o.get("url_path")
	switch {
	case o.get("transport") == "soap":
		z.note(o, "SOAP channels are not supported yet")
		return
	case service == "" || path == "":
		z.note(o, "a channel needs a service and a url_path: left out")
		return
	case o.is("is_internal", false) || strings.HasPrefix(service, "zato."):
		z.note(o, "channels of Zato's own services are left out")
		return
	}
	auth, ok := z.auth(o)
	if !ok {
		return
	}
	if name != o.get("name") {
		z.note(o, "renamed to %q, since names have no such characters", name)
	}
	z.serves(service)
	z.out.Document.Channels[name] = z.restChannel(o, service, path, auth)
	for _, key := range []string{"cache_name", "rate_limit_def", "rate_limiting", "response_cache", "gateway_service_list"} {
		if v := o.get(key); v != "" {
			z.note(o, "%s is not supported and left out", key)
		}
	}
}

// zatoFormats are the data formats by their names in Zato.
var zatoFormats = map[string]host.DataFormat{
	"": "", "json": host.FormatJSON, "xml": host.FormatXML, "csv": host.FormatCSV,
	"form": host.FormatForm, "post": host.FormatForm, "raw": host.FormatRaw, "text": host.FormatRaw,
}

func (z *importer) restChannel(o object, service, path string, auth []string) Channel {
	c := Channel{
		Service: service, Path: path, Method: o.get("method"), Accept: o.get("http_accept"), Security: auth,
		MatchSlash: o.is("match_slash", true) && strings.Contains(path, "{"), ContentType: o.get("content_type"),
		Disabled: !o.is("is_active", true),
	}
	format, known := zatoFormats[strings.ToLower(o.get("data_format"))]
	if !known {
		z.note(o, "the data format %q is not supported: the service gets the body as it is", host.Clip(o.get("data_format")))
		format = host.FormatRaw
	}
	c.DataFormat = format
	if !o.is("merge_url_params_req", true) {
		no := false
		c.MergeParams = &no
	}
	if o.get("params_pri") == string(host.MessageOverParams) {
		c.ParamsPriority = host.MessageOverParams
	}
	// What the file leaves out is Zato's default, which matters where a path has parameters.
	switch order := o.get("url_params_pri"); {
	case order == string(host.QueryOverPath), order == "" && strings.Contains(path, "{"):
		c.URLParamsPriority = host.QueryOverPath
	}
	return c
}

// auth returns the definitions in front of a channel; not ok leaves it out.
func (z *importer) auth(o object) (names []string, ok bool) {
	if name := z.secured(o); name != "" {
		names = append(names, name)
	}
	for _, group := range o.list("groups") {
		if _, known := z.groups[group]; !known {
			z.note(o, "the group %q is not in the file: the channel is left out, since it would be open", host.Clip(group))
			return nil, false
		}
		names = append(names, z.groups[group]...)
	}
	for _, name := range names {
		if !z.security(o, name) {
			return nil, false
		}
	}
	return names, true
}

// clean returns a name that names a channel or connection here: "/api/user" is "api.user".
func clean(name string) string {
	var b strings.Builder
	for _, r := range name {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '_', r == '-', r == ' ':
			b.WriteRune(r)
		default:
			b.WriteByte('.')
		}
	}
	out := strings.Trim(b.String(), "._- ")
	for strings.Contains(out, "..") {
		out = strings.ReplaceAll(out, "..", ".")
	}
	return out[:min(len(out), 128)]
}

func (z *importer) connection(o object) {
	name := clean(o.get("name"))
	address := o.get("host", "address", "address_host")
	switch {
	case o.get("transport") == "soap":
		z.note(o, "SOAP connections are not supported yet")
		return
	case address == "":
		z.note(o, "the connection has no host: left out")
		return
	case !o.is("is_active", true):
		z.note(o, "the connection is not active: left out")
		return
	}
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	if u, err := url.Parse(address); err == nil {
		z.private(o, u.Hostname())
	}
	settings := map[string]any{"base_url": strings.TrimRight(address, "/") + o.get("url_path", "address_url_path")}
	if seconds, err := strconv.Atoi(o.get("timeout")); err == nil && seconds > 0 {
		settings["timeout"] = strconv.Itoa(seconds) + "s"
	}
	if strings.EqualFold(o.get("tls_verify", "validate_tls"), "false") {
		settings["tls"] = map[string]any{"insecure_skip_verify": true}
	}
	if kind := o.get("content_type"); kind != "" {
		settings["headers"] = map[string]any{"Content-Type": kind}
	}
	if security := z.secured(o); security != "" && !z.credentials(o, name, security, settings) {
		return
	}
	raw, err := json.Marshal(settings)
	if err != nil {
		z.note(o, "left out: %v", err)
		return
	}
	if name != o.get("name") {
		z.note(o, "renamed to %q, since names have no such characters", name)
	}
	z.out.Document.Connections[name] = Connection{Type: "http", Config: raw}
}

// credentials adds how a connection authenticates, with its secret.
func (z *importer) credentials(o object, connection, security string, settings map[string]any) bool {
	def, ok := z.definitions[security]
	if !ok {
		z.note(o, "the security definition %q is not in the file: set auth of the connection yourself", host.Clip(security))
		return true
	}
	secret := connection + ".password"
	reference := "${secret:" + secret + "}"
	switch kind := def.get("type", "sec_type"); kind {
	case "basic_auth":
		settings["auth"] = map[string]any{"type": "basic", "username": def.get("username"), "password": reference}
	case "apikey":
		header := def.get("header", "header_name")
		if header == "" {
			header = "X-API-Key"
		}
		settings["auth"] = map[string]any{"type": "header", "header": header, "value": reference}
	default:
		z.note(o, "security of type %s is not supported: the connection is left out", kind)
		return false
	}
	z.out.Document.Secrets[secret] = *z.secret(def, security, "password", "key")
	return true
}
