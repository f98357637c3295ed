"""The exceptions of redis-py that a store can raise, under their names."""

from serai.errors import Unsupported


class RedisError(Exception):
    """Something about the store or a call to it is wrong."""


class ConnectionError(RedisError):  # noqa: A001 - redis-py's name
    """There is no connection."""


class TimeoutError(RedisError):  # noqa: A001 - redis-py's name
    """The store did not answer in time."""


class AuthenticationError(ConnectionError):
    """The store does not accept the credentials."""


class BusyLoadingError(ConnectionError):
    """The store is not ready yet."""


class InvalidResponse(RedisError):
    """The store answered with something else than its protocol."""


class ResponseError(RedisError):
    """The store refused a command, such as one for another type (WRONGTYPE)."""


class NoPermissionError(ResponseError):
    """The user may not do this."""


class ReadOnlyError(ResponseError):
    """The store can only be read."""


class ExecAbortError(ResponseError):
    """A transaction was given up since one of its commands is wrong."""


class DataError(RedisError):
    """A key or value is of a type that the store does not have."""


class PubSubError(RedisError):
    """Something about subscriptions is wrong."""


class WatchError(RedisError):
    """A watched key changed before the transaction ran."""


class NoScriptError(ResponseError):
    """There is no such script."""


class LockError(RedisError, ValueError):
    """A lock is not held, or could not be acquired."""


class LockNotOwnedError(LockError):
    """A lock belongs to somebody else, or has expired."""


class NotInStore(Unsupported, ResponseError):
    """A command of Redis that the tenant's key/value store does not have."""


WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value"


def not_an_integer():
    """The error for numbers that are none."""
    return ResponseError("value is not an integer or out of range")


def not_a_float():
    """The error for scores and increments that are none."""
    return ResponseError("value is not a valid float")
