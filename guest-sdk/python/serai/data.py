"""How payloads become bytes and back."""

import json
from json import encoder as _encoder

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
FORM = "application/x-www-form-urlencoded"


class Bunch(dict):
    """A dict whose keys are attributes too."""

    __slots__ = ()

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name, value):
        self[name] = value

    def __delattr__(self, name):
        try:
            del self[name]
        except KeyError:
            raise AttributeError(name) from None


def bunchify(value):
    """A copy of value in which each dict is a Bunch."""
    if isinstance(value, dict):
        return Bunch([(name, bunchify(item) if isinstance(item, (dict, list)) else item) for name, item in value.items()])
    if isinstance(value, (list, tuple)):
        return [bunchify(item) if isinstance(item, (dict, list)) else item for item in value]
    return value


class Headers(dict):
    """Header fields by name, in whatever case they are asked for."""

    __slots__ = ()

    def __init__(self, items=()):
        super().__init__()
        for name, value in items.items() if hasattr(items, "items") else items:
            self[name] = value

    def __getitem__(self, name):
        return super().__getitem__(name.lower())

    def __setitem__(self, name, value):
        super().__setitem__(name.lower(), value)

    def __delitem__(self, name):
        super().__delitem__(name.lower())

    def __contains__(self, name):
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name, default=None):
        return super().get(name.lower(), default)

    def pop(self, name, *default):
        return super().pop(name.lower(), *default)

    def setdefault(self, name, default=None):
        return super().setdefault(name.lower(), default)

    def update(self, *args, **kwargs):
        for name, value in dict(*args, **kwargs).items():
            self[name] = value


def default(value):
    """JSON of what the json module does not know but services answer with."""
    method = getattr(type(value), "serai_json", None)
    if method is not None:  # a Model
        return method(value)
    import dataclasses

    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    for name in ("to_dict", "_asdict"):
        method = getattr(value, name, None)
        if callable(method):
            return method()
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8")
    for name in ("isoformat", "tolist"):
        method = getattr(value, name, None)
        if callable(method):
            return method()
    import decimal
    import enum
    import uuid

    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (decimal.Decimal, uuid.UUID)):
        return str(value)
    if hasattr(value, "__iter__"):
        return list(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON; answer with dict, list, str, number, bool or None")


def _make_encoder():
    """One C encoder for all calls: json.dumps makes a new one each time."""
    make = _encoder.c_make_encoder
    if make is None:
        return None
    return make({}, default, _encoder.encode_basestring, None, ": ", ", ", False, False, True)


_encode = _make_encoder()


def dumps(value):
    """JSON text of value, for a body: what is not ASCII stays as it is."""
    global _encode
    if _encode is None:
        return json.dumps(value, default=default, ensure_ascii=False)
    try:
        chunks = _encode(value, 0)
    except BaseException:
        _encode = _make_encoder()  # the old one remembers where it broke off
        raise
    return chunks[0] if len(chunks) == 1 else "".join(chunks)


def _no_number(name):
    raise ValueError(f"{name} is no JSON")


_decode = json.JSONDecoder(parse_constant=_no_number).decode


def loads(body):
    """The objects of a JSON text, str or bytes; ValueError if it is none."""
    if body.__class__ is not str:
        body = body.decode(json.detect_encoding(body), "surrogatepass")
    return _decode(body)


def encode(payload):
    """The content type and the body of a payload; a body is str, bytes or None.

    dict, list and whatever else has a JSON form become JSON, str and bytes
    stay as they are, None is empty.
    """
    if isinstance(payload, str):
        return TEXT, payload
    if payload is None:
        return None, None
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return BYTES, payload
    return JSON, dumps(payload)


def decode(body, content_type):
    """What a body means: objects if it is JSON, str if it is text, else bytes.

    Clients are careless with content types (curl -d says that everything is
    a form), so a body that begins like a JSON document is read as one unless
    the content type rules it out. Raises ValueError when the content type says JSON
    and the body is none.
    """
    if not body:
        return None
    kind = content_type.partition(";")[0].strip().lower() if content_type else ""
    if kind == JSON or kind.endswith("+json"):
        return loads(body)
    if not kind or kind == FORM or kind == BYTES:
        if body.lstrip()[:1] in (b"{", b"[", b'"'):
            try:
                return loads(body)
            except ValueError:
                pass
        if kind == BYTES:
            return body
        if kind == FORM:
            return form(body)
    elif not (kind.startswith("text/") or kind.endswith(("xml", "yaml", "javascript", "csv"))):
        return body
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body


def form(body, most=None):
    """The fields of an HTML form as a dict; a name that repeats has a list.

    ValueError if there are more than most.
    """
    from urllib.parse import parse_qsl

    return gathered(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=most))


def gathered(pairs):
    """A dict of names and values; a name that repeats has a list."""
    out = {}
    for name, value in pairs:
        if name not in out:
            out[name] = value
        elif isinstance(out[name], list):
            out[name].append(value)
        else:
            out[name] = [out[name], value]
    return out
