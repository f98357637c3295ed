"""The tenant's key/value store.

Values are bytes here, and every write has a revision, with which a later one
can insist that nothing changed in between::

    entry = kv.get('counter')
    kv.set('counter', b'2', if_revision=entry.revision)   # Conflict if another was faster

``self.kvdb.conn`` is the same store with the calls of redis-py.
"""

from fnmatch import fnmatchcase
from typing import NamedTuple

from serai.errors import Conflict, NotFound
from serai.host import call


class Entry(NamedTuple):
    """A value and the revision of its last write."""

    value: bytes
    revision: str


def get(key):
    """The entry of key, or None."""
    try:
        envelope, body = call("kv.get", "key", key)
    except NotFound:
        return None
    return Entry(body, envelope.get("revision", ""))


def set(key, value, ttl=None, if_revision=None):  # noqa: A001 - the store's own word
    """Write value (str or bytes) and return its revision.

    ttl is in seconds. if_revision is the revision that the key must have, ''
    or '0' for a key that must not exist; Conflict says that it has another.
    """
    fields = ["key", key]
    if ttl is not None:
        fields += ("ttl", str(max(1, round(ttl * 1000))))
    if if_revision is not None:
        fields += ("if-revision", str(if_revision) or "0")
    envelope, _ = call("kv.set", *fields, body=value)
    return envelope.get("revision", "")


def delete(key, if_revision=None):
    """Delete key and return whether it was there."""
    fields = ["key", key]
    if if_revision is not None:
        fields += ("if-revision", str(if_revision))
    envelope, _ = call("kv.delete", *fields)
    return envelope.get("deleted") == "1"


def page(prefix="", after="", limit=1000):
    """Up to limit keys that begin with prefix and come after after, and the
    key to go on after: '' at the end."""
    envelope, _ = call("kv.list", "prefix", prefix, "after", after, "limit", str(limit))
    return [value for name, value in envelope.pairs() if name == "key"], envelope.get("next", "")


def keys(prefix=""):
    """All keys that begin with prefix, in order."""
    after = ""
    while True:
        found, after = page(prefix, after)
        yield from found
        if not after:
            return


class Redis:
    """The store with the calls of redis-py and decoded replies: str in, str out."""

    def get(self, key):
        """The value of key, or None."""
        try:
            body = call("kv.get", "key", key)[1]
        except NotFound:
            return None
        return body.decode("utf-8", "surrogateescape")

    def set(self, key, value, ex=None, px=None, nx=False, xx=False):
        """Set key, for ex seconds or px milliseconds if given.

        With nx only if it does not exist, with xx only if it does; None says
        that it was not set.
        """
        fields = ["key", key]
        if ex is not None or px is not None:
            fields += ("ttl", str(int(_seconds(ex) * 1000) if ex is not None else int(_seconds(px, 1000) * 1000)))
        if nx:
            fields += ("if-revision", "0")
        elif xx:
            entry = get(key)
            if entry is None:
                return None
            fields += ("if-revision", entry.revision)
        try:
            call("kv.set", *fields, body=_text(value))
        except Conflict:
            if nx:
                return None
            if xx:
                return self.set(key, value, ex, px, nx, xx)
            raise
        return True

    def setex(self, key, seconds, value):
        """Set key for so many seconds."""
        return self.set(key, value, ex=seconds)

    def setnx(self, key, value):
        """Set key if it does not exist and return whether it was set."""
        return self.set(key, value, nx=True) is True

    def getset(self, key, value):
        """Set key and return the value it had."""
        while True:
            entry = get(key)
            try:
                set(key, _text(value), if_revision="0" if entry is None else entry.revision)
            except Conflict:
                continue
            return None if entry is None else entry.value.decode("utf-8", "surrogateescape")

    def getdel(self, key):
        """Delete key and return the value it had."""
        while (entry := get(key)) is not None:
            try:
                if delete(key, if_revision=entry.revision):
                    return entry.value.decode("utf-8", "surrogateescape")
            except Conflict:
                pass
        return None

    def delete(self, *keys):
        """Delete keys and return how many there were."""
        return sum(delete(key) for key in keys)

    def exists(self, *keys):
        """How many of the keys exist."""
        return sum(get(key) is not None for key in keys)

    def mget(self, keys, *more):
        """The values of keys, None for those that do not exist."""
        keys = [keys] if isinstance(keys, str) else list(keys)
        return [self.get(key) for key in [*keys, *more]]

    def mset(self, mapping):
        """Set keys from a dict, one after another."""
        for key, value in mapping.items():
            self.set(key, value)
        return True

    def incr(self, key, amount=1):
        """Add to the number at key, 0 if there is none, and return the sum."""
        while True:
            entry = get(key)
            total = amount + (0 if entry is None else int(entry.value))
            try:
                set(key, str(total), if_revision="0" if entry is None else entry.revision)
            except Conflict:
                continue
            return total

    incrby = incr

    def decr(self, key, amount=1):
        """Subtract from the number at key and return the difference."""
        return self.incr(key, -amount)

    decrby = decr

    def scan_iter(self, match="*", count=None):
        """The keys that match a pattern such as 'user.*', in order."""
        end = next((i for i, c in enumerate(match) if c in "*?["), len(match))
        for key in keys(match[:end]):
            if fnmatchcase(key, match):
                yield key

    def keys(self, pattern="*"):
        """The keys that match a pattern, a list."""
        return list(self.scan_iter(pattern))

    def ping(self):
        """True, as long as the host answers."""
        return True


class KVDB:
    """self.kvdb: what is in the tenant's key/value store."""

    def __init__(self):
        #: The store with the calls of redis-py.
        self.conn = Redis()


def _text(value):
    if isinstance(value, (str, bytes)):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return repr(value)
    raise TypeError(f"a value is str, bytes or a number, not {type(value).__name__}: encode it first, such as with json.dumps")


def _seconds(value, per=1):
    return value.total_seconds() if hasattr(value, "total_seconds") else value / per
