"""The output of a service, compiled from its declaration."""

from serai.sio import annotation, record
from serai.sio.declare import model_of
from serai.sio.elem import NotGiven
from serai.sio.input import both
from serai.sio.problem import describe, path

MISSING = object()


class OutputError(Exception):
    """A service answers with other than it declares."""


class Output:
    """Makes what a service set as its payload what its class declares."""

    def __init__(self, declared, options, owner):
        self.options, self.owner = options, owner
        value = declared.get("output")
        model = model_of(value) if value is not None else None
        if model is not None:
            self.many = model[1] or options.repeated
            self._row = _of_model(model[0])
            self.columns = [f.name for f in annotation.record_of(model[0]).fields]
        else:
            found = both(declared, "output", owner)
            self.many = options.repeated
            self._row = self._of_elements(found)
            self.columns = [elem.name for elem in found]

    def _of_elements(self, found):
        options = self.options
        plan = []
        for elem in found:
            given = elem.default is not NotGiven
            default = elem.default if given else options.default_output
            plan.append((elem.name, elem.write, not (elem.optional or given), default, options.skips_output(elem.name)))

        def row(value, at, missing):
            get = getter(value, at)
            out = {}
            for name, write, required, default, skip in plan:
                item = get(name, MISSING)
                if item is MISSING:
                    if required:
                        missing.append(path((at, name)))
                    elif not skip:
                        out[name] = default
                elif not skip or (item is not None and item != ""):
                    if item.__class__ is bytes:
                        item = item.decode(options.encoding)
                    out[name] = write(item)
            return out

        return row

    def write(self, value):
        """The payload as declared. str and bytes are a body already."""
        if isinstance(value, (str, bytes, bytearray, memoryview)):
            return value
        missing = []
        if value is None and self.many:
            out = []
        elif _is_row(value):
            out = self._row({} if value is None else value, None, missing)
            out = [out] if self.many else out
        else:
            out = [self._row(item, (None, i), missing) for i, item in enumerate(value)]
        if missing:
            raise OutputError(f"{self.owner} declares output that the service did not set: {', '.join(missing[:20])}")
        return out

    def wrap(self, value):
        """The payload inside of response_elem, if there is one."""
        name = self.options.response_elem
        return {name: value} if name else value


def _is_row(value):
    """Whether a value is one object rather than several."""
    if value is None or isinstance(value, dict) or hasattr(value, "_asdict") or hasattr(value, "_mapping") or hasattr(value, "keys"):
        return True
    return not hasattr(value, "__iter__")


def getter(value, at=None):
    """What gets a value by name out of an object: a dict, a row of a
    database, or anything with attributes."""
    if isinstance(value, dict):
        return value.get
    if isinstance(value, (str, bytes, int, float, list)) or value is None:
        raise OutputError(f"{path(at)} is {describe(value)}, and the output that is declared has names; set a dict or an object with attributes")
    mapping = getattr(value, "_mapping", None)
    if mapping is not None:
        return mapping.get

    def get(name, default):
        return getattr(value, name, default)

    return get


_models = {}


def _of_model(kind):
    """What makes a dict of a model, or of a dict that is to look like it."""
    found = _models.get(kind)
    if found is not None:
        return found
    plan = []

    known = annotation.record_of(kind)
    slotted = known.slotted

    def row(value, at, missing):
        get = getter(value, at) if slotted or value.__class__ is not kind else value.__dict__.get
        out = {}
        for name, inner, field in plan:
            item = get(name, MISSING)
            if item is MISSING:
                if field.required:
                    missing.append(path((at, name)))
                else:
                    out[name] = field.factory() if field.factory is not None else field.default
            else:
                out[name] = item if inner is None or item is None else inner(item, (at, name), missing)
        return out

    _models[kind] = row
    plan += [(field.name, _inner(field.shape), field) for field in known.fields]
    return row


def _inner(shape):
    """What makes plain values of what is in a model; None if they are."""
    if isinstance(shape, record.Optional):
        return _inner(shape.shape)
    if isinstance(shape, annotation.Later):
        return _of_model(shape.kind)
    if isinstance(shape, record.Listing) and (item := _inner(shape.item)):
        return lambda value, at, missing: [one if one is None else item(one, (at, i), missing) for i, one in enumerate(value)]
    if isinstance(shape, record.Mapping) and (item := _inner(shape.value)):
        return lambda value, at, missing: {k: one if one is None else item(one, (at, k), missing) for k, one in value.items()}
    return None
