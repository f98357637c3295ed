"""What clients and pipelines have in common, whatever is behind them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from serai.redis.errors import RedisError, WatchError
from serai.redis.lock import Lock

if TYPE_CHECKING:
    from serai.redis.command import Word

    class Queued:
        """The commands of a pipeline: their replies come from execute."""

        def __getattr__(self, name: str) -> Callable[..., Any]: ...


class Client:
    """What is made of the commands of a client."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getitem__(self, name: Word) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: Word, value: Word) -> None:
        self.set(name, value)

    def __delitem__(self, name: Word) -> None:
        self.delete(name)

    def __contains__(self, name: Word) -> bool:
        return self.exists(name) > 0

    def close(self) -> None:
        """Nothing: there is no connection that is held."""

    def transaction(
        self, func: Callable[[Any], Any], *watches: Word, shard_hint: object = None, value_from_callable: bool = False, watch_delay: float | None = None,
    ) -> Any:
        """Run func(pipe) and what it queued, again until no watched key changed meanwhile."""
        while True:
            with self.pipeline() as pipe:
                try:
                    if watches:
                        pipe.watch(*watches)
                    value = func(pipe)
                    replies = pipe.execute()
                except WatchError:
                    if watch_delay:
                        time.sleep(watch_delay)
                    continue
            return value if value_from_callable else replies

    def lock(
        self, name: Word, timeout: float | None = None, sleep: float = 0.1, blocking: bool = True, blocking_timeout: float | None = None,
        lock_class: Any = None, thread_local: bool = True,
    ) -> Lock:
        """A lock that is a key; see also self.lock of services, which does not poll."""
        return (lock_class or Lock)(self, name, timeout, sleep, blocking, blocking_timeout, thread_local)


class Sequence:
    """What pipelines are: commands in _queue, that run at once while _at_once."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.reset()

    def __len__(self) -> int:
        return len(self._queue)

    def __bool__(self) -> bool:
        return True

    def multi(self) -> None:
        """Have commands wait for execute, after watch."""
        if self._queue:
            raise RedisError("multi must come before the commands")
        self._at_once = False

    def discard(self) -> None:
        """Forget the commands."""
        self.reset()
