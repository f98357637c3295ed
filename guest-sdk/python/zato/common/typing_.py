"""Short names for types, and what belongs to dataclasses."""

from dataclasses import asdict, astuple, field, fields, is_dataclass, replace

from typing import Any, Protocol, TypedDict

from serai import typing_ as _typing
from serai.model import dataclass
from serai.typing_ import *  # noqa: F403

stranydict = commondict = dict[str, Any]


def instance_from_dict(class_, data):
    """An object of class_ with the entries of data as its attributes."""
    out = class_()
    for name, value in data.items():
        setattr(out, name, value)
    return out


__all__ = [
    *_typing.__all__, "Protocol", "TypedDict", "asdict", "astuple", "commondict", "dataclass", "field", "fields", "instance_from_dict",
    "is_dataclass", "replace", "stranydict",
]
