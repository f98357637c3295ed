"""Requests, ready to send, and responses."""

import datetime
import io
import json as _json
from http.client import responses as _phrases
from urllib.parse import urlencode, urlsplit, urlunsplit

from requests.auth import HTTPBasicAuth
from requests.cookies import RequestsCookieJar, header
from requests.exceptions import HTTPError, InvalidHeader, InvalidJSONError, InvalidSchema, InvalidURL, JSONDecodeError, MissingSchema
from requests.structures import CaseInsensitiveDict
from requests.utils import get_auth_from_url, get_encoding_from_headers, parse_header_links, to_key_val_list
from serai.http import escaped, multipart, with_query

REDIRECT_STATI = (301, 302, 303, 307, 308)
DEFAULT_REDIRECT_LIMIT = 30
CONTENT_CHUNK_SIZE = 10 * 1024
ITER_CHUNK_SIZE = 512


class Request:
    """A request as its author describes it."""

    def __init__(self, method=None, url=None, headers=None, files=None, data=None, params=None, auth=None, cookies=None, hooks=None, json=None):
        self.method, self.url, self.headers, self.files = method, url, headers or {}, files or []
        self.data, self.params, self.auth, self.cookies, self.json = data, params or {}, auth, cookies, json
        self.hooks = hooks or {"response": []}

    def prepare(self):
        """The request, ready to send."""
        out = PreparedRequest()
        out.prepare(self.method, self.url, self.headers, self.files, self.data, self.params, self.auth, self.cookies, self.hooks, self.json)
        return out

    def __repr__(self):
        return f"<Request [{self.method}]>"


