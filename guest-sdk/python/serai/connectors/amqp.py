# Written by cmd/seraigen from the connectors' descriptions. Do not edit.
"""Brokers of AMQP 0-9-1, such as RabbitMQ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serai.connectors import _form

if TYPE_CHECKING:
    from datetime import timedelta
    from typing import Any
    from typing import Literal

    class RequestReply(dict[str, Any]):
        content_type: str
        content_encoding: str
        delivery_mode: int | None
        priority: int | None
        correlation_id: str
        reply_to: str
        expiration: str
        message_id: str
        timestamp: int | None
        type: str
        user_id: str
        app_id: str
        headers: Any
        body: bytes

    class DeclareReply(dict[str, Any]):
        messages: int | None
        consumers: int | None


class Connection(_form.Connection):
    """One connection of the type amqp, by its name."""

    __slots__ = ()
    _type = "amqp"

    def publish(self, body: bytes | str | None = None, *, exchange: str | None = None, routing_key: str | None = None, mandatory: bool | None = None, content_type: str | None = None, content_encoding: str | None = None, delivery_mode: int | None = None, priority: int | None = None, correlation_id: str | None = None, reply_to: str | None = None, expiration: str | None = None, message_id: str | None = None, timestamp: int | None = None, type: str | None = None, user_id: str | None = None, app_id: str | None = None, headers: object | None = None) -> None:
        """Publishes a message and waits until the broker has taken it over.

        :param body: the message's body
        :param exchange: exchange; without one the default exchange, which leads to the queue that routing-key names
        :param routing_key: routing key
        :param mandatory: a message that reaches no queue is an error; without it that is so with the default exchange only
        :param content_type: media type of the body
        :param content_encoding: such as gzip
        :param delivery_mode: 2, which is what a message without it is sent with, survives a restart of the broker in a durable queue; 1 does not
        :param priority: priority, for queues that have some
        :param correlation_id: what the message answers
        :param reply_to: queue for the answer
        :param expiration: milliseconds after which the broker drops the message
        :param message_id: id of the message
        :param timestamp: seconds since 1970
        :param type: kind of the message
        :param user_id: the user who publishes, checked by the broker
        :param app_id: the program that publishes
        :param headers: an object of headers
        """
        fields = []
        _form.text(fields, "exchange", exchange)
        _form.text(fields, "routing-key", routing_key)
        _form.flag(fields, "mandatory", mandatory)
        _form.text(fields, "content-type", content_type)
        _form.text(fields, "content-encoding", content_encoding)
        _form.number(fields, "delivery-mode", delivery_mode)
        _form.number(fields, "priority", priority)
        _form.text(fields, "correlation-id", correlation_id)
        _form.text(fields, "reply-to", reply_to)
        _form.text(fields, "expiration", expiration)
        _form.text(fields, "message-id", message_id)
        _form.number(fields, "timestamp", timestamp)
        _form.text(fields, "type", type)
        _form.text(fields, "user-id", user_id)
        _form.text(fields, "app-id", app_id)
        _form.document(fields, "headers", headers)
        return self._call("amqp.publish", fields, body, (), None)

    def request(self, body: bytes | str | None = None, *, exchange: str | None = None, routing_key: str | None = None, timeout: float | timedelta | None = None, content_type: str | None = None, content_encoding: str | None = None, delivery_mode: int | None = None, priority: int | None = None, correlation_id: str | None = None, reply_to: str | None = None, expiration: str | None = None, message_id: str | None = None, timestamp: int | None = None, type: str | None = None, user_id: str | None = None, app_id: str | None = None, headers: object | None = None) -> RequestReply:
        """Publishes a message and waits for the reply to it (direct reply-to).

        :param body: the message's body
        :param exchange: exchange; without one the default exchange, which leads to the queue that routing-key names
        :param routing_key: routing key
        :param timeout: how long to wait, unless the call ends before
        :param content_type: media type of the body
        :param content_encoding: such as gzip
        :param delivery_mode: 2, which is what a message without it is sent with, survives a restart of the broker in a durable queue; 1 does not
        :param priority: priority, for queues that have some
        :param correlation_id: what the message answers
        :param reply_to: queue for the answer
        :param expiration: milliseconds after which the broker drops the message
        :param message_id: id of the message
        :param timestamp: seconds since 1970
        :param type: kind of the message
        :param user_id: the user who publishes, checked by the broker
        :param app_id: the program that publishes
        :param headers: an object of headers
        :return: an object with
            content_type (str): media type of the body
            content_encoding (str): such as gzip
            delivery_mode (int): 2, which is what a message without it is sent with, survives a restart of the broker in a durable queue; 1 does not
            priority (int): priority, for queues that have some
            correlation_id (str): what the message answers
            reply_to (str): queue for the answer
            expiration (str): milliseconds after which the broker drops the message
            message_id (str): id of the message
            timestamp (int): seconds since 1970
            type (str): kind of the message
            user_id (str): the user who publishes, checked by the broker
            app_id (str): the program that publishes
            headers (Any): an object of headers
            body: the reply's body
        """
        fields = []
        _form.text(fields, "exchange", exchange)
        _form.text(fields, "routing-key", routing_key)
        _form.duration(fields, "timeout", timeout)
        _form.text(fields, "content-type", content_type)
        _form.text(fields, "content-encoding", content_encoding)
        _form.number(fields, "delivery-mode", delivery_mode)
        _form.number(fields, "priority", priority)
        _form.text(fields, "correlation-id", correlation_id)
        _form.text(fields, "reply-to", reply_to)
        _form.text(fields, "expiration", expiration)
        _form.text(fields, "message-id", message_id)
        _form.number(fields, "timestamp", timestamp)
        _form.text(fields, "type", type)
        _form.text(fields, "user-id", user_id)
        _form.text(fields, "app-id", app_id)
        _form.document(fields, "headers", headers)
        return self._call("amqp.request", fields, body, (("content_type", "content-type", _form.read_text), ("content_encoding", "content-encoding", _form.read_text), ("delivery_mode", "delivery-mode", _form.read_number), ("priority", "priority", _form.read_number), ("correlation_id", "correlation-id", _form.read_text), ("reply_to", "reply-to", _form.read_text), ("expiration", "expiration", _form.read_text), ("message_id", "message-id", _form.read_text), ("timestamp", "timestamp", _form.read_number), ("type", "type", _form.read_text), ("user_id", "user-id", _form.read_text), ("app_id", "app-id", _form.read_text), ("headers", "headers", _form.read_document), ), _form.body_bytes)

    def declare(self, *, exchange: str | None = None, exchange_type: Literal['direct', 'fanout', 'topic', 'headers'] | None = None, queue: str | None = None, routing_key: str | None = None, durable: bool | None = None, auto_delete: bool | None = None, arguments: object | None = None) -> DeclareReply:
        """Makes sure that an exchange, a queue, or a queue bound to an exchange exists.

        :param exchange: exchange to declare, or to bind the queue to
        :param exchange_type: direct, fanout, topic or headers; without it the exchange is there already
        :param queue: queue to declare
        :param routing_key: routing key of the binding
        :param durable: false: gone when the broker restarts
        :param auto_delete: true: gone when nothing uses it any more
        :param arguments: an object of arguments, of the queue or else of the exchange
        :return: an object with
            messages (int): how many messages wait in the queue
            consumers (int): how many consumers it has
        """
        fields = []
        _form.text(fields, "exchange", exchange)
        _form.text(fields, "exchange-type", exchange_type)
        _form.text(fields, "queue", queue)
        _form.text(fields, "routing-key", routing_key)
        _form.flag(fields, "durable", durable)
        _form.flag(fields, "auto-delete", auto_delete)
        _form.document(fields, "arguments", arguments)
        return self._call("amqp.declare", fields, None, (("messages", "messages", _form.read_number), ("consumers", "consumers", _form.read_number), ), None)
