"""What services import of redis-py: its exceptions, and clients that say where
the store is.

A service has no sockets, so it opens no connection of its own; the calls of
redis-py are methods of ``self.kvdb.conn``.
"""

from redis.exceptions import *  # noqa: F403
from redis.exceptions import __all__ as _exceptions
from serai.redis import Pipeline
from serai.redis.errors import NotInStore


class Redis:
    """A client of a Redis server, which a service cannot be."""

    def __new__(cls, *args, **kwargs):
        raise NotInStore("a service opens no connections: use self.kvdb.conn, which has the calls of redis-py")

    @classmethod
    def from_url(cls, url, **kwargs):
        """Refused like the class."""
        return cls()


class StrictRedis(Redis):
    """The same as :class:`Redis`."""


class ConnectionPool(Redis):
    """Connections to a Redis server, which a service does not have."""


def from_url(url, **kwargs):
    """Refused like :class:`Redis`."""
    return Redis()


__all__ = ["ConnectionPool", "Pipeline", "Redis", "StrictRedis", "from_url", *_exceptions]
