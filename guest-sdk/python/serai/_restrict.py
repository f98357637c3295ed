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
        "posix_spawn posix_spawnp execl execle execlp execlpe execv execve execvp execvpe wait waitpid kill killpg".split(),
        PROCESSES,
    ),
}


def _no_thread(*args, **kwargs):
    raise RuntimeError(THREADS)


def before():
    """What has to be in place before the standard library is imported."""
    import _thread

    for name in ("start_new_thread", "start_new", "start_joinable_thread"):
        if hasattr(_thread, name):
            setattr(_thread, name, _no_thread)


def after():
    """What is put into modules of the standard library."""
    import os

    for name in _OS:
        os.__dict__.pop(name, None)
    os.__getattr__ = _os_missing
    os.__all__ = [name for name in os.__all__ if name not in _OS]

    def _exit(status):
        """Not available: it would end the whole interpreter."""
        raise RuntimeError(f"os._exit {ENDING}")

    os._exit = os.abort = _exit

    import zoneinfo

    zoneinfo.reset_tzpath(to=["/lib/zoneinfo"])
    import asyncio

    from serai._loop import Policy

    asyncio.set_event_loop_policy(Policy())
    _no_subprocess()


def _os_missing(name):
    why = _OS.get(name)
    if why is not None:
        raise AttributeError(f"os.{name} {why}", name=name, obj=sys.modules["os"])
    raise AttributeError(f"module 'os' has no attribute {name!r}", name=name, obj=sys.modules["os"])


def _no_subprocess():
    import errno
    import subprocess

    def __init__(self, args, *rest, **kwargs):
        raise OSError(errno.ENOTSUP, f"subprocess {PROCESSES}")

    subprocess.Popen.__init__ = __init__
    subprocess.Popen.__del__ = lambda self: None
