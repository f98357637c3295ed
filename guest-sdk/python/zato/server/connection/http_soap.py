"""Exceptions that answer with an HTTP status, where older services import them."""

from zato.common.exception import (
    BadRequest, ClientHTTPError, Conflict, Forbidden, InternalServerError, MethodNotAllowed, NotFound, ServiceUnavailable,
    TooManyRequests, Unauthorized,
)

__all__ = [
    "BadRequest", "ClientHTTPError", "Conflict", "Forbidden", "InternalServerError", "MethodNotAllowed", "NotFound", "ServiceUnavailable",
    "TooManyRequests", "Unauthorized",
]
