"""Outgoing REST connections.

A connection has a name, and the host knows where it leads, how to
authenticate and when to give up; a service only says what it wants::

    crm = self.out.rest['CRM'].conn
    user = crm.get(self.cid, {'id': 7}).data
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from serai import amqp, http, refuse, sql
from serai.connectors import Types
from serai.data import BYTES, Headers, decode, encode
from serai.errors import Remote
from serai.redis import server
from serai.stream import PIECE, Stream, Whole, streams

Params = Mapping[str, Any] | None
Headings = Mapping[str, object] | None


class Response:
    """The answer of a remote system."""

    __slots__ = ("status_code", "_body", "_envelope", "_headers", "_data", "_raw")

    def __init__(self, envelope, body):
        self._envelope = envelope
        self._headers = self._raw = None
        self._data = self
        self._body = body  # bytes, or a Stream
        self.status_code: int = int(envelope.get("status", "200"))

    @property
    def content(self) -> bytes:
        """The body, bytes. Of a response with stream=True it is read here."""
        if self._body.__class__ is Stream:
            if self._body.taken:
                raise ValueError("a part of the body was read by raw or iter_content already")
            with self._body as body:
                self._body = body.read()
            self._raw = None
        return self._body

    @property
    def raw(self) -> Stream | Whole:
        """The body as a binary file, which is read piece by piece."""
        if self._body.__class__ is Stream:
            return self._body
        if self._raw is None:
            self._raw = Whole(self._body)
        return self._raw

    def iter_content(self, chunk_size: int = PIECE) -> Iterator[bytes]:
        """The body in pieces of chunk_size, of which the last may be shorter."""
        return self.raw.iter_content(chunk_size)

    def iter_lines(self) -> Iterator[bytes]:
        """The lines of the body, bytes without their ends."""
        for line in self.raw:
            yield line.rstrip(b"\r\n")

    def close(self) -> None:
        """Give up what was not read of a response with stream=True."""
        self.raw.close()

    def __enter__(self) -> Response:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def headers(self) -> dict[str, str]:
        """Header fields; their names are found in any case."""
        if self._headers is None:
            self._headers = Headers(self._envelope.map("header.", ", "))
        return self._headers

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status_code < 400

    @property
    def reason(self) -> str:
        """The standard phrase of the status, '' if it has none."""
        from http.client import responses

        return responses.get(self.status_code, "")

    @property
    def encoding(self) -> str | None:
        """The charset that the system named, or None."""
        return http.charset(self._envelope.get("header.content-type", "")) or None

    @property
    def text(self) -> str:
        """The body as str."""
        return http.text(self.content, self._envelope.get("header.content-type", ""))

    @property
    def data(self) -> Any:
        """The body as objects if it is JSON, else as str or bytes."""
        if self._data is self:
            try:
                self._data = decode(self.content, self._envelope.get("header.content-type", ""))
            except ValueError:
                self._data = self.text
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        self._data = value

    def json(self, **kwargs: Any) -> Any:
        """The body, which must be JSON."""
        return json.loads(self.content, **kwargs)

    def raise_for_status(self) -> None:
        """Raise Remote unless ok."""
        if not self.ok:
            said = self._body.peek()[:800] if self._body.__class__ is Stream and not self._body.closed else self.content
            said = http.text(said, self._envelope.get("header.content-type", ""))
            raise Remote(f"the remote system answered with status {self.status_code}: {said[:200]}")

    def __bool__(self) -> bool:
        return self.ok

    def __repr__(self):
        return f"<Response [{self.status_code}]>"


class Connection:
    """One outgoing connection by its name."""

    __slots__ = ("name", "_similar")

    def __init__(self, name: str, similar: bool = False) -> None:
        self.name = name
        self._similar = similar

    @property
    def conn(self) -> Connection:
        """The connection itself: self.out.rest['CRM'].conn.get(...)."""
        return self

    def get(
        self, cid: str | Params = None, params: Params = None, headers: Headings = None, timeout: float | None = None, **kwargs: Any,
    ) -> Response:
        """Send GET. params fill the {placeholders} of the connection's path;
        what is left becomes the query."""
        return self._bare("GET", cid, params, headers, timeout, kwargs)

    def delete(
        self, cid: Any = None, data: Any = None, params: Params = None, headers: Headings = None, timeout: float | None = None,
        **kwargs: Any,
    ) -> Response:
        """Send DELETE, usually without data."""
        return self._full("DELETE", cid, data, params, headers, timeout, kwargs)

    def options(
        self, cid: Any = None, data: Any = None, params: Params = None, headers: Headings = None, timeout: float | None = None,
        **kwargs: Any,
    ) -> Response:
        """Send OPTIONS, usually without data."""
        return self._full("OPTIONS", cid, data, params, headers, timeout, kwargs)

    def head(
        self, cid: str | Params = None, params: Params = None, headers: Headings = None, timeout: float | None = None, **kwargs: Any,
    ) -> Response:
        """Send HEAD."""
        return self._bare("HEAD", cid, params, headers, timeout, kwargs)

    def post(
        self, cid: Any = None, data: Any = None, params: Params = None, headers: Headings = None, timeout: float | None = None,
        **kwargs: Any,
    ) -> Response:
        """Send POST with data: dict, list and Model as JSON, str and bytes as they are,
        a file or an iterator of bytes piece by piece."""
        return self._full("POST", cid, data, params, headers, timeout, kwargs)

    send = post

    def put(
        self, cid: Any = None, data: Any = None, params: Params = None, headers: Headings = None, timeout: float | None = None,
        **kwargs: Any,
    ) -> Response:
        """Send PUT with data."""
        return self._full("PUT", cid, data, params, headers, timeout, kwargs)

    def patch(
        self, cid: Any = None, data: Any = None, params: Params = None, headers: Headings = None, timeout: float | None = None,
        **kwargs: Any,
    ) -> Response:
        """Send PATCH with data."""
        return self._full("PATCH", cid, data, params, headers, timeout, kwargs)

    def http_request(self, method: str, cid: str | None = None, data: Any = "", params: Params = None, **kwargs: Any) -> Response:
        """Send any method."""
        return self._full(method, cid, data, params, kwargs.pop("headers", None), kwargs.pop("timeout", None), kwargs)

    def ping(self, cid: str | None = None, return_response: bool = False, ping_path: str | None = None, timeout: float | None = None) -> Any:
        """Send HEAD to see that the system answers; what it said as text, or
        the response. A status of 400 or above is an answer as well."""
        import time

        start = time.monotonic()
        response = self.request("HEAD", path=ping_path, timeout=timeout)
        if return_response:
            return response
        return f"HEAD {self.name}\nCode: {response.status_code}\nResponse time: {time.monotonic() - start:.6f}"

    def upload(
        self, cid: str | None, item: Any, field_name: str = "data", mime_type: str = "text/plain", params: Params = None, headers: Headings = None,
        timeout: float | None = None,
    ) -> Response:
        """Send POST with a form that holds one file. item is its content, bytes
        or an open file, or the path of one of the service's own files."""
        file_name = field_name
        if isinstance(item, str):
            file_name = item.rpartition("/")[2]
            with open(item, "rb") as f:
                item = f.read()
        elif hasattr(item, "read"):
            file_name = str(getattr(item, "name", file_name)).rpartition("/")[2]
            item = item.read()
        return self.request("POST", params=params, headers=headers, timeout=timeout,
                            files=[(field_name, (file_name, item, mime_type))])

    def rest_call(
        self, cid: str | None = None, data: Any = "", model: Any = None, callback: Callable[..., Any] | None = None, params: Params = None,
        headers: Headings = None, method: str = "GET", timeout: float | None = None, sec_def_name: object = None, auth_scopes: object = None,
        log_response: bool = False,
    ) -> Any:
        """Send any method. Returns the data of the answer, as model if given,
        after callback if given; Remote if the status is 400 or above.

        The connection holds the credentials, so sec_def_name and auth_scopes
        change nothing.
        """
        response = self.request(method or "GET", data, params, headers, timeout)
        if log_response:
            import logging

            logging.getLogger("serai").info("%s answered with %s: %s", self.name, response.status_code, response.text)
        return self.result(response, model, callback, cid)

    def result(self, response: Response, model: Any = None, callback: Callable[..., Any] | None = None, cid: str | None = None) -> Any:
        """The data of a response, as model if given, after callback if given;
        Remote if the status is 400 or above."""
        response.raise_for_status()
        out = response.data if model is None else as_model(model, response.data)
        return out if callback is None else tolerant(callback, out, cid=cid, model=model, name=self.name)

    def request(
        self, method: str, data: Any = None, params: Params = None, headers: Headings = None, timeout: float | None = None,
        path: str | None = None, query: Mapping[str, Any] | None = None, json: Any = None, files: Any = None,
        auth: tuple[str, str] | None = None, verify: object = None, stream: bool | None = None, cert: object = None,
    ) -> Response:
        """Send a request. path is added to the connection's address, query is
        a dict that becomes nothing but the query, timeout is in seconds.

        json, files, auth and stream are those of requests: with stream=True the
        body comes as raw and iter_content read it, and need not fit into memory.
        The connection decides on certificates, so verify and cert change nothing.
        """
        if files:
            content_type, body = http.multipart((data or {}).items(), files.items() if hasattr(files, "items") else files)
        elif json is None and streams(data):
            content_type, body = BYTES, data
        else:
            content_type, body = encode(data if json is None else json) if data != "" or json is not None else (None, None)
        if auth is not None:
            headers = {"authorization": http.basic(*auth), **(headers or {})}
        return Response(*http.send(method, connection=self.name, params=params, query=query, path=path, headers=headers, body=body,
                                   content_type=content_type, timeout=timeout, similar=self._similar, stream=bool(stream)))

    def _bare(self, method, cid, params, headers, timeout, kwargs):
        if not (cid is None or isinstance(cid, str)):  # get({'id': 1})
            params, headers = cid, params if headers is None else headers
        return self.request(method, kwargs.pop("data", None), params, headers, timeout, **kwargs)

    def _full(self, method, cid, data, params, headers, timeout, kwargs):
        if not (cid is None or isinstance(cid, str)):  # post({'id': 1}, {'q': 2})
            data, params = cid, data if params is None else params
        return self.request(method, data, params, headers, timeout, **kwargs)

    def __repr__(self):
        return f"<Connection {self.name!r}>"


