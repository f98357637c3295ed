# Written by cmd/seraigen from the connectors' descriptions. Do not edit.
"""The operations of connectors, each as a method of its connection.

self.out has these by their types: self.out.memcached['Cache'].get('key').
Types that have more convenient classes of their own, such as sql, are here too:
serai.connectors.sql.Connection('Billing').execute('SELECT 1').
"""

from serai.connectors import amqp, http, memcached, redis, sql
from serai.connectors._form import Connections


class Types:
    """The types of connections that have no class of their own in self.out."""

    __slots__ = ()
    #: Connections of the type http, by name.
    http = Connections(http.Connection)
    #: Connections of the type memcached, by name.
    memcached = Connections(memcached.Connection)
