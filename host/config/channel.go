package config

import "github.com/seraihost/serai/host"

// Channel is a configured entry over REST; see [host.Channel] for its fields.
type Channel struct {
	Service           string                 `json:"service"`
	Path              string                 `json:"path"`
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
}

// Channel returns what a host keeps of the channel.
func (c Channel) Channel(tenant, name string) host.Channel {
	return host.Channel{
		Tenant: tenant, Name: name, Service: c.Service, Disabled: c.Disabled, Host: c.Host, Method: c.Method, Path: c.Path,
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
		Service: c.Service, Path: c.Path, Method: c.Method, Host: c.Host, Accept: c.Accept, MatchSlash: c.MatchSlash,
		Security: c.Auth, Realm: c.Realm, DataFormat: c.DataFormat, ContentType: c.ContentType, MergeParams: c.MergeParams,
		ParamsPriority: c.ParamsPriority, URLParamsPriority: c.URLParamsPriority, Disabled: c.Disabled,
	}
}
