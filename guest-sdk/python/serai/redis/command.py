"""How a function over a transaction becomes a method of the store."""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from serai.redis.transaction import text

#: What stands for a key or value.
Word = str | bytes | bytearray | memoryview | float
_Arguments = ParamSpec("_Arguments")
_Reply = TypeVar("_Reply")


def command(function: Callable[Concatenate[Any, _Arguments], _Reply]) -> Callable[Concatenate[Any, _Arguments], _Reply]:
    """A method that runs function(transaction, ...) as a command: at once in
    the store, with the others when a pipeline is executed."""

    @functools.wraps(function)
    def method(self, *args, **kwargs):
        return self._command(function, args, kwargs)

    return method


def texts(first, more=()):
    """The strs of arguments that are a list, or one by one, or both."""
    found = [first] if isinstance(first, (str, bytes, bytearray, int, float)) else list(first)
    return [text(value) for value in [*found, *more]]


def pages(scan, *args, **kwargs):
    """What all pages of a scan have."""
    cursor = 0
    while True:
        cursor, found = scan(*args, cursor=cursor, **kwargs)
        yield from found.items() if hasattr(found, "items") else found
        if not cursor:
            return


def seconds(value, per=1):
    """A time in seconds that is given as a number or a timedelta."""
    return value.total_seconds() if hasattr(value, "total_seconds") else value / per


def moment(value, per=1):
    """Seconds since 1970 of a number or a datetime."""
    return value.timestamp() if hasattr(value, "timestamp") else value / per


def between(length, start, end):
    """The slice that Redis means by two inclusive indexes."""
    start, end = int(start), int(end)
    if start < 0:
        start = max(0, length + start)
    if end < 0:
        end += length
    return slice(start, max(end + 1, start))


@functools.lru_cache(256)
def glob(pattern):
    """A compiled pattern of Redis: ``*``, ``?``, ``[abc]``, ``[^a]``, ``[a-z]``, ``\\``."""
    import re

    out, i = [], 0
    while i < len(pattern):
        c = pattern[i]
        i += 1
        if c == "*":
            out.append(".*")
        elif c == "?":
            out.append(".")
        elif c == "[" and "]" in pattern[i:]:
            end = pattern.index("]", i)
            inner = pattern[i:end].replace("\\", "\\\\").replace("[", "\\[")
            out.append("(?!)" if inner in ("", "^") else f"[{inner}]")
            i = end + 1
        elif c == "\\" and i < len(pattern):
            out.append(re.escape(pattern[i]))
            i += 1
        else:
            out.append(re.escape(c))
    try:
        return re.compile("".join(out), re.DOTALL)
    except re.error:
        return re.compile(re.escape(pattern))


def plain(pattern):
    """What everything that matches a pattern begins with."""
    end = next((i for i, c in enumerate(pattern) if c in "*?[\\"), len(pattern))
    return pattern[:end]
