"""Keys and values, and what is said where there is no host."""

import unittest

from serai import Service, errors, kv
from serai.redis import DataError
from tests.fake import Host


class Store(unittest.TestCase):
    def setUp(self):
        self.host = self.enterContext(Host())
        self.conn = Service.kvdb.conn

    def test_redis(self):
        c = self.conn
        self.assertIsNone(c.get("k"))
        self.assertTrue(c.set("k", "ż", ex=5))
        self.assertIn("5000", self.host.calls[-1][0])
        c.set("p", 1, px=1500)
        self.assertIn("1500", self.host.calls[-1][0])
        self.assertEqual((c.get("k"), c.set("k", "x", nx=True), c.set("n", "x", xx=True), c.setnx("m", "1")), ("ż", None, None, True))
        self.assertEqual((c.incr("i"), c.incr("i", 4), c.decr("i"), c.getset("i", "9"), c.getdel("i"), c.getdel("i")), (1, 5, 4, "4", "9", None))
        self.assertEqual((c.exists("k", "zz"), c.keys("[km]*"), c.mget("k", "zz"), c.delete("k", "zz")), (1, ["k", "m"], ["ż", None], 1))
        with self.assertRaises(DataError):
            c.set("k", {})

    def test_revisions_and_pages(self):
        revision = kv.set("a", b"1", if_revision="0")
        with self.assertRaises(errors.Conflict):
            kv.set("a", b"2", if_revision="0")
        kv.set("a", b"2", if_revision=revision)
        self.assertEqual(kv.get("a").value, b"2")
        for i in range(2500):
            kv.set(f"p{i:04}", b"")
        self.assertEqual(len(list(kv.keys("p"))), 2500)


class WithoutHost(unittest.TestCase):
    def test_says_so(self):
        with self.assertRaisesRegex(errors.Unsupported, "no Serai host"):
            kv.get("k")


if __name__ == "__main__":
    unittest.main()
