"""How a call came: the channel, who called, and what a web server would say of it."""

import io

#: What Zato calls the channels of the ABI.
TYPES = {"http": "http-soap", "async": "invoke-async", "control": "service"}


#: What Zato calls the types of security definitions.
SECURITY = {"basic": "basic_auth", "api-key": "apikey"}


class Security:
    """Who authenticated, and by which security definition; empty if nobody had to."""

    __slots__ = ("id", "name", "type", "username")

    def __init__(self, envelope):
        name = envelope.get("security-name", "")
        #: The definition's name, which is also its id.
        self.id = self.name = name
        #: The definition's type: basic_auth or apikey.
        kind = envelope.get("security-type", "")
        self.type = SECURITY.get(kind, kind)
        #: Who called.
        self.username = envelope.get("principal", "")

    def __bool__(self):
        return bool(self.name or self.username)

    def to_dict(self, needs_impl=False):
        """The same as a dict."""
        return {"id": self.id, "name": self.name, "type": self.type, "username": self.username}


class Channel:
    """How the call came."""

    __slots__ = ("_envelope", "_security", "name", "type")

    #: Channels of the platform itself do not call services of tenants.
    is_internal = False

    def __init__(self, envelope):
        self._envelope = envelope
        self._security = None
        #: The channel's name if it was configured, else the route that matched.
        self.name = envelope.get("channel-name") or envelope.get("route", "")
        kind = envelope.get("channel", "")
        #: The kind: http-soap, invoke, invoke-async, scheduler or service.
        self.type = TYPES.get(kind, kind)

    @property
    def id(self):
        """The same as name."""
        return self.name

    @property
    def data_format(self):
        """The channel's data format, such as json; '' if it has none."""
        return self._envelope.get("data-format", "")

    @property
    def security(self):
        """Who called."""
        if self._security is None:
            self._security = Security(self._envelope)
        return self._security

    sec = security


def wsgi_environ(envelope, body, response):
    """What a WSGI server (PEP 3333) would say of the call: a dict, empty unless it came over HTTP."""
    method = envelope.get("method")
    if not method:
        return {}
    host, _, port = envelope.get("host", "").rpartition(":")
    if not port.isdigit():
        host, port = envelope.get("host", ""), "443" if envelope.get("header.x-forwarded-proto") == "https" else "80"
    path, query = envelope.get("path", ""), envelope.get("raw-query", "")
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "RAW_URI": f"{path}?{query}" if query else path,
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_SOFTWARE": "serai",
        "REMOTE_ADDR": envelope.get("remote-addr", ""),
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": envelope.get("header.content-type", ""),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": envelope.get("header.x-forwarded-proto", "http"),
        "wsgi.input": io.BytesIO(body),
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": True,
        "zato.http.remote_addr": envelope.get("remote-addr", ""),
        "zato.http.path_params": envelope.map("param."),
        "zato.http.GET": envelope.map("query."),
        "zato.http.response.headers": response.headers,
        "zato.request_ctx.cid": envelope.get("cid", ""),
    }
    for name, value in envelope.map("header.", ", ").items():
        if name not in ("content-type", "content-length"):
            environ["HTTP_" + name.upper().replace("-", "_")] = value
    return environ
