"""Cookies of sessions and responses."""

import http.cookiejar
from email.message import Message
from urllib.request import Request


class RequestsCookieJar(http.cookiejar.CookieJar):
    """A cookie jar that is a mapping of names to values, too."""

    def get(self, name, default=None, domain=None, path=None):
        """The value of a cookie."""
        for cookie in self:
            if cookie.name == name and domain in (None, cookie.domain) and path in (None, cookie.path):
                return cookie.value
        return default

    def set(self, name, value, **kwargs):
        """Set a cookie; None as its value removes it."""
        if value is None:
            for cookie in [c for c in self if c.name == name]:
                self.clear(cookie.domain, cookie.path, cookie.name)
            return None
        cookie = value if isinstance(value, http.cookiejar.Cookie) else create_cookie(name, value, **kwargs)
        self.set_cookie(cookie)
        return cookie

    def __getitem__(self, name):
        missing = object()
        value = self.get(name, missing)
        if value is missing:
            raise KeyError(name)
        return value

    def __setitem__(self, name, value):
        self.set(name, value)

    def __delitem__(self, name):
        self.set(name, None)

    def __contains__(self, name):
        return self.get(name, self) is not self

    def keys(self):
        """The names."""
        return [cookie.name for cookie in self]

    def values(self):
        """The values."""
        return [cookie.value for cookie in self]

    def items(self):
        """Pairs of name and value."""
        return [(cookie.name, cookie.value) for cookie in self]

    def get_dict(self, domain=None, path=None):
        """A dict of the cookies."""
        return {c.name: c.value for c in self if domain in (None, c.domain) and path in (None, c.path)}

    def update(self, other):
        """Add the cookies of a jar or a mapping."""
        if isinstance(other, http.cookiejar.CookieJar):
            for cookie in other:
                self.set_cookie(cookie)
        else:
            for name, value in other.items():
                self.set(name, value)

    def copy(self):
        """A copy."""
        out = RequestsCookieJar()
        out.update(self)
        return out


def create_cookie(name, value, domain="", path="/", secure=False, expires=None, rest=None, **_):
    """A cookie; without a domain it goes to every host."""
    return http.cookiejar.Cookie(
        version=0, name=name, value=value, port=None, port_specified=False, domain=domain, domain_specified=bool(domain),
        domain_initial_dot=domain.startswith("."), path=path, path_specified=True, secure=secure, expires=expires,
        discard=expires is None, comment=None, comment_url=None, rest=rest or {"HttpOnly": None},
    )


def cookiejar_from_dict(values, cookiejar=None, overwrite=True):
    """A jar with the cookies of a dict."""
    jar = RequestsCookieJar() if cookiejar is None else cookiejar
    for name, value in (values or {}).items():
        if overwrite or name not in jar.keys():
            jar.set_cookie(create_cookie(name, value))
    return jar


def merge_cookies(jar, cookies):
    """Add a dict's or a jar's cookies to a jar."""
    if isinstance(cookies, dict):
        return cookiejar_from_dict(cookies, jar)
    for cookie in cookies or ():
        jar.set_cookie(cookie)
    return jar


def header(jar, url):
    """The Cookie header that a jar has for a URL, or None."""
    request = Request(url)
    jar.add_cookie_header(request)
    return request.get_header("Cookie")


def extract(jar, url, lines):
    """Put what the Set-Cookie lines of a response say into a jar."""
    if not lines:
        return
    message = Message()
    for line in lines:
        message["Set-Cookie"] = line
    jar.extract_cookies(_Answer(message), Request(url))


class _Answer:
    def __init__(self, message):
        self._message = message

    def info(self):
        return self._message
