"""Calls of other services."""

import unittest

from serai import Service, data
from tests.fake import Host


class Outgoing(unittest.TestCase):
    def setUp(self):
        self.host = self.enterContext(Host())

    def test_invoke(self):
        self.host.answers["invoke"] = ("status", "200", "header.content-type", "text/plain"), b"ok"
        self.host.answers["invoke.async"] = ("cid", "c2"), b""
        s = Service()
        self.assertEqual((s.invoke("other", {"a": 1}, timeout=2), s.invoke_async("other", b=2)), ("ok", "c2"))
        self.assertEqual(self.host.calls[0], (("op", "invoke", "service", "other", "timeout", "2000", "header.content-type", data.JSON), b'{"a": 1}'))


if __name__ == "__main__":
    unittest.main()
