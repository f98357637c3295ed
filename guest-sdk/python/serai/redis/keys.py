"""Commands of keys, whatever they hold."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

from serai import kv
from serai.redis.command import command, glob, moment, pages, plain, seconds, texts
from serai.redis.errors import ResponseError
from serai.redis.transaction import decode, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta
    from typing import Any

    from serai.redis.command import Word


class Keys:
    """Commands of keys."""

    @command
    def delete(tx, *names: Word) -> int:
        """Delete keys and return how many there were."""
        there = _those(tx, names)
        for name in there:
            tx.remove(name)
        return len(there)

    unlink = delete

    @command
    def exists(tx, *names: Word) -> int:
        """How many of the keys exist; one that is named twice counts twice."""
        there = set(_those(tx, names))
        return sum(name in there for name in texts((), names))

    @command
    def touch(tx, *args: Word) -> int:
        """How many of the keys exist."""
        return len(_those(tx, args))

    @command
    def type(tx, name: Word) -> str:
        """What a key holds: string, hash, list, set, zset, or none."""
        item = tx.item(text(name))
        return item.kind if item else "none"

    @command
    def ttl(tx, name: Word) -> int:
        """The seconds that a key has yet; -1: it stays, -2: there is none."""
        left = _left(tx, name)
        return left if left < 0 else round(left)

    @command
    def pttl(tx, name: Word) -> int:
        """The milliseconds that a key has yet; -1: it stays, -2: there is none."""
        left = _left(tx, name)
        return left if left < 0 else round(left * 1000)

    @command
    def expire(tx, name: Word, time: float | timedelta, nx: bool = False, xx: bool = False, gt: bool = False, lt: bool = False) -> bool:
        """Have a key expire after so many seconds; whether it does."""
        return _expire_at(tx, name, _now() + seconds(time), nx, xx, gt, lt)

    @command
    def pexpire(tx, name: Word, time: float | timedelta, nx: bool = False, xx: bool = False, gt: bool = False, lt: bool = False) -> bool:
        """Have a key expire after so many milliseconds; whether it does."""
        return _expire_at(tx, name, _now() + seconds(time, 1000), nx, xx, gt, lt)

    @command
    def expireat(tx, name: Word, when: float | datetime, nx: bool = False, xx: bool = False, gt: bool = False, lt: bool = False) -> bool:
        """Have a key expire at a datetime or at seconds since 1970; whether it does."""
        return _expire_at(tx, name, moment(when), nx, xx, gt, lt)

    @command
    def pexpireat(tx, name: Word, when: float | datetime, nx: bool = False, xx: bool = False, gt: bool = False, lt: bool = False) -> bool:
        """Have a key expire at a datetime or at milliseconds since 1970; whether it does."""
        return _expire_at(tx, name, moment(when, 1000), nx, xx, gt, lt)

    @command
    def expiretime(tx, key: Word) -> int:
        """When a key expires, in seconds since 1970; -1: never, -2: there is none."""
        item = tx.item(text(key))
        return -2 if item is None else -1 if item.expires is None else round(item.expires)

    @command
    def persist(tx, name: Word) -> bool:
        """Have a key stay; whether it would have expired."""
        item = tx.item(text(name))
        if item is None or item.expires is None:
            return False
        tx.expire(text(name), None)
        return True

    @command
    def rename(tx, src: Word, dst: Word) -> bool:
        """Rename a key; what has the new name goes."""
        if not _move(tx, text(src), text(dst)):
            raise ResponseError("no such key")
        return True

    @command
    def renamenx(tx, src: Word, dst: Word) -> bool:
        """Rename a key unless there is one of the new name; whether it was renamed."""
        if tx.item(text(src)) is None:
            raise ResponseError("no such key")
        return tx.item(text(dst)) is None and _move(tx, text(src), text(dst))

    @command
    def copy(tx, source: Word, destination: Word, destination_db: None = None, replace: bool = False) -> bool:
        """Copy a key; whether it was copied."""
        source, destination = text(source), text(destination)
        if source == destination:
            raise ResponseError("source and destination objects are the same")
        item = tx.item(source)
        if item is None or (not replace and tx.item(destination)):
            return False
        value = item.value if isinstance(item.value, str) else item.value.copy()
        tx.replace(destination, item.kind, value, item.expires)
        return True

    @command
    def scan(
        tx, cursor: int = 0, match: Word | None = None, count: int | None = None, _type: str | None = None, **kwargs: Any,
    ) -> tuple[int, list[str]]:
        """A page of keys, and the cursor of the next one: 0 at the end."""
        cursor = int(cursor)
        after = cursor.to_bytes((cursor.bit_length() + 7) // 8)[1:].decode() if cursor else ""
        pattern = "*" if match is None else text(match)
        found, after = kv.page(plain(pattern), after, min(max(int(count or 10), 1), 1000))
        # A cursor is a number, and any key as bytes is one after a leading 1.
        return int.from_bytes(b"\1" + after.encode()) if after else 0, list(_matching(found, pattern, _type))

    def scan_iter(self, match: Word | None = None, count: int | None = None, _type: str | None = None, **kwargs: Any) -> Iterator[str]:
        """The keys that match a pattern such as 'user.*'."""
        return pages(self.scan, match=match, count=count or 1000, _type=_type)

    @command
    def keys(tx, pattern: Word = "*", **kwargs: Any) -> list[str]:
        """The keys that match a pattern, a list."""
        pattern = text(pattern)
        return list(_matching(kv.keys(plain(pattern)), pattern))

    @command
    def randomkey(tx, **kwargs: Any) -> str | None:
        """One of the keys, or None."""
        found = list(kv.keys())
        return random.choice(found) if found else None

    @command
    def dbsize(tx, **kwargs: Any) -> int:
        """How many keys there are."""
        return sum(1 for _ in kv.keys())

    @command
    def flushdb(tx, asynchronous: bool = False, **kwargs: Any) -> bool:
        """Delete all keys that the service may use; caches and other areas stay."""
        kv.clear()
        return True

    flushall = flushdb


def _now():
    return time.time()


def _those(tx, names):
    """The keys among names that exist, each once."""
    names = list(dict.fromkeys(texts((), names)))
    tx.prefetch(names)
    return [name for name in names if tx.item(name)]


def _left(tx, name):
    item = tx.item(text(name))
    if item is None:
        return -2
    return -1 if item.expires is None else max(0.0, item.expires - _now())


def _expire_at(tx, name, when, nx, xx, gt, lt):
    item = tx.item(text(name))
    if item is None:
        return False
    old = float("inf") if item.expires is None else item.expires
    forever = item.expires is None
    if (nx and not forever) or (xx and forever) or (gt and (forever or when <= old)) or (lt and when >= old):
        return False
    if when <= _now():
        tx.remove(text(name))
    else:
        tx.expire(text(name), when)
    return True


def _move(tx, src, dst):
    tx.prefetch((src, dst))
    item = tx.item(src)
    if item is None:
        return False
    kind, value, expires = item.kind, item.value, item.expires
    tx.remove(src)
    tx.replace(dst, kind, value, expires)
    return True


def _matching(found, pattern, kind=None):
    expression = glob(pattern)
    for key in found:
        if pattern not in ("*", "") and not expression.fullmatch(key):
            continue
        if kind is not None:
            entry = kv.get(key)
            if entry is None or decode(entry.value)[0] != kind.lower():
                continue
        yield key
