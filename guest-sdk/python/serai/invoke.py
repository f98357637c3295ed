"""Calling other services: now, and without waiting for them."""

import json

from serai import exception
from serai.data import FORM, JSON, Bunch, decode, encode
from serai.errors import NotFound, Timeout, Unsupported
from serai.host import call, milliseconds
from serai.naming import kebab, module_part

#: Content types of str payloads by the data format that a caller names.
_FORMATS = {"json": JSON, "xml": "application/xml", "csv": "text/csv", "form": FORM, "form-data": FORM, "post": FORM}


def invoke(
    name, payload="", channel="", data_format="", transport=None, serialize=False, as_bunch=False, timeout=0,
    raise_timeout=True, *, skip_response_elem=False, cid=None, environ=None, **kwargs,
):
    """Call a service, wait for it and return the payload of its answer.

    name is a name or a class. Without a payload the other keyword arguments
    are it. An exception of :mod:`serai.exception` that the service raises is
    raised here too, so that whoever does not catch it answers with the same
    status; any other one is a :class:`serai.errors.Failed` with its class and
    message.

    timeout is in seconds; raise_timeout=False returns None when they have
    passed. as_bunch makes dicts of the answer have attributes.
    skip_response_elem returns what the only element of the answer holds.
    data_format says what a str is: json, xml, csv or form.
    """
    fields = _fields(name, kwargs if kwargs and _empty(payload) else payload, data_format)
    if timeout:
        fields[2:2] = ("timeout", milliseconds(timeout))
    if cid:
        fields[2:2] = ("cid", cid)
    try:
        envelope, body = call("invoke", *fields, body=fields.body)
    except NotFound as exc:
        raise _unknown(exc, name) from None
    except Timeout:
        if raise_timeout:
            raise
        return None
    kind = envelope.get("header.content-type", "")
    if kind == "application/problem+json" and (status := int(envelope.get("status", "200"))) > 399:
        raise _problem(status, body)
    out = decode(body, kind)
    if skip_response_elem and isinstance(out, dict) and len(out) == 1:
        (out,) = out.values()
    return _bunch(out) if as_bunch else out


def invoke_async(
    name, payload="", channel="", data_format="", transport=None, expiration=0, to_json_string=False, cid=None,
    callback=None, zato_ctx=None, environ=None, **kwargs,
):
    """Have a service called without waiting; returns the call's correlation id.

    The call is on disk when this returns, and is made at least once.

    callback is a service, or a list of them, that gets the answer once there
    is one; its in_reply_to is the id that this returns. Without it the
    service whose name is the caller's and -async-callback is, if it exists.
    A call that fails has no answer. expiration is in seconds: a call
    whose turn does not come within them is not made.
    """
    fields = _fields(name, kwargs if kwargs and _empty(payload) else payload, data_format)
    if cid:
        fields += ("cid", cid)
    if expiration:
        fields += ("expires", milliseconds(expiration))
    add_services(fields, "callback", callback)
    try:
        envelope, _ = call("invoke.async", *fields, body=fields.body)
    except NotFound as exc:
        raise _unknown(exc, name) from None
    return envelope.get("cid", "")


def _unknown(exc, name):
    """exc, of a service that does not exist, with what to do about services of Zato itself."""
    if isinstance(name, str) and name.startswith("zato."):
        return NotFound(f"no service {name!r}: it is one of Zato's own, which are not here; deploy a service of your own and call that")
    return exc


def invoke_by_impl_name(impl_name, *args, **kwargs):
    """Call the service whose class has that full name, such as crm_api.GetUser;
    it has the name that such a class has by default."""
    module, _, cls = impl_name.rpartition(".")
    return invoke(f"{module_part(module)}.{kebab(cls)}", *args, **kwargs)


def invoke_by_id(service_id, *args, **kwargs):
    """Call a service by its id, which in Serai is its name."""
    if not isinstance(service_id, str):
        raise Unsupported(f"service id {service_id!r}: services in Serai have no numbers, use self.invoke(name)")
    return invoke(service_id, *args, **kwargs)


class _Call(list):
    """Fields of an operation, and its body."""

    __slots__ = ("body",)


def _fields(name, payload, data_format=""):
    fields = _Call(("service", name if name.__class__ is str else service_of(name)))
    if _empty(payload):
        fields.body = None
        return fields
    content_type, fields.body = encode(payload)
    if data_format and isinstance(payload, str):
        content_type = _FORMATS.get(data_format, content_type)
    fields += ("header.content-type", content_type)
    return fields


def _empty(payload):
    return payload is None or payload.__class__ is str and not payload


def service_of(target):
    """The name of a service that is given as name, class or instance."""
    return target if isinstance(target, str) else target.get_name()


def add_services(fields, field, services):
    """Add a field for each of services: None, one or a list."""
    if services is None or services == "":
        return
    for one in services if isinstance(services, (list, tuple, set, frozenset)) else (services,):
        fields += (field, service_of(one))


def _problem(status, body):
    """The exception that a problem document stands for."""
    try:
        document = json.loads(body)
        msg, details = document.get("detail") or document.get("title"), document.get("details")
    except (ValueError, AttributeError):
        msg = details = None
    if isinstance(details, list) and len(details) > 1:
        msg = details
    for cls in exception.HTTPError.__subclasses__():
        if cls.__module__ == exception.__name__ and cls.status == status:
            return cls(msg=msg)
    return exception.HTTPError(msg=msg, status=status)


def _bunch(value):
    if isinstance(value, dict):
        return Bunch((k, _bunch(v)) for k, v in value.items())
    if isinstance(value, list):
        return [_bunch(v) for v in value]
    return value
