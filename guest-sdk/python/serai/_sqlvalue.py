"""Values of databases as JSON, which has no dates, decimals or bytes."""

import base64
import datetime
import decimal
import functools
import json
import uuid
from json import encoder

from serai.data import dumps

try:
    from _collections import _tuplegetter  # as of named tuples: it is in C
except ImportError:

    def _tuplegetter(index, doc):
        return property(lambda row: tuple.__getitem__(row, index), doc=doc)


_quoted = functools.lru_cache(256)(encoder.encode_basestring)


def request(statement, name, value):
    """The body of a request: the statement, and beside it something under a name."""
    if value is None:
        return f'{{"statement": {_quoted(statement)}}}'
    return f'{{"statement": {_quoted(statement)}, "{name}": {dumps(value)}}}'


_PLAIN = frozenset((str, int, bool, type(None)))


def encode(value):
    """A parameter, or a dict or list of them, for the host."""
    if isinstance(value, dict):
        return {str(name): one if one.__class__ in _PLAIN else _parameter(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [one if one.__class__ in _PLAIN else _parameter(one) for one in value]
    raise TypeError(f"parameters are a dict or a list, not {type(value).__name__}")


def _parameter(value):
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else {"type": "decimal", "value": str(value)}
    for cls, kind, text in _TYPES:
        if isinstance(value, cls):
            return {"type": kind, "value": text(value)}
    if isinstance(value, (list, tuple)):
        return {"type": "list", "value": [_parameter(one) for one in value]}
    if isinstance(value, dict):
        return {"type": "json", "value": value}
    raise TypeError(f"a parameter cannot be a {type(value).__name__}: use str, int, float, Decimal, bool, bytes, datetime, date, time, timedelta, UUID, dict, list or None")


_TYPES = (
    (decimal.Decimal, "decimal", str),
    (datetime.datetime, "datetime", lambda v: v.isoformat()),
    (datetime.date, "date", lambda v: v.isoformat()),
    (datetime.time, "time", lambda v: v.isoformat()),
    (datetime.timedelta, "interval", lambda v: _interval_text(v)),
    (uuid.UUID, "uuid", str),
    ((bytes, bytearray, memoryview), "bytes", lambda v: base64.b64encode(bytes(v)).decode()),
)


def _interval_text(value):
    micros = value // datetime.timedelta(microseconds=1)
    seconds, micros = divmod(abs(micros), 1_000_000)
    sign = "-" if value < datetime.timedelta() else ""
    return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}.{micros:06}"


_DAYS = {"year": 365, "years": 365, "mon": 30, "mons": 30, "day": 1, "days": 1}


def _interval(text):
    """A timedelta of a text such as 1 mon 3 days -04:05:06.7; a month has 30
    days and a year 365."""
    words, days, seconds = text.split(), 0, decimal.Decimal(0)
    while len(words) > 1:
        days += int(words[0]) * _DAYS[words[1]]
        words = words[2:]
    if words:
        hours, minutes, rest = words[0].lstrip("+-").split(":")
        seconds = int(hours) * 3600 + int(minutes) * 60 + decimal.Decimal(rest)
        if words[0].startswith("-"):
            seconds = -seconds
    return datetime.timedelta(days=days, microseconds=int(seconds * 1_000_000))


def _any(value):
    """A value of a column without a type: bytes say that they are."""
    return base64.b64decode(value["value"]) if isinstance(value, dict) else value


def _decimal(value):
    return decimal.Decimal(value if value.__class__ is str else str(value))


_CONVERT = {
    "decimal": _decimal, "datetime": datetime.datetime.fromisoformat, "moment": datetime.datetime.fromisoformat,
    "date": datetime.date.fromisoformat, "time": datetime.time.fromisoformat, "interval": _interval, "any": _any, "uuid": uuid.UUID, "bytes": base64.b64decode, "float": float,
}  # fmt: skip

# Databases such as SQLite hold anything in any column: what is not what the
# column says stays as it is.
_OTHER = (ValueError, TypeError, ArithmeticError, LookupError)


def converter(kind):
    """The function that makes values of a column's kind of what came as JSON,
    None if they are what they are. It raises one of _OTHER."""
    if kind.startswith("list:"):
        one = converter(kind[5:])
        return one and (lambda v: _each(v, one))
    return _CONVERT.get(kind)


def _each(value, convert):
    if isinstance(value, list):
        return [None if one is None else _each(one, convert) for one in value]
    try:
        return convert(value)
    except _OTHER:
        return value


# A page begins with its columns and types, which are the same for each page of
# a statement, and ends with its rows. In a text the quotes would be escaped.
_BETWEEN = b'],"rows":['

_scan = json.JSONDecoder().scan_once


def page(body, base):
    """The class of rows, which is below base, and the rows of a page, converted.

    body is the JSON of a page, or what is in it.
    """
    if body.__class__ is bytes and (end := body.find(_BETWEEN)) >= 0:
        make, columns = _head(body[:end], base)
        rows, _ = _scan(str(body[end + len(_BETWEEN) - 1 : -1], "utf-8"), 0)
    else:
        found = body if isinstance(body, dict) else json.loads(body)
        make, columns = _columns(tuple(found["columns"]), tuple(found["types"]), base)
        rows = found["rows"]
    if columns:
        for row in rows:
            for i, convert in columns:
                value = row[i]
                if value is not None:
                    try:
                        row[i] = convert(value)
                    except _OTHER:
                        pass
    return make, rows


@functools.lru_cache(64)
def _head(head, base):
    found = json.loads(head + b"]}")
    return _columns(tuple(found["columns"]), tuple(found["types"]), base)


@functools.lru_cache(64)
def _columns(names, kinds, base):
    """The class of rows with these columns, and what converts which of them."""
    members = {name: _tuplegetter(i, None) for i, name in reversed(list(enumerate(names))) if name[:1] != "_" and not hasattr(base, name)}
    columns = [(i, convert) for i, kind in enumerate(kinds) if (convert := converter(kind))]
    return type(base.__name__, (base,), {**members, "_names": names, "__slots__": ()}), columns
