"""What the interpreter runs: boot once, init once per service, handle per call.

The shim (modules/python/src/shim.c) calls boot before the base image is frozen,
init before a service's image is, and what init returned for every call.
"""

import gc
import importlib
import sys

import _serai
from serai import (
    _absent, _hooks, _lifecycle, _load, _missing, _output, _restrict, _tmp, formats, model, stream, transport, urlopen,
)
from serai._failure import failure
from serai.data import BYTES, JSON, TEXT, dumps
from serai.exception import HTTPError
from serai.payload import Payload
from serai.request import Request, Response
from serai.service import Service
from serai.sio import compile_class, warm

#: Modules that most services import; they are part of the base image.
PRELOAD = (
    "abc argparse array ast asyncio base64 binascii bisect calendar cmath codecs collections.abc "
    "concurrent.futures.thread configparser contextlib contextvars copy csv dataclasses datetime decimal "
    "difflib email.message email.mime.multipart email.mime.text email.parser email.policy enum errno fnmatch fractions "
    "functools getpass glob gzip hashlib heapq hmac html html.parser http http.client http.cookies "
    "importlib.metadata importlib.resources inspect io ipaddress itertools json keyword linecache locale logging "
    "logging.handlers math mimetypes numbers operator os pathlib pickle platform pprint queue quopri random re "
    "secrets select selectors shlex shutil signal socket ssl statistics stat string stringprep struct subprocess "
    "tempfile textwrap threading time token tokenize traceback types typing unicodedata unittest.mock urllib.error "
    "urllib.parse urllib.request uuid warnings weakref xml.dom.minidom xml.etree.ElementTree xml.sax.saxutils "
    "zipfile zlib zoneinfo _strptime encodings.idna encodings.latin_1 encodings.cp1250 encodings.cp1252 "
    "encodings.ascii encodings.utf_16 encodings.iso8859_2 encodings.iso8859_15"
).split()

_JSON_OK = b"\x01\0\0\0\x13\0\0\0\x10\0\0\0header.content-typeapplication/json"
_TEXT_OK = b"\x01\0\0\0\x13\0\0\0\x19\0\0\0header.content-typetext/plain; charset=utf-8"
_EMPTY_OK = b"\0\0\0\0"
#: The fields that these encode.
_DECODED = {_JSON_OK: ("header.content-type", JSON), _TEXT_OK: ("header.content-type", TEXT), _EMPTY_OK: ()}


def boot():
    """Make the interpreter ready for any service."""
    _restrict.before()
    for name in PRELOAD:
        importlib.import_module(name)
    _restrict.after()
    _absent.install()
    urlopen.install()
    _tmp.install()
    _output.install()
    _locks_of_logging()
    _warm()
    gc.set_threshold(20_000, 20, 50)


def _locks_of_logging():
    """Spare log records what is the same in every one of them."""
    import logging

    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = logging.logAsyncioTasks = False


def _warm():
    """Run typical calls, so that the image has specialised code and filled caches."""

    class Warm(Service):
        def handle(self):
            payload = self.request.payload
            self.response.payload = {"hello": payload["name"], "n": [1, 2.5, None, True]}

    fields = (
        "cid", "c1", "service", "warm", "channel", "http", "method", "POST", "path", "/warm",
        "header.content-type", JSON, "header.accept", "*/*", "query.a", "b", "param.id", "1",
    )
    envelope = _serai.envelope(fields)
    for handler in (_serve_class(Warm), _serve_function(lambda request: {"hello": request.payload["name"]})):
        for _ in range(64):
            handler(envelope, b'{"name": "World", "list": [1, 2, 3.5]}')
    warm.warm(envelope)
    request = Request(envelope, b"")
    for _ in range(16):
        request = Request(envelope, b"")
        request.http.headers, request.http.params, request.http.GET, request.input, request.cid, request.http.method
        Response({"a": 1}).headers["x"] = "y"


# --- Loading a service ------------------------------------------------------


def init(envelope):
    """Load the author's files; a handler, or the reply that refuses the deploy.

    With a field service the upload is that one service. Without, its services
    have names of their own, which the host reads from the reply's body.
    """
    try:
        name, stem = envelope.get("service", ""), envelope.get("upload", "")
        modules = _load.load([value for field, value in envelope.pairs("entry") if not field], stem or name)
        if name:
            found = {name: _load.pick(modules, envelope.get("class"), name)}
        else:
            found = _load.find(modules, stem)
        handlers = {name: _serve(target, name) for name, target in found.items()}
        _serai.write(_load.describe(found))
        model.prepare()
        _settle()
        handler = next(iter(handlers.values())) if len(handlers) == 1 else _route(handlers)
        return _told_zato_cid(handler) if "zato" in sys.modules else handler
    except ImportError as exc:
        _missing.explain(exc)
        return failure(exc)
    except BaseException as exc:
        return failure(exc)
    finally:
        _output.flush()


