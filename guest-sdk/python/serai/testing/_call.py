"""Requests to the services under test, over HTTP."""

import base64
import json as _json
from urllib.parse import urlencode

from serai.data import Headers, encode
from serai.testing._stage import operation


class Reply:
    """What the gateway answered."""

    def __init__(self, status_code, headers, content):
        self.status_code = status_code
        #: Header fields; their names are found in any case.
        self.headers = Headers(headers)
        #: The body, bytes.
        self.content = content

    @property
    def ok(self):
        """Whether the status is below 400."""
        return self.status_code < 400

    @property
    def text(self):
        """The body as str."""
        return self.content.decode("utf-8", "replace")

    def json(self):
        """The body, which must be JSON."""
        return _json.loads(self.content)

    @property
    def data(self):
        """The body as objects if it is JSON, else as str."""
        try:
            return self.json()
        except ValueError:
            return self.text

    def __repr__(self):
        return f"<Reply {self.status_code} {self.text[:300]!r}>"


def call(method, path, *, json=None, data=None, params=None, headers=None, auth=None) -> Reply:
    """Send a request to the gateway of the host under test; a Reply.

    json becomes the body; or data does: str and bytes as they are, a dict as a
    form. params are added to the query. auth is a user and a password. An error
    status is a reply, too.
    """
    headers = {name.lower(): str(value) for name, value in (headers or {}).items()}
    kind, body = None, None
    if json is not None:
        kind, body = encode(json)
        if isinstance(json, (str, bytes)):
            kind, body = "application/json", _json.dumps(json)
    elif isinstance(data, dict):
        kind, body = "application/x-www-form-urlencoded", urlencode(data, doseq=True)
    elif data is not None:
        kind, body = encode(data)
    if kind and body is not None:
        headers.setdefault("content-type", kind)
    if auth is not None:
        user, password = auth
        headers["authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    if params:
        path += ("&" if "?" in path else "?") + urlencode(params, doseq=True)
    fields = [part for name, value in headers.items() for part in ("header." + name, value)]
    envelope, content = operation("test.call", "method", method.upper(), "url", path, *fields, body=body)
    return Reply(int(envelope.get("status")), envelope.map("header.", ", "), bytes(content or b""))
