# Written by cmd/seraigen from the connectors' descriptions. Do not edit.
"""Redis and Valkey: one server, a cluster, or what Sentinel watches."""

from __future__ import annotations

from serai.connectors import _form


class Connection(_form.Connection):
    """One connection of the type redis, by its name."""

    __slots__ = ()
    _type = "redis"

    def commands(self, body: bytes | str | None = None, *, transaction: bool | None = None, watch: str | None = None) -> bytes:
        """Sends commands and returns their replies.

        :param body: commands one after another, each an array of bulk strings in RESP2
        :param transaction: all commands are one transaction; Conflict says that a watched key changed and nothing was done
        :param watch: id that redis.watch returned: the commands go over its socket, and a transaction ends it
        :return: replies one after another in RESP2; an error of a command is its reply
        """
        fields = []
        _form.flag(fields, "transaction", transaction)
        _form.text(fields, "watch", watch)
        return self._call("redis.commands", fields, body, (), _form.body_bytes)

    def watch(self, body: bytes | str | None = None, *, watch: str | None = None) -> str:
        """Watches keys until a transaction or the end of the call, or ends that.

        :param body: keys, an array of bulk strings in RESP2; without keys the watch ends
        :param watch: id of a watch that gets further keys, or ends
        :return: id for commands over the same socket, and for the transaction
        """
        fields = []
        _form.text(fields, "watch", watch)
        return self._call("redis.watch", fields, body, (("watch", "watch", _form.read_text), ), None)
