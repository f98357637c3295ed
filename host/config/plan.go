package config

import "github.com/seraihost/serai/host"

// Action is what an apply does to one thing.
type Action string

// The actions.
const (
	Create    Action = "create"
	Update    Action = "update"
	Delete    Action = "delete"
	Unchanged Action = "unchanged"
)

// Kind is a kind of things that a tenant has.
type Kind string

// The kinds, in the order of a plan.
const (
	KindConfig     Kind = "config"
	KindSecret     Kind = "secret"
	KindSecurity   Kind = "security"
	KindConnection Kind = "connection"
	KindService    Kind = "service"
	KindChannel    Kind = "channel"
)

// Plan is what applying a document does, or did.
type Plan struct {
	Changes []Change `json:"changes"` // by kind and name, those that change nothing too
	Applied bool     `json:"applied"` // false: nothing was done yet
}

// Change is about one thing.
type Change struct {
	Kind   Kind    `json:"kind"`
	Name   string  `json:"name"`
	Action Action  `json:"action"`
	Fields []Field `json:"fields,omitempty"`  // of an update: what differs
	Digest string  `json:"version,omitempty"` // of a service: the version that runs afterwards
}

// Field is a value that differs. Secrets are not shown.
type Field struct {
	Name   string `json:"name"`
	Before string `json:"before"` // "" if there was none
	After  string `json:"after"`  // "" if there is none
}

// Differs reports whether the plan changes anything.
func (p *Plan) Differs() bool {
	for _, c := range p.Changes {
		if c.Action != Unchanged {
			return true
		}
	}
	return false
}

// Export is a tenant as a document.
type Export struct {
	Document *Document `json:"document"` // with the settings of services
	Uploads  []Upload  `json:"uploads"`  // what brings the services along instead
	Notes    []string  `json:"notes"`    // what a document cannot say
}

// Upload is what services came from, which share it.
type Upload struct {
	Name     string    `json:"name"` // of the file or folder, without an ending
	Kind     host.Kind `json:"kind"`
	Services []string  `json:"services"` // any of them can be asked for the content
	Entry    Service   `json:"entry"`    // the item of a document, but for its path
}
