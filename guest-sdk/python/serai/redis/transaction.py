"""Optimistic transactions, of which every command is made.

A command reads keys and decides what to write. What it read is remembered
with its revision, and all writes go to the host as one batch that insists on
these revisions. When somebody else was faster nothing was written, and the
command runs again. So commands of concurrent calls behave as if they ran one
after another, and a pipeline is nothing but several commands on one transaction.

A string is stored as it is. Other types are stored as readable JSON that says
what it is, such as ``{"serai:list": ["a", "b"]}``.
"""

import json
import random
import time

from serai import kv
from serai.errors import Conflict
from serai.redis.errors import WRONG_TYPE, DataError, ResponseError

STRING, HASH, LIST, SET, ZSET = "string", "hash", "list", "set", "zset"
MARK = b'{"serai:'


class Item:
    """What a transaction knows of a key."""

    __slots__ = ("kind", "value", "expires", "revision", "stored_expires", "state")

    def __init__(self, kind=None, value=None, expires=None, revision=None):
        self.kind, self.value = kind, value
        #: When it goes, in seconds since 1970; None: never.
        self.expires = self.stored_expires = expires
        #: Of what was read: '0' if there was none; None: not read.
        self.revision = revision
        #: What the commit does: None, 'set', 'delete' or 'expire'.
        self.state = None


class Transaction:
    """Reads once, collects writes, commits them together."""

    def __init__(self, watched=None):
        self._items = {}
        self._watched = watched or {}
        self._reads = 0

    def prefetch(self, keys):
        """Read several keys, as of one moment."""
        keys = [k for k in dict.fromkeys(keys) if k not in self._items]
        if len(keys) > 1:
            self._reads += 1
            for key, entry in zip(keys, kv.get_many(keys), strict=True):
                self._items[key] = _item(entry)

    def item(self, key, kind=None):
        """The item of key, None if there is none; WRONGTYPE if it is another kind."""
        item = self._items.get(key)
        if item is None:
            self._reads += 1
            item = self._items[key] = _item(kv.get(key))
        if item.kind is None:
            return None
        if item.expires is not None and item.expires <= time.time():
            item.kind = item.value = None
            return None
        if kind is not None and item.kind != kind:
            raise ResponseError(WRONG_TYPE)
        return item

    def value(self, key, kind):
        """The value of key, of that kind; None if there is none."""
        item = self.item(key, kind)
        return None if item is None else item.value

    def put(self, key, kind, value):
        """Write a value that expires when the old one would have. An empty
        hash, list or set is none."""
        if not value and kind != STRING:
            self.remove(key)
            return
        item = self._items.setdefault(key, Item())
        if item.kind is None:
            item.expires = None
        item.kind, item.value, item.state = kind, value, "set"

    def replace(self, key, kind, value, expires=None):
        """Write a value whatever was there, not even reading it."""
        self.put(key, kind, value)
        if key in self._items:
            self._items[key].expires = expires

    def expire(self, key, expires):
        """Change when an item that exists goes."""
        item = self._items[key]
        item.expires = expires
        item.state = item.state or "expire"

    def remove(self, key):
        """Delete a key."""
        item = self._items.setdefault(key, Item())
        item.kind = item.value = item.expires = None
        # What did not exist when it was read needs no deletion, only no creation.
        item.state = None if item.revision == "0" else "delete"

    def commit(self):
        """Write. Conflict says that a key changed since it was read."""
        for key, revision in self._watched.items():
            if key in self._items and self._items[key].revision not in (None, revision):
                raise Conflict(f"watched key {key!r} has another revision")
        steps, values, writes = [], [], False
        for key, item in self._items.items():
            if item.state is not None:
                writes = True
                self._step(steps, values, key, item)
            elif item.revision is not None:
                steps += ("check", key, "if-revision", item.revision)
        for key, revision in self._watched.items():
            if key not in self._items or self._items[key].revision is None:
                # It goes first: later steps see what earlier ones wrote.
                steps[:0] = ("check", key, "if-revision", revision)
        if not writes and not self._watched and self._reads < 2:
            return  # one read is of one moment as it is
        if steps:
            kv.batch(steps, b"".join(values))

    def _step(self, steps, values, key, item):
        now = time.time()
        state = item.state
        if item.expires is not None and item.expires <= now:
            state = "delete"
        steps += (state, key)
        if item.revision is not None:
            steps += ("if-revision", item.revision)
        if state == "delete":
            return
        if state == "set" and item.expires is not None and item.expires == item.stored_expires:
            steps += ("keep-ttl", "1")
        elif item.expires is not None:
            steps += ("ttl", str(max(1, round((item.expires - now) * 1000))))
        if state == "set":
            value = encode(item.kind, item.value)
            steps += ("length", str(len(value)))
            values.append(value)


def run(command, args, kwargs):
    """Run one command as a transaction, until nobody is in the way."""
    for attempt in attempts():
        tx = Transaction()
        result = command(tx, *args, **kwargs)
        try:
            tx.commit()
        except Conflict:
            attempt()
            continue
        return result


def attempts():
    """Yield, for each try, the function to call when it failed: it waits for
    a random while that grows, so that those in each other's way spread."""
    delay = 0.0005
    while True:
        yield lambda: time.sleep(random.random() * delay)
        delay = min(delay * 2, 0.05)


def _item(entry):
    if entry is None:
        return Item(revision="0")
    kind, value = decode(entry.value)
    expires = None if entry.ttl is None else time.time() + entry.ttl
    return Item(kind, value, expires, entry.revision)


# --- Keys and values --------------------------------------------------------


def text(value):
    """The str that stands for a key or value of a caller."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", "surrogateescape")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return repr(value)
    raise DataError(f"a key or value is str, bytes or a number, not {type(value).__name__}: encode it first, such as with json.dumps")


def encode(kind, value):
    """The bytes that are stored of a value."""
    if kind == STRING:
        raw = value.encode("utf-8", "surrogateescape")
        if not raw.startswith(MARK):
            return raw
    elif kind == SET:
        value = sorted(value)
    elif kind == ZSET:
        return ('{"serai:zset": {' + ", ".join(f"{_json(m)}: {_score(s)}" for m, s in value.items()) + "}}").encode("utf-8", "surrogateescape")
    return f'{{"serai:{kind}": {_json(value)}}}'.encode("utf-8", "surrogateescape")


def decode(raw):
    """The kind and the value of what is stored."""
    as_text = raw.decode("utf-8", "surrogateescape")
    if raw.startswith(MARK):
        try:
            ((name, value),) = json.loads(as_text).items()
        except ValueError:
            return STRING, as_text  # somebody else's, that only looks like it
        kind = name.removeprefix("serai:")
        if kind == SET:
            return kind, set(value)
        if kind == ZSET:
            return kind, {member: float(score) for member, score in value.items()}
        if kind in (HASH, LIST, STRING):
            return kind, value
    return STRING, as_text


def _json(value):
    return json.dumps(value, ensure_ascii=False)


def _score(score):
    if score in (float("inf"), float("-inf")):
        return "1e999" if score > 0 else "-1e999"  # JSON has no infinity, but large numbers
    return number(score)


def number(value):
    """A float as Redis writes it."""
    shown = repr(float(value))
    return shown.removesuffix(".0")
