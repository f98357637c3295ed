# Written by cmd/seraigen from the connectors' descriptions. Do not edit.
"""Servers of memcached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serai.connectors import _form

if TYPE_CHECKING:
    from datetime import timedelta
    from typing import Any
    from typing import Literal

    class GetReply(dict[str, Any]):
        found: bool
        cas: str
        body: bytes


class Connection(_form.Connection):
    """One connection of the type memcached, by its name."""

    __slots__ = ()
    _type = "memcached"

    def get(self, key: str) -> GetReply:
        """Returns what is stored under a key.

        :param key: 1 to 250 bytes without spaces and control characters
        :return: an object with
            found (bool): whether there is anything
            cas (str): what memcached.cas takes
            body: what is stored
        """
        fields = []
        _form.text(fields, "key", key)
        return self._call("memcached.get", fields, None, (("found", "found", _form.read_flag), ("cas", "cas", _form.read_text), ), _form.body_bytes)

    def set(self, key: str, body: bytes | str | None = None, *, expires: float | timedelta | None = None, mode: Literal['set', 'add', 'replace', 'append', 'prepend'] | None = None) -> bool:
        """Stores the body under a key.

        :param key: 1 to 250 bytes without spaces and control characters
        :param body: what to store
        :param expires: time until it is forgotten, in full seconds, rounded up; 0 is never
        :param mode: add stores only where there is nothing, replace only where there is something; append and prepend add to what is there
        :return: false where mode forbids it
        """
        fields = []
        _form.text(fields, "key", key)
        _form.duration(fields, "expires", expires)
        _form.text(fields, "mode", mode)
        return self._call("memcached.set", fields, body, (("stored", "stored", _form.read_flag), ), None)

    def cas(self, key: str, cas: str, body: bytes | str | None = None, *, expires: float | timedelta | None = None) -> None:
        """Stores the body under a key unless somebody else did since it was read.

        :param key: 1 to 250 bytes without spaces and control characters
        :param cas: as memcached.get returned it
        :param body: what to store
        :param expires: time until it is forgotten, in full seconds, rounded up; 0 is never
        """
        fields = []
        _form.text(fields, "key", key)
        _form.text(fields, "cas", cas)
        _form.duration(fields, "expires", expires)
        return self._call("memcached.cas", fields, body, (), None)

    def incr(self, key: str, *, by: int | None = None) -> str:
        """Adds to a number that is stored as decimal text.

        :param key: 1 to 250 bytes without spaces and control characters
        :param by: what to add; below 0 it is taken away, down to 0
        :return: the number now, up to 18446744073709551615
        """
        fields = []
        _form.text(fields, "key", key)
        _form.number(fields, "by", by)
        return self._call("memcached.incr", fields, None, (("value", "value", _form.read_text), ), None)

    def delete(self, key: str) -> bool:
        """Deletes a key.

        :param key: 1 to 250 bytes without spaces and control characters
        :return: whether there was anything
        """
        fields = []
        _form.text(fields, "key", key)
        return self._call("memcached.delete", fields, None, (("found", "found", _form.read_flag), ), None)

    def touch(self, key: str, *, expires: float | timedelta | None = None) -> bool:
        """Has a key expire at another time.

        :param key: 1 to 250 bytes without spaces and control characters
        :param expires: time until it is forgotten, in full seconds, rounded up; 0 is never
        :return: whether there was anything
        """
        fields = []
        _form.text(fields, "key", key)
        _form.duration(fields, "expires", expires)
        return self._call("memcached.touch", fields, None, (("found", "found", _form.read_flag), ), None)
