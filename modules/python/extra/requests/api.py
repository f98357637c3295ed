"""One function for each method."""

from requests.sessions import Session


def request(method, url, **kwargs):
    """Send a request; the arguments are those of Session.request."""
    with Session() as session:
        return session.request(method, url, **kwargs)


def get(url, params=None, **kwargs):
    """Send GET."""
    return request("GET", url, params=params, **kwargs)


def options(url, **kwargs):
    """Send OPTIONS."""
    return request("OPTIONS", url, **kwargs)


def head(url, **kwargs):
    """Send HEAD; a redirect is the response unless allow_redirects is set."""
    kwargs.setdefault("allow_redirects", False)
    return request("HEAD", url, **kwargs)


def post(url, data=None, json=None, **kwargs):
    """Send POST."""
    return request("POST", url, data=data, json=json, **kwargs)


def put(url, data=None, **kwargs):
    """Send PUT."""
    return request("PUT", url, data=data, **kwargs)


def patch(url, data=None, **kwargs):
    """Send PATCH."""
    return request("PATCH", url, data=data, **kwargs)


def delete(url, **kwargs):
    """Send DELETE."""
    return request("DELETE", url, **kwargs)
