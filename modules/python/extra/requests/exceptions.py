"""What goes wrong with a request, in the hierarchy that callers know."""

import json


class RequestException(OSError):
    """A request failed."""

    def __init__(self, *args, **kwargs):
        self.response = kwargs.pop("response", None)
        self.request = kwargs.pop("request", None) or getattr(self.response, "request", None)
        super().__init__(*args, **kwargs)


class InvalidJSONError(RequestException):
    """Something is not JSON."""


class JSONDecodeError(InvalidJSONError, json.JSONDecodeError):
    """A response is not JSON."""

    def __init__(self, *args, **kwargs):
        json.JSONDecodeError.__init__(self, *args)
        InvalidJSONError.__init__(self, *self.args, **kwargs)

    def __reduce__(self):
        return json.JSONDecodeError.__reduce__(self)


class HTTPError(RequestException):
    """A status of 400 or above, by raise_for_status."""


class ConnectionError(RequestException):
    """The system cannot be reached, or no connection leads to it."""


class ProxyError(ConnectionError):
    """Not raised: the host uses no proxy."""


class SSLError(ConnectionError):
    """The system's certificate is not trusted."""


class Timeout(RequestException):
    """The system did not answer in time."""


class ConnectTimeout(ConnectionError, Timeout):
    """Not raised: the host has one timeout for connecting and reading."""


class ReadTimeout(Timeout):
    """The system did not answer in time."""


class URLRequired(RequestException):
    """A URL is missing."""


class TooManyRedirects(RequestException):
    """There are more redirects than the session allows."""


class MissingSchema(RequestException, ValueError):
    """The URL begins with neither http:// nor https://."""


class InvalidSchema(RequestException, ValueError):
    """The URL is of another scheme than http and https."""


class InvalidURL(RequestException, ValueError):
    """The URL is none."""


class InvalidProxyURL(InvalidURL):
    """Not raised: the host uses no proxy."""


class InvalidHeader(RequestException, ValueError):
    """A header is none."""


class ChunkedEncodingError(RequestException):
    """Not raised: a response is complete when it is here."""


class ContentDecodingError(RequestException):
    """A response cannot be decoded."""


class StreamConsumedError(RequestException, TypeError):
    """Not raised: a response can be read again."""


class RetryError(RequestException):
    """Retries are used up."""


class UnrewindableBodyError(RequestException):
    """Not raised: a body is read once and kept."""


class RequestsWarning(Warning):
    """The base of warnings."""


class FileModeWarning(RequestsWarning, DeprecationWarning):
    """Not raised."""


class RequestsDependencyWarning(RequestsWarning):
    """Not raised."""
