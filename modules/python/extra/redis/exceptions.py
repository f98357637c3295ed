"""The exceptions of redis-py, those that ``self.kvdb.conn`` raises."""

from serai.redis.errors import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError,
    DataError,
    ExecAbortError,
    InvalidResponse,
    LockError,
    LockNotOwnedError,
    NoPermissionError,
    NoScriptError,
    PubSubError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TimeoutError,
    WatchError,
)

__all__ = [
    "AuthenticationError", "BusyLoadingError", "ConnectionError", "DataError", "ExecAbortError", "InvalidResponse",
    "LockError", "LockNotOwnedError", "NoPermissionError", "NoScriptError", "PubSubError", "ReadOnlyError",
    "RedisError", "ResponseError", "TimeoutError", "WatchError",
]
