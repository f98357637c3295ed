"""Exceptions; those with an HTTP status end the call with it."""

from http import HTTPStatus

from serai.exception import (
    BadRequest, Conflict, Forbidden, HTTPError, InternalServerError, MethodNotAllowed, NotFound, ServiceUnavailable, TooManyRequests,
    Unauthorized, ZatoException,
)

StatusAwareException = HTTPException = Reportable = ClientHTTPError = HTTPError

#: The phrases of HTTP statuses.
HTTP_RESPONSES = {int(status): status.phrase for status in HTTPStatus}
TOO_MANY_REQUESTS = 429


class ClientSecurityException(ZatoException):
    """A client's credentials are wrong."""


class ConnectionException(ZatoException):
    """A remote system cannot be used."""


class TimeoutException(ConnectionException):
    """A remote system took too long."""


class ParsingException(ZatoException):
    """A document cannot be read."""


class RuntimeInvocationError(ZatoException):
    """A service that was invoked failed."""


class BackendInvocationError(ZatoException):
    """A remote system that was invoked failed."""


class ServiceMissingException(ZatoException):
    """There is no such service."""


class NoDistributionFound(ZatoException):
    """There is no package at a path."""

    def __init__(self, path):
        super().__init__(None, f"there is no package at {path}")


class Inactive(ZatoException):
    """A connection or channel is not active."""

    def __init__(self, name):
        super().__init__(None, f"{name} is not active")


__all__ = [
    "HTTP_RESPONSES", "TOO_MANY_REQUESTS", "BackendInvocationError", "BadRequest", "ClientHTTPError", "ClientSecurityException", "Conflict",
    "ConnectionException", "Forbidden", "HTTPException", "Inactive", "InternalServerError", "MethodNotAllowed", "NoDistributionFound",
    "NotFound", "ParsingException", "Reportable", "RuntimeInvocationError", "ServiceMissingException", "ServiceUnavailable",
    "StatusAwareException", "TimeoutException", "TooManyRequests", "Unauthorized", "ZatoException",
]
