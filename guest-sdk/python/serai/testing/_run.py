"""Running a service's class within the test."""

from unittest import mock

from serai.data import encode
from serai.service import Service


class Result:
    """What a service made of a call."""

    def __init__(self, service, reply):
        #: The instance that served the call; None for a function.
        self.service = service
        fields, body = reply[:2]
        #: The body as sent, bytes.
        self.content = body.encode() if isinstance(body, str) else bytes(body or b"")
        pairs = _pairs(fields)
        self.status_code = int(dict(pairs).get("status", 200))
        #: Header fields, their names in lower case.
        self.headers = {name.removeprefix("header."): value for name, value in pairs if name.startswith("header.")}

    @property
    def text(self):
        """The body as str."""
        return self.content.decode()

    def json(self):
        """The body, which must be JSON."""
        import json

        return json.loads(self.content)

    @property
    def payload(self):
        """self.response.payload of the service."""
        return self.service.response.payload


def run(service, payload=None, *, method="", path="", params=None, path_params=None, headers=None) -> Result:
    """Run a service, a class or a function, within the test; a :class:`Result`.

    What it raises, the test sees. Its code can be patched and looked into,
    other than that of services that ``call`` and ``invoke`` reach. params are
    those of the query.
    """
    from serai import _runtime

    kind, body = encode(payload)
    fields = ["cid", "test", "channel", "http" if method else "invoke", "method", method, "path", path]
    for prefix, values in (("header.", headers), ("query.", params), ("param.", path_params)):
        for name, value in (values or {}).items():
            fields += (prefix + (name.lower() if prefix == "header." else name), str(value))
    if kind and "content-type" not in {name.lower() for name in headers or ()}:
        fields += ("header.content-type", kind)
    body = body.encode() if isinstance(body, str) else bytes(body or b"")
    seen = []
    if isinstance(service, str):
        service = _named(service)
    if isinstance(service, type):
        handler = _runtime._serve_class(_watched(service, seen))
    else:
        handler = _runtime._serve_function(service)
    with mock.patch.object(_runtime, "_raised", _raise):
        reply = handler(_runtime._serai.envelope(tuple(fields)), body)
    return Result(seen[0] if seen else None, reply)


def _raise(exc, envelope):
    raise exc


def _watched(cls, seen):
    """A class that does as cls and tells its instances."""

    def __new__(new, *args, **kwargs):
        seen.append(super(watched, new).__new__(new))
        return seen[-1]

    body = {"__new__": __new__, "__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    watched = type(cls.__name__, (cls,), body)
    return watched


def _named(name):
    """The class of a service that a test has imported."""
    waiting = [Service]
    while waiting:
        cls = waiting.pop()
        if cls is not Service and cls.get_name() == name:
            return cls
        waiting += cls.__subclasses__()
    raise LookupError(f"no service {name!r} is loaded: import its module, or use serai.testing.invoke")


def _pairs(fields):
    """Names and values of a reply, whose form may be encoded already."""
    if isinstance(fields, (list, tuple)):
        return list(zip(fields[::2], fields[1::2]))
    number = lambda at: int.from_bytes(fields[at : at + 4], "little")
    at, out = 4, []
    for _ in range(number(0)):
        name, value = number(at), number(at + 4)
        text = fields[at + 8 : at + 8 + name + value].decode()
        out.append((text[:name], text[name:]))
        at += 8 + name + value
    return out
