"""The types of elements that a declaration names."""

from datetime import date, datetime, timezone

from serai.sio import scalar
from serai.sio.record import AnyDict, AnyList, Field, Listing, Record


class _NotGiven:
    """Stands for a value that nobody gave; it is false."""

    __slots__ = ()

    def __bool__(self):
        return False

    def __repr__(self):
        return "NotGiven"


NotGiven = _NotGiven()


class Elem:
    """An element of a declaration: a name with what is known of its values.

    A name that begins with '-' is optional, and ``default`` is then its value
    when it is not given.
    """

    def __init__(self, name, *args, default=NotGiven, **kwargs):
        kind = type(self).__name__
        if not isinstance(name, str):
            raise TypeError(f"{kind}: the name of an element is a text, not {name!r}")
        self.optional = name.startswith("-")
        self.name = name[1:] if name[:1] in ("-", "+") else name
        if not self.name or self.name != self.name.strip() or "," in self.name or "\n" in self.name:
            raise ValueError(f"{kind}: {name!r} is no name of an element; several elements are separate texts: input = 'a', '-b'")
        self.default = default
        self.configure(*args, **kwargs)

    def configure(self, *args, **kwargs):
        """Take what is particular to the type; most have nothing."""
        if args or kwargs:
            unknown = ", ".join([*map(repr, args), *kwargs])
            raise TypeError(f"{type(self).__name__}({self.name!r}) does not take {unknown}")

    def reader(self):
        """What reads its values from a document."""
        return scalar.ANY

    def write(self, value):
        """The value as a document has it. What does not fit stays as it is."""
        return value

    def __repr__(self):
        return f"{type(self).__name__}({'-' * self.optional}{self.name})"


class _Converted(Elem):
    """An element whose conversion is a scalar's, in both directions."""

    scalar = scalar.TEXT

    def reader(self):
        return self.scalar

    def write(self, value):
        try:
            return self.scalar.convert(value)
        except (ValueError, TypeError, ArithmeticError):
            return value


class AsIs(Elem):
    """Passed on without a conversion, whatever its name suggests."""


class Opaque(Elem):
    """Passed on without a conversion, with all that is in it."""


class Text(_Converted):
    """str; numbers and truth values become their text."""

    def configure(self, encoding="utf-8"):
        self.encoding = encoding

    def write(self, value):
        if isinstance(value, (bytes, bytearray)):
            return value.decode(self.encoding)
        return super().write(value)


class Int(_Converted):
    """int, also of digits in a text."""

    scalar = scalar.INT


class Identifier(_Converted):
    """int where the value is one, else str. Names such as user_id stand for it."""

    scalar = scalar.IDENTIFIER


class Float(_Converted):
    """float, also of a number in a text."""

    scalar = scalar.FLOAT


class Bool(_Converted):
    """bool; also of true yes on y t 1, false no off n f 0, in any case."""

    scalar = scalar.BOOL

    def write(self, value):
        return False if value is None else super().write(value)


class Decimal(_Converted):
    """decimal.Decimal; a text in documents, so that no digit is lost."""

    scalar = scalar.DECIMAL

    def write(self, value):
        value = super().write(value)
        return str(value) if isinstance(value, self.scalar.exact) else value


class UUID(_Converted):
    """uuid.UUID."""

    scalar = scalar.UUID_

    def write(self, value):
        return value if value is None else str(value)


class CSV(_Converted):
    """A list of texts, which documents have as comma-separated text."""

    scalar = scalar.CSV

    def write(self, value):
        if not isinstance(value, (list, tuple)):
            return value
        import csv
        import io

        out = io.StringIO()
        csv.writer(out, lineterminator="").writerow(value)
        return out.getvalue()


class Date(_Converted):
    """datetime.date. ``format`` is strftime's, for output."""

    scalar = scalar.DATE
    _kind = date

    def configure(self, format=None):
        self.format = None if format == "iso" else format

    def write(self, value):
        if isinstance(value, date):
            if self.format is not None and value.year >= 1900:
                return value.strftime(self.format)
            if not isinstance(self, DateTime) and isinstance(value, datetime):
                value = value.date()
            return value.isoformat()
        return value


class DateTime(Date):
    """datetime.datetime. ``format`` is strftime's, for output; without one
    it is ISO 8601."""

    scalar = scalar.DATETIME


class UTC(DateTime):
    """datetime.datetime in UTC, whatever the offset that was given."""

    scalar = scalar.MOMENT

    def write(self, value):
        if isinstance(value, datetime):
            value = value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)
            if self.format is None:
                return value.isoformat().replace("+00:00", "Z")
        return super().write(value)


class List(Elem):
    """A list of anything."""

    def reader(self):
        return AnyList()

    def write(self, value):
        return value if isinstance(value, (str, bytes, dict)) or not hasattr(value, "__iter__") else list(value)


class Dict(Elem):
    """A dict. With keys it has these and no others; a key is a name, which is
    optional with '-' before it, or an element, Dict included."""

    def configure(self, *keys):
        self.keys = [key if isinstance(key, Elem) else AsIs(key) for key in keys]
        names = [key.name for key in self.keys]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{type(self).__name__}({self.name!r}): the key {name!r} is there twice")

    def reader(self):
        return Record([field_of(key) for key in self.keys]) if self.keys else AnyDict()

    def write(self, value):
        if not self.keys or not isinstance(value, dict):
            return value
        return {key.name: key.write(value[key.name]) for key in self.keys if key.name in value}


class DictList(Dict):
    """A list of dicts, each as Dict has it."""

    def reader(self):
        return Listing(super().reader())

    def write(self, value):
        if isinstance(value, (str, bytes, dict)) or not hasattr(value, "__iter__"):
            return value
        return [super(DictList, self).write(item) for item in value]


Boolean, Integer, Unicode, ListOfDicts, Nested = Bool, Int, Text, DictList, Dict


def field_of(elem, fallback=NotGiven):
    """The field by which a record reads elem.

    An optional one that is not given has its own default, else fallback; it
    is left out if there is neither.
    """
    default = elem.default if elem.default is not NotGiven else fallback
    given = elem.default is not NotGiven
    return Field(elem.name, elem.reader(), required=not (elem.optional or given), default=None if default is NotGiven else default,
                 omit=default is NotGiven)
