"""Exceptions that answer the client with an HTTP status.

A service raises one to end its call with that answer, a problem document
(RFC 9457). Unlike any other exception it is no failure of the service.

``NotFound('no such user')`` and ``NotFound(self.cid, 'no such user')`` are the same.
"""

from functools import cached_property
from http import HTTPStatus


class ZatoException(Exception):
    """What services written for Zato raise and catch: a message, after the id of the call.

    It is a failure of the service like any exception, unless it is an :class:`HTTPError`.
    """

    def __init__(self, cid=None, msg=None):
        super().__init__(*(() if msg is None else (msg,)))
        #: Correlation id of the call, if it was given.
        self.cid = cid
        #: The message.
        self.msg = msg

    def __str__(self):
        return "" if self.msg is None else str(self.msg)


class HTTPError(ZatoException):
    """Ends the call with ``status``. The message is shown to the client.

    It is called as ``HTTPError(msg)``, ``HTTPError(cid, msg)`` or ``HTTPError(cid, msg, status)``.
    A message that is a list has one text for each thing that is wrong.
    """

    #: The HTTP status of the answer.
    status = 500

    def __init__(self, *args, cid=None, msg=None, status=None, headers=None):
        if args and msg is None:
            if len(args) == 1:
                msg = args[0]
            else:
                cid, msg = args[:2]
        elif args:
            cid = args[0]
        super().__init__(cid, msg)
        if status is None and len(args) > 2 and isinstance(args[2], int):
            status = args[2]
        if status is not None:
            self.status = int(status)
        #: Header fields of the answer.
        self.headers = dict(headers or {})
        #: The texts of what is wrong, one for each thing.
        self.details = [str(one) for one in msg] if isinstance(msg, (list, tuple)) else [str(msg)] if msg else []

    @property
    def detail(self):
        """What is wrong, as one text."""
        return "; ".join(map(str, self.msg)) if isinstance(self.msg, (list, tuple)) else super().__str__()

    @property
    def title(self):
        """The standard phrase of the status."""
        try:
            return HTTPStatus(self.status).phrase
        except ValueError:
            return "Error"

    @cached_property
    def reason(self):
        """The same as title."""
        return self.title

    def problem(self, cid):
        """The problem document, with the members that clients of Zato's APIs know."""
        document = {"type": "about:blank", "title": self.title, "status": self.status}
        if detail := self.detail:
            document["detail"] = detail
        return {**document, "cid": cid, "result": "Error", "details": self.details or [self.title]}

    def __str__(self):
        return self.detail


class BadRequest(HTTPError):
    """400: the request is wrong; the detail says what about it."""

    status = 400


class Unauthorized(HTTPError):
    """401: the client has to say who it is. ``challenge`` is the header WWW-Authenticate."""

    status = 401

    def __init__(self, *args, challenge=None, **kwargs):
        super().__init__(*args, **kwargs)
        #: What the client is told of how to authenticate.
        self.challenge = challenge if challenge or len(args) < 3 else args[2]
        if self.challenge:
            self.headers.setdefault("WWW-Authenticate", self.challenge)


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
