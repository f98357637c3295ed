package catalog

import (
	"bytes"
	"encoding/json"
	"mime"
	"slices"

	"github.com/seraihost/serai/host"
)

// Bounds on a channel.
const (
	MaxChannelAuth  = 16 // security definitions
	maxContentType  = 256
	maxChannelRealm = 256
)

// NormalizeChannel checks all of a channel that needs no look at others and
// returns its canonical form: the route as [NormalizeRoute] has it, and
// nothing where a value is the default. The error is about the field of the
// channel.
func NormalizeChannel(c host.Channel) (host.Channel, error) {
	if err := host.CheckName("name", c.Name); err != nil {
		return c, err
	}
	if err := host.CheckName("service", c.Service); err != nil {
		return c, err
	}
	if !c.REST() {
		return normalizeSource(c)
	}
	c.Type = ""
	if c.Connection != "" {
		return c, host.FieldErrorf("connection", "a channel of type rest has no connection; remove it, or give the type")
	}
	if c.Config != nil {
		return c, host.FieldErrorf("config", "a channel of type rest has no config; remove it, or give the type")
	}
	r, err := normalizeRoute(c.Route())
	if err != nil {
		return c, err
	}
	c.Host, c.Method, c.Path, c.MatchSlash, c.Accept = r.Host, r.Method, r.Path, r.MatchSlash, r.Accept
	if err := checkChannelAuth(c); err != nil {
		return c, err
	}
	if err := checkDataFormat(c.DataFormat); err != nil {
		return c, err
	}
	if c.ContentType != "" {
		_, _, err := mime.ParseMediaType(c.ContentType)
		if err != nil || len(c.ContentType) > maxContentType || hasControl(c.ContentType) {
			return c, host.FieldErrorf("content_type", "content type %q: use one such as text/html; charset=utf-8", host.Clip(c.ContentType))
		}
	}
	if c.Merges() {
		c.MergeParams = nil
	}
	switch c.ParamsPriority {
	case host.ParamsOverMessage:
		c.ParamsPriority = ""
	case "", host.MessageOverParams:
	default:
		return c, host.FieldErrorf("params_priority", "params_priority %q: use %s or %s", host.Clip(string(c.ParamsPriority)), host.ParamsOverMessage, host.MessageOverParams)
	}
	switch c.URLParamsPriority {
	case host.PathOverQuery:
		c.URLParamsPriority = ""
	case "", host.QueryOverPath:
	default:
		return c, host.FieldErrorf("url_params_priority", "url_params_priority %q: use %s or %s", host.Clip(string(c.URLParamsPriority)), host.PathOverQuery, host.QueryOverPath)
	}
	return c, nil
}

func checkDataFormat(f host.DataFormat) error {
	if f != "" && !slices.Contains(host.DataFormats(), f) {
		return host.FieldErrorf("data_format", "data format %q: use json, xml, csv, form or raw", host.Clip(string(f)))
	}
	return nil
}

// normalizeSource is NormalizeChannel for channels that receive messages. What
// their configuration means is the connector's to check.
func normalizeSource(c host.Channel) (host.Channel, error) {
	if err := host.CheckName("type", c.Type); err != nil {
		return c, err
	}
	if err := host.CheckName("connection", c.Connection); err != nil {
		return c, err
	}
	for _, f := range []struct {
		name string
		set  bool
	}{
		{"path", c.Path != ""},
		{"method", c.Method != ""},
		{"host", c.Host != ""},
		{"accept", c.Accept != ""},
		{"match_slash", c.MatchSlash},
		{"auth", len(c.Auth) > 0},
		{"realm", c.Realm != ""},
		{"content_type", c.ContentType != ""},
		{"merge_params", c.MergeParams != nil},
		{"params_priority", c.ParamsPriority != ""},
		{"url_params_priority", c.URLParamsPriority != ""},
	} {
		if f.set {
			return c, host.FieldErrorf(f.name, "a channel of type %s has no %s; remove it", host.Clip(c.Type), f.name)
		}
	}
	if len(c.Config) == 0 {
		c.Config = json.RawMessage("{}")
	}
	var compact bytes.Buffer
	if len(c.Config) > maxConnectionConfig || json.Compact(&compact, c.Config) != nil || compact.Bytes()[0] != '{' {
		return c, host.FieldErrorf("config", "the configuration of channel %q is no JSON object of at most %d bytes", host.Clip(c.Name), maxConnectionConfig)
	}
	c.Config = compact.Bytes()
	return c, checkDataFormat(c.DataFormat)
}

func checkChannelAuth(c host.Channel) error {
	if len(c.Auth) > MaxChannelAuth {
		return host.FieldErrorf("auth", "the channel names %d security definitions; use at most %d", len(c.Auth), MaxChannelAuth)
	}
	for i, name := range c.Auth {
		if err := host.CheckName("auth", name); err != nil {
			return err
		}
		if slices.Contains(c.Auth[:i], name) {
			return host.FieldErrorf("auth", "security definition %q is named twice", name)
		}
	}
	if len(c.Realm) > maxChannelRealm || hasControl(c.Realm) {
		return host.FieldErrorf("realm", "realm %q: use at most %d bytes without control characters", host.Clip(c.Realm), maxChannelRealm)
	}
	return nil
}
