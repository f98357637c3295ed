"""The calls of redis-py over the tenant's key/value store: ``self.kvdb.conn``.

The methods of commands say what a command is; :class:`Redis` does it with the
tenant's own store, :class:`serai.redis.server.Server` has a Redis server do it.

Replies are decoded: str, not bytes. Every command is atomic, whatever other
calls do at the same time, and so is a pipeline with transaction=True::

    with self.kvdb.conn.pipeline() as pipe:
        pipe.incr('orders')
        pipe.rpush('queue', order_id)
        number, length = pipe.execute()
"""

from __future__ import annotations

import time
from typing import Any

from serai.kv import MAX_STEPS
from serai.redis.client import Client
from serai.redis.command import Word
from serai.redis.commands import Commands
from serai.redis.errors import DataError, LockError, RedisError, ResponseError, WatchError
from serai.redis.lock import Lock
from serai.redis.pipeline import Pipeline
from serai.redis.transaction import run

__all__ = ["DataError", "Lock", "LockError", "Pipeline", "Redis", "RedisError", "ResponseError", "WatchError"]

_delete = Commands.delete.__wrapped__


class Redis(Client, Commands):
    """The store with the calls of redis-py and decoded replies: str in, str out."""

    def ping(self, **kwargs: Any) -> bool:
        """True, as long as the host answers."""
        return True

    def echo(self, value: str) -> str:
        """The value."""
        return value

    def time(self) -> tuple[int, int]:
        """Seconds since 1970, and microseconds."""
        now = time.time_ns() // 1000
        return divmod(now, 1_000_000)

    def delete(self, *names: Word) -> int:
        """Delete keys and return how many there were; more than fit a
        transaction in several."""
        return sum(run(_delete, names[at : at + MAX_STEPS], {}) for at in range(0, len(names), MAX_STEPS))

    unlink = delete

    def pipeline(self, transaction: bool = True, shard_hint: object = None) -> Pipeline:
        """Commands that wait until execute() and then run together."""
        return Pipeline(transaction)

    def _command(self, function, args, kwargs):
        return run(function, args, kwargs)

    def _blocking(self, words, function, args, timeout):
        """Run a command until it has a reply, for up to timeout seconds."""
        end = time.monotonic() + timeout if timeout else None
        pause = 0.005
        while (reply := run(function, args, {})) is None:
            left = pause if end is None else end - time.monotonic()
            if left <= 0:
                return None
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, 0.1)
        return reply


#: The name that redis-py had for this class before it spoke strictly.
StrictRedis = Redis
