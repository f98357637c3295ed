"""Redis servers, through connections of the type redis: ``self.out.redis['name']``.

A client has the commands of :mod:`serai.redis` and those that only a server
has: scripts, streams, publish. Replies are str; ``self.out.redis.get('name',
decode_responses=False)`` gets bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from serai import errors as host
from serai.host import call, perform
from serai.redis import errors, wire
from serai.redis.client import Client, Sequence
from serai.redis.command import Word
from serai.redis.commands import Commands
from serai.redis.errors import RedisError, WatchError
from serai.redis.streams import Others, Scripts, Streams


class ServerCommands(Others, Scripts, Streams, Commands):
    """All commands, as words that are sent."""

    #: Whether commands wait until execute().
    queues = False

    if not TYPE_CHECKING:  # or checkers would believe that it has everything

        def __getattr__(self, name):
            if name.startswith("_"):
                raise AttributeError(name)
            raise AttributeError(f"{type(self).__name__} has no command {name!r}; use execute_command('{name.upper()}', ...)")

    def _command(self, function, args, kwargs):
        return self._send(*wire.words(function, args, kwargs))

    def _blocking(self, words, function, args, timeout):
        return self._send([*words, timeout or 0], wire.REPLY.get(words[0].lower()))

    def time(self) -> tuple[int, int]:
        """Seconds since 1970 by the server's clock, and microseconds."""
        return self._send(["TIME"], wire.moments)


class Server(ServerCommands, Client):
    """A server with the calls of redis-py."""

    def __init__(self, name: str, decode_responses: bool = True) -> None:
        #: Of the connection.
        self.name, self.decode_responses = name, decode_responses
        self._fields = ("op", "redis.commands", "connection", name)

    def __repr__(self):
        return f"<Redis {self.name!r}>"

    def pipeline(self, transaction: bool = True, shard_hint: object = None) -> ServerPipeline:
        """Commands that wait until execute() and then run together."""
        return ServerPipeline(self, transaction)

    def _send(self, words, convert=None):
        _, body = _perform(self._fields, wire.one_request(words))
        reply = wire.one_reply(body, self.decode_responses)
        return reply if convert is None else convert(reply)


if TYPE_CHECKING:
    from serai.redis.client import Queued as _Queued
else:
    _Queued = ServerCommands


class ServerPipeline(_Queued, Sequence):
    """What pipeline() of a server returns: commands wait until execute()."""

    def __init__(self, server, transaction=True):
        self.server, self.transaction = server, transaction
        self._queue, self._watch, self._at_once = [], None, False

    @property
    def queues(self):
        """Whether commands wait until execute()."""
        return not self._at_once

    def reset(self) -> None:
        """Forget the commands and what is watched."""
        watch, self._queue, self._watch, self._at_once = self._watch, [], None, False
        if watch is not None:
            try:
                call("redis.watch", "connection", self.server.name, "watch", watch)
            except host.Error:
                pass  # it has ended otherwise, or does so with the call

    def watch(self, *names: Word) -> bool:
        """Have execute raise WatchError if one of the keys changes until then.

        Commands run at once from now on, until multi().
        """
        if self._queue:
            raise RedisError("watch must come before the commands")
        fields = () if self._watch is None else ("watch", self._watch)
        envelope, _ = _call("redis.watch", self.server.name, *fields, body=wire.request([names]))
        self._watch, self._at_once = envelope.get("watch"), True
        return True

    def unwatch(self) -> bool:
        """Forget what is watched."""
        self.reset()
        return True

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Run the commands and return their replies, a list.

        The first error of a command is raised after all have run, or with
        raise_on_error=False is among the replies.
        """
        queue, watch, fields = self._queue, self._watch, []
        if not queue:
            self.reset()
            return []
        if self.transaction or watch is not None:
            fields += ("transaction", "1")
        if watch is not None:
            fields += ("watch", watch)
        self._queue, self._watch, self._at_once = [], None, False
        try:
            found = exchange(self.server, [words for words, _ in queue], *fields)
        except host.Conflict:
            raise WatchError("Watched variable changed.") from None
        out = [reply if isinstance(reply, Exception) else _converted(reply, convert) for reply, (_, convert) in zip(found, queue, strict=True)]
        if raise_on_error:
            for reply in out:
                if isinstance(reply, Exception):
                    raise reply
        return out

    def _send(self, words, convert=None):
        if not self._at_once:
            self._queue.append((words, convert))
            return self
        (reply,) = exchange(self.server, [words], "watch", self._watch)
        return _converted(reply, convert)


def exchange(server, commands, *fields):
    """Send lists of words and return the replies; errors are among them."""
    _, body = _call("redis.commands", server.name, *fields, body=wire.request(commands))
    return wire.replies(body, server.decode_responses)


def _call(op, name, *fields, body):
    return _perform(("op", op, "connection", name, *fields), body)


def _perform(fields, body):
    try:
        return perform(fields, body)
    except host.Unavailable as exc:
        raise errors.ConnectionError(str(exc)) from exc
    except host.Timeout as exc:
        raise errors.TimeoutError(str(exc)) from exc


def _converted(reply, convert):
    if isinstance(reply, Exception):
        raise reply
    return reply if convert is None else convert(reply)


class Connections:
    """self.out.redis: clients by the names of their connections."""

    def __getitem__(self, name: str) -> Server:
        return Server(name)

    @overload
    def get(self, name: str, decode_responses: Literal[True] = True) -> Server: ...

    @overload
    def get(self, name: str, decode_responses: bool) -> Any: ...  # has replies of bytes

    def get(self, name, decode_responses=True):
        """The client of that name, for bytes if decode_responses is False."""
        return Server(name, decode_responses)
