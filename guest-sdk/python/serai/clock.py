"""self.time: the time, as text in the form that a service wants.

Forms are written with tokens: ``YYYY-MM-DD HH:mm:ss``. What is in square
brackets stays as it is.

======== =============================  ======== ===========================
YYYY YY  year: 2027, 27                 HH H     hour 00..23, 0..23
MMMM MMM month: January, Jan            hh h     hour 01..12, 1..12
MM M     month: 01..12, 1..12           mm m     minute
DDDD DDD day of the year: 001, 1        ss s     second
DD D Do  day: 01, 1, 1st                S..      fraction of a second
dddd ddd day of the week: Monday, Mon   A a      AM, am
d        day of the week, 1 is Monday   ZZZ      name of the time zone
W        ISO week: 2027-W01-5           ZZ Z     +01:00, +0100
X x      seconds, microseconds since 1970
======== =============================  ======== ===========================
"""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DATE = "YYYY-MM-DD"
DATE_TIME = "YYYY-MM-DDTHH:mm:ss"
TIMESTAMP = "YYYY-MM-DDTHH:mm:ss.SSSSSS"

_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_TOKEN = re.compile(r"\[(?:\\.|[^\]])*\]|YYYY|YY|MMMM|MMM|MM|M|DDDD|DDD|DD|Do|D|dddd|ddd|d|HH|H|hh|h|mm|m|ss|s|S+|ZZZ|ZZ|Z|A|a|X|x|W")


class Clock:
    """The time. ``format`` is a form; with ``needs_format=False``, or False for a form, it is a datetime."""

    def now(self, format=DATE_TIME, tz="UTC", needs_format=True, delta=None):  # noqa: A002 - the documented name
        """The time in a time zone, such as 'Europe/Berlin', delta from now."""
        return _shown(datetime.now(zone(tz)) + (delta or timedelta()), format, needs_format)

    def utcnow(self, format=DATE_TIME, needs_format=True):  # noqa: A002
        """The time in UTC."""
        return self.now(format, "UTC", needs_format)

    def utcnow_as_float(self):
        """Seconds since 1970."""
        return datetime.now(UTC).timestamp()

    def today(self, format=DATE, tz="UTC", needs_format=True):  # noqa: A002
        """The day in a time zone."""
        return _shown(datetime.now(zone(tz)).replace(hour=0, minute=0, second=0, microsecond=0), format, needs_format)

    def yesterday(self, format=DATE_TIME, tz="UTC", needs_format=True):  # noqa: A002
        """The same time one day ago."""
        return self.now(format, tz, needs_format, timedelta(days=-1))

    def tomorrow(self, format=DATE_TIME, tz="UTC", needs_format=True):  # noqa: A002
        """The same time in one day."""
        return self.now(format, tz, needs_format, timedelta(days=1))

    def one_day_from(self, date, format=DATE, needs_format=True):  # noqa: A002
        """One day after a date or time."""
        return _shown(moment(date) + timedelta(days=1), format, needs_format)

    def one_hour_from(self, date, format=DATE, needs_format=True):  # noqa: A002
        """One hour after a date or time."""
        return _shown(moment(date) + timedelta(hours=1), format, needs_format)

    def one_minute_from(self, date, format=DATE, needs_format=True):  # noqa: A002
        """One minute after a date or time."""
        return _shown(moment(date) + timedelta(minutes=1), format, needs_format)

    def isonow(self, tz="UTC", needs_format=True, format=TIMESTAMP):  # noqa: A002
        """The time in a time zone, to the microsecond."""
        return self.now(format, tz, needs_format)

    def isoutcnow(self, needs_format=True, format=TIMESTAMP):  # noqa: A002
        """The time in UTC, to the microsecond."""
        return self.now(format, "UTC", needs_format)

    def reformat(self, value, from_, to):
        """A time that is text in one form, or a datetime, in another form.

        The form ``kvdb:NAME`` is the value of the key ``kvdb:date-format:NAME``.
        """
        when = parsed(value, _form(from_)) if isinstance(value, str) else moment(value)
        return shown(when, _form(to))


def _form(form):
    """A form, read from the key/value store if it is a name there."""
    if not form.startswith("kvdb:"):
        return form
    from serai import kv

    key = "kvdb:date-format:" + form[5:]
    value = kv.get(key)
    if value is None:
        raise ValueError(f"there is no key {key!r} with a form such as YYYY-MM-DD")
    return value.value.decode()


def zone(name):
    """The time zone of a name."""
    if isinstance(name, tzinfo):
        return name
    if name in (None, "", "UTC", "utc", "local"):
        return UTC  # where a service runs, local time is UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"time zone {name!r} does not exist; use a name such as Europe/Berlin or UTC") from None


