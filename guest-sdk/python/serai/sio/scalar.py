"""Values without parts: numbers, texts, dates. Each reads what a document has.

A reader is a function of a value, its place and the list of problems. It
returns the value as the declared type, or notes a problem and returns None.
"""

import math
import re
import sys
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal, InvalidOperation
from uuid import UUID

TRUE = frozenset(("true", "yes", "on", "y", "t", "1"))
FALSE = frozenset(("false", "no", "off", "n", "f", "0"))

_INTEGER = re.compile(r"\s*[+-]?[0-9]+\s*", re.ASCII)
_DURATION = re.compile(r"([+-])?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.ASCII)
#: Floats up to here are exact integers.
_EXACT = 2**53
_LARGEST = sys.float_info.max


class Scalar:
    """A type without parts.

    ``exact`` is the class of values that need no conversion, ``convert`` makes
    one of another value or raises ValueError or TypeError, and ``expected``
    tells people what it takes.
    """

    __slots__ = ("exact", "convert", "expected", "blank")

    def __init__(self, exact, convert, expected, blank=True):
        self.exact, self.convert, self.expected = exact, convert, expected
        #: Whether '' counts as no value, as fields of forms are sent.
        self.blank = blank

    def read(self, value, at, problems):
        """The value as the type, or None and a problem."""
        if value.__class__ is self.exact:
            return value
        try:
            return self.convert(value)
        except (ValueError, TypeError, ArithmeticError):
            problems.wrong(at, value, self.expected)
            return None


def _text(value):
    """Numbers and truth values have a text; objects and lists have none."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, Decimal, UUID)):
        return str(value)
    if isinstance(value, (bytes, bytearray)):
        return value.decode("utf-8")
    raise TypeError


def _string(value):
    if isinstance(value, str):
        return value
    raise TypeError


def _int(value):
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        if value.is_integer() and abs(value) <= _EXACT:
            return int(value)
        raise ValueError
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    raise TypeError


def _identifier(value):
    """The number that an identifier is, or its text: CUST-001 identifies too."""
    try:
        return _int(value)
    except (TypeError, ValueError):
        return _text(value)


def _float(value):
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise TypeError
    if isinstance(value, str) and "_" in value:
        raise ValueError
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _decimal(value):
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise TypeError
    if isinstance(value, str) and "_" in value:
        raise ValueError
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        raise ValueError from None
    if not number.is_finite():
        raise ValueError
    return number


def _bool(value):
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return value == 1
    if isinstance(value, str):
        text = value.strip().lower()
        if text in TRUE:
            return True
        if text in FALSE:
            return False
    raise ValueError


def _datetime(value):
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    if isinstance(value, str):
        return datetime.fromisoformat(value.strip())
    raise TypeError


def _utc(value):
    """A moment in UTC; without an offset it is taken to be UTC."""
    moment = _datetime(value)
    if moment.tzinfo is None:
        return moment.replace(tzinfo=timezone.utc)
    return moment.astimezone(timezone.utc)


def _date(value):
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        text = value.strip()
        return datetime.fromisoformat(text).date() if len(text) > 10 else date.fromisoformat(text)
    raise TypeError


def _time(value):
    if isinstance(value, time):
        return value
    if isinstance(value, str):
        return time.fromisoformat(value.strip())
    raise TypeError


def _duration(value):
    """Seconds, or ISO 8601 such as P1DT2H."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError
    if isinstance(value, str):
        if m := _DURATION.fullmatch(value.strip()):
            sign, *parts = m.groups()
            if any(parts):
                days, hours, minutes, seconds = (float(part or 0) for part in parts)
                span = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
                return -span if sign == "-" else span
        raise ValueError
    return timedelta(seconds=value)


def _uuid(value):
    if isinstance(value, UUID):
        return value
    if isinstance(value, str):
        return UUID(value.strip())
    raise TypeError


def _csv(value):
    """The items of comma-separated text."""
    if isinstance(value, list):
        return [_text(item) for item in value]
    if not isinstance(value, str):
        raise TypeError
    import csv

    rows = list(csv.reader([value.strip()])) if value.strip() else []
    return rows[0] if rows else []


def _bytes(value):
    """Binary data travels as Base64 in every text format."""
    import base64

    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if isinstance(value, str):
        return base64.b64decode(value, validate=True)
    raise TypeError


class Float(Scalar):
    """float, but not NaN and Infinity, which documents of some programs have."""

    __slots__ = ()

    def read(self, value, at, problems):
        """The value as a float."""
        if value.__class__ is float and -_LARGEST <= value <= _LARGEST:
            return value
        return super().read(value, at, problems)


TEXT = Scalar(str, _text, "a text", blank=False)
STRING = Scalar(str, _string, "a text", blank=False)
IDENTIFIER = Scalar(int, _identifier, "an integer or a text")
INT = Scalar(int, _int, "an integer")
FLOAT = Float(None, _float, "a number")
DECIMAL = Scalar(Decimal, _decimal, "a decimal number")
BOOL = Scalar(bool, _bool, "true or false")
DATETIME = Scalar(datetime, _datetime, "a date and time such as 2025-01-31T12:30:00")
MOMENT = Scalar(None, _utc, "a date and time such as 2025-01-31T12:30:00Z")
DATE = Scalar(date, _date, "a date such as 2025-01-31")
TIME = Scalar(time, _time, "a time such as 12:30:00")
DURATION = Scalar(timedelta, _duration, "a duration in seconds or such as PT1H30M")
UUID_ = Scalar(UUID, _uuid, "a UUID")
CSV = Scalar(None, _csv, "comma-separated text", blank=False)
BYTES = Scalar(bytes, _bytes, "Base64", blank=False)


class Anything:
    """Takes what there is, null included."""

    exact, expected, blank = None, "anything", False

    @staticmethod
    def read(value, at, problems):
        """The value itself."""
        return value


ANY = Anything()
