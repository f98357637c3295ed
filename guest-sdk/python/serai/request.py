"""What a service gets and what it answers with."""

from serai.data import JSON, Bunch, Headers, decode, form
from serai.exception import BadRequest

_MISSING = object()


class HTTP:
    """The HTTP side of a request. All of it is empty for a call that did not
    come over HTTP."""

    __slots__ = ("_request", "_headers", "_params", "_query", "_form")

    def __init__(self, request):
        self._request = request
        self._headers = self._params = self._query = self._form = None

    @property
    def method(self):
        """The method, upper case."""
        return self._request._envelope.get("method", "")

    @property
    def path(self):
        """The path, decoded, without the query."""
        return self._request._envelope.get("path", "")

    @property
    def raw_query(self):
        """The query string as it was received."""
        return self._request._envelope.get("raw-query", "")

    @property
    def params(self):
        """Parameters of the route's path, such as id of /user/{id}."""
        if self._params is None:
            self._params = Bunch(self._request._envelope.map("param."))
        return self._params

    @property
    def headers(self):
        """Header fields; their names are found in any case."""
        if self._headers is None:
            self._headers = Headers(self._request._envelope.map("header.", ", "))
        return self._headers

    @property
    def GET(self):
        """Query parameters; the last of a name counts. See :meth:`query_list`."""
        if self._query is None:
            self._query = Bunch(self._request._envelope.map("query."))
        return self._query

    query = GET

    def query_list(self, name):
        """All values of a query parameter, in order."""
        return [v for n, v in self._request._envelope.pairs("query.") if n == name]

    @property
    def POST(self):
        """Fields of a form, or of a JSON object, in the body."""
        if self._form is None:
            payload = self._request.payload
            if not isinstance(payload, dict):
                payload = form(self._request.raw) if isinstance(payload, str) else {}
            self._form = Bunch(payload)
        return self._form

    def get_form_data(self):
        """The same as POST."""
        return self.POST

    @property
    def user_agent(self):
        """The client program's own name."""
        return self._request._envelope.get("header.user-agent", "")


class Request:
    """One call of a service. Everything is decoded when it is first asked for."""

    __slots__ = ("_envelope", "raw", "_payload", "_http", "_input")

    def __init__(self, envelope, body):
        self._envelope = envelope
        #: The body, bytes as they were received.
        self.raw = body
        self._payload = _MISSING
        self._http = self._input = None

    @property
    def payload(self):
        """The body as objects if it is JSON, else as str or bytes; None if empty.

        A body that says it is JSON and is not ends the call with 400.
        """
        if self._payload is _MISSING:
            content_type = self._envelope.get("header.content-type", "")
            try:
                # The usual case first: what the test is for is in decode.
                self._payload = decode(self.raw, content_type)
            except ValueError as exc:
                raise BadRequest(f"the body is no JSON: {exc}") from None
        return self._payload

    @payload.setter
    def payload(self, value):
        self._payload = value

    @property
    def text(self):
        """The body as str."""
        return self.raw.decode("utf-8", "replace")

    raw_request = property(lambda self: self.raw, doc="The same as raw.")

    @property
    def input(self):
        """The fields of a JSON object, the query and the path as one object
        with attributes; the path wins."""
        if self._input is None:
            out = Bunch(self.http.GET)
            payload = self.payload
            if isinstance(payload, dict):
                out.update(payload)
            out.update(self.http.params)
            self._input = out
        return self._input

    @property
    def http(self):
        """Method, path, parameters and headers."""
        if self._http is None:
            self._http = HTTP(self)
        return self._http

    @property
    def headers(self):
        """The same as http.headers."""
        return self.http.headers

    @property
    def cid(self):
        """Correlation id: the same in every log and service that this call reaches."""
        return self._envelope.get("cid", "")

    @property
    def service(self):
        """Name of the service that is called."""
        return self._envelope.get("service", "")

    @property
    def channel(self):
        """How the call came: http, invoke, async or control."""
        return self._envelope.get("channel", "")

    @property
    def route(self):
        """The route that matched, such as 'GET /user/{id}'."""
        return self._envelope.get("route", "")

    @property
    def principal(self):
        """Who authenticated; '' if nobody had to."""
        return self._envelope.get("principal", "")

    @property
    def remote_addr(self):
        """The client's address."""
        return self._envelope.get("remote-addr", "")

    def field(self, name, default=None):
        """A field of the ABI's envelope by its own name."""
        return self._envelope.get(name, default)


class Response:
    """What a service answers with.

    The payload decides the content type unless content_type is set: JSON for
    dict and list, text for str, application/octet-stream for bytes.
    """

    __slots__ = ("payload", "status_code", "content_type", "_headers")

    def __init__(self, payload=None, status_code=200, headers=None, content_type=None):
        self.payload = payload
        self.status_code = status_code
        self.content_type = content_type
        self._headers = headers

    @property
    def headers(self):
        """Header fields of the answer, a dict."""
        if self._headers is None:
            self._headers = {}
        return self._headers

    @headers.setter
    def headers(self, value):
        self._headers = value


__all__ = ["HTTP", "JSON", "Request", "Response"]
