"""What cannot work in a sandbox without sockets, threads and processes.

Modules that pure-Python libraries import at their top stay importable; using
what they would do fails with a message that names what Serai has instead.
"""

import sys

THREADS = (
    "threads cannot be started in a Serai service: every call has an instance of its own, so use "
    "self.invoke_async(...) for work in the background and asyncio for what waits"
)
PROCESSES = "is not available in a Serai service: there are no processes, use self.invoke(...) to call another service"
ENDING = "ends the whole interpreter and is not available in a Serai service: return from handle, or raise an exception"

_OS = {
    **dict.fromkeys(
        "fork forkpty vfork system popen spawnl spawnle spawnlp spawnlpe spawnv spawnve spawnvp spawnvpe "
        "pipe pipe2 WNOHANG posix_spawn posix_spawnp execl execle execlp execlpe execv execve execvp execvpe wait waitpid kill killpg".split(),
        PROCESSES,
    ),
}


def _no_thread(*args, **kwargs):
    raise RuntimeError(THREADS)


def before():
    """What has to be in place before the standard library is imported."""
    import _thread
    import threading

    _thread.start_new_thread = _thread.start_new = _thread.start_joinable_thread = _no_thread
    threading._start_new_thread = threading._start_joinable_thread = _no_thread


def after():
    """What is put into modules of the standard library."""
    import os

    for name in _OS:
        os.__dict__.pop(name, None)
    os.__getattr__ = _os_missing
    os.__all__ = [name for name in os.__all__ if name not in _OS]

    def _exit(status=0):
        """Not available: it would end the whole interpreter."""
        raise RuntimeError(f"os._exit {ENDING}")

    os._exit = os.abort = _exit

    import asyncio
    import hashlib

    from serai._loop import Policy

    asyncio.set_event_loop_policy(Policy())
    hashlib.pbkdf2_hmac = _pbkdf2_hmac
    _no_subprocess()


def _os_missing(name):
    why = _OS.get(name)
    if why is not None:
        raise AttributeError(f"os.{name} {why}", name=name, obj=sys.modules["os"])
    raise AttributeError(f"module 'os' has no attribute {name!r}", name=name, obj=sys.modules["os"])


def _pbkdf2_hmac(hash_name, password, salt, iterations, dklen=None):
    """PBKDF2 (RFC 8018), which CPython takes from OpenSSL elsewhere."""
    import hmac

    if iterations < 1:
        raise ValueError("iteration value must be greater than 0.")
    mac = hmac.new(bytes(password), digestmod=hash_name)
    dklen = mac.digest_size if dklen is None else dklen
    if dklen < 1:
        raise ValueError("key length must be greater than 0.")
    out = b""
    for block in range(1, -(-dklen // mac.digest_size) + 1):
        h = mac.copy()
        h.update(bytes(salt) + block.to_bytes(4, "big"))
        last = h.digest()
        total = int.from_bytes(last, "big")
        for _ in range(iterations - 1):
            h = mac.copy()
            h.update(last)
            last = h.digest()
            total ^= int.from_bytes(last, "big")
        out += total.to_bytes(mac.digest_size, "big")
    return out[:dklen]


def _no_subprocess():
    import errno
    import subprocess

    def __init__(self, args, *rest, **kwargs):
        raise OSError(errno.ENOTSUP, f"subprocess {PROCESSES}")

    subprocess.Popen.__init__ = __init__
    subprocess.Popen.__del__ = lambda self: None
