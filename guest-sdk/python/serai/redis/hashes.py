"""Commands of hashes: fields with values under one key."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from serai.redis.command import command, glob, pages, texts
from serai.redis.errors import DataError, ResponseError
from serai.redis.strings import integer, real
from serai.redis.transaction import HASH, number, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from serai.redis.command import Word


class Hashes:
    """Commands of hashes."""

    @command
    def hset(
        tx, name: Word, key: Word | None = None, value: Word | None = None, mapping: Mapping[Any, Word] = None,
        items: Sequence[Word] | None = None,
    ) -> int:
        """Set a field, the fields of a mapping, or both; how many of them are new."""
        pairs = list((mapping or {}).items())
        if items:
            pairs += zip(items[::2], items[1::2], strict=True)
        if key is not None:
            pairs.append((key, value))
        if not pairs:
            raise DataError("'hset' with no key value pairs")
        pairs = [(text(k), text(v)) for k, v in pairs]
        fields = _read(tx, name)
        new = len({k for k, _ in pairs} - fields.keys())
        fields.update(pairs)
        tx.put(text(name), HASH, fields)
        return new

    def hmset(self, name: Word, mapping: Mapping[Any, Word]) -> bool:
        """Set the fields of a mapping."""
        self.hset(name, mapping=mapping)
        return True

    @command
    def hsetnx(tx, name: Word, key: Word, value: Word) -> int:
        """Set a field if it does not exist; 1 if it was set."""
        fields, key, value = _read(tx, name), text(key), text(value)
        if key in fields:
            return 0
        fields[key] = value
        tx.put(text(name), HASH, fields)
        return 1

    @command
    def hget(tx, name: Word, key: Word) -> str | None:
        """The value of a field, or None."""
        return _read(tx, name).get(text(key))

    @command
    def hgetall(tx, name: Word) -> dict[str, str]:
        """All fields and their values, a dict."""
        return dict(_read(tx, name))

    @command
    def hmget(tx, name: Word, keys: Word | Iterable[Word], *args: Word) -> list[str | None]:
        """The values of fields, None for those that do not exist."""
        fields = _read(tx, name)
        return [fields.get(key) for key in texts(keys, args)]

    @command
    def hdel(tx, name: Word, *keys: Word) -> int:
        """Delete fields and return how many there were."""
        fields = _read(tx, name)
        gone = [fields.pop(key, None) for key in texts((), keys)]
        found = len(gone) - gone.count(None)
        if found:
            tx.put(text(name), HASH, fields)
        return found

    @command
    def hexists(tx, name: Word, key: Word) -> bool:
        """Whether there is such a field."""
        return text(key) in _read(tx, name)

    @command
    def hkeys(tx, name: Word) -> list[str]:
        """The names of the fields."""
        return list(_read(tx, name))

    @command
    def hvals(tx, name: Word) -> list[str]:
        """The values of the fields."""
        return list(_read(tx, name).values())

    @command
    def hlen(tx, name: Word) -> int:
        """How many fields there are."""
        return len(_read(tx, name))

    @command
    def hstrlen(tx, name: Word, key: Word) -> int:
        """The length of a field's value in bytes."""
        return len(_read(tx, name).get(text(key), "").encode("utf-8", "surrogateescape"))

    @command
    def hincrby(tx, name: Word, key: Word, amount: int = 1) -> int:
        """Add to the number in a field, 0 if there is none, and return the sum."""
        fields, key = _read(tx, name), text(key)
        try:
            total = integer(fields.get(key)) + int(amount)
        except ResponseError:
            raise ResponseError("hash value is not an integer") from None
        fields[key] = str(total)
        tx.put(text(name), HASH, fields)
        return total

    @command
    def hincrbyfloat(tx, name: Word, key: Word, amount: float = 1.0) -> float:
        """Add to the number in a field and return the sum, a float."""
        fields, key = _read(tx, name), text(key)
        try:
            total = real(fields.get(key)) + float(amount)
        except ResponseError:
            raise ResponseError("hash value is not a float") from None
        fields[key] = number(total)
        tx.put(text(name), HASH, fields)
        return total

    @command
    def hrandfield(tx, key: Word, count: int | None = None, withvalues: bool = False) -> Any:
        """Some of the fields, or one."""
        fields = _read(tx, key)
        if count is None:
            return random.choice(list(fields)) if fields else None
        chosen = random.sample(list(fields), min(count, len(fields))) if count >= 0 else random.choices(list(fields), k=-count) if fields else []
        return [part for f in chosen for part in (f, fields[f])] if withvalues else chosen

    @command
    def hscan(tx, name: Word, cursor: int = 0, match: Word | None = None, count: int | None = None, no_values: bool | None = None) -> Any:
        """The fields that match, and 0: there is one page only."""
        found = _matching(_read(tx, name), match)
        return 0, list(found) if no_values else found

    def hscan_iter(self, name: Word, match: Word | None = None, count: int | None = None, no_values: bool | None = None) -> Iterator[Any]:
        """The pairs of fields that match and their values."""
        return pages(self.hscan, name, match=match, count=count, no_values=no_values)


def _read(tx, name):
    value = tx.value(text(name), HASH)
    return {} if value is None else value


def _matching(fields, match):
    if match is None:
        return dict(fields)
    expression = glob(text(match))
    return {f: v for f, v in fields.items() if expression.fullmatch(f)}
