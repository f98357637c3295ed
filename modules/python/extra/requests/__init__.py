"""The interface of the requests library, over the host's connections.

A URL is sent through the connection whose base_url covers it and that the
service is granted; the host connects, checks certificates, keeps credentials
and bounds time and size. Where no connection covers a URL, ConnectionError
says how to make one. What is about sockets, such as verify, cert, proxies and
stream, is accepted and changes nothing.
"""

from requests import adapters, auth, cookies, exceptions, models, sessions, structures, utils
from requests.api import delete, get, head, options, patch, post, put, request
from requests.exceptions import (
    ConnectionError, ConnectTimeout, HTTPError, JSONDecodeError, ReadTimeout, RequestException, Timeout, TooManyRedirects,
    URLRequired,
)
from requests.models import PreparedRequest, Request, Response
from requests.sessions import Session, session
from requests.status_codes import codes

__all__ = [
    "ConnectTimeout", "ConnectionError", "HTTPError", "JSONDecodeError", "PreparedRequest", "ReadTimeout", "Request",
    "RequestException", "Response", "Session", "Timeout", "TooManyRedirects", "URLRequired", "adapters", "auth", "codes",
    "cookies", "delete", "exceptions", "get", "head", "models", "options", "packages", "patch", "post", "put", "request",
    "session", "sessions", "structures", "utils",
]
#: The version of requests whose interface this is.
__version__ = "2.32.4"

from requests import packages
