// Package memcached connects to servers of memcached, over the text protocol.
// It is the example of docs/connectors.md.
package memcached

import (
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// Type is the type of connections that this package serves.
const Type = "memcached"

// Config is the configuration of a connection.
type Config struct {
	Host     string        `json:"host" required:"true" example:"cache.example.com" doc:"name or address of the server"`
	Port     int           `json:"port" default:"11211" min:"1" max:"65535" doc:"port of the server"`
	Username string        `json:"username" doc:"who logs in, where the server asks for it"`
	Password string        `json:"password" secret:"true" doc:"of the user"`
	TLS      connector.TLS `json:"tls" doc:"encryption"`
	PoolSize int           `json:"pool_size" default:"10" min:"1" max:"500" doc:"most sockets to the server at a time"`
	Timeout  host.Duration `json:"timeout" default:"2s" min:"1ms" max:"1m" doc:"of one operation; the service's own deadline counts too"`
}

func (c Config) check() error {
	if (c.Username == "") != (c.Password == "") {
		return host.FieldErrorf("username", "config.username and config.password go together: give both or none")
	}
	if err := connector.CheckHost("host", c.Host); err != nil {
		return err
	}
	return c.TLS.Check()
}

// Connector returns the connector.
func Connector() connector.Connector {
	return connector.Define(connector.Spec[Config, *Server]{
		Type: Type, Doc: "Servers of memcached.", Check: Config.check, Open: open,
		Ops: []connector.Operation[*Server]{
			connector.NewOperation("memcached.get", "Returns what is stored under a key.", get, connector.Retry),
			connector.NewOperation("memcached.set", "Stores the body under a key.", set),
			connector.NewOperation("memcached.cas", "Stores the body under a key unless somebody else did since it was read.", cas),
			connector.NewOperation("memcached.incr", "Adds to a number that is stored as decimal text.", incr),
			connector.NewOperation("memcached.delete", "Deletes a key.", remove),
			connector.NewOperation("memcached.touch", "Has a key expire at another time.", touch, connector.Retry),
		},
	})
}
