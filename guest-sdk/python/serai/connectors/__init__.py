# Written by cmd/seraigen from the connectors' descriptions. Do not edit.
"""The operations of connectors, each as a method of its connection.

self.out has these by their types: self.out.memcached['Cache'].get('key').
Types that have more convenient classes of their own, such as sql, are here too:
serai.connectors.sql.Connection('Billing').execute('SELECT 1').
"""

from serai.connectors import amqp, http, memcached, redis, sql
from serai.connectors._form import Connections

#: The connections of each type, by name.
BY_TYPE = {
    "amqp": Connections(amqp.Connection),
    "http": Connections(http.Connection),
    "memcached": Connections(memcached.Connection),
    "redis": Connections(redis.Connection),
    "sql": Connections(sql.Connection),
}
