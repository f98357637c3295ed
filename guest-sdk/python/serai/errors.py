"""Errors of operations on the host, one class for each code of the ABI.

They say why an operation that a service asked for did not happen: no grant, no
such key, a remote system that is down. To answer a client with an HTTP error,
raise one of :mod:`serai.exception` instead.
"""


class Error(Exception):
    """An operation on the host failed. ``code`` is the ABI's number for why."""

    code = 13


class Failed(Error):
    """The service that was invoked failed."""

    code = 1


class Invalid(Error, ValueError):
    """An argument is malformed."""

    code = 2


class Denied(Error, PermissionError):
    """The service has no grant for this, or a policy forbids it."""

    code = 3


class NotFound(Error, LookupError):
    """There is no such key, service or connection."""

    code = 4


class Conflict(Error):
    """The state is not the one that the operation expected."""

    code = 5


class TooLarge(Error):
    """Something is over a size limit."""

    code = 6


class Timeout(Error, TimeoutError):
    """A deadline passed."""

    code = 7


class Unavailable(Error, ConnectionError):
    """The other side cannot be reached now; try again later."""

    code = 8


class Limit(Error):
    """A quota or a limit of the call is used up."""

    code = 9


class Remote(Error):
    """The remote system answered with an error."""

    code = 10


class Cancelled(Error):
    """The caller went away."""

    code = 11


class Unsupported(Error, NotImplementedError):
    """The host does not have this operation."""

    code = 12


class Internal(Error):
    """A fault of the host; its log has the details."""

    code = 13


#: The classes in the order of their codes; index 0 is never raised.
BY_CODE = (
    Internal, Failed, Invalid, Denied, NotFound, Conflict, TooLarge,
    Timeout, Unavailable, Limit, Remote, Cancelled, Unsupported, Internal,
)
