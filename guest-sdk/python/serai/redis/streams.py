"""Commands that only a Redis server has: scripts, streams and some more."""

import hashlib

from serai.redis.errors import DataError, NoScriptError
from serai.redis.transaction import text
from serai.redis.wire import ok


class Scripts:
    """Scripts in Lua."""

    def eval(self, script, numkeys, *keys_and_args):
        """Run a script with keys and arguments."""
        return self._send(["EVAL", script, numkeys, *keys_and_args])

    def evalsha(self, sha, numkeys, *keys_and_args):
        """Run a script that the server knows; NoScriptError if it does not."""
        return self._send(["EVALSHA", sha, numkeys, *keys_and_args])

    def eval_ro(self, script, numkeys, *keys_and_args):
        """Like eval, for a script that only reads."""
        return self._send(["EVAL_RO", script, numkeys, *keys_and_args])

    def evalsha_ro(self, sha, numkeys, *keys_and_args):
        """Like evalsha, for a script that only reads."""
        return self._send(["EVALSHA_RO", sha, numkeys, *keys_and_args])

    def script_load(self, script):
        """Have the server know a script; its name for evalsha."""
        return self._send(["SCRIPT", "LOAD", script])

    def script_exists(self, *args):
        """Which of the scripts the server knows."""
        return self._send(["SCRIPT", "EXISTS", *args], lambda value: [bool(v) for v in value])

    def script_flush(self, sync_type=None):
        """Have the server forget all scripts."""
        return self._send(["SCRIPT", "FLUSH", *([sync_type] if sync_type else [])], ok)

    def register_script(self, script):
        """A script as a function: ``add = conn.register_script('...'); add(keys=['k'], args=[1])``."""
        return Script(self, script)


class Script:
    """What register_script returns."""

    def __init__(self, registered_client, script):
        self.registered_client, self.script = registered_client, script
        self.sha = hashlib.sha1(text(script).encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()

    def __call__(self, keys=(), args=(), client=None):
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

    def xadd(self, name, fields, id="*", maxlen=None, approximate=True, nomkstream=False, minid=None, limit=None):  # noqa: A002
        """Append an entry, a dict; its id."""
        if not fields:
            raise DataError("an entry has fields: give a dict that is not empty")
        words = ["XADD", name, *(["NOMKSTREAM"] if nomkstream else []), *_trim(maxlen, approximate, minid, limit), id]
        return self._send([*words, *(part for pair in fields.items() for part in pair)])

    def xtrim(self, name, maxlen=None, approximate=True, minid=None, limit=None):
        """Remove the oldest entries and return how many."""
        return self._send(["XTRIM", name, *_trim(maxlen, approximate, minid, limit)])

    def xlen(self, name):
        """How many entries there are."""
        return self._send(["XLEN", name])

    def xdel(self, name, *ids):
        """Delete entries and return how many there were."""
        return self._send(["XDEL", name, *ids])

    def xrange(self, name, min="-", max="+", count=None):  # noqa: A002
        """The entries from an id to another, pairs of id and dict."""
        return self._send(["XRANGE", name, min, max, *_option("COUNT", count)], entries)

    def xrevrange(self, name, max="+", min="-", count=None):  # noqa: A002
        """The same from the end on."""
        return self._send(["XREVRANGE", name, max, min, *_option("COUNT", count)], entries)

    def xread(self, streams, count=None, block=None):
        """The entries after an id for each stream of a dict, lists of name and
        entries. block is how many milliseconds to wait for some; 0: as long as
        the call may take."""
        return self._send(["XREAD", *_option("COUNT", count), *_option("BLOCK", block), "STREAMS", *streams.keys(), *streams.values()], _read)

    def xreadgroup(self, groupname, consumername, streams, count=None, block=None, noack=False):
        """Like xread, for a consumer of a group; the id '>' is what nobody has got."""
        words = ["XREADGROUP", "GROUP", groupname, consumername, *_option("COUNT", count), *_option("BLOCK", block)]
        return self._send([*words, *(["NOACK"] if noack else []), "STREAMS", *streams.keys(), *streams.values()], _read)

    def xack(self, name, groupname, *ids):
        """Say that entries are done; how many were pending."""
        return self._send(["XACK", name, groupname, *ids])

    def xgroup_create(self, name, groupname, id="$", mkstream=False, entries_read=None):  # noqa: A002
        """Make a group that reads what comes after an id."""
        words = ["XGROUP", "CREATE", name, groupname, id, *(["MKSTREAM"] if mkstream else [])]
        return self._send([*words, *_option("ENTRIESREAD", entries_read)], ok)

    def xgroup_destroy(self, name, groupname):
        """Delete a group; 1 if there was one."""
        return self._send(["XGROUP", "DESTROY", name, groupname])

    def xgroup_setid(self, name, groupname, id, entries_read=None):  # noqa: A002
        """Have a group go on after an id."""
        return self._send(["XGROUP", "SETID", name, groupname, id, *_option("ENTRIESREAD", entries_read)], ok)

    def xgroup_createconsumer(self, name, groupname, consumername):
        """Make a consumer; 1 if it is new."""
        return self._send(["XGROUP", "CREATECONSUMER", name, groupname, consumername])

    def xgroup_delconsumer(self, name, groupname, consumername):
        """Delete a consumer; how many entries it had pending."""
        return self._send(["XGROUP", "DELCONSUMER", name, groupname, consumername])

    def xpending(self, name, groupname):
        """How many entries of a group are pending, their first and last id, and whose they are."""
        return self._send(["XPENDING", name, groupname], _pending)

    def xpending_range(self, name, groupname, min, max, count, consumername=None, idle=None):  # noqa: A002
        """Pending entries, a dict for each."""
        words = ["XPENDING", name, groupname, *_option("IDLE", idle), min, max, count, *([consumername] if consumername else [])]
        names = ("message_id", "consumer", "time_since_delivered", "times_delivered")
        return self._send(words, lambda value: [dict(zip(names, one)) for one in value])

    def xclaim(self, name, groupname, consumername, min_idle_time, message_ids):
        """Take entries over that others have for longer than min_idle_time milliseconds."""
        return self._send(["XCLAIM", name, groupname, consumername, min_idle_time, *message_ids], entries)

    def xautoclaim(self, name, groupname, consumername, min_idle_time, start_id="0-0", count=None):
        """Take over what is pending for long: where to go on, the entries, and the ids that are deleted."""
        words = ["XAUTOCLAIM", name, groupname, consumername, min_idle_time, start_id, *_option("COUNT", count)]
        return self._send(words, lambda value: [value[0], entries(value[1]), *value[2:]])


class Others:
    """What else a server has."""

    def publish(self, channel, message):
        """Send a message to a channel; how many subscribers got it."""
        return self._send(["PUBLISH", channel, message])

    def pfadd(self, name, *values):
        """Count values in a HyperLogLog; 1 if that changed it."""
        return self._send(["PFADD", name, *values])

    def pfcount(self, *sources):
        """About how many different values there are."""
        return self._send(["PFCOUNT", *sources])

    def pfmerge(self, dest, *sources):
        """Make a HyperLogLog of others."""
        return self._send(["PFMERGE", dest, *sources], ok)

    def execute_command(self, *args):
        """Any other command: its name, which may have spaces, and arguments."""
        return self._send([*text(args[0]).split(), *args[1:]])

    def ping(self, **kwargs):
        """True if the server answers."""
        return self._send(["PING"], lambda value: value in ("PONG", b"PONG"))

    def echo(self, value):
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
