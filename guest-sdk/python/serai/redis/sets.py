"""Commands of sets."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from serai.redis.command import command, glob, pages, texts
from serai.redis.errors import DataError
from serai.redis.transaction import SET, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from serai.redis.command import Word


class Sets:
    """Commands of sets."""

    @command
    def sadd(tx, name: Word, *values: Word) -> int:
        """Add members and return how many are new."""
        added = set(texts((), values))
        if not added:
            raise DataError("nothing to add: give at least one member")
        old = _read(tx, name)
        new = len(added - old)
        if new:
            tx.put(text(name), SET, old | added)
        return new

    @command
    def srem(tx, name: Word, *values: Word) -> int:
        """Remove members and return how many there were."""
        old, gone = _read(tx, name), set(texts((), values))
        found = len(old & gone)
        if found:
            tx.put(text(name), SET, old - gone)
        return found

    @command
    def smembers(tx, name: Word) -> set[str]:
        """All members, a set."""
        return set(_read(tx, name))

    @command
    def sismember(tx, name: Word, value: Word) -> int:
        """1 if value is a member, else 0."""
        return int(text(value) in _read(tx, name))

    @command
    def smismember(tx, name: Word, values: Word | Iterable[Word], *args: Word) -> list[int]:
        """1 or 0 for each of the values."""
        members = _read(tx, name)
        return [int(value in members) for value in texts(values, args)]

    @command
    def scard(tx, name: Word) -> int:
        """How many members there are."""
        return len(_read(tx, name))

    @command
    def spop(tx, name: Word, count: int | None = None) -> Any:
        """Take a member, or a list of count, at random."""
        members = _read(tx, name)
        taken = random.sample(sorted(members), min(1 if count is None else count, len(members)))
        if taken:
            tx.put(text(name), SET, members - set(taken))
        return taken if count is not None else taken[0] if taken else None

    @command
    def srandmember(tx, name: Word, number: int | None = None) -> Any:
        """A member at random, or a list of number; negative: with repetitions."""
        members = sorted(_read(tx, name))
        if number is None:
            return random.choice(members) if members else None
        if number < 0:
            return random.choices(members, k=-number) if members else []
        return random.sample(members, min(number, len(members)))

    @command
    def smove(tx, src: Word, dst: Word, value: Word) -> bool:
        """Move a member to another set; whether it was there."""
        source, value = _read(tx, src), text(value)
        if not source:
            return False
        target = _read(tx, dst)
        if value not in source:
            return False
        tx.put(text(src), SET, source - {value})
        tx.put(text(dst), SET, (target if text(src) != text(dst) else source) | {value})
        return True

    @command
    def sinter(tx, keys: Word | Iterable[Word], *args: Word) -> set[str]:
        """The members that all of the sets have."""
        return set.intersection(*_all(tx, keys, args))

    @command
    def sunion(tx, keys: Word | Iterable[Word], *args: Word) -> set[str]:
        """The members that any of the sets has."""
        return set.union(*_all(tx, keys, args))

    @command
    def sdiff(tx, keys: Word | Iterable[Word], *args: Word) -> set[str]:
        """The members of the first set that no other has."""
        first, *others = _all(tx, keys, args)
        return first.difference(*others)

    @command
    def sinterstore(tx, dest: Word, keys: Word | Iterable[Word], *args: Word) -> int:
        """Store what sinter returns and return how many members it has."""
        return _store(tx, dest, set.intersection(*_all(tx, keys, args)))

    @command
    def sunionstore(tx, dest: Word, keys: Word | Iterable[Word], *args: Word) -> int:
        """Store what sunion returns and return how many members it has."""
        return _store(tx, dest, set.union(*_all(tx, keys, args)))

    @command
    def sdiffstore(tx, dest: Word, keys: Word | Iterable[Word], *args: Word) -> int:
        """Store what sdiff returns and return how many members it has."""
        first, *others = _all(tx, keys, args)
        return _store(tx, dest, first.difference(*others))

    @command
    def sscan(tx, name: Word, cursor: int = 0, match: Word | None = None, count: int | None = None) -> tuple[int, list[str]]:
        """The members that match, and 0: there is one page only."""
        members = sorted(_read(tx, name))
        if match is not None:
            expression = glob(text(match))
            members = [m for m in members if expression.fullmatch(m)]
        return 0, members

    def sscan_iter(self, name: Word, match: Word | None = None, count: int | None = None) -> Iterator[str]:
        """The members that match."""
        return pages(self.sscan, name, match=match, count=count)


def _read(tx, name):
    value = tx.value(text(name), SET)
    return set() if value is None else value


def _all(tx, keys, more):
    names = texts(keys, more)
    if not names:
        raise DataError("no set: give at least one key")
    tx.prefetch(names)
    return [set(_read(tx, name)) for name in names]


def _store(tx, dest, members):
    tx.replace(text(dest), SET, members)
    return len(members)
