// Package amqp connects to brokers that speak AMQP 0-9-1, such as RabbitMQ:
// services publish messages, wait for replies and declare queues, and channels
// hand the messages of a queue to a service.
package amqp

import (
	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// Type is the connections' type.
const Type = "amqp"

// Config is how a connection is configured.
type Config struct {
	Host      string        `json:"host" required:"true" example:"broker.example.com" doc:"name or address of the broker"`
	Port      int           `json:"port" min:"1" max:"65535" doc:"5672 unless given, 5671 with TLS"`
	VHost     string        `json:"vhost" default:"/" doc:"virtual host"`
	Username  string        `json:"username" default:"guest" example:"serai" doc:"who logs in; with auth external the certificate says so"`
	Password  string        `json:"password" secret:"true" example:"${secret:broker.password}" doc:"the user's password; that of guest is guest unless given"`
	Auth      string        `json:"auth" default:"plain" enum:"plain,external" doc:"plain is by username and password, external by the certificate in tls"`
	TLS       connector.TLS `json:"tls" doc:"encryption"`
	Heartbeat host.Duration `json:"heartbeat" default:"10s" min:"1s" max:"10m" doc:"how often both sides give a sign of life; a broker that misses three is lost"`
	Channels  int           `json:"channels" default:"32" min:"1" max:"1000" doc:"how many messages are published at a time, and as many requests wait for replies"`
}

func check(c Config) error {
	if c.Auth == "external" && c.TLS.Cert == "" {
		return host.FieldErrorf("auth", "config.auth is external: give the certificate to log in with in config.tls.cert_pem")
	}
	if err := connector.CheckHost("host", c.Host); err != nil {
		return err
	}
	return c.TLS.Check()
}

// Connector returns the connector of AMQP 0-9-1.
func Connector() connector.Connector {
	return connector.Define(connector.Spec[Config, *Conn]{
		Type: Type, Doc: "Brokers of AMQP 0-9-1, such as RabbitMQ.", Check: check, Open: open,
		Ops: []connector.Operation[*Conn]{
			connector.NewOperation("amqp.publish", "Publishes a message and waits until the broker has taken it over.", publish),
			connector.NewOperation("amqp.request", "Publishes a message and waits for the reply to it (direct reply-to).", request),
			connector.NewOperation("amqp.declare", "Makes sure that an exchange, a queue, or a queue bound to an exchange exists.", declare, connector.Retry),
		},
	})
}
