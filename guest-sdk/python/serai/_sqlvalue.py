"""Values of databases as JSON, which has no dates, decimals or bytes."""

import base64
import datetime
import decimal
import uuid


def encode(value):
    """A parameter, or a dict or list of them, for the host."""
    if isinstance(value, dict):
        return {str(name): _parameter(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_parameter(one) for one in value]
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


_CONVERT = {
    "decimal": lambda v: decimal.Decimal(str(v)), "datetime": datetime.datetime.fromisoformat, "moment": datetime.datetime.fromisoformat,
    "date": datetime.date.fromisoformat, "time": datetime.time.fromisoformat, "interval": _interval, "any": _any, "uuid": uuid.UUID, "bytes": base64.b64decode, "float": float,
}


def converter(kind):
    """The function that makes values of a column's kind of what came as JSON,
    None if they are what they are."""
    if kind.startswith("list:"):
        one = converter(kind[5:])
        return one and (lambda v: _each(v, one))
    convert = _CONVERT.get(kind)
    return convert and (lambda v: _tolerant(convert, v))


def _each(value, convert):
    if isinstance(value, list):
        return [None if one is None else _each(one, convert) for one in value]
    return convert(value)


def _tolerant(convert, value):
    """Databases such as SQLite hold anything in any column: what is not what
    the column says stays as it is."""
    try:
        return convert(value)
    except (ValueError, TypeError, ArithmeticError, LookupError):
        return value
