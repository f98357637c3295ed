"""The input of a service, compiled from its declaration."""

from serai import formats
from serai.data import FORM, Bunch
from serai.exception import BadRequest
from serai.sio import annotation, record
from serai.sio.declare import elements, model_of
from serai.sio.elem import NotGiven, field_of
from serai.sio.problem import Problems, check, describe

#: Rows that one input may be made of.
MAX_ITEMS = 100_000


class Input:
    """Reads what a request has as what a class declares.

    ``names`` are the names of its elements, those of optional ones after '-',
    in order: CSV without a header has its columns in it.
    """

    def __init__(self, declared, options, owner):
        self.options = options
        self.many = False
        value = declared.get("input")
        model = model_of(value) if value is not None else None
        if model is not None:
            kind, self.many = model
            self.record = annotation.record_of(kind)
            fields = self.record.fields
        else:
            fields = self._fields(declared, owner)
            self.record = record.Record(fields)
        self.names = tuple(f.name if f.required else "-" + f.name for f in fields)
        self.lists = frozenset(f.name for f in fields if _is_list(f.shape))

    def _fields(self, declared, owner):
        found = both(declared, "input", owner)
        fields = []
        for elem in found:
            default = NotGiven if self.options.skips_input(elem.name) else self.options.default_input
            fields.append(field_of(elem, default))
        return fields

    def read(self, request, service=None):
        """The input of a request: a Bunch or Model, or a list of these."""
        payload = request.merged(_fields_of(request, self), self.lists)
        kind = payload.__class__
        if kind is not dict and kind is not Bunch:
            if payload is None or payload == "":
                payload = {}
            elif isinstance(payload, (list, tuple)):
                return self._several(payload, request, service)
            elif not isinstance(payload, dict):
                raise BadRequest(f"the body has to be an object with {self._wanted()}, and it is {describe(payload)}")
        problems = Problems(request._envelope.get("data-format") == "xml", service)
        if self.many:
            return self._several(record.as_list(payload, None, problems) or (), request, service, problems)
        out = self.record.read(payload, None, problems)
        check(problems)
        return out

    def _several(self, items, request, service, problems=None):
        if problems is None:
            problems = Problems(request._envelope.get("data-format") == "xml", service)
        if len(items) > MAX_ITEMS:
            raise BadRequest(f"the body has {len(items)} items, more than {MAX_ITEMS}")
        read = self.record.read
        out = [read(item, (None, i), problems) for i, item in enumerate(items)]
        check(problems)
        return out

    def _wanted(self):
        return ", ".join(name.lstrip("-") for name in self.names) or "no fields"


def both(declared, side, owner):
    """The elements of input or output, in either way of declaring them."""
    out = elements(declared.get(side), owner, side)
    required, optional = f"{side}_required", f"{side}_optional"
    if out and (declared.get(required) or declared.get(optional)):
        raise TypeError(f"{owner}: there is {side} besides {side}_required or {side}_optional; write either, with '-' before the optional names")
    out += elements(declared.get(required), owner, required, False)
    out += elements(declared.get(optional), owner, optional, True)
    seen = set()
    for elem in out:
        if elem.name in seen:
            raise ValueError(f"{owner}: the {side} element {elem.name!r} is there twice")
        seen.add(elem.name)
    return out


def _fields_of(request, declared):
    """The body as objects. Text that is a JSON document is read as one."""
    payload = request.objects(declared.names, **declared.options.csv_read)
    if isinstance(payload, (str, bytes)) and not request._envelope.get("data-format") and payload.strip()[:1] in ("{", "[", b"{", b"["):
        return formats.load_json(request.raw)
    if declared.lists and isinstance(payload, dict) and _is_form(request._envelope):
        return {name: [value] if name in declared.lists and not isinstance(value, list) else value for name, value in payload.items()}
    return payload


def _is_form(envelope):
    """Whether the body is a form, in which a list of one is no list."""
    name = envelope.get("data-format")
    return formats.known(name) == "form" if name else envelope.get("header.content-type", "").lower().startswith((FORM, "multipart/form-data"))


def _is_list(shape):
    while isinstance(shape, record.Optional):
        shape = shape.shape
    return isinstance(shape, (record.AnyList, record.Listing, record.Several))
