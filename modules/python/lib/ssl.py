"""A stand-in for ssl: importing it works, using it says what to use instead.

TLS ends on the host: a connection holds certificates and checks them, and
self.out.rest[...] uses it.
"""

import enum as _enum

_WHY = "ssl is not available in a Serai service: use self.out.rest[...]; TLS is done by the host"


class SSLError(OSError):
    """What TLS would raise."""

    library = reason = None


class SSLZeroReturnError(SSLError):
    """The connection was closed."""


class SSLWantReadError(SSLError):
    """More has to be read."""


class SSLWantWriteError(SSLError):
    """More has to be written."""


class SSLSyscallError(SSLError):
    """A system error."""


class SSLEOFError(SSLError):
    """The connection ended abruptly."""


class SSLCertVerificationError(SSLError, ValueError):
    """A certificate is not trusted."""


CertificateError = SSLCertVerificationError
socket_error = OSError


class TLSVersion(_enum.IntEnum):
    """Versions of TLS."""

    MINIMUM_SUPPORTED = -2
    SSLv3 = 768
    TLSv1 = 769
    TLSv1_1 = 770
    TLSv1_2 = 771
    TLSv1_3 = 772
    MAXIMUM_SUPPORTED = -1


class VerifyMode(_enum.IntEnum):
    """Whether certificates are required."""

    CERT_NONE = 0
    CERT_OPTIONAL = 1
    CERT_REQUIRED = 2


class VerifyFlags(_enum.IntFlag):
    """How certificates are checked."""

    VERIFY_DEFAULT = 0
    VERIFY_CRL_CHECK_LEAF = 4
    VERIFY_CRL_CHECK_CHAIN = 12
    VERIFY_X509_STRICT = 32
    VERIFY_X509_PARTIAL_CHAIN = 524288
    VERIFY_X509_TRUSTED_FIRST = 32768


class Options(_enum.IntFlag):
    """Options of a context."""

    OP_ALL = 0x80000050
    OP_NO_SSLv2 = 0
    OP_NO_SSLv3 = 0x2000000
    OP_NO_TLSv1 = 0x4000000
    OP_NO_TLSv1_1 = 0x10000000
    OP_NO_TLSv1_2 = 0x8000000
    OP_NO_TLSv1_3 = 0x20000000
    OP_NO_COMPRESSION = 0x20000
    OP_NO_TICKET = 0x4000
    OP_NO_RENEGOTIATION = 0x40000000
    OP_SINGLE_DH_USE = 0
    OP_SINGLE_ECDH_USE = 0
    OP_CIPHER_SERVER_PREFERENCE = 0x400000
    OP_LEGACY_SERVER_CONNECT = 4
    OP_IGNORE_UNEXPECTED_EOF = 0x80


class _SSLMethod(_enum.IntEnum):
    PROTOCOL_SSLv23 = 2
    PROTOCOL_TLS = 2
    PROTOCOL_TLSv1 = 3
    PROTOCOL_TLSv1_1 = 4
    PROTOCOL_TLSv1_2 = 5
    PROTOCOL_TLS_CLIENT = 16
    PROTOCOL_TLS_SERVER = 17


class Purpose(_enum.Enum):
    """What a context is for."""

    SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
    CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"


for _group in (VerifyMode, VerifyFlags, Options, _SSLMethod):
    globals().update(_group.__members__)

HAS_SNI = HAS_ALPN = HAS_ECDH = HAS_TLSv1_2 = HAS_TLSv1_3 = True
HAS_NPN = HAS_SSLv2 = HAS_SSLv3 = HAS_TLSv1 = HAS_TLSv1_1 = HAS_PSK = False
HAS_NEVER_CHECK_COMMON_NAME = True
CHANNEL_BINDING_TYPES = []
OPENSSL_VERSION = "none (TLS is done by the Serai host)"
OPENSSL_VERSION_INFO = (3, 0, 0, 0, 0)
OPENSSL_VERSION_NUMBER = 0x30000000


def _refuse(*args, **kwargs):
    """Not available in a Serai service."""
    raise SSLError(_WHY)


class SSLContext:
    """Not available in a Serai service."""

    def __init__(self, *args, **kwargs):
        _refuse()


class SSLSocket:
    """Not available in a Serai service."""

    def __init__(self, *args, **kwargs):
        _refuse()


class SSLObject:
    """Not available in a Serai service."""

    def __init__(self, *args, **kwargs):
        _refuse()


class SSLSession:
    """Not available in a Serai service."""


class MemoryBIO:
    """Not available in a Serai service."""

    def __init__(self, *args, **kwargs):
        _refuse()


create_default_context = _create_unverified_context = _create_stdlib_context = _create_default_https_context = _refuse
wrap_socket = get_server_certificate = RAND_bytes = RAND_add = match_hostname = _refuse
cert_time_to_seconds = DER_cert_to_PEM_cert = PEM_cert_to_DER_cert = get_default_verify_paths = enum_certificates = _refuse


def RAND_status():
    """Whether there is randomness; os.urandom has it."""
    return True