def moment(value):
    """The datetime that a datetime, a date, a number or ISO 8601 text means, in
    UTC unless it says otherwise."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is no time in ISO 8601, such as 2027-01-31T12:00:00") from None
    elif isinstance(value, (int, float)):
        return datetime.fromtimestamp(value, UTC)
    elif not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _shown(value, form, needs_format):
    return shown(value, form) if needs_format and isinstance(form, str) else value


def shown(value, form):
    """A datetime in a form."""
    return _TOKEN.sub(lambda m: _SHOW[m[0]](value) if m[0] in _SHOW else _rest(value, m[0]), form)


_SHOW = {
    "YYYY": lambda t: f"{t.year:04}",
    "YY": lambda t: f"{t.year % 100:02}",
    "MMMM": lambda t: _MONTHS[t.month - 1],
    "MMM": lambda t: _MONTHS[t.month - 1][:3],
    "MM": lambda t: f"{t.month:02}",
    "M": lambda t: str(t.month),
    "DDDD": lambda t: f"{t.timetuple().tm_yday:03}",
    "DDD": lambda t: str(t.timetuple().tm_yday),
    "DD": lambda t: f"{t.day:02}",
    "D": lambda t: str(t.day),
    "Do": lambda t: f"{t.day}{_ordinal(t.day)}",
    "dddd": lambda t: _DAYS[t.weekday()],
    "ddd": lambda t: _DAYS[t.weekday()][:3],
    "d": lambda t: str(t.isoweekday()),
    "HH": lambda t: f"{t.hour:02}",
    "H": lambda t: str(t.hour),
    "hh": lambda t: f"{t.hour % 12 or 12:02}",
    "h": lambda t: str(t.hour % 12 or 12),
    "mm": lambda t: f"{t.minute:02}",
    "m": lambda t: str(t.minute),
    "ss": lambda t: f"{t.second:02}",
    "s": lambda t: str(t.second),
    "A": lambda t: "AM" if t.hour < 12 else "PM",
    "a": lambda t: "am" if t.hour < 12 else "pm",
    "ZZZ": lambda t: t.tzname() or "",
    "ZZ": lambda t: _offset(t, ":"),
    "Z": lambda t: _offset(t, ""),
    "X": lambda t: str(int(t.timestamp())),
    "x": lambda t: str(round(t.timestamp() * 1_000_000)),
    "W": lambda t: "{}-W{:02}-{}".format(*t.isocalendar()),
}


def _rest(value, token):
    if token[0] == "[":
        return re.sub(r"\\(.)", r"\1", token[1:-1])
    return f"{value.microsecond:06}"[: len(token)].ljust(len(token), "0")  # S, SS and so on


def _ordinal(n):
    return "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")


def _offset(value, colon):
    minutes = round((value.utcoffset() or timedelta()).total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{colon}{abs(minutes) % 60:02}"


# --- Reading ----------------------------------------------------------------

_TWO, _ONE = r"\d{2}", r"\d{1,2}"
_READ = {
    "YYYY": r"\d{4}", "YY": _TWO, "MMMM": "|".join(_MONTHS), "MMM": "|".join(m[:3] for m in _MONTHS), "MM": _TWO, "M": _ONE,
    "DDDD": r"\d{3}", "DDD": r"\d{1,3}", "DD": _TWO, "D": _ONE, "Do": r"\d{1,2}(?:st|nd|rd|th)",
    "dddd": "|".join(_DAYS), "ddd": "|".join(d[:3] for d in _DAYS), "d": "[1-7]",
    "HH": _TWO, "H": _ONE, "hh": _TWO, "h": _ONE, "mm": _TWO, "m": _ONE, "ss": _TWO, "s": _ONE,
    "A": "[AaPp][Mm]", "a": "[AaPp][Mm]", "ZZZ": r"[A-Za-z_/+\-]+", "ZZ": r"[+\-]\d{2}:?\d{2}|Z", "Z": r"[+\-]\d{2}:?\d{2}|Z",
    "X": r"-?\d+(?:\.\d+)?", "x": r"-?\d+",
}


def parsed(text, form):
    """The datetime that a text in a form means, in UTC unless it says otherwise."""
    found = _expression(form).fullmatch(str(text).strip())
    if found is None:
        raise ValueError(f"{text!r} is not of the form {form!r}")
    part = {token.split("_")[0]: value for token, value in found.groupdict().items() if value is not None}
    try:
        return _assembled(part)
    except ValueError as exc:
        raise ValueError(f"{text!r} is no time in the form {form!r}: {exc}") from None


def _expression(form):
    out, at = [], 0
    for i, token in enumerate(_TOKEN.finditer(form)):
        out.append(re.escape(form[at : token.start()]))
        at = token.end()
        if token[0][0] == "[":
            out.append(re.escape(_rest(None, token[0])))
        elif token[0][0] == "S":
            out.append(rf"(?P<S_{i}>\d{{1,9}})")
        elif token[0] in _READ:
            out.append(f"(?P<{token[0]}_{i}>{_READ[token[0]]})")
        else:
            raise ValueError(f"a time cannot be read by {token[0]!r}, of {form!r}")
    return re.compile("".join(out) + re.escape(form[at:]), re.IGNORECASE)


def _assembled(part):
    def first(*tokens):
        return next((part[t] for t in tokens if t in part), None)

    if stamp := first("X", "x"):
        return datetime.fromtimestamp(float(stamp) / (1 if "X" in part else 1_000_000), UTC)
    year = int(part["YYYY"]) if "YYYY" in part else _century(int(part["YY"])) if "YY" in part else 1
    month, day = first("MM", "M"), first("DD", "D", "Do")
    if name := first("MMMM", "MMM"):
        month = next(i for i, m in enumerate(_MONTHS, 1) if m[:3].lower() == name[:3].lower())
    hour = int(first("HH", "H", "hh", "h") or 0)
    if half := first("A", "a"):
        hour = hour % 12 + (12 if half.lower() == "pm" else 0)
    zone_name = first("ZZZ")
    value = datetime(
        year, int(month or 1), int(re.match(r"\d+", day)[0]) if day else 1, hour, int(first("mm", "m") or 0), int(first("ss", "s") or 0),
        int((part.get("S", "0") + "00000")[:6]), zone(zone_name) if zone_name else _read_offset(first("ZZ", "Z")),
    )
    if day_of_year := first("DDDD", "DDD"):
        value = value.replace(month=1, day=1) + timedelta(days=int(day_of_year) - 1)
        if value.year != year:
            raise ValueError("day of year is out of range")
    return value


def _century(year):
    return year + (1900 if year > 68 else 2000)


def _read_offset(text):
    if text is None or text in "Zz":
        return UTC
    size = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-size if text[0] == "-" else size)
