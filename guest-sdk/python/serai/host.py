"""The one way to the host: an operation with fields and a body.

Everything else in this package is made of :func:`call`. Outside of Serai,
such as in a unit test, set :data:`backend` to an object with the functions of
the built-in module ``_serai``.
"""

try:
    import _serai as backend
except ImportError:  # a plain Python: tests bring a backend of their own
    backend = None

from serai import errors

if backend is not None:
    backend.set_errors(errors.BY_CODE)


def call(op, *fields, body=None):
    """Perform op with alternating names and values; the reply's envelope and body.

    Raises one of the classes in :mod:`serai.errors`.
    """
    return perform(("op", op, *fields), body)


def perform(fields, body=None):
    """:func:`call` for a tuple of names and values that begins with "op"."""
    if backend is None:
        raise errors.Unsupported("there is no Serai host here: set serai.host.backend in tests")
    return backend.call(fields, body)


def log(level, message):
    """Write one record to the service's log."""
    if backend is not None:
        backend.log(level, message)


def milliseconds(seconds):
    """The host's form of a time in seconds, or None."""
    return None if seconds is None else str(max(1, round(float(seconds) * 1000)))
