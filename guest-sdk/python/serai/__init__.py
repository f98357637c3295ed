"""Serai for authors: services that run pristine for every call.

A service is a class or a plain function::

    from serai import Service

    class Greet(Service):
        def handle(self):
            self.response.payload = {'hello': self.request.payload['name']}

    def handle(request):
        return {'hello': request.payload['name']}

Everything that a service sets while it is loaded becomes part of its image;
every call starts from that image and leaves nothing behind.
"""

from serai import errors, exception, kv
from serai._hooks import on_restore
from serai.adapter import RESTAdapter
from serai.data import Bunch
from serai.errors import Error
from serai.exception import HTTPError
from serai.model import Model, ModelCtx, dataclass
from serai.request import Request, Response
from serai.service import Service, invoke, invoke_async
from serai.sio import (
    CSV, UTC, UUID, AsIs, Bool, Boolean, Date, DateTime, Decimal, Dict, DictList, Float, Int, Integer, List, ListOfDicts, Nested, NotGiven,
    Opaque, Text, Unicode,
)

__all__ = [
    "CSV", "UTC", "UUID", "AsIs", "Bool", "Boolean", "Bunch", "Date", "DateTime", "Decimal", "Dict", "DictList", "Error", "Float",
    "HTTPError", "Int", "Integer", "List", "ListOfDicts", "Model", "ModelCtx", "Nested", "NotGiven", "Opaque", "RESTAdapter", "Request",
    "Response", "Service", "Text", "Unicode", "dataclass", "errors", "exception", "invoke", "invoke_async", "kv", "on_restore",
]
__version__ = "1.0.0"
