"""The types of SimpleIO, where services written for Zato 3.2 may import them."""

from serai.sio import (
    CSV, UTC, UUID, AsIs, Bool, Date, DateTime, Decimal, Dict, DictList, Elem, Float, Int, List, NotGiven, Opaque, Text,
)

__all__ = [
    "CSV", "UTC", "UUID", "AsIs", "Bool", "Date", "DateTime", "Decimal", "Dict", "DictList", "Elem", "Float", "Int", "List", "NotGiven",
    "Opaque", "Text",
]
