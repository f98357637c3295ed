"""SimpleIO: input and output that a class declares, checked for it.

::

    class GetUser(Service):
        input = 'user_id', Bool('-verbose', default=False)
        output = 'name', Date('since'), '-email'

A declaration is compiled once, when the service is deployed; a wrong one
refuses the deploy. A class without one costs nothing. :mod:`serai.model` has
the other way to declare the same, with dataclasses.
"""

from serai.sio.elem import (
    CSV, UTC, UUID, AsIs, Bool, Boolean, Date, DateTime, Decimal, Dict, DictList, Elem, Float, Int, Integer, List, ListOfDicts, Nested,
    NotGiven, Opaque, Text, Unicode,
)
from serai.sio.output import OutputError
from serai.sio.plan import compile_class

__all__ = [
    "CSV", "UTC", "UUID", "AsIs", "Bool", "Boolean", "Date", "DateTime", "Decimal", "Dict", "DictList", "Elem", "Float", "Int",
    "Integer", "List", "ListOfDicts", "Nested", "NotGiven", "Opaque", "OutputError", "Text", "Unicode", "compile_class",
]
