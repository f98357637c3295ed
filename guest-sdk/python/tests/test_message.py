"""Messages of any channel, in self.request."""

import unittest

from serai import errors, transport
from serai.message import FIELDS
from serai.request import Request
from tests.fake import Envelope

ENTRY = ("cid", "c1", "channel", "redis", "channel-name", "in", "message.stream", "orders", "message.id", "1-1", "message.redelivered", "1")
PUBLISHED = ("cid", "c2", "channel", "redis", "channel-name", "in", "message.channel", "prices", "message.pattern", "p*")
NOTIFICATION = ("cid", "c3", "channel", "sql", "channel-name", "in", "message.kind", "notification", "message.channel", "orders", "message.pid", "7")
MESSAGE = ("cid", "c4", "channel", "amqp", "channel-name", "in", "message.routing-key", "k", "message.correlation-id", "c")
HTTP = ("cid", "c5", "channel", "http", "channel-name", "in", "method", "GET")


class Messages(unittest.TestCase):
    def test_fields(self):
        for fields, kind, want in (
            (ENTRY, "redis", {"stream": "orders", "id": "1-1", "redelivered": True}),
            (PUBLISHED, "redis", {"channel": "prices", "pattern": "p*"}),
            (NOTIFICATION, "sql", {"kind": "notification", "channel": "orders", "pid": "7"}),
        ):
            request = Request(Envelope(fields), b'{"a": 1}')
            for delivery in (request.message, getattr(request, kind)):
                self.assertTrue(delivery)
                self.assertEqual((delivery.kind, delivery.msg.fields), (kind, want))
                self.assertEqual((delivery.msg.raw, delivery.msg.body, delivery.msg.data), (b'{"a": 1}', '{"a": 1}', {"a": 1}))
            for name in FIELDS[kind]:
                missing = False if name == "redelivered" else None
                self.assertEqual(getattr(request.message.msg, name), want.get(name, missing))
            for other in {"amqp", "redis", "sql"} - {kind}:
                self.assertFalse(getattr(request, other))
        self.assertEqual(Request(Envelope(ENTRY), b"\xff").redis.msg.body, b"\xff")

    def test_amqp(self):
        request = Request(Envelope(MESSAGE), b"x")
        self.assertEqual((request.message.kind, request.message.msg.correlation_id, request.amqp.msg.body), ("amqp", "c", "x"))

    def test_decisions(self):
        for fields in (ENTRY, PUBLISHED, NOTIFICATION, MESSAGE):
            envelope = Envelope(fields)
            for decide, want in (
                (lambda m: m.ack(), "ack"),
                (lambda m: m.reject(), "reject"),
                (lambda m: m.reject(requeue=True), "retry"),
                (lambda m: m.retry(), "retry"),
            ):
                decide(Request(envelope, b"").message)
                self.assertEqual(transport.decision(envelope), want)

    def test_no_message(self):
        request = Request(Envelope(HTTP), b"")
        for name in ("message", "amqp", "redis", "sql"):
            nothing = getattr(request, name)
            self.assertFalse(nothing)
            self.assertIsNone(nothing.msg)
            for method in ("ack", "reject", "retry"):
                with self.assertRaisesRegex(errors.Unsupported, f"self.request.{name}.{method}: the call did not come over"):
                    getattr(nothing, method)()

    def test_unknown_names(self):
        with self.assertRaisesRegex(AttributeError, "no 'strem'; it has stream, id"):
            Request(Envelope(ENTRY), b"").redis.msg.strem


if __name__ == "__main__":
    unittest.main()
