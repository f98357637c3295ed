"""What a service answers with."""

from serai.payload import Payload


def _kept(name, default, doc):
    """A property whose value is for hooks and other code of the service; clients do not get it."""

    def get(self):
        return getattr(self, "_kept", {}).get(name, default)

    def put(self, value):
        self._kept = {**getattr(self, "_kept", {}), name: value}

    return property(get, put, doc=doc)


class Response:
    """What a service answers with.

    The channel's data format decides how the payload is written. Without one
    dict and list become JSON, str is text and bytes are
    application/octet-stream. content_type overrides what the answer is called.
    """

    __slots__ = ("_payload", "_stream", "status_code", "content_type", "_headers", "_shape", "_kept")

    def __init__(self, payload=None, status_code=200, headers=None, content_type=None):
        self._payload = payload
        self._stream = None
        self.status_code = status_code
        self.content_type = content_type
        self._headers = headers
        self._shape = None

    @property
    def payload(self):
        """What is answered: dict, list, str, bytes, a Model and the like.

        Until it is set it can be put together: payload.user.name = 'Ada',
        payload['user'] = {...}, payload.append(row), payload[:] = rows.
        """
        if self._payload is None:
            self._payload = Payload()
        return self._payload

    @payload.setter
    def payload(self, value):
        self._payload = value

    @property
    def stream(self):
        """A body that is sent piece by piece, instead of the payload: a file such
        as another stream, or an iterator of bytes, which runs after handle has
        returned and as fast as the client takes what it yields."""
        return self._stream

    @stream.setter
    def stream(self, value):
        if value is not None and not hasattr(value, "read"):
            value = iter(value)
        self._stream = value

    @property
    def has_payload(self):
        """Whether there is anything to answer with."""
        return self.value is not None

    @property
    def value(self):
        """The payload, or None if nothing was set."""
        payload = self._payload
        return payload.value() if payload.__class__ is Payload else payload

    @property
    def headers(self):
        """Header fields of the answer, a dict."""
        if self._headers is None:
            self._headers = {}
        return self._headers

    @headers.setter
    def headers(self, value):
        self._headers = value

    @property
    def content_encoding(self):
        """The header field Content-Encoding; None if there is none."""
        return next((v for n, v in self.headers.items() if n.lower() == "content-encoding"), None)

    @content_encoding.setter
    def content_encoding(self, value):
        self.headers["Content-Encoding"] = value

    status_message = _kept("status_message", "OK", "The text of the status. It is kept and not sent: HTTP/2 has none.")
    result = _kept("result", "ZATO_OK", "Whether the service did what it was asked to. It is kept and not sent.")
    result_details = _kept("result_details", "", "What there is to say of the result. It is kept and not sent.")
