//go:generate go run ../../../cmd/seraigen -root ../../..

// Package standard is the one list of the connectors that a host is linked
// with.
package standard

import (
	"github.com/seraihost/serai/host/connector"
	"github.com/seraihost/serai/host/connector/amqp"
	"github.com/seraihost/serai/host/connector/config"
	"github.com/seraihost/serai/host/connector/httpclient"
	"github.com/seraihost/serai/host/connector/invoke"
	"github.com/seraihost/serai/host/connector/kv"
	"github.com/seraihost/serai/host/connector/lock"
	"github.com/seraihost/serai/host/connector/memcached"
	"github.com/seraihost/serai/host/connector/redisdb"
	"github.com/seraihost/serai/host/connector/seal"
	"github.com/seraihost/serai/host/connector/sqldb"
)

// Sources returns the types of channels, other than REST, in order.
func Sources() []connector.SourceType {
	return []connector.SourceType{amqp.Source(), redisdb.Source(), sqldb.Source()}
}

// Builtins returns the connectors of what the host itself has, to be read, not
// to be called: a host makes its own, with what they work on.
func Builtins() []connector.Connector {
	return []connector.Connector{config.Connector(nil), seal.Connector(seal.Config{}), invoke.Connector(invoke.Services{}), kv.Connector(nil), lock.Connector(nil)}
}

// Connectors returns the connectors to other systems, in the order of their types.
func Connectors() []connector.Connector {
	return []connector.Connector{amqp.Connector(), httpclient.Connector(), memcached.Connector(), redisdb.Connector(), sqldb.Connector()}
}
