"""How arguments become the fields of an operation, and its reply an object.

The generated modules beside this one are made of these functions. An argument
that is None is left out; the host says what is wrong with one that it gets.
"""

import json
from typing import Generic, Self, TypeVar

from serai.data import Bunch, default
from serai.host import call, milliseconds


class Connection:
    """A use of one connection, by its name."""

    __slots__ = ("name",)
    _type = ""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def conn(self) -> Self:
        """The connection itself."""
        return self

    def _call(self, op, fields, body, reply, payload):
        """Perform op; the reply's only part, an object with its parts, or None."""
        envelope, data = call(op, "connection", self.name, *fields, body=body)
        if payload is None:
            if len(reply) == 1:
                return reply[0][2](envelope, reply[0][1])
            if not reply:
                return None
        elif not reply:
            return payload(data)
        out = Bunch((name, read(envelope, field)) for name, field, read in reply)
        if payload is not None:
            out.body = payload(data)
        return out

    def __repr__(self):
        return f"<{self._type} connection {self.name!r}>"


Made = TypeVar("Made", bound=Connection)


class Connections(Generic[Made]):
    """The connections of a type, by their names."""

    __slots__ = ("_make",)

    def __init__(self, make: type[Made]) -> None:
        self._make = make

    def __getitem__(self, name: str) -> Made:
        return self._make(name)

    def get(self, name: str) -> Made:
        """The connection of that name."""
        return self._make(name)


def text(fields, name, value):
    """Add text."""
    if value is not None:
        fields += (name, value)


def number(fields, name, value):
    """Add a whole number."""
    if value is not None:
        fields += (name, str(value))


def flag(fields, name, value):
    """Add yes or no."""
    if value is not None:
        fields += (name, "1" if value else "0")


def duration(fields, name, value):
    """Add a time: seconds, or a timedelta."""
    if value is not None:
        seconds = value.total_seconds() if hasattr(value, "total_seconds") else value
        fields += (name, milliseconds(seconds) if seconds else "0")


def document(fields, name, value):
    """Add what JSON can hold."""
    if value is not None:
        fields += (name, json.dumps(value, default=default))


def each(fields, name, value):
    """Add each of several texts."""
    for one in value or ():
        fields += (name, one)


def values(fields, prefix, value):
    """Add the items of a dict, or pairs, their names after prefix."""
    for key, one in value.items() if hasattr(value, "items") else value or ():
        fields += (prefix + key, str(one))


def member(body, name, value):
    """Add a member of the body."""
    if value is not None:
        body[name] = value


def encode(body):
    """The body as JSON."""
    return None if body is None else json.dumps(body, default=default)


def read_text(envelope, name):
    """Text, "" if there is none: empty text is left out."""
    return envelope.get(name, "")


def read_number(envelope, name):
    """A whole number, or None."""
    value = envelope.get(name)
    return None if value is None else int(value)


def read_flag(envelope, name):
    """Yes or no, or None."""
    value = envelope.get(name)
    return None if value is None else value == "1"


def read_duration(envelope, name):
    """Seconds, or None."""
    value = envelope.get(name)
    return None if value is None else int(value) / 1000


def read_document(envelope, name):
    """What JSON holds, or None."""
    value = envelope.get(name)
    return None if value is None else json.loads(value)


def read_each(envelope, name):
    """All texts of that name."""
    return [value for key, value in envelope.pairs() if key == name]


def read_values(envelope, prefix):
    """The fields whose names begin with prefix, without it; the first of a name."""
    found = {}
    for name, value in envelope.pairs():
        if name.startswith(prefix):
            found.setdefault(name[len(prefix):], value)
    return found


def body_bytes(data):
    """The body as it is."""
    return bytes(data)


def body_text(data):
    """The body as text."""
    return bytes(data).decode("utf-8", "surrogateescape")


def body_json(data):
    """The body as objects, None if there is none."""
    return json.loads(data) if data else None
