"""The generated operations of connectors, with a fake host."""

import datetime
import json
import unittest

from serai import Service
from serai.connectors import Types, amqp, http, sql
from tests.fake import Host


def sent(do, op, answer=((), b"")):
    """What do sends to the host, and what it returns."""
    with Host() as h:
        h.answers = {op: answer}
        result = do()
    (fields, body), = h.calls
    assert fields[:2] == ("op", op), fields
    return fields[2:], body, result


class Generated(unittest.TestCase):
    def test_types_without_a_class_of_their_own_are_attributes_of_out(self):
        fields, body, result = sent(
            lambda: Service().out.memcached["Cache"].get("k"), "memcached.get", (("found", "1", "cas", "7"), b"v"))
        self.assertEqual((fields, body), (("connection", "Cache", "key", "k"), None))
        self.assertEqual((result.found, result.cas, result.body), (True, "7", b"v"))
        self.assertEqual(repr(Service().out.memcached.get("Cache").conn), "<memcached connection 'Cache'>")

    def test_the_others_keep_their_own(self):
        self.assertFalse(hasattr(Types, "sql"))
        self.assertEqual(repr(Service().out.http["H"]), "<http connection 'H'>")

    def test_a_reply_of_one_part_is_that_part(self):
        def stored(value):
            cache = Service().out.memcached["C"]
            return sent(lambda: cache.set("k", "v", expires=datetime.timedelta(seconds=2), mode="add"), "memcached.set", (("stored", value), b""))

        fields, body, result = stored("1")
        self.assertEqual((fields, body), (("connection", "C", "key", "k", "expires", "2000", "mode", "add"), "v".encode()))
        self.assertIs(result, True)
        self.assertIs(stored("0")[2], False)

    def test_fields_of_every_type(self):
        fields, body, result = sent(
            lambda: amqp.Connection("B").publish(b"x", routing_key="q", mandatory=False, priority=5, headers={"a": [1]}), "amqp.publish")
        self.assertEqual(dict(zip(fields[::2], fields[1::2])), {
            "connection": "B", "routing-key": "q", "mandatory": "0", "priority": "5", "headers": '{"a": [1]}'})
        self.assertEqual((body, result), (b"x", None))
        fields, _, result = sent(
            lambda: http.Connection("H").request(header={"X-A": "1"}, timeout=1.5, redirects=True), "http.request",
            (("status", "204", "header.etag", "x"), b""))
        self.assertEqual(fields, ("connection", "H", "header.X-A", "1", "timeout", "1500", "redirects", "1"))
        self.assertEqual((result.status, result.header, result.body), (204, {"etag": "x"}, b""))

    def test_a_body_that_is_an_object(self):
        _, body, result = sent(
            lambda: sql.Connection("D").execute("SELECT :a", parameters={"a": 1}), "sql.execute",
            (("affected", "2"), b'{"rows": [[1]]}'))
        self.assertEqual(json.loads(body), {"statement": "SELECT :a", "parameters": {"a": 1}})
        self.assertEqual((result.affected, result.cursor, result.body), (2, "", {"rows": [[1]]}))


if __name__ == "__main__":
    unittest.main()
