"""Modules of the standard library that a service does not have, and why.

Importing one is the ModuleNotFoundError that libraries expect, with a message
that names what to use instead.
"""

import sys

_TERMINAL = "there is no terminal; use print and logging"
_SCREEN = "there is no screen"
_USERS = "there are no users of an operating system; self.channel.security tells who calls"
_WINDOWS = "it belongs to Windows"
_PACKAGES = "packages come from a requirements.txt beside the service"
_HELP = "documentation is not shipped; use it on your own machine"

WHY = {
    "curses": _TERMINAL,
    "dbm": "there are no files to keep data in; use self.kvdb",
    "ensurepip": _PACKAGES,
    "fcntl": "there are no files that others lock; use self.lock",
    "grp": _USERS,
    "idlelib": _SCREEN,
    "mmap": "there are no files to map; use bytearray and memoryview",
    "msvcrt": _WINDOWS,
    "nt": _WINDOWS,
    "nturl2path": _WINDOWS,
    "pwd": _USERS,
    "pydoc": _HELP,
    "pydoc_data": _HELP,
    "readline": _TERMINAL,
    "resource": "limits are the host's; serai deploy has --memory, --cpu and --timeout",
    "syslog": "the host keeps the log; use logging",
    "termios": _TERMINAL,
    "tkinter": _SCREEN,
    "turtle": _SCREEN,
    "turtledemo": _SCREEN,
    "venv": _PACKAGES,
    "winreg": _WINDOWS,
    "winsound": _WINDOWS,
}


class Finder:
    """The last finder of modules: it is asked for what nobody else has."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        """None, and the reason for the import statement: whoever only asks
        whether there is such a module is told that there is none."""
        why = WHY.get(name)
        if why is not None and sys._getframe(2).f_code.co_name == "_find_and_load_unlocked":
            raise ModuleNotFoundError(f"{name} is not available in a Serai service: {why}", name=name)


def install():
    """Have imports of absent modules say why."""
    sys.meta_path.append(Finder)
