package apply

import (
	"errors"
	"slices"
	"strings"

	"github.com/seraihost/serai/abi"
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/catalog"
	"github.com/seraihost/serai/host/config"
)

// fields translates the names of fields, as errors have them, into the keys
// of a document. "" stands for the whole item.
type fields map[string]string

var (
	fieldsOfSettings = fields{
		"limits.memory": "memory", "limits.timeout": "timeout", "limits.cpu": "cpu",
		"limits.request_bytes": "request_size", "limits.reply_bytes": "reply_size", "limits.log_bytes": "log_size",
		"limits.in_flight": "in_flight", "limits.queue": "queue", "limits.invoke_depth": "invoke_depth",
		"route": "routes", "auth": "routes", "module": "path", "service": "name", "quota.services": "",
	}
	fieldsOfSecurity   = fields{"auth": "", "secret": ""}
	fieldsOfConnection = fields{"config": "", "connection": ""}
	fieldsOfChannel    = fields{"auth": "security", "name": "", "route": "path"}
	fieldsOfValue      = fields{"key": "", "name": "", "value": ""}
)

// below returns an error about an item, or about a field of it, as one about
// the path in the document.
func below(path string, names fields, e *host.Error) *host.Error {
	out := *e
	out.Field = path
	if e.Field == "" {
		return &out
	}
	name, known := names[e.Field]
	if !known {
		// A connector's configuration stands beside the type.
		name = strings.TrimPrefix(e.Field, "config.")
	}
	if name != "" {
		out.Field = config.Path(path, name)
		out.Message = strings.ReplaceAll(e.Message, e.Field, name)
	}
	return &out
}

// located returns what a transaction refused as problems of the document.
func (p *planner) located(err error) error {
	all := items(err)
	if len(all) == 0 {
		return err
	}
	var problems host.FieldErrors
	for _, item := range all {
		e, ok := errors.AsType[*host.Error](item.Err)
		if !ok || e.Code == abi.Internal {
			return err
		}
		path, names := p.place(item)
		problems = append(problems, below(path, names, e))
	}
	sortProblems(problems)
	return problems
}

// place returns where in the document an item is.
func (p *planner) place(item *catalog.ItemError) (path string, names fields) {
	switch item.Kind {
	case catalog.KindService:
		return p.at[item.Name], fieldsOfSettings
	case catalog.KindChannel:
		return config.Path("channels", item.Name), fieldsOfChannel
	case catalog.KindSecurity:
		return config.Path("security", item.Name), fieldsOfSecurity
	case catalog.KindConnection:
		return config.Path("connections", item.Name), fieldsOfConnection
	case catalog.KindSecret:
		return config.Path("secrets", item.Name), fieldsOfValue
	default:
		return config.Path("config", item.Name), fieldsOfValue
	}
}

// items returns the errors about items that err consists of.
func items(err error) (found []*catalog.ItemError) {
	switch e := err.(type) { //nolint:errorlint // it walks the tree itself
	case *catalog.ItemError:
		return []*catalog.ItemError{e}
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			found = append(found, items(inner)...)
		}
	case interface{ Unwrap() error }:
		return items(e.Unwrap())
	}
	return found
}

func sortProblems(p host.FieldErrors) {
	slices.SortStableFunc(p, func(a, b *host.Error) int { return strings.Compare(a.Field, b.Field) })
}
