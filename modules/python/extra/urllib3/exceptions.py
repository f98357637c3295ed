"""Names of errors and warnings that callers catch or silence."""


class HTTPError(Exception):
    """The base of errors."""


class MaxRetryError(HTTPError):
    """Not raised: requests raises its own."""


class NewConnectionError(HTTPError):
    """Not raised: requests raises its own."""


class ReadTimeoutError(HTTPError):
    """Not raised: requests raises its own."""


class ConnectTimeoutError(HTTPError):
    """Not raised: requests raises its own."""


class ProtocolError(HTTPError):
    """Not raised: requests raises its own."""


class HTTPWarning(Warning):
    """The base of warnings."""


class SecurityWarning(HTTPWarning):
    """The base of warnings about security."""


class InsecureRequestWarning(SecurityWarning):
    """Not issued: the connection decides on certificates."""


class InsecurePlatformWarning(SecurityWarning):
    """Not issued."""


class SubjectAltNameWarning(SecurityWarning):
    """Not issued."""
