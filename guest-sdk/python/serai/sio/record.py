"""Values with parts: objects with declared fields, lists, maps, alternatives.

They have the same method read as scalars and call those of their parts.
"""

from serai.data import Bunch

MISSING = object()


class Field:
    """A field of a record: its name, what reads it, and its value if it is
    not given. A default that is made anew each time comes from ``factory``."""

    __slots__ = ("name", "shape", "required", "default", "factory", "omit")

    def __init__(self, name, shape, required=True, default=None, factory=None, omit=False):
        self.name, self.shape, self.required = name, shape, required
        self.default, self.factory = default, factory
        #: Whether a field that is not given is left out.
        self.omit = omit


class Record:
    """An object with declared fields; others in it are ignored."""

    exact, expected, blank = None, "an object", True

    def __init__(self, fields):
        # Unpacking a tuple is the fastest way to these in a loop.
        self._plan = [(f.name, f.shape.exact or Never, f.shape.read, f.required, f.shape.blank, f) for f in fields]

    def read(self, value, at, problems):
        """A Bunch of the declared fields."""
        out = Bunch()
        return out if self.fill(out, value, at, problems) else None

    def fill(self, out, value, at, problems):
        """Put the declared fields of value into out; False if there are no fields."""
        if not isinstance(value, dict):
            if not (problems.loose and (value == "" or value is None)):
                problems.wrong(at, value, self.expected)
                return False
            value = {}  # <customer/>
        get = value.get
        for name, exact, read, required, blank, field in self._plan:
            item = get(name, MISSING)
            if item.__class__ is exact:
                out[name] = item
            elif item is MISSING or (not required and (item is None or (blank and item == ""))):
                if required:
                    problems.missing((at, name))
                elif field.factory is not None:
                    out[name] = field.factory()
                elif not field.omit:
                    out[name] = field.default
            else:
                out[name] = read(item, (at, name), problems)
        return True


class Never:
    """A class that no value has."""


class AnyDict:
    """An object of any fields."""

    exact, expected, blank = None, "an object", True

    @staticmethod
    def read(value, at, problems):
        """The object, with attributes."""
        if isinstance(value, dict):
            return Bunch(value)
        if problems.loose and value == "":
            return Bunch()
        problems.wrong(at, value, "an object")
        return None


class AnyList:
    """A list of anything."""

    exact, expected, blank = list, "a list", True

    @staticmethod
    def read(value, at, problems):
        """The list."""
        return as_list(value, at, problems)


class Listing:
    """A list whose items all have one shape, made into the container ``make``."""

    exact, expected, blank = None, "a list", True

    def __init__(self, item, make=list):
        self.item, self.make = item, make

    def read(self, value, at, problems):
        """The items, each as the shape."""
        value = as_list(value, at, problems)
        if value is None:
            return None
        exact, read = self.item.exact or Never, self.item.read
        out = [item if item.__class__ is exact else read(item, (at, i), problems) for i, item in enumerate(value)]
        if self.make is list:
            return out
        try:
            return self.make(out)
        except TypeError:  # a set of objects
            problems.wrong(at, value, self.expected)
            return None


def as_list(value, at, problems):
    """The value if it is a list, else None and a problem. Formats without
    lists have them as <phones><phone/><phone/></phones>, or a single value."""
    if isinstance(value, (list, tuple)):
        return value
    if problems.loose:
        if isinstance(value, dict) and len(value) == 1:
            (inner,) = value.values()
            return inner if isinstance(inner, list) else [inner]
        return [] if value == "" or value is None else [value]
    problems.not_a_list(at, value)
    return None


class Several:
    """A tuple with a shape for each of its items."""

    exact, blank = None, True

    def __init__(self, items):
        self.items = items
        self.expected = f"a list of {len(items)}"

    def read(self, value, at, problems):
        """The items as a tuple."""
        value = as_list(value, at, problems)
        if value is None:
            return None
        if len(value) != len(self.items):
            problems.wrong(at, value, self.expected)
            return None
        return tuple(shape.read(item, (at, i), problems) for i, (shape, item) in enumerate(zip(self.items, value)))


class Mapping:
    """An object whose names and values each have one shape."""

    exact, expected, blank = None, "an object", True

    def __init__(self, key, value):
        self.key, self.value = key, value

    def read(self, value, at, problems):
        """A dict."""
        if not isinstance(value, dict):
            problems.wrong(at, value, self.expected)
            return None
        key, item = self.key.read, self.value.read
        return {key(k, (at, k), problems): item(v, (at, k), problems) for k, v in value.items()}


class Optional:
    """Null, or what another shape takes."""

    def __init__(self, shape):
        self.shape = shape
        self.exact, self.expected, self.blank = shape.exact, f"{shape.expected} or null", shape.blank

    def read(self, value, at, problems):
        """None, or what the shape makes of it."""
        return None if value is None else self.shape.read(value, at, problems)


class Union:
    """What the first of several shapes takes."""

    exact, blank = None, False

    def __init__(self, shapes):
        self.shapes = shapes
        self.expected = " or ".join(dict.fromkeys(s.expected for s in shapes))

    def read(self, value, at, problems):
        """What the first shape that takes it makes of it; one that needs no
        conversion goes first."""
        for shape in self.shapes:
            if value.__class__ is shape.exact:
                return value
        single = None
        for shape in self.shapes:
            attempt = type(problems)(problems.loose, problems.service)
            out = shape.read(value, at, attempt)
            if not attempt:
                return out
            if isinstance(shape, Record) and isinstance(value, dict):
                single = attempt if single is None else ()
        if single:  # the only one that could be meant: say what is wrong in it
            problems.first = problems.first or single.first
            problems += single
        else:
            problems.wrong(at, value, self.expected)
        return None


class OneOf:
    """One of the values given; texts stand for other kinds, as in a query."""

    exact, blank = None, False

    def __init__(self, values):
        self.values = values
        self._texts = {str(v).lower() if isinstance(v, bool) else str(v): v for v in values}
        self.expected = "one of " + ", ".join(map(repr, values))

    def read(self, value, at, problems):
        """The value."""
        for one in self.values:
            if one.__class__ is value.__class__ and one == value:
                return one
        if isinstance(value, str) and value in self._texts:
            return self._texts[value]
        problems.wrong(at, value, self.expected)
        return None


class Enumeration:
    """A member of an enum.Enum by its value, or by its name."""

    exact, blank = None, False

    def __init__(self, kind):
        self.kind = kind
        self._texts = {str(m.value): m for m in kind}
        self.expected = "one of " + ", ".join(repr(m.value) for m in kind)

    def read(self, value, at, problems):
        """The member."""
        if isinstance(value, self.kind):
            return value
        try:
            return self.kind(value)
        except (ValueError, TypeError):
            pass
        if isinstance(value, str):
            member = self._texts.get(value) or self.kind.__members__.get(value)
            if member is not None:
                return member
        problems.wrong(at, value, self.expected)
        return None
