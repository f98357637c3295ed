package redisdb

import (
	"net"
	"strconv"

	"github.com/seraihost/serai/host"
	"github.com/seraihost/serai/host/connector"
)

// Type is the type of connections that this package serves.
const Type = "redis"

// Modes.
const (
	single   = "single"
	cluster  = "cluster"
	sentinel = "sentinel"
)

// Config is the configuration of a connection.
type Config struct {
	Mode             string        `json:"mode" default:"single" enum:"single,cluster,sentinel" doc:"single, cluster or sentinel"`
	Host             string        `json:"host" example:"redis.example.com" doc:"name or address of the server, in the mode single"`
	Port             int           `json:"port" default:"6379" min:"1" max:"65535" doc:"of the server, in the mode single"`
	Addresses        []string      `json:"addresses" doc:"HOST:PORT of some nodes of the cluster, or of the sentinels"`
	Master           string        `json:"master" doc:"what the sentinels call the master"`
	Database         int           `json:"database" default:"0" min:"0" max:"65535" doc:"number of the database; a cluster has 0 only"`
	Username         string        `json:"username" doc:"who logs in, if it is not the default user"`
	Password         string        `json:"password" secret:"true" example:"${secret:redis.password}" doc:"of the user"`
	SentinelPassword string        `json:"sentinel_password" secret:"true" doc:"of the sentinels, if they have one"`
	TLS              connector.TLS `json:"tls" doc:"encryption of the connection"`
	PoolSize         int           `json:"pool_size" default:"10" min:"1" max:"500" doc:"most sockets to a server at a time beside the one that commands share in the mode single; commands that wait, transactions, watches and large requests take one each"`
	Timeout          host.Duration `json:"timeout" default:"5s" min:"1ms" max:"1h" doc:"of commands that do not wait; the service's own deadline counts too"`
}

func (c Config) check() error {
	switch {
	case c.Mode == single && c.Host == "":
		return host.FieldErrorf("host", "config.host is missing: name the server")
	case c.Mode == single && len(c.Addresses) > 0:
		return host.FieldErrorf("addresses", "config.addresses are for the modes cluster and sentinel: use host and port")
	case c.Mode != single && c.Host != "":
		return host.FieldErrorf("host", "config.host is for the mode single: use addresses")
	case c.Mode != single && len(c.Addresses) == 0:
		return host.FieldErrorf("addresses", "config.addresses are missing: name some nodes as HOST:PORT")
	case (c.Mode == sentinel) != (c.Master != ""):
		return host.FieldErrorf("master", "config.master is what the sentinels call the master: it goes with the mode sentinel")
	case c.Mode != sentinel && c.SentinelPassword != "":
		return host.FieldErrorf("sentinel_password", "config.sentinel_password goes with the mode sentinel")
	case c.Mode == cluster && c.Database != 0:
		return host.FieldErrorf("database", "config.database is %d: a cluster has the database 0 only", c.Database)
	}
	if c.Mode == single {
		if err := connector.CheckHost("host", c.Host); err != nil {
			return err
		}
	}
	for _, a := range c.Addresses {
		h, p, err := net.SplitHostPort(a)
		port, wrong := strconv.ParseUint(p, 10, 16)
		if err != nil || h == "" || wrong != nil || port == 0 || connector.CheckHost("addresses", h) != nil {
			return host.FieldErrorf("addresses", "config.addresses: %q is no HOST:PORT, such as node.example.com:6379, with a port from 1 to 65535", host.Clip(a))
		}
	}
	return c.TLS.Check()
}
