"""self.translate: data dictionaries, in which a value of one system has its
counterpart in another.

The operator fills them with ``serai translate set``.
"""

from serai import kv

AREA = "translate"


def translate(system1, key1, value1, system2, key2, default=""):
    """What value1, of key1 in system1, is as key2 in system2; default if unknown."""
    entry = kv.get(entry_key(system1, key1, value1, system2, key2), AREA)
    return default if entry is None else entry.value.decode()


def entry_key(*parts):
    """The key of an entry: its parts, in which % and / are escaped, between slashes."""
    return "/".join(str(part).replace("%", "%25").replace("/", "%2F") for part in parts)
