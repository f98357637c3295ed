"""self.lock: what one call does at a time, across all calls of a tenant.

The host holds locks and has calls wait for them, without polling. A lock ends
with the call that holds it at the latest, even if that is killed.
"""

from __future__ import annotations

from serai import errors
from serai.host import call, milliseconds


class LockTimeout(errors.Timeout):
    """The lock was held by others for as long as the service would wait."""


class Lock:
    """A lock that is held: of a ``with`` block, or until :meth:`release`."""

    def __init__(self, name: str, ttl: float = 20, block: float = 10) -> None:
        self.name, self.ttl, self.block = name, ttl, block
        self._token = None

    def __enter__(self) -> Lock:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def __bool__(self) -> bool:
        return self.held

    @property
    def held(self) -> bool:
        """Whether the lock was acquired and not given up since."""
        return self._token is not None

    def acquire(self) -> bool:
        """Wait for the lock and take it; LockTimeout if others hold it too long."""
        if self._token is not None:
            return True
        block = "0" if not self.block else milliseconds(self.block)
        try:
            envelope, _ = call("lock.acquire", "name", self.name, "ttl", milliseconds(self.ttl), "block", block)
        except errors.Timeout as exc:
            raise LockTimeout(str(exc)) from None
        self._token = envelope.get("token")
        return True

    def release(self) -> bool:
        """Give the lock up; False says that its time to live had passed before."""
        token, self._token = self._token, None
        if token is None:
            return False
        envelope, _ = call("lock.release", "name", self.name, "token", token)
        return envelope.get("released") == "1"
