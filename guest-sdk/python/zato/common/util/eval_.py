"""Values that configuration has as text."""

from zato.common.util.api import asbool as as_bool


def as_list(value, separator=","):
    """The parts of a text, stripped; what is no text is a list of it, or as it is."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(separator) if part.strip()]
    return list(value) if isinstance(value, (list, tuple, set, frozenset)) else [value]


__all__ = ["as_bool", "as_list"]
