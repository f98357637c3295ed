"""The tenant's key/value store.

Values are bytes here, and every write has a revision, with which a later one
can insist that nothing changed in between::

    entry = kv.get('counter')
    kv.set('counter', b'2', if_revision=entry.revision)   # Conflict if another was faster

Keys are in areas that do not see each other; ``''`` is the tenant's own keys.
``self.kvdb.conn`` is the same store with the calls of redis-py.
"""

from typing import NamedTuple

from serai import refuse
from serai.errors import Denied, NotFound, Unsupported
from serai.host import call, milliseconds

#: How many steps a batch may have.
MAX_STEPS = 256


class Entry(NamedTuple):
    """A value and the revision of its last write.

    ttl is the time in seconds that it has yet, None if it stays.
    """

    value: bytes
    revision: str
    ttl: float | None = None


def get(key, area=""):
    """The entry of key, or None."""
    try:
        envelope, body = call("kv.get", "key", key, "area", area)
    except NotFound:
        return None
    return Entry(body, envelope.get("revision", ""), _seconds(envelope.get("ttl")))


def set(key, value, ttl=None, if_revision=None, keep_ttl=False, area=""):  # noqa: A001 - the store's own word
    """Write value (str or bytes) and return its revision.

    ttl is in seconds; with keep_ttl the value expires when the old one would
    have. if_revision is the revision that the key must have, '' or '0' for a
    key that must not exist; Conflict says that it has another.
    """
    fields = ["key", key, "area", area]
    if ttl is not None:
        fields += ("ttl", milliseconds(ttl))
    elif keep_ttl:
        fields += ("keep-ttl", "1")
    if if_revision is not None:
        fields += ("if-revision", str(if_revision) or "0")
    envelope, _ = call("kv.set", *fields, body=value)
    return envelope.get("revision", "")


def delete(key, if_revision=None, area=""):
    """Delete key and return whether it was there."""
    fields = ["key", key, "area", area]
    if if_revision is not None:
        fields += ("if-revision", str(if_revision))
    envelope, _ = call("kv.delete", *fields)
    return envelope.get("deleted") == "1"


def expire(key, ttl=None, area=""):
    """Have key expire after ttl seconds, or never, and return whether it is there."""
    fields = ["key", key, "area", area]
    if ttl is not None:
        fields += ("ttl", milliseconds(ttl))
    try:
        call("kv.expire", *fields)
    except NotFound:
        return False
    return True


def page(prefix="", after="", limit=1000, area=""):
    """Up to limit keys that begin with prefix and come after after, and the
    key to go on after: '' at the end."""
    envelope, _ = call("kv.list", "prefix", prefix, "after", after, "limit", str(limit), "area", area)
    return [value for name, value in envelope.pairs() if name == "key"], envelope.get("next", "")


def keys(prefix="", area=""):
    """All keys that begin with prefix, in order."""
    after = ""
    while True:
        found, after = page(prefix, after, area=area)
        yield from found
        if not after:
            return


def clear(prefix="", area=""):
    """Delete the keys that begin with prefix and return how many there were."""
    envelope, _ = call("kv.clear", "prefix", prefix, "area", area)
    return int(envelope.get("deleted", "0"))


def get_many(names, area=""):
    """The entries of keys in their order, None for those that do not exist.

    All are of one moment, as long as there are no more than MAX_STEPS.
    """
    names, out = list(names), []
    for at in range(0, len(names), MAX_STEPS):
        steps = [field for name in names[at : at + MAX_STEPS] for field in ("get", name)]
        out += _entries(*call("kv.batch", "area", area, *steps))
    return out


def batch(steps, body=b"", area=""):
    """Perform steps as one transaction; the revision that each has afterwards.

    Steps are fields as docs/abi.md describes them for kv.batch: alternating
    names and values. Conflict says that an if-revision did not hold and that
    nothing was written.
    """
    envelope, _ = call("kv.batch", "area", area, *steps, body=body)
    return [value for name, value in envelope.pairs() if name == "revision"]


def _entries(envelope, body):
    """The outcomes of a batch of gets."""
    out, at, revision, ttl = [], 0, "0", None
    for name, value in envelope.pairs():
        if name == "revision":
            revision, ttl = value, None
            if value == "0":
                out.append(None)
        elif name == "ttl":
            ttl = _seconds(value)
        elif name == "length":
            end = at + int(value)
            out.append(Entry(body[at:end], revision, ttl))
            at = end
    return out


def _seconds(ms):
    return None if ms is None else int(ms) / 1000


class KVDB:
    """self.kvdb: the tenant's key/value store with the calls of redis-py, or a
    Redis server: the connection that the configuration value kvdb.connection names."""

    @property
    def conn(self):
        """The store, a serai.redis.Redis, or the server, a serai.redis.server.Server."""
        try:
            name = call("config.get", "key", "kvdb.connection")[1].decode()
        except (NotFound, Denied, Unsupported):
            return _store
        return Server(name) if name else _store

    lua_container = refuse.Refusal("self.kvdb.lua_container", (
        "the store runs no scripts", "use self.kvdb.conn.pipeline, or self.lock around what must not be interrupted"))

    def __repr__(self):
        return "KVDB()"


from serai.redis import Redis  # noqa: E402 - it is made of the functions above
from serai.redis.server import Server  # noqa: E402

_store = Redis()
