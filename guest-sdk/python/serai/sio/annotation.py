"""From a type annotation to what reads values of that type."""

import collections.abc
import dataclasses
import datetime
import decimal
import enum
import types
import typing
import uuid

from serai.sio import record, scalar

_NONE = type(None)
_SCALARS = {
    str: scalar.STRING, int: scalar.INT, float: scalar.FLOAT, bool: scalar.BOOL, bytes: scalar.BYTES,
    decimal.Decimal: scalar.DECIMAL, uuid.UUID: scalar.UUID_, datetime.datetime: scalar.DATETIME,
    datetime.date: scalar.DATE, datetime.time: scalar.TIME, datetime.timedelta: scalar.DURATION,
    object: scalar.ANY, typing.Any: scalar.ANY,
}
_LISTS = {
    list: list, set: set, frozenset: frozenset, collections.abc.Sequence: list, collections.abc.MutableSequence: list,
    collections.abc.Iterable: list, collections.abc.Collection: list, collections.abc.Set: frozenset, collections.abc.MutableSet: set,
}
_MAPS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


def shape_of(annotation, where):
    """What reads values of the annotation. ``where`` names it in errors."""
    try:
        if annotation in _SCALARS:
            return _SCALARS[annotation]
    except TypeError:  # such as Annotated with a list
        pass
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return _union(args, where)
    if origin is typing.Annotated or origin in (typing.Final, typing.ClassVar):
        return shape_of(args[0], where)
    if origin is typing.Literal:
        return record.OneOf(args)
    if isinstance(annotation, typing.TypeVar):
        return shape_of(annotation.__bound__, where) if annotation.__bound__ else scalar.ANY
    if isinstance(annotation, typing.NewType):
        return shape_of(annotation.__supertype__, where)
    kind = origin or annotation
    if not isinstance(kind, type):
        raise TypeError(f"{where} has the type {annotation!r}, which no value of a document can have")
    if kind is tuple:
        return _tuple(args, where)
    if kind in _LISTS:
        return _listing(args, _LISTS[kind], where)
    if kind in _MAPS:
        if not args or args == (typing.Any, typing.Any):
            return record.AnyDict()
        return record.Mapping(shape_of(args[0], where), shape_of(args[1], where))
    return _class(kind, where)


def _union(args, where):
    shapes = [shape_of(arg, where) for arg in args if arg is not _NONE]
    shape = shapes[0] if len(shapes) == 1 else record.Union(shapes)
    return record.Optional(shape) if _NONE in args else shape


def _tuple(args, where):
    if not args or args[-1] is Ellipsis:
        return _listing(args[:1], tuple, where)
    return record.Several([shape_of(arg, where) for arg in args])


def _listing(args, make, where):
    item = shape_of(args[0], where) if args else scalar.ANY
    return record.AnyList() if item is scalar.ANY and make is list else record.Listing(item, make)


def _class(kind, where):
    from serai.model import Model

    if issubclass(kind, Model) or dataclasses.is_dataclass(kind):
        return Later(kind)
    if issubclass(kind, enum.Enum):
        return record.Enumeration(kind)
    for base in (dict, str, int, float):
        if issubclass(kind, base):  # Bunch, and named kinds of simple values
            return Derived(kind, record.AnyDict() if base is dict else _SCALARS[base])
    raise TypeError(f"{where} has the type {kind.__name__}, of which no value of a document can be made: use a Model, a dataclass or a built-in type")


class Derived:
    """A subclass of a built-in type."""

    def __init__(self, kind, shape):
        self.kind, self.shape = kind, shape
        self.exact, self.expected, self.blank = kind, shape.expected, shape.blank

    def read(self, value, at, problems):
        """The value as the subclass."""
        before = len(problems)
        value = self.shape.read(value, at, problems)
        return None if len(problems) > before else self.kind(value)


class Later:
    """A model or dataclass, compiled when it is first needed: models may
    contain themselves."""

    exact, expected, blank = None, "an object", True

    def __init__(self, kind):
        self.kind = kind

    def read(self, value, at, problems):
        """Read with the model's own record from now on."""
        return reader_of(self.kind)(value, at, problems)

    def compile(self):
        """Compile the model, and those in it, now."""
        record_of(self.kind)


_records = {}


def reader_of(kind):
    """The method read of a model's record."""
    return record_of(kind).read


def record_of(kind):
    """The record of a model or dataclass."""
    found = _records.get(kind)
    if found is None:
        found = _records[kind] = object.__new__(ModelRecord)
        try:
            found.__init__(kind)
        except BaseException:
            del _records[kind]
            raise
    return found


class ModelCtx:
    """What after_created gets: ``service``, ``data`` that the model was made
    of, and the class of the model."""

    __slots__ = ("service", "data", "DataClass")

    def __init__(self, service=None, data=None, DataClass=None):
        self.service, self.data, self.DataClass = service, data, DataClass


class ModelRecord(record.Record):
    """An object that becomes an instance of a dataclass."""

    def __init__(self, kind):
        from serai.model import Model

        decorate(kind)
        self.kind, self._new = kind, kind.__new__
        self.fields = fields = _fields(kind)
        super().__init__(fields)
        params = getattr(kind, "__dataclass_params__", None)
        created = getattr(kind, "after_created", None)
        #: Whether an instance has more to do than to have its fields.
        self._finish = getattr(kind, "__post_init__", None) if params is None or params.init else None
        self._created = None if created is Model.after_created else created
        self.slotted = any(isinstance(vars(c).get(f.name), types.MemberDescriptorType) for c in kind.__mro__ for f in fields)
        for field in fields:
            _compile(field.shape)

    def read(self, value, at, problems):
        """An instance of the class; one that exists is taken as it is."""
        if value.__class__ is self.kind:
            return value
        out = self._new(self.kind)
        values = {} if self.slotted else out.__dict__
        if not self.fill(values, value, at, problems) or problems:
            return None
        if self.slotted:
            for name, item in values.items():
                object.__setattr__(out, name, item)
        if self._finish is not None:
            self._finish(out)
        if self._created is not None:
            self._created(out, ModelCtx(problems.service, value, self.kind))
        return out


def _compile(shape):
    if isinstance(shape, Later):
        shape.compile()
    for part in ("shape", "item", "key", "value"):
        inner = getattr(shape, part, None)
        if hasattr(inner, "read"):
            _compile(inner)
    for part in ("shapes", "items"):
        for inner in getattr(shape, part, None) or ():
            _compile(inner)


def decorate(kind):
    """A model that nobody decorated becomes a dataclass."""
    if "__dataclass_fields__" not in kind.__dict__:
        dataclasses.dataclass(init=False, eq=False, repr=False)(kind)


def _fields(kind):
    try:
        hints = typing.get_type_hints(kind, include_extras=True)
    except NameError as exc:
        raise NameError(f"class {kind.__name__}: an annotation names {exc.name!r}, which {kind.__module__} does not have") from None
    out = []
    for f in dataclasses.fields(kind):
        annotation = hints[f.name]
        shape = shape_of(annotation, f"{kind.__name__}.{f.name}")
        factory = None if f.default_factory is dataclasses.MISSING else f.default_factory
        given = f.default is not dataclasses.MISSING or factory is not None
        default = None if f.default is dataclasses.MISSING else f.default
        if default is None and not factory and given and not isinstance(shape, record.Optional):
            shape = record.Optional(shape)  # x: int = None
        out.append(record.Field(f.name, shape, required=not (given or isinstance(shape, record.Optional)), default=default, factory=factory))
    return out