class Connections:
    """self.rest: the outgoing REST connections by name.

    As a key a name is taken as it is. As an attribute, which cannot hold
    spaces, dots and hyphens, it is compared by its letters and digits only and
    in any case: self.rest.my_crm is My CRM, too.
    """

    __slots__ = ()

    def __getitem__(self, name: str) -> Connection:
        return Connection(name)

    def __getattr__(self, name: str) -> Connection:
        if name.startswith("__"):
            raise AttributeError(name)
        return Connection(name, similar=True)

    def get(self, name: str) -> Connection:
        """The connection of that name."""
        return Connection(name)


@refuse.attributes(refuse.OUT, "self.out")
class Out(Types):
    """self.out: outgoing connections by their type."""

    __slots__ = ("amqp", "plain_http", "redis", "rest", "sql")

    def __init__(self) -> None:
        #: REST connections.
        self.rest = self.plain_http = Connections()
        #: Databases.
        self.sql = sql.Connections()
        #: AMQP connections.
        self.amqp = amqp.Connections()
        #: Redis servers.
        self.redis = server.Connections()


def as_model(model, data):
    """What data is as model: a class, or list[class]. A list becomes a list."""
    arguments = getattr(model, "__args__", None)
    if arguments:
        model = arguments[0]
    if isinstance(data, list):
        return [as_model(model, one) for one in data]
    make = getattr(model, "from_dict", None)
    return model(**data) if make is None else make(data)


def tolerant(function, *args, **kwargs):
    """Call function with as many of the arguments as it takes."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if code is None:
        return function(*args)
    if not code.co_flags & 0x08:  # no **kwargs
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        kwargs = {name: value for name, value in kwargs.items() if name in names}
    if not code.co_flags & 0x04:  # no *args
        args = args[: code.co_argcount - hasattr(function, "__func__")]
    return function(*args, **kwargs)
