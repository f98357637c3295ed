"""Reading what a class declares."""

import types
import typing

from serai.sio.elem import Bool, Elem, Identifier, Int, Text

#: What a name says of its values. An element of a type says it itself.
BOOL_PREFIXES = ("by_", "has_", "is_", "may_", "needs_", "should_")
INT_SUFFIXES = ("_count", "_size", "_size_min", "_size_max", "_timeout")


def by_name(name):
    """The element that a bare name stands for."""
    bare = name.lstrip("+-")
    if bare.startswith(BOOL_PREFIXES):
        return Bool(name)
    if bare == "id" or bare.endswith("_id"):
        return Identifier(name)
    if bare.endswith(INT_SUFFIXES):
        return Int(name)
    return Text(name)


def model_of(value):
    """The model that a declaration is, and whether it is a list of it; None
    if it is no model."""
    import dataclasses

    from serai.model import Model

    origin, args = typing.get_origin(value), typing.get_args(value)
    if origin in (list, tuple, set) and args:
        found = model_of(args[0])
        return None if found is None else (found[0], True)
    if origin in (typing.Union, types.UnionType):
        found = [m for m in map(model_of, args) if m is not None]
        return found[0] if len(found) == 1 else None
    if isinstance(value, type) and (issubclass(value, Model) or dataclasses.is_dataclass(value)):
        return value, False
    return None


def elements(value, owner, attribute, optional=None):
    """The elements of a declaration such as ('name', '-size', Int('x')).

    optional, if given, is what all of them are.
    """
    where = f"{owner}: {attribute}"
    if value is None:
        return []
    if isinstance(value, (str, Elem)) or (isinstance(value, type) and issubclass(value, Elem)):
        value = (value,)
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise TypeError(f"{where} is {_name(value)}; write names, elements such as Int('size'), or a Model")
    out = []
    for item in sorted(value) if isinstance(value, (set, frozenset)) else value:
        out.append(_element(item, where))
        if optional is not None:
            out[-1].optional = optional
    return out


def _element(item, where):
    if isinstance(item, Elem):
        return item
    if isinstance(item, str):
        try:
            return by_name(item)
        except ValueError as exc:
            raise ValueError(f"{where}: {str(exc).partition(': ')[2]}") from None
    if isinstance(item, type) and issubclass(item, Elem):
        raise TypeError(f"{where} has the type {item.__name__} without a name; write {item.__name__}('name')")
    if model_of(item):
        raise TypeError(f"{where} has the model {_name(item)} among other elements; a model is an input or output of its own")
    raise TypeError(f"{where} has {item!r}, which is neither a name nor an element")


def _name(value):
    return f"the class {value.__name__}" if isinstance(value, type) else repr(value)
