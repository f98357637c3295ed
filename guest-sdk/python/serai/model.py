"""Models: the input and output of services as dataclasses.

::

    from serai import Model, Service, dataclass
    from serai.typing_ import list_, optional

    @dataclass(init=False)
    class Address(Model):
        street: str
        number: optional[int]

    @dataclass(init=False)
    class Customer(Model):
        name: str
        addresses: list_[Address]

    class Register(Service):
        input = Customer

        def handle(self):
            street = self.request.input.addresses[0].street

An input that is no Customer is answered with 400 and the path of each element
that is wrong, such as ``/addresses/1/street``.
"""

import copy
import dataclasses
import json
from dataclasses import field
from typing import Any

from serai.data import dumps, loads
from serai.exception import BadRequest
from serai.sio import annotation
from serai.sio.annotation import ModelCtx
from serai.sio.problem import ElementIsNotAList, ElementMissing, ModelValidationError, Problems, check


_MISSING = object()


def prepare(base=None):
    """Compile the models that there are, so that no call has to.

    What is wrong in one is told when it is read, if ever: a model may be
    there only to be written.
    """
    for kind in (base or Model).__subclasses__():
        _names(kind)
        try:
            annotation.record_of(kind)
        except (TypeError, NameError):
            pass
        prepare(kind)


_known_names = {}


def _names(kind):
    """The names of a model's fields."""
    found = _known_names.get(kind)
    if found is None:
        annotation.decorate(kind)
        found = _known_names[kind] = tuple(f.name for f in dataclasses.fields(kind))
    return found


def dataclass(cls=None, /, **options):
    """dataclasses.dataclass, of which a model's repr shows what is set so far."""

    def decorate(cls):
        if issubclass(cls, Model):
            options.setdefault("repr", False)
        return dataclasses.dataclass(cls, **options)

    return decorate if cls is None else decorate(cls)


class Model:
    """A dataclass that can be made of documents and written as one."""

    def after_created(self, ctx):
        """Called when the model was made of a document; override it to check
        or to complete it."""

    def __getattr__(self, name):
        # A field with a default_factory that nobody set yet, as init=False leaves it.
        if not name.startswith("__"):
            f = type(self).__dict__.get("__dataclass_fields__", {}).get(name)
            if f is not None and f.default_factory is not dataclasses.MISSING:
                value = f.default_factory()
                object.__setattr__(self, name, value)
                return value
        raise AttributeError(f"{type(self).__name__} has no value for {name!r}", name=name, obj=self)

    @classmethod
    def from_dict(cls, data, extra=None, service=None):
        """The model that data describes; ElementMissing and the like if it
        does not. extra has more fields, which count less than those of data."""
        problems = Problems(service=service)
        out = annotation.record_of(cls).read({**extra, **data} if extra else data, None, problems)
        check(problems)
        return out

    _zato_from_dict = from_dict

    @classmethod
    def from_json(cls, data):
        """The model that JSON text describes, or the list of models."""
        if isinstance(data, (str, bytes, bytearray)):
            try:
                data = loads(data)
            except (ValueError, RecursionError) as exc:
                raise BadRequest(f"the data is no JSON: {exc}") from None
        if isinstance(data, list):
            return [cls.from_dict(item) for item in data]
        return cls.from_dict(data)

    @classmethod
    def from_kwargs(cls, kwargs):
        """The same as from_dict."""
        return cls.from_dict(kwargs)

    def to_dict(self):
        """A dict of the model's values; models in it become dicts too."""
        return {name: _plain(value) for name, value in self.serai_json().items()}

    def to_json(self, default=None, indent=None):
        """JSON text of the model."""
        if default is None and indent is None:
            return dumps(self)
        from serai.data import default as known

        return json.dumps(self.to_dict(), default=default or known, indent=indent, ensure_ascii=False)

    def clone(self):
        """A deep copy."""
        return copy.deepcopy(self)

    def serai_json(self):
        """A dict of the fields that have values, in the order of declaration."""
        names, values = _names(type(self)), self.__dict__
        try:
            return {name: values[name] for name in names}
        except KeyError:  # not all are set, or they are on the class
            pairs = ((name, getattr(self, name, _MISSING)) for name in names)
            return {name: value for name, value in pairs if value is not _MISSING}

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.serai_json().items())})"

    @staticmethod
    def build_model_from_flat_input(server, sio_server_config, model, input):
        """A model class of a flat declaration, such as ('name', '-user_id');
        what server and configuration say in Zato, the names say here."""
        from serai.sio.declare import elements

        fields = []
        for elem in elements(input, "build_model_from_flat_input", "input"):
            exact = getattr(elem.reader(), "exact", None) or Any
            if elem.optional:
                fields.append((elem.name, exact | None if isinstance(exact, type) else exact, field(default=None)))
            else:
                fields.append((elem.name, exact))
        return dataclasses.make_dataclass(getattr(model, "__name__", None) or str(model), fields, bases=(Model,), init=False)


def _plain(value):
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return value


__all__ = [
    "BadRequest", "ElementIsNotAList", "ElementMissing", "Model", "ModelCtx", "ModelValidationError", "dataclass", "field",
]
