"""Typical declarations, read and written until the interpreter has specialised
the code that all services share. It runs before the base image is frozen."""

from serai.data import dumps
from serai.model import Model, dataclass
from serai.payload import Payload
from serai.request import Request
from serai.response import Response
from serai.service import Service
from serai.sio.elem import Bool, DictList, Float, Int
from serai.sio.plan import compile_class
from serai.typing_ import list_, optional


def warm(envelope, times=64):
    """Serve calls of services with models and with SimpleIO."""

    @dataclass(init=False)
    class Line(Model):
        sku: str
        count: int
        price: float
        note: optional[str]

    @dataclass(init=False)
    class Order(Model):
        id: int
        user: str
        paid: bool
        total: float
        lines: list_[Line]
        note: optional[str]
        currency: str = "EUR"

    class WithModel(Service):
        input = output = Order

    class WithNames(Service):
        input = "id", "user", Bool("paid"), Float("total"), DictList("lines", "sku", Int("count"), "-note"), "-note"
        output = "user", Int("lines"), "-note"

    body = (
        b'{"id": 7, "user": "a", "paid": true, "total": 1.5, "lines": [{"sku": "a", "count": 1, "price": 2.5},'
        b' {"sku": "b", "count": 2, "price": 3.5, "note": "x"}, {"sku": "c", "count": "3", "price": 4}]}'
    )
    plans = [(WithModel, compile_class(WithModel)), (WithNames, compile_class(WithNames))]
    for i in range(times):
        for kind, plan in plans:
            service = kind()
            service.request, response = Request(envelope, body), Response()
            service.response = response
            plan.begin(service)
            if kind is WithModel:
                response.payload = service.request.input
                dumps(response.payload)
            else:
                response.payload.user, response.payload["lines"] = service.request.input.user, 3
                if i % 2:
                    response.payload = {"user": "a", "lines": 3, "note": None}
            plan.end(response)
            dumps(response.value)
    Payload().user.name = "a"
