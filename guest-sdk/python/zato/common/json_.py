"""The same as :mod:`zato.common.json_internal`."""

from zato.common.json_internal import dump, dumps, load, loads

__all__ = ["dump", "dumps", "load", "loads"]
