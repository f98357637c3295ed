"""What users of requests take from urllib3: warnings, errors and Retry. Its
pools connect by themselves, which a service cannot."""

from urllib3 import exceptions, util
from urllib3.util.retry import Retry
from urllib3.util.timeout import Timeout

__all__ = ["PoolManager", "Retry", "Timeout", "disable_warnings", "exceptions", "util"]
__version__ = "2.5.0"


def disable_warnings(category=None):
    """Nothing: the host checks certificates as the connection says."""


class PoolManager:
    """Not available: use requests, whose requests the host sends."""

    def __init__(self, *args, **kwargs):
        raise NotImplementedError("urllib3's pools open sockets, which a Serai service does not have: use requests or self.out.rest[...]")


HTTPConnectionPool = HTTPSConnectionPool = PoolManager
