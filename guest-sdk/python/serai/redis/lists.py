"""Commands of lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serai.redis.command import between, command, texts
from serai.redis.errors import DataError, ResponseError
from serai.redis.transaction import LIST, text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from serai.redis.command import Word


class Lists:
    """Commands of lists."""

    @command
    def lpush(tx, name: Word, *values: Word) -> int:
        """Put values before the first one and return the length."""
        return _push(tx, name, values, left=True)

    @command
    def rpush(tx, name: Word, *values: Word) -> int:
        """Put values after the last one and return the length."""
        return _push(tx, name, values, left=False)

    @command
    def lpushx(tx, name: Word, *values: Word) -> int:
        """Put values before the first one of a list that exists."""
        return _push(tx, name, values, left=True) if _read(tx, name) else 0

    @command
    def rpushx(tx, name: Word, *values: Word) -> int:
        """Put values after the last one of a list that exists."""
        return _push(tx, name, values, left=False) if _read(tx, name) else 0

    @command
    def lpop(tx, name: Word, count: int | None = None) -> Any:
        """Take the first value, or a list of count values; None if there is no list."""
        return _pop(tx, name, count, left=True)

    @command
    def rpop(tx, name: Word, count: int | None = None) -> Any:
        """Take the last value, or a list of count values; None if there is no list."""
        return _pop(tx, name, count, left=False)

    @command
    def lrange(tx, name: Word, start: int, end: int) -> list[str]:
        """The values from index start to end, both included."""
        values = _read(tx, name)
        return values[between(len(values), start, end)]

    @command
    def llen(tx, name: Word) -> int:
        """How many values there are."""
        return len(_read(tx, name))

    @command
    def lindex(tx, name: Word, index: int) -> str | None:
        """The value at an index, or None."""
        values = _read(tx, name)
        return values[index] if -len(values) <= index < len(values) else None

    @command
    def lset(tx, name: Word, index: int, value: Word) -> bool:
        """Replace the value at an index."""
        values, value = _read(tx, name), text(value)
        if not values:
            raise ResponseError("no such key")
        if not -len(values) <= index < len(values):
            raise ResponseError("index out of range")
        values[index] = value
        tx.put(text(name), LIST, values)
        return True

    @command
    def linsert(tx, name: Word, where: str, refvalue: Word, value: Word) -> int:
        """Put a value BEFORE or AFTER another; the length, -1 if there is no such one."""
        values, refvalue, value = _read(tx, name), text(refvalue), text(value)
        if where.upper() not in ("BEFORE", "AFTER"):
            raise ResponseError("syntax error")
        if not values:
            return 0
        if refvalue not in values:
            return -1
        values.insert(values.index(refvalue) + (where.upper() == "AFTER"), value)
        tx.put(text(name), LIST, values)
        return len(values)

    @command
    def lrem(tx, name: Word, count: int, value: Word) -> int:
        """Remove count values that equal value, from the end if it is negative,
        all if it is 0; how many were removed."""
        values, value = _read(tx, name), text(value)
        most = abs(count) or len(values)
        kept, removed = [], 0
        for one in reversed(values) if count < 0 else values:
            if one == value and removed < most:
                removed += 1
            else:
                kept.append(one)
        if removed:
            tx.put(text(name), LIST, kept[::-1] if count < 0 else kept)
        return removed

    @command
    def ltrim(tx, name: Word, start: int, end: int) -> bool:
        """Keep the values from index start to end, both included."""
        values = _read(tx, name)
        kept = values[between(len(values), start, end)]
        if len(kept) != len(values):
            tx.put(text(name), LIST, kept)
        return True

    @command
    def lpos(tx, name: Word, value: Word, rank: int | None = None, count: int | None = None, maxlen: int | None = None) -> Any:
        """The index of a value, or with count a list of indexes."""
        values, value, rank = _read(tx, name), text(value), rank or 1
        order = list(enumerate(values))[:: 1 if rank > 0 else -1][: maxlen or None]
        found = [i for i, one in order if one == value][abs(rank) - 1 :]
        if count is not None:
            return found[: count or None]
        return found[0] if found else None

    @command
    def lmove(tx, first_list: Word, second_list: Word, src: str = "LEFT", dest: str = "RIGHT") -> str | None:
        """Move a value from an end of a list to an end of a list, and return it."""
        return _move(tx, first_list, second_list, src, dest)

    def rpoplpush(self, src: Word, dst: Word) -> str | None:
        """Move the last value of a list to the begin of another, and return it."""
        return self.lmove(src, dst, "RIGHT", "LEFT")

    def blpop(self, keys: Word | Iterable[Word], timeout: float = 0) -> tuple[str, str] | None:
        """Take the first value of the first list that has one, waiting up to
        timeout seconds for it (0: as long as the call may take).

        The pair of key and value, or None.
        """
        return self._blocking(("BLPOP", *texts(keys)), _pop_any, (texts(keys), True), timeout)

    def brpop(self, keys: Word | Iterable[Word], timeout: float = 0) -> tuple[str, str] | None:
        """Like blpop, with the last value."""
        return self._blocking(("BRPOP", *texts(keys)), _pop_any, (texts(keys), False), timeout)

    def blmove(self, first_list: Word, second_list: Word, timeout: float, src: str = "LEFT", dest: str = "RIGHT") -> str | None:
        """Like lmove, waiting for a value up to timeout seconds."""
        return self._blocking(("BLMOVE", first_list, second_list, src, dest), _move, (first_list, second_list, src, dest), timeout)

    def brpoplpush(self, src: Word, dst: Word, timeout: float = 0) -> str | None:
        """Like rpoplpush, waiting for a value up to timeout seconds."""
        return self.blmove(src, dst, timeout, "RIGHT", "LEFT")


def _read(tx, name):
    value = tx.value(text(name), LIST)
    return [] if value is None else value


def _push(tx, name, values, left):
    added = texts((), values)
    if not added:
        raise DataError("nothing to push: give at least one value")
    old = _read(tx, name)
    new = added[::-1] + old if left else old + added
    tx.put(text(name), LIST, new)
    return len(new)


def _pop(tx, name, count, left):
    values = _read(tx, name)
    if not values:
        return None
    n = 1 if count is None else int(count)
    if n < 0:
        raise ResponseError("value is out of range, must be positive")
    taken, kept = (values[:n], values[n:]) if left else (values[::-1][:n], values[: max(0, len(values) - n)])
    tx.put(text(name), LIST, kept)
    return taken[0] if count is None else taken


def _pop_any(tx, names, left):
    for name in names:
        value = _pop(tx, name, None, left)
        if value is not None:
            return name, value
    return None


def _move(tx, src, dst, source_end, target_end):
    ends = (source_end.upper(), target_end.upper())
    if not {*ends} <= {"LEFT", "RIGHT"}:
        raise ResponseError("syntax error")
    if not _read(tx, src):
        return None
    _read(tx, dst)  # a wrong type must not lose the value
    value = _pop(tx, src, None, ends[0] == "LEFT")
    _push(tx, dst, (value,), ends[1] == "LEFT")
    return value
