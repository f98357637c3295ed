"""How a request gets to the host."""

import datetime
import time

from requests import exceptions
from requests.cookies import extract
from requests.models import Response
from serai import errors, http
from urllib3.util.retry import Retry

DEFAULT_POOLSIZE = 10
DEFAULT_RETRIES = 0


class BaseAdapter:
    """What sends prepared requests."""

    def send(self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None):
        """Send a request; the response."""
        raise NotImplementedError

    def close(self):
        """Release what is held."""
        raise NotImplementedError


class HTTPAdapter(BaseAdapter):
    """Sends through the connection that covers the URL. The host keeps the
    sockets, so the sizes of pools change nothing; max_retries is obeyed."""

    def __init__(self, pool_connections=DEFAULT_POOLSIZE, pool_maxsize=DEFAULT_POOLSIZE, max_retries=DEFAULT_RETRIES, pool_block=False):
        self.max_retries = Retry.from_int(max_retries)

    def send(self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None, redirects=False):
        """Send a request; the response, be it a redirect. With redirects the
        host follows them as the connection allows."""
        retries, start = self.max_retries, time.monotonic()
        for attempt in range(1 + retries.attempts()):
            last = attempt == retries.attempts()
            try:
                response = self._once(request, timeout, redirects)
                if last or not retries.is_retry(request.method, response.status_code):
                    break
            except errors.Error as exc:
                if last or not isinstance(exc, (errors.Timeout, errors.Unavailable)) or not retries.repeats(request.method):
                    raise failure(exc, request) from exc
            time.sleep(retries.backoff(attempt))
        if last and attempt and retries.raise_on_status and retries.is_retry(request.method, response.status_code):
            raise exceptions.RetryError(f"too many {response.status_code} responses of {request.url}", request=request, response=response)
        response.elapsed = datetime.timedelta(seconds=time.monotonic() - start)
        response.connection = self
        return response

    def _once(self, request, timeout, redirects):
        if isinstance(timeout, (tuple, list)):
            timeout = next((one for one in reversed(timeout) if one is not None), None)
        elif timeout is not None and not isinstance(timeout, (int, float)):
            timeout = getattr(timeout, "total", None) or getattr(timeout, "read_timeout", None)
        envelope, body = http.send(request.method, url=request.url, headers=request.headers, body=request.body or None,
                                   timeout=timeout, redirects=redirects)
        pairs = envelope.pairs("header.")
        response = Response.made(request, int(envelope.get("status", "200")), pairs, body)
        extract(response.cookies, request.url, [value for name, value in pairs if name == "set-cookie"])
        return response

    def close(self):
        """Nothing: the host keeps the sockets."""


def failure(exc, request):
    """The exception that callers of requests expect for one of the host."""
    message = str(exc)
    if isinstance(exc, errors.Timeout):
        kind = exceptions.ReadTimeout
    elif isinstance(exc, errors.Invalid):
        kind = exceptions.InvalidHeader if "HTTP header" in message else exceptions.InvalidURL if "url" in message else exceptions.RequestException
    elif isinstance(exc, errors.Denied) and "covers" in message:
        kind, base = exceptions.ConnectionError, "/".join(request.url.split("/", 3)[:3])
        message += f""", such as: serai connection set NAME --config '{{"base_url": "{base}"}}'"""
    elif isinstance(exc, errors.Remote) and "certificate" in message:
        kind = exceptions.SSLError
    elif isinstance(exc, (errors.Denied, errors.NotFound, errors.Unavailable, errors.Remote)):
        kind = exceptions.ConnectionError
    elif isinstance(exc, errors.TooLarge):
        kind = exceptions.ContentDecodingError
    else:
        kind = exceptions.RequestException
    return kind(message, request=request)
