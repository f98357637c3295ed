"""Several commands at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from serai import kv
from serai.errors import Conflict
from serai.redis.client import Sequence
from serai.redis.command import Word
from serai.redis.commands import Commands
from serai.redis.errors import RedisError, WatchError
from serai.redis.transaction import Transaction, attempts, run, text


if TYPE_CHECKING:
    from serai.redis.client import Queued as _Queued
else:
    _Queued = Commands


class Pipeline(Sequence, _Queued):
    """What Redis.pipeline returns: commands wait until :meth:`execute`.

    With transaction they happen together: others see all of them or none, and
    nothing of theirs comes in between.
    """

    def __init__(self, transaction: bool = True) -> None:
        self.transaction = transaction
        self.reset()

    def reset(self) -> None:
        """Forget the commands and what is watched."""
        self._queue, self._watched, self._at_once = [], {}, False

    def watch(self, *names: Word) -> bool:
        """Have execute raise WatchError if one of the keys changes until then.

        Commands run at once from now on, until :meth:`multi`.
        """
        if self._queue:
            raise RedisError("watch must come before the commands")
        names = [text(name) for name in names]
        for name, entry in zip(names, kv.get_many(names), strict=True):
            self._watched.setdefault(name, "0" if entry is None else entry.revision)
        self._at_once = True
        return True

    def unwatch(self) -> bool:
        """Forget what is watched."""
        self._watched, self._at_once = {}, False
        return True

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Run the commands and return their replies, a list.

        The first error of a command is raised after all have run, or with
        raise_on_error=False is among the replies.
        """
        queue, watched, transaction = self._queue, self._watched, self.transaction
        self.reset()
        if not queue and not watched:
            return []
        if transaction or watched:
            replies = _together(queue, watched)
        else:
            replies = [_attempt(run, *entry) for entry in queue]
        if raise_on_error:
            for reply in replies:
                if isinstance(reply, Exception):
                    raise reply
        return replies

    def _command(self, function, args, kwargs):
        if self._at_once:
            return run(function, args, kwargs)
        self._queue.append((function, args, kwargs))
        return self

    def _blocking(self, words, function, args, timeout):
        return self._command(function, args, {})  # in a pipeline nothing waits


def _together(queue, watched):
    for attempt in attempts():
        tx = Transaction(watched)
        replies = [_attempt(function, tx, *args, **kwargs) for function, args, kwargs in queue]
        try:
            tx.commit()
        except Conflict:
            now = kv.get_many(watched) if watched else []
            if any(revision != ("0" if e is None else e.revision) for revision, e in zip(watched.values(), now, strict=True)):
                raise WatchError("Watched variable changed.") from None
            attempt()
            continue
        return replies


def _attempt(function, *args, **kwargs):
    try:
        return function(*args, **kwargs)
    except RedisError as exc:
        return exc
