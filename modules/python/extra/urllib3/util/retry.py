"""When a request is sent again."""


class Retry:
    """How often, after which statuses and with which methods a request is
    sent again, and how long to wait before."""

    DEFAULT_ALLOWED_METHODS = frozenset(("HEAD", "GET", "PUT", "DELETE", "OPTIONS", "TRACE"))
    DEFAULT_BACKOFF_MAX = 120

    def __init__(self, total=10, connect=None, read=None, redirect=None, status=None, other=None, allowed_methods=DEFAULT_ALLOWED_METHODS,
                 status_forcelist=None, backoff_factor=0, backoff_max=DEFAULT_BACKOFF_MAX, raise_on_redirect=True, raise_on_status=True,
                 history=None, respect_retry_after_header=True, remove_headers_on_redirect=(), backoff_jitter=0.0, method_whitelist=None):
        self.total, self.connect, self.read, self.status = total, connect, read, status
        self.allowed_methods = allowed_methods if method_whitelist is None else method_whitelist
        self.status_forcelist = frozenset(status_forcelist or ())
        self.backoff_factor, self.backoff_max, self.raise_on_status = backoff_factor, backoff_max, raise_on_status

    @classmethod
    def from_int(cls, retries):
        """A Retry as it is, or one of so many retries of unreached systems."""
        return retries if isinstance(retries, cls) else cls(total=retries or 0)

    def attempts(self):
        """How often a request is sent again at most."""
        counts = [n for n in (self.total, self.connect, self.read, self.status) if n is not None and n is not False]
        return max(0, self.total if self.total not in (None, False) else max(counts, default=0))

    def repeats(self, method):
        """Whether a request of that method may be sent again."""
        return not self.allowed_methods or method.upper() in self.allowed_methods

    def is_retry(self, method, status_code, has_retry_after=False):
        """Whether a status makes a request be sent again."""
        return self.repeats(method) and status_code in self.status_forcelist

    def backoff(self, attempt):
        """Seconds to wait after an attempt, the first of which is 0."""
        return min(self.backoff_max, self.backoff_factor * 2**attempt) if attempt else 0
