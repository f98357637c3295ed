"""Ways to authenticate. A connection with credentials of its own needs none."""

from serai.http import basic


class AuthBase:
    """The base of what signs a request: called with it, returns it."""

    def __call__(self, r):
        raise NotImplementedError("Auth hooks must be callable.")


class HTTPBasicAuth(AuthBase):
    """User and password (RFC 7617)."""

    def __init__(self, username, password):
        self.username, self.password = username, password

    def __eq__(self, other):
        return (self.username, self.password) == (getattr(other, "username", None), getattr(other, "password", None))

    def __call__(self, r):
        r.headers["Authorization"] = basic(self.username, self.password)
        return r


class HTTPProxyAuth(HTTPBasicAuth):
    """Accepted and unused: the host uses no proxy."""

    def __call__(self, r):
        return r


class HTTPDigestAuth(AuthBase):
    """Not available: digest answers a challenge of the socket's other side."""

    def __init__(self, username, password):
        raise NotImplementedError("HTTPDigestAuth is not available in a Serai service: use Basic Auth or a token, best of the connection itself")
