"""What clients and pipelines have in common, whatever is behind them."""

import time

from serai.redis.errors import RedisError, WatchError
from serai.redis.lock import Lock


class Client:
    """What is made of the commands of a client."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __getitem__(self, name):
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name, value):
        self.set(name, value)

    def __delitem__(self, name):
        self.delete(name)

    def __contains__(self, name):
        return self.exists(name) > 0

    def close(self):
        """Nothing: there is no connection that is held."""

    def transaction(self, func, *watches, shard_hint=None, value_from_callable=False, watch_delay=None):
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

    def lock(self, name, timeout=None, sleep=0.1, blocking=True, blocking_timeout=None, lock_class=None, thread_local=True):
        """A lock that is a key; see also self.lock of services, which does not poll."""
        return (lock_class or Lock)(self, name, timeout, sleep, blocking, blocking_timeout, thread_local)


class Sequence:
    """What pipelines are: commands in _queue, that run at once while _at_once."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.reset()

    def __len__(self):
        return len(self._queue)

    def __bool__(self):
        return True

    def multi(self):
        """Have commands wait for execute, after watch."""
        if self._queue:
            raise RedisError("multi must come before the commands")
        self._at_once = False

    def discard(self):
        """Forget the commands."""
        self.reset()
