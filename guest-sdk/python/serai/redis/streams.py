"""Commands that only a Redis server has: scripts, streams and some more."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from serai.redis.errors import DataError, NoScriptError
from serai.redis.transaction import text
from serai.redis.wire import ok

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from serai.redis.command import Word


class Scripts:
    """Scripts in Lua."""

    def eval(self, script: str, numkeys: int, *keys_and_args: Word) -> Any:
        """Run a script with keys and arguments."""
        return self._send(["EVAL", script, numkeys, *keys_and_args])

    def evalsha(self, sha: str, numkeys: int, *keys_and_args: Word) -> Any:
        """Run a script that the server knows; NoScriptError if it does not."""
        return self._send(["EVALSHA", sha, numkeys, *keys_and_args])

    def eval_ro(self, script: str, numkeys: int, *keys_and_args: Word) -> Any:
        """Like eval, for a script that only reads."""
        return self._send(["EVAL_RO", script, numkeys, *keys_and_args])

    def evalsha_ro(self, sha: str, numkeys: int, *keys_and_args: Word) -> Any:
        """Like evalsha, for a script that only reads."""
        return self._send(["EVALSHA_RO", sha, numkeys, *keys_and_args])

    def script_load(self, script: str) -> str:
        """Have the server know a script; its name for evalsha."""
        return self._send(["SCRIPT", "LOAD", script])

    def script_exists(self, *args: Word) -> list[bool]:
        """Which of the scripts the server knows."""
        return self._send(["SCRIPT", "EXISTS", *args], lambda value: [bool(v) for v in value])

    def script_flush(self, sync_type: str | None = None) -> bool:
        """Have the server forget all scripts."""
        return self._send(["SCRIPT", "FLUSH", *([sync_type] if sync_type else [])], ok)

    def register_script(self, script: str) -> Script:
        """A script as a function: ``add = conn.register_script('...'); add(keys=['k'], args=[1])``."""
        return Script(self, script)


class Script:
    """What register_script returns."""

    def __init__(self, registered_client: Any, script: str) -> None:
        self.registered_client, self.script = registered_client, script
        self.sha = hashlib.sha1(text(script).encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()

    def __call__(self, keys: Sequence[Word] = (), args: Sequence[Word] = (), client: Any = None) -> Any:
        """Run it, on another client or in a pipeline if given."""
        client = self.registered_client if client is None else client
        rest = (len(keys), *keys, *args)
        if client.queues:
            return client.eval(self.script, *rest)  # whether the server knows it shows too late
        try:
            return client.evalsha(self.sha, *rest)
        except NoScriptError:
            return client.eval(self.script, *rest)


class Streams:
    """Commands of streams."""

    def xadd(  # noqa: A002
        self, name: Word, fields: Mapping[Any, Word], id: Word = "*", maxlen: int | None = None, approximate: bool = True,
        nomkstream: bool = False, minid: Word | None = None, limit: int | None = None,
    ) -> str:
        """Append an entry, a dict; its id."""
        if not fields:
            raise DataError("an entry has fields: give a dict that is not empty")
        words = ["XADD", name, *(["NOMKSTREAM"] if nomkstream else []), *_trim(maxlen, approximate, minid, limit), id]
        return self._send([*words, *(part for pair in fields.items() for part in pair)])

    def xtrim(self, name: Word, maxlen: int | None = None, approximate: bool = True, minid: Word | None = None, limit: int | None = None) -> int:
        """Remove the oldest entries and return how many."""
        return self._send(["XTRIM", name, *_trim(maxlen, approximate, minid, limit)])

    def xlen(self, name: Word) -> int:
        """How many entries there are."""
        return self._send(["XLEN", name])

    def xdel(self, name: Word, *ids: Word) -> int:
        """Delete entries and return how many there were."""
        return self._send(["XDEL", name, *ids])

    def xrange(self, name: Word, min: Word = "-", max: Word = "+", count: int | None = None) -> list[Any]:  # noqa: A002
        """The entries from an id to another, pairs of id and dict."""
        return self._send(["XRANGE", name, min, max, *_option("COUNT", count)], entries)

    def xrevrange(self, name: Word, max: Word = "+", min: Word = "-", count: int | None = None) -> list[Any]:  # noqa: A002
        """The same from the end on."""
        return self._send(["XREVRANGE", name, max, min, *_option("COUNT", count)], entries)

    def xread(self, streams: Mapping[Any, Word], count: int | None = None, block: int | None = None) -> list[Any]:
        """The entries after an id for each stream of a dict, lists of name and
        entries. block is how many milliseconds to wait for some; 0: as long as
        the call may take."""
        return self._send(["XREAD", *_option("COUNT", count), *_option("BLOCK", block), "STREAMS", *streams.keys(), *streams.values()], _read)

    def xreadgroup(
        self, groupname: Word, consumername: Word, streams: Mapping[Any, Word], count: int | None = None, block: int | None = None,
        noack: bool = False,
    ) -> list[Any]:
        """Like xread, for a consumer of a group; the id '>' is what nobody has got."""
        words = ["XREADGROUP", "GROUP", groupname, consumername, *_option("COUNT", count), *_option("BLOCK", block)]
        return self._send([*words, *(["NOACK"] if noack else []), "STREAMS", *streams.keys(), *streams.values()], _read)

    def xack(self, name: Word, groupname: Word, *ids: Word) -> int:
        """Say that entries are done; how many were pending."""
        return self._send(["XACK", name, groupname, *ids])

    def xgroup_create(  # noqa: A002
        self, name: Word, groupname: Word, id: Word = "$", mkstream: bool = False, entries_read: int | None = None,
    ) -> bool:
        """Make a group that reads what comes after an id."""
        words = ["XGROUP", "CREATE", name, groupname, id, *(["MKSTREAM"] if mkstream else [])]
        return self._send([*words, *_option("ENTRIESREAD", entries_read)], ok)

    def xgroup_destroy(self, name: Word, groupname: Word) -> int:
        """Delete a group; 1 if there was one."""
        return self._send(["XGROUP", "DESTROY", name, groupname])

    def xgroup_setid(self, name: Word, groupname: Word, id: Word, entries_read: int | None = None) -> bool:  # noqa: A002
        """Have a group go on after an id."""
        return self._send(["XGROUP", "SETID", name, groupname, id, *_option("ENTRIESREAD", entries_read)], ok)

    def xgroup_createconsumer(self, name: Word, groupname: Word, consumername: Word) -> int:
        """Make a consumer; 1 if it is new."""
        return self._send(["XGROUP", "CREATECONSUMER", name, groupname, consumername])

    def xgroup_delconsumer(self, name: Word, groupname: Word, consumername: Word) -> int:
        """Delete a consumer; how many entries it had pending."""
        return self._send(["XGROUP", "DELCONSUMER", name, groupname, consumername])

    def xpending(self, name: Word, groupname: Word) -> dict[str, Any]:
        """How many entries of a group are pending, their first and last id, and whose they are."""
        return self._send(["XPENDING", name, groupname], _pending)

    def xpending_range(  # noqa: A002
        self, name: Word, groupname: Word, min: Word, max: Word, count: int, consumername: Word | None = None, idle: int | None = None,
    ) -> list[dict[str, Any]]:
        """Pending entries, a dict for each."""
        words = ["XPENDING", name, groupname, *_option("IDLE", idle), min, max, count, *([consumername] if consumername else [])]
        names = ("message_id", "consumer", "time_since_delivered", "times_delivered")
        return self._send(words, lambda value: [dict(zip(names, one)) for one in value])

    def xclaim(self, name: Word, groupname: Word, consumername: Word, min_idle_time: int, message_ids: Iterable[Word]) -> list[Any]:
        """Take entries over that others have for longer than min_idle_time milliseconds."""
        return self._send(["XCLAIM", name, groupname, consumername, min_idle_time, *message_ids], entries)

    def xautoclaim(
        self, name: Word, groupname: Word, consumername: Word, min_idle_time: int, start_id: Word = "0-0", count: int | None = None,
    ) -> list[Any]:
        """Take over what is pending for long: where to go on, the entries, and the ids that are deleted."""
        words = ["XAUTOCLAIM", name, groupname, consumername, min_idle_time, start_id, *_option("COUNT", count)]
        return self._send(words, lambda value: [value[0], entries(value[1]), *value[2:]])


class Others:
    """What else a server has."""

    def publish(self, channel: Word, message: Word) -> int:
        """Send a message to a channel; how many subscribers got it."""
        return self._send(["PUBLISH", channel, message])

    def pfadd(self, name: Word, *values: Word) -> int:
        """Count values in a HyperLogLog; 1 if that changed it."""
        return self._send(["PFADD", name, *values])

    def pfcount(self, *sources: Word) -> int:
        """About how many different values there are."""
        return self._send(["PFCOUNT", *sources])

    def pfmerge(self, dest: Word, *sources: Word) -> bool:
        """Make a HyperLogLog of others."""
        return self._send(["PFMERGE", dest, *sources], ok)

    def execute_command(self, *args: Word) -> Any:
        """Any other command: its name, which may have spaces, and arguments."""
        return self._send([*text(args[0]).split(), *args[1:]])

    def ping(self, **kwargs: Any) -> bool:
        """True if the server answers."""
        return self._send(["PING"], lambda value: value in ("PONG", b"PONG"))

    def echo(self, value: Word) -> str:
        """The value."""
        return self._send(["ECHO", value])


def _option(name, value):
    return [] if value is None else [name, value]


def _trim(maxlen, approximate, minid, limit):
    if maxlen is not None and minid is not None:
        raise DataError("maxlen and minid exclude each other")
    if maxlen is None and minid is None:
        return []
    words = ["MAXLEN", "~" if approximate else "=", maxlen] if minid is None else ["MINID", "~" if approximate else "=", minid]
    return words + _option("LIMIT", limit)


def entries(value):
    """Pairs of id and dict."""
    return [(one[0], dict(zip(one[1][::2], one[1][1::2])) if one[1] else None) if one else (None, None) for one in value or ()]


def _read(value):
    return [[name, entries(found)] for name, found in value or ()]


def _pending(value):
    total, first, last, consumers = value
    return {"pending": total, "min": first, "max": last, "consumers": [{"name": name, "pending": int(n)} for name, n in consumers or ()]}
