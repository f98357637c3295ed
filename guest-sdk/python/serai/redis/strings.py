"""Commands of strings, which numbers and bits are too."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from serai.redis.command import command, moment, seconds, texts
from serai.redis.errors import DataError, ResponseError, not_a_float, not_an_integer
from serai.redis.transaction import STRING, number, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, timedelta
    from typing import Any

    from serai.redis.command import Word


_LEAST, _MOST = -(2**63), 2**63 - 1
_MAX_BYTES = 512 << 20


class Strings:
    """Commands of strings."""

    @command
    def get(tx, name: Word) -> str | None:
        """The value of a key, or None."""
        return tx.value(text(name), STRING)

    @command
    def set(
        tx, name: Word, value: Word, ex: float | timedelta | None = None, px: float | timedelta | None = None, nx: bool = False,
        xx: bool = False, keepttl: bool = False, get: bool = False, exat: float | datetime | None = None, pxat: float | datetime | None = None,
    ) -> Any:
        """Set a key, for ex seconds or px milliseconds, until exat or pxat if given.

        With nx only if it does not exist, with xx only if it does; None says
        that it was not set. With get the reply is the value it had.
        """
        name, value = text(name), text(value)
        if nx and xx:
            raise DataError("nx and xx exclude each other")
        expires = _expires(ex, px, exat, pxat)
        if not (nx or xx or get or keepttl):
            tx.replace(name, STRING, value, expires)
            return True
        there = tx.item(name, STRING if get else None)
        old = there.value if there and get else None
        if (nx and there) or (xx and not there):
            return old
        if keepttl and there:
            expires = there.expires
        tx.replace(name, STRING, value, expires)
        return old if get else True

    @command
    def setex(tx, name: Word, time: float | timedelta, value: Word) -> bool:
        """Set a key for so many seconds."""
        tx.replace(text(name), STRING, text(value), _expires(ex=time))
        return True

    @command
    def psetex(tx, name: Word, time_ms: float | timedelta, value: Word) -> bool:
        """Set a key for so many milliseconds."""
        tx.replace(text(name), STRING, text(value), _expires(px=time_ms))
        return True

    @command
    def setnx(tx, name: Word, value: Word) -> bool:
        """Set a key if it does not exist and return whether it was set."""
        name, value = text(name), text(value)
        if tx.item(name):
            return False
        tx.replace(name, STRING, value)
        return True

    @command
    def getset(tx, name: Word, value: Word) -> str | None:
        """Set a key and return the value it had."""
        name, value = text(name), text(value)
        old = tx.value(name, STRING)
        tx.replace(name, STRING, value)
        return old

    @command
    def getdel(tx, name: Word) -> str | None:
        """Delete a key and return the value it had."""
        name = text(name)
        old = tx.value(name, STRING)
        if old is not None:
            tx.remove(name)
        return old

    @command
    def getex(
        tx, name: Word, ex: float | timedelta | None = None, px: float | timedelta | None = None, exat: float | datetime | None = None,
        pxat: float | datetime | None = None, persist: bool = False,
    ) -> str | None:
        """The value of a key, whose time to live is changed too."""
        name = text(name)
        old = tx.value(name, STRING)
        expires = _expires(ex, px, exat, pxat)
        if old is not None and (persist or expires is not None):
            tx.expire(name, expires)
        return old

    @command
    def mget(tx, keys: Word | Iterable[Word], *args: Word) -> list[str | None]:
        """The values of keys, None for those that do not exist or hold no string."""
        keys = texts(keys, args)
        tx.prefetch(keys)
        items = [tx.item(key) for key in keys]
        return [item.value if item and item.kind == STRING else None for item in items]

    @command
    def mset(tx, mapping: Mapping[Any, Word]) -> bool:
        """Set keys from a dict, all of them at once."""
        for name, value in [(text(n), text(v)) for n, v in mapping.items()]:
            tx.replace(name, STRING, value)
        return True

    @command
    def msetnx(tx, mapping: Mapping[Any, Word]) -> bool:
        """Set keys from a dict if none of them exists; whether they were set."""
        pairs = [(text(n), text(v)) for n, v in mapping.items()]
        tx.prefetch(name for name, _ in pairs)
        if any(tx.item(name) for name, _ in pairs):
            return False
        for name, value in pairs:
            tx.replace(name, STRING, value)
        return True

    @command
    def append(tx, key: Word, value: Word) -> int:
        """Append to a string and return its new length in bytes."""
        return _write(tx, text(key), _bytes(tx, text(key)) + _raw(value))

    @command
    def strlen(tx, name: Word) -> int:
        """The length of a string in bytes, 0 if there is none."""
        return len(_bytes(tx, text(name)))

    @command
    def getrange(tx, key: Word, start: int, end: int) -> str:
        """The bytes of a string from start to end, both included."""
        raw = _bytes(tx, text(key))
        return raw[_between(len(raw), start, end)].decode("utf-8", "surrogateescape")

    @command
    def setrange(tx, name: Word, offset: int, value: Word) -> int:
        """Overwrite a string from offset on and return its new length in bytes."""
        raw, new = _bytes(tx, text(name)), _raw(value)
        if offset < 0 or offset + len(new) > _MAX_BYTES:
            raise ResponseError("offset is out of range")
        if not new:
            return len(raw)
        raw = raw.ljust(offset, b"\0")
        return _write(tx, text(name), raw[:offset] + new + raw[offset + len(new) :])

    @command
    def incrby(tx, name: Word, amount: int = 1) -> int:
        """Add to the number at a key, 0 if there is none, and return the sum."""
        name = text(name)
        total = integer(tx.value(name, STRING)) + int(amount)
        if not _LEAST <= total <= _MOST:
            raise ResponseError("increment or decrement would overflow")
        tx.put(name, STRING, str(total))
        return total

    incr = incrby

    def decrby(self, name: Word, amount: int = 1) -> int:
        """Subtract from the number at a key and return the difference."""
        return self.incrby(name, -int(amount))

    decr = decrby

    @command
    def incrbyfloat(tx, name: Word, amount: float = 1.0) -> float:
        """Add to the number at a key and return the sum, a float."""
        name = text(name)
        total = real(tx.value(name, STRING)) + float(amount)
        tx.put(name, STRING, number(total))
        return total

    @command
    def getbit(tx, name: Word, offset: int) -> int:
        """A bit of a string; the first one is the highest of the first byte."""
        raw, at = _bytes(tx, text(name)), offset >> 3
        return (raw[at] >> (7 - (offset & 7))) & 1 if at < len(raw) else 0

    @command
    def setbit(tx, name: Word, offset: int, value: int) -> int:
        """Set a bit of a string and return what it was."""
        if value not in (0, 1):
            raise ResponseError("bit is not an integer or out of range")
        if not 0 <= offset < _MAX_BYTES * 8:
            raise ResponseError("bit offset is not an integer or out of range")
        at, mask = offset >> 3, 1 << (7 - (offset & 7))
        raw = bytearray(_bytes(tx, text(name)).ljust(at + 1, b"\0"))
        old = int(bool(raw[at] & mask))
        raw[at] = raw[at] | mask if value else raw[at] & ~mask
        _write(tx, text(name), bytes(raw))
        return old

    @command
    def bitcount(tx, key: Word, start: int | None = None, end: int | None = None) -> int:
        """How many bits of a string are set, from byte start to byte end."""
        raw = _bytes(tx, text(key))
        if start is not None and end is not None:
            raw = raw[_between(len(raw), start, end)]
        return int.from_bytes(raw).bit_count()


def _expires(ex=None, px=None, exat=None, pxat=None):
    """The moment that the arguments mean, in seconds since 1970, or None."""
    given = [v for v in (ex, px, exat, pxat) if v is not None]
    if len(given) > 1:
        raise DataError("ex, px, exat and pxat exclude each other")
    if exat is not None or pxat is not None:
        return moment(exat) if exat is not None else moment(pxat, 1000)
    if not given:
        return None
    ttl = seconds(ex) if ex is not None else seconds(px, 1000)
    if ttl <= 0:
        raise ResponseError("invalid expire time in 'set' command")
    return time.time() + ttl


def _between(length, start, end):
    """The slice of a string; unlike in lists an end before the begin is the begin."""
    if start < 0 and end < 0 and start > end:
        return slice(0, 0)
    start, end = (max(0, i + length) if i < 0 else i for i in (start, end))
    return slice(start, max(end + 1, start))


def integer(value):
    """The number that a stored string is, 0 if there is none."""
    if value is None:
        return 0
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20 and (digits == "0" or digits[0] != "0")):
        raise not_an_integer()
    return int(value)


def real(value):
    """The float that a stored string is, 0 if there is none."""
    try:
        return 0.0 if value is None else float(value)
    except ValueError:
        raise not_a_float() from None


def _raw(value):
    return text(value).encode("utf-8", "surrogateescape")


def _bytes(tx, name):
    return (tx.value(name, STRING) or "").encode("utf-8", "surrogateescape")


def _write(tx, name, raw):
    tx.put(name, STRING, raw.decode("utf-8", "surrogateescape"))
    return len(raw)
