"""Exceptions that answer the client with an HTTP status.

A service raises one to end its call with that answer, a problem document
(RFC 9457). Unlike any other exception it is no failure of the service.

Both ``NotFound('no such user')`` and ``NotFound(self.cid, 'no such user')``
are accepted.
"""

from http import HTTPStatus


class HTTPError(Exception):
    """Ends the call with ``status``. ``detail`` is shown to the client."""

    status = 500

    def __init__(self, *args, status=None, headers=None):
        super().__init__(*args)
        if status is not None:
            self.status = int(status)
        self.detail = str(args[-1]) if args else ""
        self.headers = dict(headers or {})

    @property
    def title(self):
        """The standard phrase of the status."""
        try:
            return HTTPStatus(self.status).phrase
        except ValueError:
            return "Error"


class BadRequest(HTTPError):
    """400: the request is wrong; the detail says what about it."""

    status = 400


class Unauthorized(HTTPError):
    """401: the client has to say who it is."""

    status = 401


class Forbidden(HTTPError):
    """403: the client may not do this."""

    status = 403


class NotFound(HTTPError):
    """404: what the client asks for does not exist."""

    status = 404


class MethodNotAllowed(HTTPError):
    """405: not with this HTTP method."""

    status = 405


class Conflict(HTTPError):
    """409: the state does not allow it."""

    status = 409


class TooManyRequests(HTTPError):
    """429: the client has to slow down."""

    status = 429


class InternalServerError(HTTPError):
    """500: it is not the client's fault."""

    status = 500


class ServiceUnavailable(HTTPError):
    """503: try again later."""

    status = 503
