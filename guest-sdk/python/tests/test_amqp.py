"""AMQP connections, with a fake host."""

import datetime
import unittest

from serai import Service, errors, transport
from serai.amqp import Message
from serai.request import Request
from tests.fake import Envelope, Host


class Sending(unittest.TestCase):
    def sent(self, do, answer=((), b"")):
        with Host() as h:
            h.answers = {op: answer for op in ("amqp.publish", "amqp.request", "amqp.declare")}
            result = do(Service().out.amqp)
        self.assertEqual(len(h.calls), 1)
        fields, body = h.calls[0]
        return dict(zip(fields[::2], fields[1::2])), body, result

    def test_send(self):
        fields, body, _ = self.sent(lambda amqp: amqp.send({"a": 1}, "Fraud Detection Connection", "/tutorial", "api"))
        self.assertEqual(fields, {
            "op": "amqp.publish", "connection": "Fraud Detection Connection", "exchange": "/tutorial", "routing-key": "api",
            "content-type": "application/json"})
        self.assertEqual(body, b'{"a": 1}')

    def test_every_way_to_send(self):
        for do in (
            lambda a: a.send("x", "B", routing_key="q"),
            lambda a: a.publish("x", "B", routing_key="q"),
            lambda a: a.invoke("x", "B", "", "q"),
            lambda a: a.invoke_async("x", "B", exchange="/", routing_key="q"),
            lambda a: a["B"].send("x", routing_key="q"),
            lambda a: a.get("B").conn.publish("x", None, "q"),
        ):
            fields, body, result = self.sent(do)
            self.assertEqual((fields["op"], fields["connection"], fields["exchange"], fields["routing-key"]), ("amqp.publish", "B", "", "q"))
            self.assertEqual((body, result), (b"x", None))

    def test_properties(self):
        at = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
        fields, _, _ = self.sent(lambda a: a.send(
            b"\0", "B", "e", properties={"priority": 3, "content-type": "image/png", "timestamp": at, "app_id": None}, headers={"n": 1, "t": at},
            mandatory=True, delivery_mode=1))
        self.assertEqual({k: v for k, v in fields.items() if k not in ("op", "connection", "exchange", "routing-key")}, {
            "priority": "3", "content-type": "image/png", "timestamp": "1767225600", "delivery-mode": "1", "mandatory": "1",
            "headers": '{"n": 1, "t": "2026-01-01T00:00:00+00:00"}'})
        with Host(), self.assertRaisesRegex(TypeError, "no property 'prority': use content_type"):
            Service().out.amqp.send("x", "B", "e", prority=1)

    def test_request(self):
        answer = ("content-type", "application/json", "correlation-id", "c", "priority", "2", "headers", '{"n": [1]}'), b'{"b": 2}'
        fields, _, reply = self.sent(lambda a: a["B"].request("x", routing_key="rpc", timeout=1.5), answer)
        self.assertEqual((fields["op"], fields["timeout"]), ("amqp.request", "1500"))
        self.assertEqual((reply.data, reply.body, reply.raw, reply.headers), ({"b": 2}, '{"b": 2}', b'{"b": 2}', {"n": [1]}))
        self.assertEqual(reply.properties, {"content_type": "application/json", "correlation_id": "c", "priority": 2})
        self.assertEqual((reply.correlation_id, reply.app_id), ("c", None))
        with self.assertRaisesRegex(AttributeError, "no 'colour'"):
            _ = reply.colour

    def test_declare(self):
        fields, _, found = self.sent(lambda a: a["B"].declare_queue("q", "e", "k", arguments={"x-queue-type": "quorum"}), (("messages", "3", "consumers", "1"), b""))
        self.assertEqual(fields, {
            "op": "amqp.declare", "connection": "B", "queue": "q", "exchange": "e", "routing-key": "k", "durable": "1", "auto-delete": "0",
            "arguments": '{"x-queue-type": "quorum"}'})
        self.assertEqual(found, {"messages": 3, "consumers": 1})
        fields, _, _ = self.sent(lambda a: a["B"].declare_exchange("e", "topic", durable=False, auto_delete=True))
        self.assertEqual((fields["exchange-type"], fields["durable"], fields["auto-delete"]), ("topic", "0", "1"))

    def test_errors_pass(self):
        with Host(), self.assertRaises(errors.Unsupported):
            Service().amqp.send("x", "B", "e")

    def test_message(self):
        m = Message(Envelope(("message.type", "t")), b"\xff", "message.")
        self.assertEqual((m.type, m.headers, m.body), ("t", {}, b"\xff"))


class Receiving(unittest.TestCase):
    fields = (
        "cid", "c1", "channel", "amqp", "channel-name", "in", "message.routing-key", "k", "message.correlation-id", "c",
        "message.headers", '{"n": 1}', "header.content-type", "application/json",
    )

    def test_message(self):
        request = Request(Envelope(self.fields), b'{"a": 1}')
        msg = request.amqp.msg
        self.assertTrue(request.amqp)
        self.assertEqual((msg.body, request.payload, msg.headers, msg.correlation_id), ('{"a": 1}', {"a": 1}, {"n": 1}, "c"))

    def test_decisions(self):
        envelope = Envelope(self.fields)
        self.assertIsNone(transport.decision(envelope))
        for decide, want in (
            (lambda amqp: amqp.ack(), "ack"),
            (lambda amqp: amqp.reject(), "reject"),
            (lambda amqp: amqp.reject(requeue=True), "retry"),
            (lambda amqp: (amqp.reject(), amqp.ack()), "ack"),
        ):
            decide(Request(envelope, b"").amqp)
            self.assertEqual(transport.decision(envelope), want)
            self.assertIsNone(transport.decision(envelope))

    def test_a_decision_is_about_one_call(self):
        Request(Envelope(self.fields), b"").amqp.reject()
        self.assertIsNone(transport.decision(Envelope(("cid", "c2", *self.fields[2:]))))


if __name__ == "__main__":
    unittest.main()