class PreparedRequest:
    """A request, ready to send: method, url, headers and body."""

    def __init__(self):
        self.method = self.url = self.headers = self.body = self._cookies = None
        self.hooks = {"response": []}

    def prepare(self, method=None, url=None, headers=None, files=None, data=None, params=None, auth=None, cookies=None, hooks=None, json=None):
        """Set every part."""
        self.method = method.upper() if method else method
        self.prepare_url(url, params)
        self.prepare_headers(headers)
        self.prepare_cookies(cookies)
        self.prepare_body(data, files, json)
        self.prepare_auth(auth, url)
        self.hooks = hooks or self.hooks

    def prepare_url(self, url, params):
        """Set the URL, with params added to its query."""
        url = url.decode("utf-8") if isinstance(url, bytes) else str(url)
        url = url.lstrip()
        parts = _split(url)
        if not parts.scheme:
            raise MissingSchema(f"Invalid URL {url!r}: No scheme supplied. Perhaps you meant https://{url}?")
        if parts.scheme.lower() not in ("http", "https"):
            raise InvalidSchema(f"No connection adapters were found for {url!r}")
        if not parts.hostname:
            raise InvalidURL(f"Invalid URL {url!r}: No host supplied")
        try:
            host = parts.hostname.encode("ascii").decode()
        except UnicodeEncodeError:
            try:
                host = parts.hostname.encode("idna").decode()
            except UnicodeError:
                raise InvalidURL("URL has an invalid label.") from None
        if ":" in host:
            host = f"[{host}]"
        if parts.port is not None:
            host += f":{parts.port}"
        bare = urlunsplit((parts.scheme.lower(), host, parts.path or "/", parts.query, ""))
        self.url = escaped(with_query(bare, _encoded(params)))

    def prepare_headers(self, headers):
        """Set the headers, which must be ones."""
        self.headers = CaseInsensitiveDict()
        for name, value in (headers or {}).items():
            name = name.decode("ascii") if isinstance(name, bytes) else name
            check_header(name, value)
            self.headers[name] = value.decode("latin-1") if isinstance(value, bytes) else value

    def prepare_cookies(self, cookies):
        """Set the Cookie header, unless it is set."""
        if isinstance(cookies, dict):
            jar = RequestsCookieJar()
            jar.update(cookies)
        else:
            jar = cookies
        self._cookies = jar
        if jar is not None and "Cookie" not in self.headers and (value := header(jar, self.url)):
            self.headers["Cookie"] = value

    def prepare_body(self, data, files, json=None):
        """Set the body and its content type."""
        kind, self.body = None, None
        if files:
            kind, self.body = multipart(_form(data), list(_files(files)))
        elif not data and json is not None:
            kind = "application/json"
            try:
                self.body = _json.dumps(json, allow_nan=False).encode("utf-8")
            except ValueError as exc:
                raise InvalidJSONError(exc, request=self) from None
        elif isinstance(data, (str, bytes, bytearray)):
            self.body = data
            kind = "application/x-www-form-urlencoded" if isinstance(data, str) and data else None
        elif hasattr(data, "read"):
            self.body = data.read()
        elif data and not hasattr(data, "items") and not isinstance(data, (list, tuple)):
            self.body = b"".join(part.encode("utf-8") if isinstance(part, str) else part for part in data)
        elif data:
            kind, self.body = "application/x-www-form-urlencoded", _encoded(data)
        if kind and "Content-Type" not in self.headers:
            self.headers["Content-Type"] = kind
        self.prepare_content_length(self.body)

    def prepare_content_length(self, body):
        """Set Content-Length, which the host sends itself."""
        if body:
            self.headers["Content-Length"] = str(len(body.encode("utf-8") if isinstance(body, str) else body))
        elif self.method not in ("GET", "HEAD") and "Content-Length" not in self.headers:
            self.headers["Content-Length"] = "0"

    def prepare_auth(self, auth, url=""):
        """Sign the request."""
        if auth is None and any(given := get_auth_from_url(str(url))):
            auth = given
        if isinstance(auth, tuple) and len(auth) == 2:
            auth = HTTPBasicAuth(*auth)
        if auth:
            self.__dict__.update(auth(self).__dict__)

    def register_hook(self, event, hook):
        """Have hook called with the response."""
        self.hooks.setdefault(event, []).extend(hook if isinstance(hook, (list, tuple)) else [hook])

    @property
    def path_url(self):
        """Path and query."""
        parts = urlsplit(self.url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def copy(self):
        """A copy."""
        out = PreparedRequest()
        out.__dict__.update(self.__dict__)
        out.headers = self.headers.copy()
        return out

    def __repr__(self):
        return f"<PreparedRequest [{self.method}]>"


class Response:
    """What the system answered. The body is complete when it is here."""

    def __init__(self):
        self.status_code = self.url = self.encoding = self.reason = self.request = self.connection = None
        self.headers, self.history, self.cookies = CaseInsensitiveDict(), [], RequestsCookieJar()
        self.elapsed = datetime.timedelta(0)
        self.raw = io.BytesIO()
        self._content = b""

    @classmethod
    def made(cls, request, status, headers, content):
        """A response of these parts; headers are pairs."""
        out = cls()
        out.request, out.url, out.status_code = request, request.url, status
        for name, value in headers:
            known = out.headers.get(name)
            out.headers[name.title()] = value if known is None else f"{known}, {value}"
        out.reason = _phrases.get(status, "")
        out.encoding = get_encoding_from_headers(out.headers)
        out._content, out.raw = content, io.BytesIO(content)
        return out

    @property
    def content(self):
        """The body, bytes."""
        return self._content

    @property
    def ok(self):
        """Whether the status is below 400."""
        return self.status_code < 400

    __bool__ = ok.fget

    @property
    def is_redirect(self):
        """Whether it leads elsewhere."""
        return "location" in self.headers and self.status_code in REDIRECT_STATI

    @property
    def is_permanent_redirect(self):
        """Whether it leads elsewhere for good."""
        return "location" in self.headers and self.status_code in (301, 308)

    @property
    def apparent_encoding(self):
        """The encoding that the body seems to have."""
        try:
            self.content.decode("utf-8")
        except UnicodeDecodeError:
            return "ISO-8859-1"
        return "utf-8"

    @property
    def text(self):
        """The body as str."""
        try:
            return self.content.decode(self.encoding or self.apparent_encoding, "replace")
        except LookupError:
            return self.content.decode("utf-8", "replace")

    def json(self, **kwargs):
        """The body as objects."""
        try:
            if self.encoding and self.encoding.lower() not in ("utf-8", "iso-8859-1"):
                return _json.loads(self.text, **kwargs)
            return _json.loads(self.content, **kwargs)
        except UnicodeDecodeError:
            return _json.loads(self.text, **kwargs)
        except _json.JSONDecodeError as exc:
            raise JSONDecodeError(exc.msg, exc.doc, exc.pos, response=self) from None

    def iter_content(self, chunk_size=1, decode_unicode=False):
        """The body in pieces."""
        data = self.text if decode_unicode and self.encoding else self.content
        size = chunk_size or max(1, len(data))
        return (data[at : at + size] for at in range(0, len(data), size))

    def __iter__(self):
        return self.iter_content(128)

    def iter_lines(self, chunk_size=ITER_CHUNK_SIZE, decode_unicode=False, delimiter=None):
        """The lines of the body."""
        data = self.text if decode_unicode and self.encoding else self.content
        return iter(data.split(delimiter) if delimiter else data.splitlines())

    def raise_for_status(self):
        """Raise HTTPError if the status is 400 or above."""
        if self.status_code >= 400:
            side = "Client" if self.status_code < 500 else "Server"
            raise HTTPError(f"{self.status_code} {side} Error: {self.reason} for url: {self.url}", response=self)

    @property
    def links(self):
        """The links of the Link header, by their rel or URL."""
        return {link.get("rel") or link.get("url"): link for link in parse_header_links(self.headers.get("link", ""))}

    @property
    def next(self):
        """The request that follows a redirect, if it was not followed."""
        return getattr(self, "_next", None)

    def close(self):
        """Nothing: the body is here."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __repr__(self):
        return f"<Response [{self.status_code}]>"


def check_header(name, value):
    """Raise InvalidHeader unless name and value make a header."""
    if not isinstance(value, (str, bytes)):
        raise InvalidHeader(f"Header part ({value!r}) from ({name!r}, {value!r}) must be of type str or bytes, not {type(value)}")
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if not name or any(c in name for c in "\r\n: ") or any(c in text for c in "\r\n") or text[:1].isspace():
        raise InvalidHeader(f"Invalid leading whitespace, reserved character(s), or return character(s) in header: {name!r}")


def _split(url):
    try:
        parts = urlsplit(url)
        _ = parts.port
        return parts
    except ValueError as exc:
        raise InvalidURL(f"Invalid URL {url!r}: {exc}") from None


def _encoded(values):
    """Pairs as a query or a form."""
    if isinstance(values, bytes):
        return values.decode("utf-8")
    if isinstance(values, str) or not values:
        return values or ""
    out = []
    for name, value in to_key_val_list(values):
        for one in value if isinstance(value, (list, tuple, set)) else (value,):
            if one is not None:
                out.append((name, one))
    return urlencode(out)


def _form(data):
    for name, value in to_key_val_list(data) or () if not isinstance(data, (str, bytes)) else ():
        for one in value if isinstance(value, (list, tuple)) else (value,):
            if one is not None:
                yield name, one


def _files(files):
    """Pairs of name and (file name, content, content type)."""
    for name, given in to_key_val_list(files):
        file_name, kind = None, None
        if isinstance(given, (list, tuple)):
            file_name, content, *rest = given
            kind = rest[0] if rest else None
        else:
            content = given
            file_name = getattr(given, "name", None) or name
            file_name = str(file_name).rpartition("/")[2]
        yield name, (file_name, content.read() if hasattr(content, "read") else content, kind)
