package host

import "encoding/json"

// ChannelREST is the type of channels of the gateway.
const ChannelREST = "rest"

// Channel is a configured entry: HTTP requests that match it, or the messages
// of another system, go to a service. It lives beside services, not in their
// versions, so that it can change without a deploy.
type Channel struct {
	Tenant string `json:"tenant,omitempty"`
	Name   string `json:"name,omitempty"`
	// Type is how messages come: "" is [ChannelREST], others are those of
	// connectors, such as amqp.
	Type string `json:"type,omitempty"`
	// Connection and Config are of other types than REST: where messages come
	// from, and a JSON object of the connector's settings. The fields from Host
	// to Realm and those after ContentType are of REST only.
	Connection string          `json:"connection,omitempty"`
	Config     json.RawMessage `json:"config,omitempty"`

	Service string `json:"service"` // by name; it need not exist yet
	// Disabled answers as if nothing were there. The channel still holds its
	// path, so that no other one takes the requests and it can be enabled again.
	Disabled bool `json:"disabled,omitempty"`

	Host   string `json:"host,omitempty"`   // "" is any
	Method string `json:"method,omitempty"` // "" or "*" is any
	Path   string `json:"path,omitempty"`   // /user/{id}/report-{year}.pdf
	// MatchSlash lets a placeholder take slashes too.
	MatchSlash bool `json:"match_slash,omitempty"`
	// Accept is the media type that the service answers with, such as
	// application/json or text/*; clients that want another one do not get
	// here. "" is any.
	Accept string `json:"accept,omitempty"`

	Auth  []string `json:"auth,omitempty"`  // names of security definitions, of which any one suffices
	Realm string   `json:"realm,omitempty"` // in place of those of the definitions

	DataFormat  DataFormat `json:"data_format,omitempty"`  // of requests and replies; "" leaves it to the service
	ContentType string     `json:"content_type,omitempty"` // of replies that have none; "" is the data format's
	// MergeParams says whether path and query parameters are part of the
	// service's input. Nil is true.
	MergeParams       *bool             `json:"merge_params,omitempty"`
	ParamsPriority    ParamsPriority    `json:"params_priority,omitempty"`
	URLParamsPriority URLParamsPriority `json:"url_params_priority,omitempty"`
}

// REST reports whether the channel is of the gateway.
func (c Channel) REST() bool { return c.Type == "" || c.Type == ChannelREST }

// Route returns what the channel has in common with the routes of versions.
// Its Auth is empty, since a channel may name several.
func (c Channel) Route() Route {
	return Route{Host: c.Host, Method: c.Method, Path: c.Path, MatchSlash: c.MatchSlash, Accept: c.Accept}
}

// Merges reports whether path and query parameters are part of the input.
func (c Channel) Merges() bool { return c.MergeParams == nil || *c.MergeParams }

// DataFormat is how a channel's messages are encoded.
type DataFormat string

// The data formats.
const (
	FormatJSON DataFormat = "json"
	FormatXML  DataFormat = "xml"
	FormatCSV  DataFormat = "csv"
	FormatForm DataFormat = "form" // application/x-www-form-urlencoded or multipart/form-data
	FormatRaw  DataFormat = "raw"  // bytes that the service reads itself
)

// DataFormats returns all data formats.
func DataFormats() []DataFormat {
	return []DataFormat{FormatJSON, FormatXML, FormatCSV, FormatForm, FormatRaw}
}

// ContentType returns the media type of replies in the format, "" if it has none.
func (f DataFormat) ContentType() string {
	switch f {
	case FormatJSON:
		return "application/json"
	case FormatXML:
		return "application/xml"
	case FormatCSV:
		return "text/csv"
	case FormatForm:
		return "application/x-www-form-urlencoded"
	case FormatRaw:
	}
	return ""
}

// ParamsPriority says which wins where a parameter of the URL and an element
// of the message have the same name.
type ParamsPriority string

// The orders of URL and message.
const (
	ParamsOverMessage ParamsPriority = "channel-params-over-msg" // the default
	MessageOverParams ParamsPriority = "msg-over-channel-params"
)

// URLParamsPriority says which wins where a path and a query parameter have
// the same name.
type URLParamsPriority string

// The orders of path and query.
const (
	PathOverQuery URLParamsPriority = "path-over-qs" // the default
	QueryOverPath URLParamsPriority = "qs-over-path"
)
