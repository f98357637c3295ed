"""What services derive from and declare their input and output with."""

from serai import refuse
from serai.adapter import RESTAdapter
from serai.model import Model, ModelCtx, dataclass
from serai.service import Service
from serai.sio import (
    CSV, UTC, UUID, AsIs, Bool, Boolean, Date, DateTime, Decimal, Dict, DictList, Elem, Float, Int, Integer, List, ListOfDicts, Nested,
    NotGiven, Opaque, Text, Unicode,
)

ForceType = SIOElem = Elem

BusinessCentralAdapter = refuse.base("BusinessCentralAdapter")
ODataAdapter = refuse.base("ODataAdapter")
PubSubHook = refuse.base("PubSubHook")
SAPAdapter = refuse.base("SAPAdapter")
SOAPAdapter = refuse.base("SOAPAdapter")
WSXAdapter = refuse.base("WSXAdapter")
WSXHook = refuse.base("WSXHook")

__all__ = [
    "CSV", "UTC", "UUID", "AsIs", "Bool", "Boolean", "BusinessCentralAdapter", "Date", "DateTime", "Decimal", "Dict", "DictList", "Elem",
    "Float", "ForceType", "Int", "Integer", "List", "ListOfDicts", "Model", "ModelCtx", "Nested", "NotGiven", "ODataAdapter", "Opaque",
    "PubSubHook", "RESTAdapter", "SAPAdapter", "SIOElem", "SOAPAdapter", "Service", "Text", "Unicode", "WSXAdapter", "WSXHook", "dataclass",
]
