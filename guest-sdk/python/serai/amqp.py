"""Messages to brokers of AMQP 0-9-1, such as RabbitMQ::

    self.out.amqp.send({'order': 17}, 'Broker', exchange='shop', routing_key='order.new')

A message is sent once the broker has confirmed that it took it over. What it
could not take over, or could not route although it had to, raises an exception.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from serai.data import Bunch, default, encode
from serai.host import call, milliseconds
from serai.message import Received

#: The properties of a message, as Zato and the protocol's documents spell them.
PROPERTIES = (
    "content_type", "content_encoding", "delivery_mode", "priority", "correlation_id", "reply_to", "expiration",
    "message_id", "timestamp", "type", "user_id", "app_id",
)
_NUMBERS = frozenset(("delivery_mode", "priority", "timestamp"))


class Message(Received):
    """A message that came: a reply, or what the call of a channel is about."""

    __slots__ = ("_prefix",)

    content_type: str | None
    content_encoding: str | None
    delivery_mode: int | None
    priority: int | None
    correlation_id: str | None
    reply_to: str | None
    expiration: str | None
    message_id: str | None
    timestamp: int | None
    type: str | None
    user_id: str | None
    app_id: str | None

    def __init__(self, envelope, body, prefix=""):
        super().__init__(envelope, body)
        self._prefix = prefix

    @property
    def properties(self) -> dict[str, Any]:
        """The properties that the message has, such as correlation_id."""
        found = Bunch()
        for name in PROPERTIES:
            value = self._field(name.replace("_", "-"))
            if value is not None:
                found[name] = int(value) if name in _NUMBERS else value
        return found

    @property
    def headers(self) -> dict[str, Any]:
        """The headers by name; their values have types."""
        return json.loads(self._field("headers") or "{}")

    if not TYPE_CHECKING:  # or checkers would believe that it has everything

        def __getattr__(self, name):
            if name in PROPERTIES:
                return self.properties.get(name)
            raise AttributeError(f"a message has no {name!r}", name=name, obj=self)

    def _field(self, name):
        return self._envelope.get(self._prefix + name)


if TYPE_CHECKING:

    class Queue(dict[str, Any]):
        messages: int
        consumers: int


class Connection:
    """One connection by its name: self.out.amqp['Broker']."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def conn(self) -> Connection:
        """The connection itself."""
        return self

    def publish(
        self, msg: Any, exchange: str | None = "/", routing_key: str | None = None, properties: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None, mandatory: bool | None = None,
    ) -> None:
        """Publish msg: dict, list and Model as JSON, str and bytes as they are.

        The exchange / is the default one, which leads to the queue that
        routing_key names. A mandatory message that reaches no queue raises
        Remote; without mandatory that is so for the default exchange only.
        """
        fields, body = _message(msg, exchange, routing_key, properties, headers)
        if mandatory is not None:
            fields += ("mandatory", "1" if mandatory else "0")
        call("amqp.publish", "connection", self.name, *fields, body=body)

    send = publish

    def request(
        self, msg: Any, exchange: str | None = "/", routing_key: str | None = None, properties: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None, timeout: float | None = None,
    ) -> Message:
        """Publish msg and return the reply, a Message; timeout is in seconds."""
        fields, body = _message(msg, exchange, routing_key, properties, headers)
        if timeout is not None:
            fields += ("timeout", milliseconds(timeout))
        return Message(*call("amqp.request", "connection", self.name, *fields, body=body))

    def declare_exchange(
        self, name: str, type: str = "direct", durable: bool = True, auto_delete: bool = False, arguments: Mapping[str, Any] | None = None,
    ) -> None:
        """Make sure that an exchange exists."""
        self._declare(("exchange", name, "exchange-type", type), durable, auto_delete, arguments)

    def declare_queue(
        self, name: str, exchange: str | None = None, routing_key: str = "", durable: bool = True, auto_delete: bool = False,
        arguments: Mapping[str, Any] | None = None,
    ) -> Queue:
        """Make sure that a queue exists, bound to the exchange if there is one;
        its number of messages and of consumers."""
        fields = ["queue", name, "routing-key", routing_key]
        if exchange:
            fields += ("exchange", exchange)
        envelope = self._declare(fields, durable, auto_delete, arguments)
        return Bunch(messages=int(envelope.get("messages")), consumers=int(envelope.get("consumers")))

    def _declare(self, fields, durable, auto_delete, arguments):
        envelope, _ = call("amqp.declare", "connection", self.name, *fields, "durable", "1" if durable else "0",
                           "auto-delete", "1" if auto_delete else "0", "arguments", _json(arguments or {}))
        return envelope

    def __repr__(self):
        return f"<AMQP connection {self.name!r}>"


class Connections:
    """self.out.amqp: the AMQP connections by name."""

    __slots__ = ()

    def __getitem__(self, name: str) -> Connection:
        return Connection(name)

    def get(self, name: str) -> Connection:
        """The connection of that name."""
        return Connection(name)

    def send(
        self, msg: Any, out_name: str, exchange: str | None = "/", routing_key: str | None = None, properties: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None, mandatory: bool | None = None, **kwargs: Any,
    ) -> None:
        """Publish msg through the connection out_name, see :meth:`Connection.publish`.

        Further arguments are properties, such as priority=5.
        """
        Connection(out_name).publish(msg, exchange, routing_key, {**(properties or {}), **kwargs}, headers, mandatory)

    publish = invoke = send

    def invoke_async(self, *args: Any, **kwargs: Any) -> None:
        """The same as send: it does not wait for longer than the broker's confirmation."""
        self.send(*args, **kwargs)


def _message(msg, exchange, routing_key, properties, headers):
    """The fields and the body of a message."""
    content_type, body = encode(msg)
    fields = ["exchange", "" if exchange in (None, "/") else exchange, "routing-key", routing_key or ""]
    found = {"content_type": content_type} if content_type else {}
    found.update(properties or {})
    for name, value in found.items():
        name = name.replace("-", "_")
        if name not in PROPERTIES:
            raise TypeError(f"a message has no property {name!r}: use {', '.join(PROPERTIES)}; what is your own goes into headers")
        if value is not None:
            fields += (name.replace("_", "-"), str(_timestamp(value) if name == "timestamp" else value))
    if headers:
        fields += ("headers", _json(headers))
    return fields, body


def _timestamp(value):
    """Seconds since 1970 of a datetime; what is a number already stays."""
    return int(value.timestamp()) if hasattr(value, "timestamp") else value


def _json(value):
    return json.dumps(value, default=default)
