"""A stand-in for sockets: importing works, opening one says what to use
instead. Conversions of addresses, which need no network, work."""

import errno as _errno

_WHY = "sockets are not available in a Serai service: use self.out.rest[...] or another connection; the host connects"

AF_UNSPEC, AF_UNIX, AF_INET, AF_INET6 = 0, 1, 2, 10
SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_NONBLOCK, SOCK_CLOEXEC = 1, 2, 3, 0x800, 0x80000
SOL_SOCKET, SO_REUSEADDR, SO_TYPE, SO_ERROR, SO_BROADCAST, SO_SNDBUF, SO_RCVBUF, SO_KEEPALIVE, SO_LINGER = 1, 2, 3, 4, 6, 7, 8, 9, 13
SO_REUSEPORT, SO_RCVTIMEO, SO_SNDTIMEO = 15, 20, 21
SOMAXCONN = 4096
IPPROTO_IP, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_IPV6, IPPROTO_RAW = 0, 1, 6, 17, 41, 255
TCP_NODELAY, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_USER_TIMEOUT = 1, 4, 5, 6, 18
IPV6_V6ONLY = 26
MSG_OOB, MSG_PEEK, MSG_DONTWAIT, MSG_WAITALL, MSG_NOSIGNAL = 1, 2, 0x40, 0x100, 0x4000
SHUT_RD, SHUT_WR, SHUT_RDWR = 0, 1, 2
AI_PASSIVE, AI_CANONNAME, AI_NUMERICHOST, AI_ADDRCONFIG, AI_NUMERICSERV = 1, 2, 4, 0x20, 0x400
NI_NUMERICHOST, NI_NUMERICSERV, NI_NAMEREQD, NI_DGRAM = 1, 2, 8, 16
NI_MAXHOST, NI_MAXSERV = 1025, 32
EAI_AGAIN, EAI_BADFLAGS, EAI_FAIL, EAI_FAMILY, EAI_NONAME, EAI_SERVICE, EAI_SOCKTYPE = -3, -1, -4, -6, -2, -8, -7
INADDR_ANY, INADDR_BROADCAST, INADDR_LOOPBACK, INADDR_NONE = 0, 0xFFFFFFFF, 0x7F000001, 0xFFFFFFFF
has_ipv6 = True

error = OSError
timeout = TimeoutError


class herror(OSError):
    """An address could not be found."""


class gaierror(OSError):
    """A name could not be resolved."""


def _refuse(*args, **kwargs):
    """Not available in a Serai service."""
    raise OSError(_errno.ENOTSUP, _WHY)


class socket:
    """A socket, which cannot be opened."""

    __slots__ = ()

    def __init__(self, family=-1, type=-1, proto=-1, fileno=None):
        _refuse()

    accept = bind = close = connect = connect_ex = detach = fileno = getpeername = getsockname = getsockopt = _refuse
    listen = recv = recv_into = recvfrom = recvfrom_into = send = sendall = sendto = setblocking = getblocking = _refuse
    settimeout = gettimeout = setsockopt = shutdown = _refuse
    family = type = proto = timeout = property(_refuse)


SocketType = socket
getaddrinfo = gethostbyname = gethostbyname_ex = gethostbyaddr = getnameinfo = socketpair = dup = close = _refuse
sethostname = if_nameindex = if_nametoindex = if_indextoname = _refuse
CAPI = None
_timeout = None


def getdefaulttimeout():
    """The default timeout, which nothing uses."""
    return _timeout


def setdefaulttimeout(value):
    """Set the default timeout, which nothing uses."""
    global _timeout
    _timeout = value


def gethostname():
    """The name of this machine."""
    return "serai"


_SERVICES = {"http": 80, "https": 443, "ftp": 21, "ssh": 22, "smtp": 25, "domain": 53, "pop3": 110, "imap": 143, "ldap": 389}


def getservbyname(name, protocol=None):
    """The port of a well-known service."""
    try:
        return _SERVICES[name]
    except KeyError:
        raise OSError("service/proto not found") from None


def getservbyport(port, protocol=None):
    """The well-known service of a port."""
    for name, number in _SERVICES.items():
        if number == port:
            return name
    raise OSError("port/proto not found")


def getprotobyname(name):
    """The number of a protocol."""
    try:
        return {"ip": 0, "icmp": 1, "tcp": 6, "udp": 17, "ipv6": 41}[name]
    except KeyError:
        raise OSError("protocol not found") from None


def htons(x):
    """Network byte order of 16 bits."""
    return int.from_bytes(x.to_bytes(2, "little"), "big")


def htonl(x):
    """Network byte order of 32 bits."""
    return int.from_bytes(x.to_bytes(4, "little"), "big")


ntohs, ntohl = htons, htonl


def inet_aton(text):
    """The 4 bytes of an IPv4 address."""
    parts = [int(p, 0) for p in text.split(".")] if text.replace(".", "").isalnum() else []
    if not 1 <= len(parts) <= 4 or any(not 0 <= p <= 255 for p in parts[:-1]):
        raise OSError("illegal IP address string passed to inet_aton")
    last = parts.pop()
    try:
        return bytes(parts) + last.to_bytes(4 - len(parts), "big")
    except OverflowError:
        raise OSError("illegal IP address string passed to inet_aton") from None


def inet_ntoa(packed):
    """The text of an IPv4 address."""
    if len(packed) != 4:
        raise OSError("packed IP wrong length")
    return ".".join(map(str, packed))


def inet_pton(family, text):
    """The bytes of an address."""
    import ipaddress

    try:
        return (ipaddress.IPv4Address if family == AF_INET else ipaddress.IPv6Address)(text).packed
    except ValueError:
        raise OSError("illegal IP address string passed to inet_pton") from None


def inet_ntop(family, packed):
    """The text of an address."""
    import ipaddress

    return str((ipaddress.IPv4Address if family == AF_INET else ipaddress.IPv6Address)(bytes(packed)))
