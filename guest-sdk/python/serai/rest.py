"""Outgoing REST connections.

A connection has a name, and the host knows where it leads, how to
authenticate and when to give up; a service only says what it wants::

    crm = self.out.rest['CRM'].conn
    user = crm.get(self.cid, {'id': 7}).data
"""

import json

from serai.data import Headers, decode, encode
from serai.errors import Remote
from serai.host import call, milliseconds


class Response:
    """The answer of a remote system."""

    __slots__ = ("status_code", "content", "_envelope", "_headers", "_data")

    def __init__(self, envelope, body):
        self._envelope = envelope
        self._headers = None
        self._data = self
        #: The body, bytes.
        self.content = body
        self.status_code = int(envelope.get("status", "200"))

    @property
    def headers(self):
        """Header fields; their names are found in any case."""
        if self._headers is None:
            self._headers = Headers(self._envelope.map("header.", ", "))
        return self._headers

    @property
    def ok(self):
        """Whether the status is below 400."""
        return self.status_code < 400

    @property
    def text(self):
        """The body as str."""
        return self.content.decode("utf-8", "replace")

    @property
    def data(self):
        """The body as objects if it is JSON, else as str or bytes."""
        if self._data is self:
            try:
                self._data = decode(self.content, self._envelope.get("header.content-type", ""))
            except ValueError:
                self._data = self.text
        return self._data

    def json(self):
        """The body, which must be JSON."""
        return json.loads(self.content)

    def raise_for_status(self):
        """Raise Remote unless ok."""
        if not self.ok:
            raise Remote(f"the remote system answered with status {self.status_code}: {self.text[:200]}")

    def __bool__(self):
        return self.ok

    def __repr__(self):
        return f"<Response [{self.status_code}]>"


class Connection:
    """One outgoing connection by its name."""

    __slots__ = ("name",)

    def __init__(self, name):
        self.name = name

    @property
    def conn(self):
        """The connection itself: self.out.rest['CRM'].conn.get(...)."""
        return self

    def get(self, cid=None, params=None, headers=None, timeout=None, **kwargs):
        """Send GET. params fill the {placeholders} of the connection's path;
        what is left becomes the query."""
        return self._bare("GET", cid, params, headers, timeout, kwargs)

    def delete(self, cid=None, params=None, headers=None, timeout=None, **kwargs):
        """Send DELETE."""
        return self._bare("DELETE", cid, params, headers, timeout, kwargs)

    def options(self, cid=None, params=None, headers=None, timeout=None, **kwargs):
        """Send OPTIONS."""
        return self._bare("OPTIONS", cid, params, headers, timeout, kwargs)

    def head(self, cid=None, params=None, headers=None, timeout=None, **kwargs):
        """Send HEAD."""
        return self._bare("HEAD", cid, params, headers, timeout, kwargs)

    ping = head

    def post(self, cid=None, data=None, params=None, headers=None, timeout=None, **kwargs):
        """Send POST with data: dict and list as JSON, str and bytes as they are."""
        return self._full("POST", cid, data, params, headers, timeout, kwargs)

    def put(self, cid=None, data=None, params=None, headers=None, timeout=None, **kwargs):
        """Send PUT with data."""
        return self._full("PUT", cid, data, params, headers, timeout, kwargs)

    def patch(self, cid=None, data=None, params=None, headers=None, timeout=None, **kwargs):
        """Send PATCH with data."""
        return self._full("PATCH", cid, data, params, headers, timeout, kwargs)

    def rest_call(self, cid=None, data=None, params=None, headers=None, method="GET", timeout=None, model=None, callback=None):
        """Send any method. Returns the data of the answer, as model if given,
        after callback if given; Remote if the status is 400 or above."""
        response = self.request(method, data, params, headers, timeout)
        response.raise_for_status()
        out = response.data
        if model is not None:
            out = model.from_dict(out) if hasattr(model, "from_dict") else model(**out)
        return out if callback is None else callback(out)

    def request(self, method, data=None, params=None, headers=None, timeout=None, path=None, query=None):
        """Send a request. path is added to the connection's address, query is
        a dict that becomes nothing but the query, timeout is in seconds."""
        fields = ["connection", self.name, "method", method.upper()]
        if path:
            fields += ("path", path)
        if timeout is not None:
            fields += ("timeout", milliseconds(timeout))
        if params:
            _add(fields, "param.", params)
        if query:
            _add(fields, "query.", query)
        content_type, body = encode(data)
        if headers:
            for name, value in headers.items():
                name = name.lower()
                if name == "content-type":
                    content_type = None
                fields += ("header." + name, str(value))
        if content_type:
            fields += ("header.content-type", content_type)
        return Response(*call("http.request", *fields, body=body))

    def _bare(self, method, cid, params, headers, timeout, kwargs):
        if not (cid is None or isinstance(cid, str)):  # get({'id': 1})
            params, headers = cid, params if headers is None else headers
        return self.request(method, kwargs.pop("data", None), params, headers, timeout, **kwargs)

    def _full(self, method, cid, data, params, headers, timeout, kwargs):
        if data is None and not (cid is None or isinstance(cid, str)):  # post({'id': 1})
            data = cid
        return self.request(method, data, params, headers, timeout, **kwargs)


class Connections:
    """self.rest: the outgoing REST connections by name."""

    __slots__ = ()

    def __getitem__(self, name):
        return Connection(name)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Connection(name)

    def get(self, name):
        """The connection of that name."""
        return Connection(name)


class Out:
    """self.out: outgoing connections by their type."""

    __slots__ = ("rest",)

    def __init__(self):
        #: REST connections.
        self.rest = Connections()


def _add(fields, prefix, values):
    pairs = values.items() if hasattr(values, "items") else values
    for name, value in pairs:
        if value is None:
            continue
        for one in value if isinstance(value, (list, tuple)) else (value,):
            fields += (prefix + str(name), ("false", "true")[one] if isinstance(one, bool) else str(one))