def _serve(target, name):
    """The handler of a class or function."""
    if not isinstance(target, type):
        return _serve_function(target)
    import logging

    target.name, target.logger = name, logging.getLogger(name)
    _lifecycle.deploy(target, target.logger)
    return _serve_class(target)


def _route(handlers):
    """The handler of an upload with several services."""

    def handle(envelope, body):
        return handlers[envelope.get("service")](envelope, body)

    return handle


def _told_zato_cid(handler):
    """handler, with the header that clients of Zato's APIs look for."""

    def handle(envelope, body):
        reply = handler(envelope, body)
        if reply is None:
            return None  # it was sent
        if len(reply) == 3:
            return [*reply[0], "error.cid-header", "X-Zato-CID"], *reply[1:]  # a failure, which the host answers
        fields, content = reply
        return [*(_DECODED[fields] if fields.__class__ is bytes else fields), "header.x-zato-cid", envelope.get("cid", "")], content

    return handle


def _settle():
    """Drop from the image what every call would otherwise begin with."""
    random = sys.modules.get("random")
    if random is not None:
        random._inst.gauss_next = None
    sys.last_exc = None
    del sys.last_exc


# --- Serving calls ----------------------------------------------------------


def _serve_class(cls):
    run, answer, restore, flush = _lifecycle.runner(cls), _lifecycle.answer, _hooks.restore, _output.flush
    plan = compile_class(cls)

    def handle(envelope, body):
        stream.calls += 1
        try:
            if restore:
                _restored(restore)
            service = cls()
            service.request = Request(envelope, body)
            response = service.response = Response()
            if plan is not None:
                plan.begin(service)
            result = run(service)
            if result is not None:
                response = answer(result, response)
            if response._stream is not None:
                return _sent(response, envelope)
            if plan is not None:
                plan.end(response)
            return _reply(response, envelope)
        except BaseException as exc:
            return _raised(exc, envelope)
        finally:
            if _output.pending:
                flush()

    return handle


def _serve_function(function):
    restore, flush = _hooks.restore, _output.flush

    def handle(envelope, body):
        stream.calls += 1
        try:
            if restore:
                _restored(restore)
            result = function(Request(envelope, body))
            if result.__class__ is dict and not envelope.get("channel-name"):
                return _JSON_OK, dumps(result)
            response = _lifecycle.answer(result, Response())
            if response._stream is not None:
                return _sent(response, envelope)
            return _reply(response, envelope)
        except BaseException as exc:
            return _raised(exc, envelope)
        finally:
            if _output.pending:
                flush()

    return handle


def _restored(functions):
    for function in functions:
        function()


def _reply(response, envelope=None):
    """The shim's form of a response: encoded fields and a body."""
    payload = response._payload
    if payload.__class__ is Payload:
        payload = payload.value()
    kind, headers = response.content_type, response._headers
    if envelope is not None and envelope.get("channel-name"):
        (body, own), fast = formats.answer(payload, envelope.get("data-format"), response._shape), None
        own = envelope.get("reply-content-type") or own
        if envelope.get("channel") in transport.MESSAGES and (what := transport.decision(envelope)):
            headers = {**(headers or {}), "serai-disposition": what}
    elif payload is None:
        body, own, fast = None, None, _EMPTY_OK
    elif isinstance(payload, str):
        body, own, fast = payload, TEXT, _TEXT_OK
    elif isinstance(payload, (bytes, bytearray, memoryview)):
        body, own, fast = payload, BYTES, None
    else:
        shape = response._shape
        body, own, fast = dumps(payload if shape is None else shape.wrap(payload)), JSON, _JSON_OK
    if fast is not None and kind is None and not headers and response.status_code == 200:
        return fast, body
    fields = ["status", str(int(response.status_code))]
    for name, value in (headers or {}).items():
        name = name.lower()
        if name == "content-type" and kind is None:
            kind = str(value)
            continue
        for one in value if isinstance(value, (list, tuple)) else (value,):
            fields += ("header." + name, str(one))
    if kind or own:
        fields += ("header.content-type", kind or own)
    return fields, body


def _sent(response, envelope):
    """Send an answer whose body is a stream; the shim's form of what is left to do."""
    body, response._stream = response._stream, None
    kind = response.content_type or envelope.get("reply-content-type") or BYTES
    response._payload, response.content_type = b"", kind
    fields, _ = _reply(response)
    fields = list(fields)
    if body.__class__ is stream.Stream:
        first, handle = body.rest()
        return (*fields, "stream-body", str(handle)), first
    if "zato" in sys.modules:  # nobody adds it to what was sent
        fields += ("header.x-zato-cid", envelope.get("cid", ""))
    _serai.reply((*fields, "stream-body", "write"))
    for piece in stream.pieces(body):
        _serai.write(piece)
    return None


def _raised(exc, envelope):
    """The answer to an exception that left the service."""
    if isinstance(exc, HTTPError):
        try:
            return _reply(Response(exc.problem(envelope.get("cid", "")), exc.status, exc.headers, "application/problem+json"))
        except BaseException as wrong:
            exc = wrong
    return failure(exc, envelope.get("debug") == "locals")
