"""self.cache: values that can be computed again, shared by all calls of a tenant.

A cache keeps Python values: what JSON can hold, and bytes. Each has a time to
live; one without a time goes after a day, since nobody would ever clean up
after it.
"""

import base64
import json
import re
import time
from typing import Any, NamedTuple

from serai import kv
from serai.errors import Unsupported

#: The time to live of entries that are set without one, in seconds.
DEFAULT_EXPIRY = 24 * 60 * 60


class Entry(NamedTuple):
    """What ``get(key, details=True)`` returns."""

    key: str
    value: Any
    #: When it goes, in seconds since 1970.
    expires_at: float


class Cache:
    """One cache, a dict whose entries expire."""

    def __init__(self, name):
        self.name = name
        self._area = "cache/" + name

    def __repr__(self):
        return f"Cache({self.name!r})"

    # --- Single keys

    def get(self, key, default=None, details=False):
        """The value of a key, or default."""
        entry = kv.get(_key(key), self._area)
        if entry is None:
            return default
        value = _decode(entry.value)
        return Entry(key, value, time.time() + (entry.ttl or 0)) if details else value

    def set(self, key, value, expiry=0.0, details=False):
        """Set a key for so many seconds and return the value."""
        kv.set(_key(key), _encode(value), ttl=expiry or DEFAULT_EXPIRY, area=self._area)
        return Entry(key, value, time.time() + (expiry or DEFAULT_EXPIRY)) if details else value

    def delete(self, key):
        """Delete a key and return whether it was there."""
        return kv.delete(_key(key), area=self._area)

    def expire(self, key, expiry=0.0):
        """Have a key go after so many seconds and return whether it is there."""
        return kv.expire(_key(key), expiry or DEFAULT_EXPIRY, self._area)

    def __contains__(self, key):
        return kv.get(_key(key), self._area) is not None

    def __getitem__(self, key):
        entry = kv.get(_key(key), self._area)
        if entry is None:
            raise KeyError(key)
        return _decode(entry.value)

    def __setitem__(self, key, value):
        self.set(key, value)

    def __delitem__(self, key):
        if not self.delete(key):
            raise KeyError(key)

    # --- All keys

    def keys(self):
        """The keys, a list."""
        return list(kv.keys(area=self._area))

    def items(self):
        """The pairs of keys and values, a list."""
        return list(self._items(self.keys()))

    def values(self):
        """The values, a list."""
        return [value for _, value in self.items()]

    def iterkeys(self):
        """The keys, one after another."""
        return kv.keys(area=self._area)

    def iteritems(self):
        """The pairs of keys and values, one after another."""
        return self._items(self.keys())

    def itervalues(self):
        """The values, one after another."""
        return (value for _, value in self.iteritems())

    def __iter__(self):
        return self.iterkeys()

    def __len__(self):
        return sum(1 for _ in self.iterkeys())

    def __bool__(self):
        return True

    def clear(self):
        """Delete all keys."""
        kv.clear(area=self._area)

    def _items(self, keys):
        # Values are read some at a time, since together they may be large.
        for at in range(0, len(keys), 16):
            some = keys[at : at + 16]
            for key, entry in zip(some, kv.get_many(some, self._area), strict=True):
                if entry is not None:  # it may have gone since
                    yield key, _decode(entry.value)

    # --- Keys by what they look like

    def _get(self, found):
        return dict(self._items(found))

    def _set(self, found, value, expiry=0.0):
        for key in found:
            self.set(key, value, expiry)
        return found

    def _delete(self, found):
        return [key for key in found if self.delete(key)]

    def _expire(self, found, expiry=0.0):
        return [key for key in found if self.expire(key, expiry)]

    def _prefix(self, prefix):
        return list(kv.keys(_key(prefix) if prefix else "", self._area))

    def _suffix(self, suffix):
        return [key for key in self.iterkeys() if key.endswith(suffix)]

    def _regex(self, pattern):
        found = re.compile(pattern).match
        return [key for key in self.iterkeys() if found(key)]

    def _contains(self, part):
        return [key for key in self.iterkeys() if part in key]

    def _not_contains(self, part):
        return [key for key in self.iterkeys() if part not in key]

    def _contains_all(self, parts):
        return [key for key in self.iterkeys() if all(part in key for part in parts)]

    def _contains_any(self, parts):
        return [key for key in self.iterkeys() if any(part in key for part in parts)]


_ACTIONS = {
    "get": "The keys and values, a dict, of keys {}.",
    "set": "Set the keys {} to value, for expiry seconds, and return them.",
    "delete": "Delete the keys {} and return them.",
    "expire": "Have the keys {} go after expiry seconds and return them.",
}
_CRITERIA = {
    "prefix": "that begin with a text",
    "suffix": "that end with a text",
    "regex": "that a regular expression matches from their begin",
    "contains": "that contain a text",
    "not_contains": "that do not contain a text",
    "contains_all": "that contain all of some texts",
    "contains_any": "that contain any of some texts",
}


def _by(action, criterion):
    """The method that does action with all keys that meet a criterion."""

    def method(self, criteria, *args, return_found=True, limit=0, **kwargs):
        found = getattr(self, "_" + criterion)(criteria)
        reply = getattr(self, "_" + action)(found[:limit] if limit else found, *args, **kwargs)
        return reply if action == "get" or return_found else None

    method.__name__ = f"{action}_by_{criterion}"
    method.__qualname__ = f"Cache.{method.__name__}"
    method.__doc__ = _ACTIONS[action].format(_CRITERIA[criterion])
    return method


for _action in _ACTIONS:
    for _criterion in _CRITERIA:
        setattr(Cache, f"{_action}_by_{_criterion}", _by(_action, _criterion))


class Caches:
    """self.cache: the caches by name."""

    def __init__(self):
        #: The cache for everything that has none of its own.
        self.default = Cache("default")

    def get_cache(self, type, name):  # noqa: A002 - the documented name
        """The cache of a name; it is there as soon as something is in it."""
        if type != "builtin":
            raise Unsupported(f"caches of type {type!r} are not there: use get_cache('builtin', {name!r})")
        return self.default if name == "default" else Cache(name)

    def get_builtin_cache(self, name):
        """The same as get_cache('builtin', name)."""
        return self.get_cache("builtin", name)


def _key(key):
    if isinstance(key, str):
        return key
    if isinstance(key, bytes):
        return key.decode("utf-8", "surrogateescape")
    if isinstance(key, (int, float)):
        return str(key)
    raise TypeError(f"a key of a cache is str, bytes or a number, not {type(key).__name__}")


# Values are stored as JSON, bytes as an object that no value can be mistaken for.
_BYTES = "serai:bytes"


def _encode(value):
    if isinstance(value, (bytes, bytearray, memoryview)):
        return json.dumps({_BYTES: base64.b64encode(value).decode()})
    if isinstance(value, dict) and value.keys() == {_BYTES}:
        raise TypeError(f"a dict whose only key is {_BYTES!r} cannot be cached")
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError) as exc:
        raise TypeError(f"a cached value is what JSON can hold, or bytes: {exc}") from None


def _decode(raw):
    value = json.loads(raw)
    if value.__class__ is dict and value.keys() == {_BYTES}:
        return base64.b64decode(value[_BYTES])
    return value
