"""urllib.request through the host: any opener sends http and https URLs
through the connection that covers them."""

import io
import urllib.error
import urllib.request
import urllib.response
from email.message import Message

from serai import errors, http


def install():
    """Have urllib's handlers send through the host."""
    urllib.request.AbstractHTTPHandler.do_open = _do_open
    handler = getattr(urllib.request, "HTTPSHandler", None)
    if handler is not None:
        handler.__init__ = _init


def _init(self, debuglevel=None, context=None, check_hostname=None):
    """A handler without a context of its own: the connection has one."""
    urllib.request.AbstractHTTPHandler.__init__(self, debuglevel)
    self._context = None


def _do_open(self, http_class, req, **_):
    """Send a request; the response, be it a redirect, which urllib follows."""
    headers = dict(req.unredirected_hdrs)
    headers.update((name, value) for name, value in req.headers.items() if name not in headers)
    try:
        body = req.data
        if body is not None and not isinstance(body, (bytes, bytearray, memoryview, str)):
            body = body.read() if hasattr(body, "read") else b"".join(body)
        timeout = req.timeout if isinstance(req.timeout, (int, float)) else None
        envelope, content = http.send(
            req.get_method(), url=http.escaped(http.with_query(req.full_url, "")), headers=headers, body=body or None,
            timeout=timeout, redirects=False)
    except errors.Timeout as exc:
        raise urllib.error.URLError(TimeoutError(str(exc))) from exc
    except errors.Error as exc:
        raise urllib.error.URLError(exc) from exc
    return Answer(envelope, content, req.full_url)


class Answer(urllib.response.addinfourl):
    """A response with what callers use of http.client's."""

    def __init__(self, envelope, content, url):
        from http.client import responses

        message = Message()
        for name, value in envelope.pairs("header."):
            message[name.title()] = value
        super().__init__(io.BytesIO(content), message, url, int(envelope.get("status", "200")))
        self.reason = self.msg = responses.get(self.code, "")
        self.version = 11
        self.length = len(content)

    def getheader(self, name, default=None):
        """A header's value."""
        values = self.headers.get_all(name)
        return default if values is None else ", ".join(values)

    def getheaders(self):
        """All headers as pairs."""
        return list(self.headers.items())
