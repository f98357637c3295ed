"""Dicts whose keys are attributes too, with the methods of the library bunch."""

from serai.data import Bunch as _Bunch


class Bunch(_Bunch):
    """A dict whose keys are attributes too."""

    __slots__ = ()

    def toDict(self):
        """A plain dict of it, and so on inside."""
        return unbunchify(self)

    @staticmethod
    def fromDict(value):
        """A Bunch of a dict, and so on inside."""
        return bunchify(value)

    def copy(self):
        """A copy, as deep as the dicts and lists go."""
        return bunchify(self)

    def __dir__(self):
        return [*super().__dir__(), *(name for name in self if isinstance(name, str))]

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in sorted(self.items(), key=str))})"


def bunchify(value):
    """value with a Bunch for each dict in it."""
    return _convert(value, Bunch)


def unbunchify(value):
    """value with a plain dict for each Bunch in it."""
    return _convert(value, dict)


def _convert(value, kind):
    if isinstance(value, dict):
        return kind((name, _convert(one, kind)) for name, one in value.items())
    if isinstance(value, (list, tuple)):
        return type(value)(_convert(one, kind) for one in value) if type(value) in (list, tuple) else value
    return value


__all__ = ["Bunch", "bunchify", "unbunchify"]
