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
	Host      string        `json:"host" required:"true" doc:"name or address of the broker"`
	Port      int           `json:"port" min:"1" max:"65535" doc:"5672 unless given, 5671 with TLS"`
	VHost     string        `json:"vhost" default:"/" doc:"virtual host"`
	Username  string        `json:"username" default:"guest" doc:"who logs in; with auth external the certificate says so"`
	Password  string        `json:"password" secret:"true" doc:"the user's password; that of guest is guest unless given"`
	Auth      string        `json:"auth" default:"plain" enum:"plain,external" doc:"plain is by username and password, external by the certificate in tls"`
	TLS       connector.TLS `json:"tls" doc:"encryption"`
	Heartbeat host.Duration `json:"heartbeat" default:"10s" min:"1s" max:"10m" doc:"how often both sides give a sign of life; a broker that misses three is lost"`
	Channels  int           `json:"channels" default:"32" min:"1" max:"1000" doc:"how many messages are published at a time, and as many requests wait for replies"`
}

func check(c Config) error {
	if c.Auth == "external" && c.TLS.Cert == "" {
		return host.FieldErrorf("auth", "config.auth is external: give the certificate to log in with in config.tls.cert_pem")
	}
	_, err := c.TLS.Config(c.Host)
	if c.TLS.Key != "" {
		return nil // a reference to a secret is no key yet
	}
	return err
}

// Connector returns the connector of AMQP 0-9-1.
func Connector() connector.Connector {
	properties := []connector.Param{
		{Name: fieldContentType, Doc: "media type of the body"},
		{Name: fieldContentEncoding, Doc: "such as gzip"},
		{Name: fieldDeliveryMode, Doc: "2, the default, survives a restart of the broker in a durable queue; 1 does not"},
		{Name: fieldPriority, Doc: "0 to 255"},
		{Name: fieldCorrelationID, Doc: "what the message answers"},
		{Name: fieldReplyTo, Doc: "queue for the answer"},
		{Name: fieldExpiration, Doc: "milliseconds after which the broker drops the message"},
		{Name: fieldMessageID, Doc: "id of the message"},
		{Name: fieldTimestamp, Doc: "seconds since 1970"},
		{Name: fieldType, Doc: "kind of the message"},
		{Name: fieldUserID, Doc: "the user who publishes, checked by the broker"},
		{Name: fieldAppID, Doc: "the program that publishes"},
		{Name: fieldHeaders, Doc: "a JSON object of headers"},
	}
	where := []connector.Param{
		{Name: fieldExchange, Doc: "exchange; without one the default exchange, which leads to the queue that routing-key names"},
		{Name: fieldRoutingKey, Doc: "routing key"},
	}
	return connector.Define(connector.Spec[Config, *Conn]{
		Type: Type, Doc: "Brokers of AMQP 0-9-1, such as RabbitMQ.", Check: check, Open: open,
		Ops: []connector.Operation[*Conn]{
			{
				Name: "amqp.publish", Doc: "Publishes a message and waits until the broker has taken it over.",
				In: append(append([]connector.Param{
					{Name: fieldMandatory, Doc: `"1": a message that reaches no queue is an error; the default with the default exchange only`},
				}, where...), properties...),
				Body: "the message's body", Do: publish,
			},
			{
				Name: "amqp.request", Doc: "Publishes a message and waits for the reply to it (direct reply-to).",
				In:   append(append([]connector.Param{{Name: fieldTimeout, Doc: "milliseconds to wait, unless the call ends before"}}, where...), properties...),
				Body: "the message's body", Out: properties, Reply: "the reply's body", Do: request,
			},
			{
				Name: "amqp.declare", Doc: "Makes sure that an exchange, a queue, or a queue bound to an exchange exists.",
				In: []connector.Param{
					{Name: fieldExchange, Doc: "exchange to declare, or to bind the queue to"},
					{Name: fieldExchangeType, Doc: "direct, fanout, topic or headers; without it the exchange is there already"},
					{Name: fieldQueue, Doc: "queue to declare"},
					{Name: fieldRoutingKey, Doc: "routing key of the binding"},
					{Name: fieldDurable, Doc: `"0": gone when the broker restarts`},
					{Name: fieldAutoDelete, Doc: `"1": gone when nothing uses it any more`},
					{Name: fieldArguments, Doc: "a JSON object of arguments, of the queue or else of the exchange"},
				},
				Out: []connector.Param{
					{Name: fieldMessages, Doc: "how many messages wait in the queue"},
					{Name: fieldConsumers, Doc: "how many consumers it has"},
				},
				Retry: true, Do: declare,
			},
		},
	})
}

// Fields of the operations' envelopes and, below abi.PrefixMessage, of the
// calls that messages become.
const (
	fieldExchange     = "exchange"
	fieldExchangeType = "exchange-type"
	fieldQueue        = "queue"
	fieldRoutingKey   = "routing-key"
	fieldMandatory    = "mandatory"
	fieldTimeout      = "timeout"
	fieldDurable      = "durable"
	fieldAutoDelete   = "auto-delete"
	fieldArguments    = "arguments"
	fieldMessages     = "messages"
	fieldConsumers    = "consumers"
	fieldRedelivered  = "redelivered"

	fieldContentType     = "content-type"
	fieldContentEncoding = "content-encoding"
	fieldDeliveryMode    = "delivery-mode"
	fieldPriority        = "priority"
	fieldCorrelationID   = "correlation-id"
	fieldReplyTo         = "reply-to"
	fieldExpiration      = "expiration"
	fieldMessageID       = "message-id"
	fieldTimestamp       = "timestamp"
	fieldType            = "type"
	fieldUserID          = "user-id"
	fieldAppID           = "app-id"
	fieldHeaders         = "headers"
)
