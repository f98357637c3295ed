"""Helpers that services use."""

import itertools
import re
import secrets
import string
from datetime import datetime, timezone

from serai._task import Task
from serai.naming import kebab

_TRUE = frozenset(("true", "yes", "on", "y", "t", "1"))
_FALSE = frozenset(("false", "no", "off", "n", "f", "0"))
_SYMBOLS = string.digits + "abcdefghjkmnpqrstvwxyz"
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


def asbool(value):
    """The bool that a text such as 'yes' or '0' stands for; any other value is true or false as it is.

    Raises ValueError for a text that is neither.
    """
    if not isinstance(value, str):
        return bool(value)
    word = value.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError(f"{value!r} is neither true nor false: use true, yes, on, 1 or false, no, off, 0")


def new_cid(bytes=12):
    """A new random id, 24 characters unless told otherwise."""
    return "".join(secrets.choice(_SYMBOLS) for _ in range(bytes * 2))


def utcnow():
    """Now, UTC without a time zone."""
    return datetime.now(timezone.utc).replace(tzinfo=None)


def parse_datetime(text):
    """The time that an ISO 8601 text stands for."""
    return datetime.fromisoformat(text)


def fs_safe_name(value):
    """value with _ for what is not a letter, digit, hyphen or underscore."""
    return _UNSAFE.sub("_", value)


def fs_safe_now():
    """The time now as a part of a file's name."""
    return fs_safe_name(str(utcnow()))


def grouper(n, iterable, fillvalue=None):
    """The elements of iterable in tuples of n; the last one is filled up."""
    return itertools.zip_longest(*[iter(iterable)] * n, fillvalue=fillvalue)


def make_repr(value, ignore_double_underscore=True, to_avoid_list="repr_to_avoid", sample_limit=None):
    """A text that shows the attributes of an object."""
    avoid = getattr(value, to_avoid_list, ())
    names = sorted(getattr(value, "__dict__", ()))[:sample_limit]
    shown = ", ".join(f"{name}:`{getattr(value, name)!r}`" for name in names if name not in avoid and not name.startswith("__"))
    return f"<{type(value).__name__} {shown}>"


def spawn_greenlet(function, *args, **kwargs):
    """Call the function at once, since there are no threads, and return its outcome."""
    return Task(function, args, kwargs)


def uncamelify(text, separator="-", elem_func=str.lower):
    """CamelCase as words with separators: GetUser is get-user."""
    return separator.join(elem_func(word) for word in kebab(text).split("-"))


__all__ = [
    "asbool", "fs_safe_name", "fs_safe_now", "grouper", "make_repr", "new_cid", "parse_datetime", "spawn_greenlet", "uncamelify", "utcnow",
]
