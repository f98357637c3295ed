"""The lock of redis-py: a key that its holder made and nobody else."""

from __future__ import annotations

import time
import uuid
from typing import Any

from serai.redis.command import Word, seconds
from serai.redis.errors import LockError, LockNotOwnedError
from serai.redis.transaction import text


class Lock:
    """What Redis.lock returns; ``with conn.lock('name', timeout=10):`` holds it."""

    def __init__(
        self, redis: Any, name: Word, timeout: float | None = None, sleep: float = 0.1, blocking: bool = True,
        blocking_timeout: float | None = None, thread_local: bool = True,
    ) -> None:
        self.redis, self.name, self.timeout, self.sleep = redis, name, timeout, sleep
        self.blocking, self.blocking_timeout = blocking, blocking_timeout
        self.thread_local = thread_local
        self.token = None

    def __enter__(self) -> Lock:
        if not self.acquire():
            raise LockError(f"lock {self.name!r} could not be acquired in the time given for it")
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def acquire(
        self, sleep: float | None = None, blocking: bool | None = None, blocking_timeout: float | None = None, token: Word | None = None,
    ) -> bool:
        """Take the lock and return whether it was taken."""
        sleep = self.sleep if sleep is None else sleep
        blocking = self.blocking if blocking is None else blocking
        patience = self.blocking_timeout if blocking_timeout is None else blocking_timeout
        end = None if patience is None else time.monotonic() + patience
        token = uuid.uuid4().hex if token is None else token
        px = None if self.timeout is None else max(1, round(seconds(self.timeout) * 1000))
        while True:
            if self.redis.set(self.name, token, nx=True, px=px):
                self.token = token
                return True
            if not blocking or (end is not None and time.monotonic() + sleep > end):
                return False
            time.sleep(sleep)

    def locked(self) -> bool:
        """Whether anybody holds the lock."""
        return self.redis.get(self.name) is not None

    def owned(self) -> bool:
        """Whether this object holds the lock."""
        return self.token is not None and _same(self.redis.get(self.name), self.token)

    def release(self) -> None:
        """Give the lock up."""
        token, self.token = self.token, None
        if token is None:
            raise LockError("cannot release a lock that is not held")
        self._mine(token, lambda pipe: pipe.delete(self.name))

    def extend(self, additional_time: float, replace_ttl: bool = False) -> bool:
        """Hold the lock for so many seconds more, or with replace_ttl from now on."""
        if self.token is None:
            raise LockError("cannot extend a lock that is not held")
        if self.timeout is None:
            raise LockError("cannot extend a lock with no timeout")
        left = 0 if replace_ttl else max(self.redis.pttl(self.name), 0)
        self._mine(self.token, lambda pipe: pipe.pexpire(self.name, left + round(seconds(additional_time) * 1000)))
        return True

    def reacquire(self) -> bool:
        """Hold the lock for its whole timeout again."""
        return self.extend(self.timeout or 0, replace_ttl=True)

    def _mine(self, token, change):
        """Do change if the lock has the token, both at one moment."""

        def step(pipe):
            if not _same(pipe.get(self.name), token):
                raise LockNotOwnedError(f"lock {self.name!r} is no longer owned: its timeout passed")
            pipe.multi()
            change(pipe)

        self.redis.transaction(step, self.name)


def _same(value, token):
    """Whether a reply, str or bytes, is the token."""
    return value is not None and text(value) == text(token)
