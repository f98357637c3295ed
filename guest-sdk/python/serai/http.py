"""What the HTTP clients of this package have in common."""

import os
from urllib.parse import quote

from serai.errors import Invalid
from serai.host import call, milliseconds
from serai.stream import call as opened
from serai.stream import send as sent
from serai.stream import streams


def send(method, url=None, connection=None, params=None, query=None, path=None, headers=None, body=None, content_type=None,
         timeout=None, similar=False, redirects=True, stream=False):
    """Perform http.request; the reply's envelope and body, a Stream if stream is true.

    Either url is given, which the host finds a connection for, or the name of
    one. similar lets the host take a connection whose name differs in case
    and separators only; without redirects one is a reply like any other.
    """
    fields = ["url", url] if url is not None else ["connection", connection]
    fields += ("method", method.upper())
    if similar:
        fields += ("similar", "1")
    if path:
        fields += ("path", path)
    if timeout is not None:
        fields += ("timeout", milliseconds(timeout))
    if not redirects:
        fields += ("redirects", "0")
    if params:
        _add(fields, "param.", params)
    if query:
        _add(fields, "query.", query)
    if headers:
        for name, value in headers.items():
            name = name.lower()
            if value is None:
                continue
            if name == "content-type":
                content_type = None
            fields += ("header." + name, value.decode("latin-1") if isinstance(value, bytes) else str(value))
    if content_type:
        fields += ("header.content-type", content_type)
    if streams(body):
        length = next((str(value) for name, value in (headers or {}).items() if name.lower() == "content-length"), None)
        if length is not None:
            fields += ("stream-length", length)
        return sent(["op", "http.request", *fields], body, stream)
    return (opened if stream else call)("http.request", *fields, body=body)


def _add(fields, prefix, values):
    pairs = values.items() if hasattr(values, "items") else values
    for name, value in pairs:
        if value is None:
            continue
        for one in value if isinstance(value, (list, tuple, set, frozenset)) else (value,):
            fields += (prefix + str(name), ("false", "true")[one] if isinstance(one, bool) else str(one))


def charset(content_type):
    """The charset that a content type names, '' if it names none."""
    for part in content_type.split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip("\"'")
    return ""


def text(content, content_type):
    """A body as str. What is not valid is replaced, whatever the server claims."""
    try:
        return content.decode(charset(content_type) or "utf-8", "replace")
    except LookupError:
        return content.decode("utf-8", "replace")


def basic(user, password):
    """The Authorization header of a user (RFC 7617)."""
    from base64 import b64encode

    def raw(value):
        return value if isinstance(value, bytes) else str(value).encode("utf-8")

    return "Basic " + b64encode(raw(user) + b":" + raw(password)).decode("ascii")


def multipart(fields, files):
    """The content type and the body of a form with files (RFC 7578).

    fields are pairs of name and value, files pairs of name and
    (file name, content, content type or None).
    """
    boundary = os.urandom(16).hex()
    out = bytearray()

    def part(disposition, content, kind=None):
        out.extend(f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n".encode())
        if kind:
            if "\r" in kind or "\n" in kind:
                raise Invalid("a content type has a line end")
            out.extend(f"Content-Type: {kind}\r\n".encode())
        out.extend(b"\r\n")
        out.extend(content if isinstance(content, (bytes, bytearray, memoryview)) else str(content).encode("utf-8"))
        out.extend(b"\r\n")

    for name, value in fields:
        part(f'name="{_quoted(name)}"', value)
    for name, (file_name, content, kind) in files:
        shown = f'; filename="{_quoted(file_name)}"' if file_name is not None else ""
        part(f'name="{_quoted(name)}"{shown}', content, kind)
    out.extend(f"--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", bytes(out)


def _quoted(name):
    """A name in a Content-Disposition, with what ends it escaped as browsers do."""
    return str(name).replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def with_query(url, query):
    """url with an encoded query added, before its fragment is dropped."""
    url = url.partition("#")[0]
    if not query:
        return url
    return url + ("&" if "?" in url else "?") + query


def escaped(url):
    """url with what cannot stand in one percent-encoded, and nothing encoded twice."""
    return quote(url, safe="!#$%&'()*+,/:;=?@[]~")
