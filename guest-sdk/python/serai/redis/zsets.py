"""Commands of sorted sets: members with scores, in the order of the scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serai.redis.command import between, command, glob, pages, texts
from serai.redis.errors import DataError, ResponseError, not_a_float
from serai.redis.transaction import SET, ZSET, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from serai.redis.command import Word


class SortedSets:
    """Commands of sorted sets."""

    @command
    def zadd(
        tx, name: Word, mapping: Mapping[Any, float | str], nx: bool = False, xx: bool = False, ch: bool = False, incr: bool = False,
        gt: bool = False, lt: bool = False,
    ) -> Any:
        """Set the scores of members from a dict; how many are new, with ch also
        those that changed, with incr the new score of the only one."""
        if not mapping:
            raise DataError("zadd requires at least one pair of member and score")
        if nx and (xx or gt or lt):
            raise DataError("nx excludes xx, gt and lt")
        if incr and len(mapping) != 1:
            raise DataError("zadd with incr takes one pair of member and score")
        members = _read(tx, name)
        new = changed = 0
        for member, score in [(text(m), _score(s)) for m, s in mapping.items()]:
            old = members.get(member)
            if incr:
                score = _sum(old or 0.0, score)
            if (nx and old is not None) or (xx and old is None) or (old is not None and ((gt and score <= old) or (lt and score >= old))):
                if incr:
                    return None
                continue
            new += old is None
            changed += old != score
            members[member] = score
        if changed:
            _write(tx, name, members)
        return score if incr else changed if ch else new

    @command
    def zincrby(tx, name: Word, amount: float, value: Word) -> float:
        """Add to the score of a member, 0 if there is none, and return the sum."""
        members, value = _read(tx, name), text(value)
        members[value] = _sum(members.get(value, 0.0), _score(amount))
        _write(tx, name, members)
        return members[value]

    @command
    def zrem(tx, name: Word, *values: Word) -> int:
        """Remove members and return how many there were."""
        return _remove(tx, name, _read(tx, name), texts((), values))

    @command
    def zscore(tx, name: Word, value: Word) -> float | None:
        """The score of a member, or None."""
        return _read(tx, name).get(text(value))

    @command
    def zmscore(tx, key: Word, members: Iterable[Word]) -> list[float | None]:
        """The scores of members, None for those that are none."""
        found = _read(tx, key)
        return [found.get(text(member)) for member in members]

    @command
    def zcard(tx, name: Word) -> int:
        """How many members there are."""
        return len(_read(tx, name))

    @command
    def zcount(tx, name: Word, min: float | str, max: float | str) -> int:  # noqa: A002 - redis-py's names
        """How many members have a score from min to max."""
        return len(_by_score(_read(tx, name), min, max))

    @command
    def zrank(tx, name: Word, value: Word, withscore: bool = False) -> Any:
        """The index of a member in the order of the scores, or None."""
        return _rank(tx, name, value, withscore, reverse=False)

    @command
    def zrevrank(tx, name: Word, value: Word, withscore: bool = False) -> Any:
        """The index of a member in the reverse order, or None."""
        return _rank(tx, name, value, withscore, reverse=True)

    @command
    def zrange(
        tx, name: Word, start: float | str, end: float | str, desc: bool = False, withscores: bool = False,
        score_cast_func: Callable[[float], Any] = float, byscore: bool = False, bylex: bool = False, offset: int | None = None,
        num: int | None = None,
    ) -> list[Any]:
        """The members from index start to end, or with byscore of these scores."""
        if bylex:
            raise ResponseError("zrange by lexical order is not supported; use scan and sort")
        members = _read(tx, name)
        if byscore:
            low, high = (end, start) if desc else (start, end)
            return _reply(_limited(_by_score(members, low, high, desc), offset, num), withscores, score_cast_func)
        pairs = _sorted(members, desc)
        return _reply(pairs[between(len(pairs), start, end)], withscores, score_cast_func)

    def zrevrange(self, name: Word, start: int, end: int, withscores: bool = False, score_cast_func: Callable[[float], Any] = float) -> list[Any]:
        """The members from index start to end in the reverse order."""
        return self.zrange(name, start, end, desc=True, withscores=withscores, score_cast_func=score_cast_func)

    @command
    def zrangebyscore(  # noqa: A002
        tx, name: Word, min: float | str, max: float | str, start: int | None = None, num: int | None = None, withscores: bool = False,
        score_cast_func: Callable[[float], Any] = float,
    ) -> list[Any]:
        """The members with scores from min to max; '(5' is without 5, '-inf' and '+inf' are all."""
        return _reply(_limited(_by_score(_read(tx, name), min, max), start, num), withscores, score_cast_func)

    @command
    def zrevrangebyscore(  # noqa: A002
        tx, name: Word, max: float | str, min: float | str, start: int | None = None, num: int | None = None, withscores: bool = False,
        score_cast_func: Callable[[float], Any] = float,
    ) -> list[Any]:
        """Like zrangebyscore, from the highest score on."""
        return _reply(_limited(_by_score(_read(tx, name), min, max, reverse=True), start, num), withscores, score_cast_func)

    @command
    def zremrangebyrank(tx, name: Word, min: int, max: int) -> int:  # noqa: A002
        """Remove the members from index min to max and return how many there were."""
        members = _read(tx, name)
        pairs = _sorted(members)
        return _remove(tx, name, members, [m for m, _ in pairs[between(len(pairs), min, max)]])

    @command
    def zremrangebyscore(tx, name: Word, min: float | str, max: float | str) -> int:  # noqa: A002
        """Remove the members with scores from min to max and return how many there were."""
        members = _read(tx, name)
        return _remove(tx, name, members, [m for m, _ in _by_score(members, min, max)])

    @command
    def zpopmin(tx, name: Word, count: int | None = None) -> list[tuple[str, float]]:
        """Take the members with the lowest scores, pairs of member and score."""
        return _pop(tx, name, count, reverse=False)

    @command
    def zpopmax(tx, name: Word, count: int | None = None) -> list[tuple[str, float]]:
        """Take the members with the highest scores, pairs of member and score."""
        return _pop(tx, name, count, reverse=True)

    def bzpopmin(self, keys: Word | Iterable[Word], timeout: float = 0) -> tuple[str, str, float] | None:
        """Take the member with the lowest score of the first set that has one,
        waiting for it; the key, the member and its score."""
        return self._blocking(("BZPOPMIN", *texts(keys)), _pop_any, (texts(keys), False), timeout)

    def bzpopmax(self, keys: Word | Iterable[Word], timeout: float = 0) -> tuple[str, str, float] | None:
        """Like bzpopmin, with the highest score."""
        return self._blocking(("BZPOPMAX", *texts(keys)), _pop_any, (texts(keys), True), timeout)

    @command
    def zunionstore(tx, dest: Word, keys: Iterable[Word] | Mapping[Any, float], aggregate: str | None = None) -> int:
        """Store the members of any of the sets and return how many there are.

        keys are names, or a dict of names and weights.
        """
        return _combine(tx, dest, keys, aggregate, every=False)

    @command
    def zinterstore(tx, dest: Word, keys: Iterable[Word] | Mapping[Any, float], aggregate: str | None = None) -> int:
        """Store the members of all of the sets and return how many there are."""
        return _combine(tx, dest, keys, aggregate, every=True)

    @command
    def zscan(
        tx, name: Word, cursor: int = 0, match: Word | None = None, count: int | None = None, score_cast_func: Callable[[float], Any] = float,
    ) -> Any:
        """The pairs of members that match and scores, and 0: there is one page only."""
        pairs = _sorted(_read(tx, name))
        if match is not None:
            expression = glob(text(match))
            pairs = [(m, s) for m, s in pairs if expression.fullmatch(m)]
        return 0, _reply(pairs, True, score_cast_func)

    def zscan_iter(
        self, name: Word, match: Word | None = None, count: int | None = None, score_cast_func: Callable[[float], Any] = float,
    ) -> Iterator[Any]:
        """The pairs of members that match and their scores."""
        return pages(self.zscan, name, match=match, count=count, score_cast_func=score_cast_func)


def _read(tx, name):
    value = tx.value(text(name), ZSET)
    return {} if value is None else value


def _write(tx, name, members):
    tx.put(text(name), ZSET, members)


def _score(value):
    try:
        score = float(value)
    except (TypeError, ValueError):
        raise not_a_float() from None
    if score != score:
        raise not_a_float()
    return score


def _sum(a, b):
    total = a + b
    if total != total:
        raise ResponseError("resulting score is not a number (NaN)")
    return total


def _sorted(members, reverse=False):
    return sorted(members.items(), key=lambda pair: (pair[1], pair[0]), reverse=reverse)


def _by_score(members, low, high, reverse=False):
    (low, without_low), (high, without_high) = _bound(low), _bound(high)
    return [
        (m, s) for m, s in _sorted(members, reverse)
        if (low < s if without_low else low <= s) and (s < high if without_high else s <= high)
    ]


def _bound(value):
    """A score and whether it is excluded."""
    if isinstance(value, (str, bytes)):
        value = text(value)
        return _score(value.removeprefix("(")), value.startswith("(")
    return _score(value), False


def _limited(pairs, start, num):
    if (start is None) != (num is None):
        raise DataError("start and num must be given together")
    if start is None:
        return pairs
    return pairs[start:] if num < 0 else pairs[start : start + num]


def _reply(pairs, withscores, cast):
    return [(m, cast(s)) for m, s in pairs] if withscores else [m for m, _ in pairs]


def _rank(tx, name, value, withscore, reverse):
    value = text(value)
    for i, (member, score) in enumerate(_sorted(_read(tx, name), reverse)):
        if member == value:
            return [i, score] if withscore else i
    return None


def _remove(tx, name, members, gone):
    found = [m for m in set(gone) if members.pop(m, None) is not None]
    if found:
        _write(tx, name, members)
    return len(found)


def _pop(tx, name, count, reverse):
    members = _read(tx, name)
    taken = _sorted(members, reverse)[: 1 if count is None else count]
    _remove(tx, name, members, [m for m, _ in taken])
    return taken


def _pop_any(tx, names, reverse):
    for name in names:
        if taken := _pop(tx, name, None, reverse):
            return name, *taken[0]
    return None


def _combine(tx, dest, keys, aggregate, every):
    weights = [(text(k), float(w)) for k, w in keys.items()] if isinstance(keys, dict) else [(k, 1.0) for k in texts(keys)]
    merge = {"SUM": _sum, "MIN": min, "MAX": max}.get((aggregate or "SUM").upper())
    if merge is None:
        raise DataError("aggregate can be sum, min or max")
    tx.prefetch(name for name, _ in weights)
    sources = []
    for name, weight in weights:
        item = tx.item(name)
        members = dict.fromkeys(item.value, 1.0) if item and item.kind == SET else _read(tx, name)
        sources.append({m: s * weight for m, s in members.items()})
    out = {}
    for source in sources:
        for m, s in source.items():
            if not every or all(m in other for other in sources):
                out[m] = merge(out[m], s) if m in out else s
    tx.replace(text(dest), ZSET, out)
    return len(out)
