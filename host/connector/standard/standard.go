// Package standard is the one list of the connectors that a host is linked
// with.
package standard

import (
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/amqp"
	"github.com/seraihost/serai/host/connector/httpclient"
	"github.com/seraihost/serai/host/connector/redisdb"
	"github.com/seraihost/serai/host/connector/sqldb"
)

// Sources returns the types of channels, other than REST, in order.
func Sources() []connector.SourceType { return []connector.SourceType{amqp.Source()} }

// Connectors returns all connectors, in the order of their types.
func Connectors() []connector.Connector {
	return []connector.Connector{amqp.Connector(), httpclient.Connector(), redisdb.Connector(), sqldb.Connector()}
}
