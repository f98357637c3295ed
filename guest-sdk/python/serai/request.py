"""What a service gets and what it answers with."""

from serai import formats, transport
from serai.data import JSON, Bunch, Headers, bunchify, decode, form, gathered
from serai.exception import BadRequest
from serai.response import Response
from serai.stream import Stream, Whole

_NOTHING = {"message": transport.NoMessage(), "amqp": transport.AMQP(), "redis": transport.Redis(), "sql": transport.SQL()}
_IBM_MQ, _HL7, _SOAP = transport.IBMMQ(), transport.HL7(), transport.SOAP()
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
        """Parameters of the path, such as id of /user/{id}, and of the query."""
        if self._params is None:
            envelope = self._request._envelope
            path, query = envelope.map("param."), self.GET
            if envelope.get("url-params-priority") == "qs-over-path":
                self._params = Bunch(path, **query)
            else:
                self._params = Bunch(query, **path)
        return self._params

    @property
    def headers(self):
        """Header fields; their names are found in any case."""
        if self._headers is None:
            self._headers = Headers(self._request._envelope.map("header.", ", "))
        return self._headers

    @property
    def GET(self):
        """Query parameters; one that repeats has a list. See :meth:`query_list`."""
        if self._query is None:
            self._query = Bunch(gathered(self._request._envelope.pairs("query.")))
        return self._query

    query = GET

    def query_list(self, name):
        """All values of a query parameter, in order."""
        return [v for n, v in self._request._envelope.pairs("query.") if n == name]

    @property
    def POST(self):
        """Fields of a form, or of a JSON object, in the body; files are bytes."""
        if self._form is None:
            payload, kind = self._request.payload, self._request._envelope.get("header.content-type", "")
            if not isinstance(payload, dict):
                if formats.is_multipart(kind):
                    payload = formats.multipart(self._request.raw, kind)
                else:
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

    __slots__ = ("_envelope", "_body", "_stream", "_payload", "_http", "_input")

    def __init__(self, envelope, body):
        self._envelope = envelope
        self._body = body  # or, of a long one, its length
        self._stream = None
        self._payload = _MISSING
        self._http = self._input = None

    @property
    def raw(self):
        """The body, bytes as they were received. One that does not fit into
        memory raises TooLarge; read it by stream."""
        if self._body.__class__ is int:
            if self._stream is not None and self._stream.taken:
                raise ValueError("a part of the body was read by stream already")
            self._body = self.stream.read()
            self._stream = None
        return self._body

    @raw.setter
    def raw(self, value):
        self._body = value

    @property
    def stream(self):
        """The body as a binary file, which is read piece by piece: read, readline,
        iteration by lines. A long one comes from the client as it is read."""
        if self._stream is None:
            body = self._body
            self._stream = Stream(0, body) if body.__class__ is int else Whole(body)
        return self._stream

    @property
    def payload(self):
        """The body as objects if it is JSON, else as str or bytes; None if empty.

        The channel's data format counts if it has one: objects of json, an
        element of xml, a dict of form, str of csv and raw. A body that is
        not what it says ends the call with 400.
        """
        if self._payload is _MISSING:
            body = self._body
            if body.__class__ is int:
                body = self.raw
            name = self._envelope.get("data-format")
            if name:
                self._payload = formats.load(body, formats.known(name), self._envelope.get("header.content-type", ""))
                return self._payload
            try:
                # The usual case first: what the test is for is in decode.
                self._payload = decode(body, self._envelope.get("header.content-type", ""))
            except ValueError as exc:
                raise BadRequest(f"the body is no JSON: {exc}") from None
            except RecursionError:
                raise BadRequest("the body is no JSON that can be read: it is nested too deeply") from None
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
        """What the service declares as its input: an object with attributes, or a Model.

        Without a declaration it is the body's fields with those of query and
        path; a body that is a list is a list here too.
        """
        if self._input is None:
            try:
                found = bunchify(self.merged(self.objects()))
            except RecursionError:
                raise BadRequest("the body is nested too deeply") from None
            self._input = found if isinstance(found, (dict, list)) else Bunch(self.channel_params)
        return self._input

    @input.setter
    def input(self, value):
        self._input = value

    def objects(self, names=(), **csv_options):
        """The body as dicts, lists and simple values, whatever its format is."""
        payload = self.payload
        name = self._envelope.get("data-format")
        if name and payload is not None:
            name = formats.known(name)
            if name == "xml":
                from serai import xmlformat

                return xmlformat.objects(payload)
            if name == "csv" and isinstance(payload, str):
                return formats.rows(payload, names, **csv_options)
        return payload

    def merged(self, payload, lists=()):
        """The payload together with parameters of query and path, as the
        channel says. Of names in lists they are always a list."""
        envelope = self._envelope
        params = self.channel_params
        if not params or envelope.get("merge-params") == "0":
            return payload
        if lists:
            params = {n: [v] if n in lists and not isinstance(v, list) else v for n, v in params.items()}
        if not payload and not isinstance(payload, list):
            return dict(params)
        if not isinstance(payload, dict):
            return payload
        if envelope.get("params-priority") == "msg-over-channel-params":
            return {**params, **payload}
        return {**payload, **params}

    @property
    def channel_params(self):
        """Parameters of path and query; the same as http.params."""
        return self.http.params

    @property
    def data_format(self):
        """Data format of the channel, such as json; '' if it has none."""
        return self._envelope.get("data-format", "")

    @property
    def transport(self):
        """plain_http for a call over HTTP, else ''."""
        return "plain_http" if self._envelope.get("method") else ""

    def bunchified(self):
        """The payload's objects with attributes, those inside of it too."""
        return bunchify(self.objects())

    def to_bunch(self):
        """What is known of the request as one object with attributes."""
        return Bunch(
            cid=self.cid, channel_params=self.channel_params, data_format=self.data_format, http=Bunch(
                method=self.http.method, path=self.http.path, GET=self.http.GET, POST=self.http.POST, params=self.http.params,
                headers=Bunch(self.http.headers), user_agent=self.http.user_agent),
            input=self.input, payload=self.payload, raw=self.raw, text=self.text, transport=self.transport,
        )

    def deepcopy(self):
        """A copy of which payload and input can be changed freely."""
        import copy

        other = Request(self._envelope, self._body)
        other._stream = self._stream
        other._payload = self._payload if self._payload is _MISSING else copy.deepcopy(self._payload)
        other._input = copy.deepcopy(self._input)
        return other

    @property
    def message(self):
        """The message, of a call that one has caused: kind, msg, ack(), reject() and retry()."""
        return self._delivery("message", self.channel in transport.MESSAGES)

    @property
    def amqp(self):
        """The same of a call over AMQP."""
        return self._delivery("amqp", self.channel == "amqp")

    @property
    def redis(self):
        """The same of a call over Redis: an entry of a stream, or what was published."""
        return self._delivery("redis", self.channel == "redis")

    @property
    def sql(self):
        """The same of a call by a notification of a database."""
        return self._delivery("sql", self.channel == "sql")

    def _delivery(self, name, there):
        return transport.Delivery(self._envelope, self.raw) if there else _NOTHING[name]

    ibm_mq = wmq = property(lambda self: _IBM_MQ, doc="The message, of a call over IBM MQ.")
    hl7 = property(lambda self: _HL7, doc="The message, of a call over HL7.")
    soap = property(lambda self: _SOAP, doc="The message, of a call over SOAP.")

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
        """How the call came: http, invoke, async or control; amqp, redis or sql if a message caused it."""
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


__all__ = ["HTTP", "JSON", "Request", "Response"]
