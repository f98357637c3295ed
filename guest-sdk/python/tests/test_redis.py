import datetime
import unittest

import serai.redis.transaction as transaction
from serai import errors, kv
from serai.redis import DataError, LockError, Redis, ResponseError, WatchError
from serai.redis.errors import LockNotOwnedError, NotInStore
from serai.service import Service
from tests.fake import Host


class Store(unittest.TestCase):
    def setUp(self):
        self.host = self.enterContext(Host())
        self.conn = Service.kvdb.conn

    def check(self, *steps):
        """Run commands, each with the reply that it must have."""
        for step in steps:
            (name, *args), want = step[0], step[-1]
            kwargs = step[1] if len(step) == 3 else {}
            with self.subTest(command=name, args=args, **kwargs):
                reply = getattr(self.conn, name)(*args, **kwargs)
                self.assertEqual(reply, want)
                self.assertIs(type(reply), type(want))

    def test_strings(self):
        self.check(
            (("get", "k"), None),
            (("set", "k", "ż"), True),
            (("get", b"k"), "ż"),
            (("set", "k", "x"), {"nx": True}, None),
            (("set", "n", "x"), {"xx": True}, None),
            (("set", "k", 1.5), {"get": True}, "ż"),
            (("setnx", "k", 1), False),
            (("setnx", "m", 1), True),
            (("mget", ["k", "none"], "m"), ["1.5", None, "1"]),
            (("mset", {"a": 1, "b": b"\xff"}), True),
            (("get", "b"), "\udcff"),
            (("msetnx", {"a": 2, "c": 3}), False),
            (("append", "s", "ab"), 2),
            (("append", "s", "ż"), 4),
            (("strlen", "s"), 4),
            (("getrange", "s", 0, 1), "ab"),
            (("getrange", "s", -2, -1), "ż"),
            (("setrange", "t", 2, "x"), 3),
            (("get", "t"), "\0\0x"),
            (("incr", "i"), 1),
            (("incrby", "i", 4), 5),
            (("decr", "i"), 4),
            (("decrby", "i", 2), 2),
            (("incrbyfloat", "i", 0.5), 2.5),
            (("getset", "i", "9"), "2.5"),
            (("getdel", "i"), "9"),
            (("getdel", "i"), None),
            (("setbit", "bits", 7, 1), 0),
            (("getbit", "bits", 7), 1),
            (("bitcount", "bits"), 1),
        )
        for wrong in ({"nx": True, "xx": True}, {"ex": 1, "px": 1}):
            with self.assertRaises(DataError):
                self.conn.set("k", "v", **wrong)
        for value in ({}, None, True, []):
            with self.assertRaises(DataError):
                self.conn.set("k", value)
        with self.assertRaisesRegex(ResponseError, "not an integer"):
            self.conn.incr("k")
        self.conn.set("most", 2**63 - 1)
        with self.assertRaisesRegex(ResponseError, "overflow"):
            self.conn.incr("most")

    def test_times_to_live(self):
        now = self.host.now()
        self.host.now = lambda: now
        self.conn.set("k", "v", ex=datetime.timedelta(minutes=1))
        self.conn.setex("l", 60, "v")
        self.conn.psetex("m", 60000, "v")
        self.assertIn("60000", self.host.calls[1][0])
        self.check(
            (("ttl", "k"), 60),
            (("incr", "n"), 1),
            (("ttl", "n"), -1),
            (("ttl", "none"), -2),
            (("append", "k", "w"), 2),
            (("ttl", "k"), 60),  # a change keeps it
            (("set", "k", "x"), {"keepttl": True}, True),
            (("ttl", "k"), 60),
            (("set", "k", "x"), True),
            (("ttl", "k"), -1),  # a new value does not
            (("expire", "k", 10), True),
            (("expire", "k", 20), {"nx": True}, False),
            (("expire", "k", 20), {"gt": True}, True),
            (("ttl", "k"), 20),
            (("persist", "k"), True),
            (("persist", "k"), False),
            (("expire", "none", 1), False),
            (("getex", "k"), {"ex": 5}, "x"),
            (("ttl", "k"), 5),
            (("expire", "k", 0), True),
            (("exists", "k"), 0),
            (("expireat", "l", datetime.datetime.now() + datetime.timedelta(hours=1)), True),
            (("ttl", "l"), 3600),
        )
        with self.assertRaises(ResponseError):
            self.conn.set("k", "v", ex=0)

    def test_keys(self):
        self.conn.mset({"a.1": 1, "a.2": 2, "b[1]": 3, "ż": 4})
        self.conn.sadd("set", "x")
        self.check(
            (("keys", "a.*"), ["a.1", "a.2"]),
            (("keys", "?.[^1]"), ["a.2"]),
            (("keys", r"b\[1\]"), ["b[1]"]),
            (("keys", "[b-]*"), ["b[1]"]),
            (("exists", "a.1", "a.1", "none"), 2),
            (("type", "set"), "set"),
            (("type", "none"), "none"),
            (("rename", "a.1", "c"), True),
            (("get", "c"), "1"),
            (("renamenx", "c", "a.2"), False),
            (("copy", "c", "d"), True),
            (("delete", "a.2", "d", "none"), 2),
            (("unlink", "c"), 1),
            (("dbsize",), 3),
        )
        with self.assertRaisesRegex(ResponseError, "no such key"):
            self.conn.rename("none", "x")
        found, cursor = [], 0
        while True:
            cursor, page = self.conn.scan(cursor, count=1)
            found += page
            if not cursor:
                break
        self.assertEqual(found, ["b[1]", "set", "ż"])
        self.assertEqual(list(self.conn.scan_iter(_type="SET")), ["set"])
        self.assertTrue(self.conn.randomkey() and self.conn.flushdb())
        self.assertIsNone(self.conn.randomkey())

    def test_many_keys(self):
        names = [f"k{i}" for i in range(600)]
        for name in names:
            kv.set(name, name)
        before = len(self.host.calls)
        self.assertEqual(self.conn.mget(names), names)
        self.assertEqual(self.conn.exists(*names[:300], "none"), 300)
        self.assertEqual(len(self.host.calls) - before, 3 + 2)  # nothing but the reads
        self.assertEqual((self.conn.delete(*names, "none"), self.conn.dbsize()), (600, 0))
        with self.assertRaises(DataError):
            self.conn.delete("a", None)
        self.assertEqual(self.conn.delete(), 0)

    def test_hashes(self):
        self.check(
            (("hset", "h", "a", 1), 1),
            (("hset", "h", "a", 2), {"mapping": {"b": 3, "c": "ż"}}, 2),
            (("hget", "h", "a"), "2"),
            (("hget", "h", "none"), None),
            (("hgetall", "h"), {"b": "3", "c": "ż", "a": "2"}),
            (("hmget", "h", ["a", "none"], "b"), ["2", None, "3"]),
            (("hmset", "h", {"d": 4}), True),
            (("hsetnx", "h", "d", 5), 0),
            (("hincrby", "h", "d", 2), 6),
            (("hincrbyfloat", "h", "d", 0.5), 6.5),
            (("hexists", "h", "d"), True),
            (("hdel", "h", "d", "none"), 1),
            (("hlen", "h"), 3),
            (("hkeys", "none"), []),
            (("hvals", "h"), ["2", "3", "ż"]),
            (("hscan", "h"), {"match": "[ab]"}, (0, {"b": "3", "a": "2"})),
            (("hdel", "h", "a", "b", "c"), 3),
            (("exists", "h"), 0),
        )
        with self.assertRaises(DataError):
            self.conn.hset("h")

    def test_lists(self):
        self.check(
            (("rpush", "l", "a", "b", "c"), 3),
            (("lpush", "l", "x", "y"), 5),
            (("lrange", "l", 0, -1), ["y", "x", "a", "b", "c"]),
            (("lrange", "l", 5, 9), []),
            (("lindex", "l", -1), "c"),
            (("lindex", "l", 9), None),
            (("lset", "l", 0, "z"), True),
            (("linsert", "l", "before", "a", "q"), 6),
            (("lrem", "l", 0, "q"), 1),
            (("lpos", "l", "a"), 2),
            (("lpop", "l"), "z"),
            (("rpop", "l", 2), ["c", "b"]),
            (("llen", "l"), 2),
            (("ltrim", "l", 1, -1), True),
            (("rpoplpush", "l", "m"), "a"),
            (("exists", "l"), 0),
            (("lmove", "m", "m", "LEFT", "RIGHT"), "a"),
            (("blpop", ["l", "m"], 1), ("m", "a")),
            (("brpop", "m", 0.01), None),
            (("lpop", "none"), None),
            (("lpushx", "none", 1), 0),
        )
        with self.assertRaisesRegex(ResponseError, "out of range"):
            self.conn.rpush("l", 1)
            self.conn.lset("l", 5, "x")

    def test_sets(self):
        self.check(
            (("sadd", "s", "a", "b", "a"), 2),
            (("sadd", "t", "b", "c"), 2),
            (("smembers", "s"), {"a", "b"}),
            (("sismember", "s", "a"), 1),
            (("smismember", "s", ["a", "z"]), [1, 0]),
            (("sinter", "s", "t"), {"b"}),
            (("sunion", ["s", "t"]), {"a", "b", "c"}),
            (("sdiff", "s", "t"), {"a"}),
            (("sunionstore", "u", "s", "t"), 3),
            (("scard", "u"), 3),
            (("smove", "s", "t", "a"), True),
            (("srem", "s", "b", "z"), 1),
            (("exists", "s"), 0),
            (("sinterstore", "u", "s", "t"), 0),
            (("exists", "u"), 0),
            (("scard", "t"), 3),
            (("spop", "s"), None),
        )
        self.assertEqual(set(self.conn.srandmember("t", 2)) <= {"a", "b", "c"}, True)
        self.assertEqual(set(self.conn.spop("t", 5)), {"a", "b", "c"})
        self.conn.sadd("x", "one", "two")
        self.assertEqual(list(self.conn.sscan_iter("x", match="t*")), ["two"])

    def test_sorted_sets(self):
        inf = float("inf")
        self.check(
            (("zadd", "z", {"a": 1, "b": 2, "c": 3}), 3),
            (("zadd", "z", {"a": 5, "d": 4}), {"ch": True}, 2),
            (("zadd", "z", {"a": 9}), {"nx": True}, 0),
            (("zadd", "z", {"a": 6}), {"gt": True, "incr": True}, 11.0),
            (("zrange", "z", 0, -1), ["b", "c", "d", "a"]),
            (("zrange", "z", 0, 0), {"withscores": True}, [("b", 2.0)]),
            (("zrevrange", "z", 0, 1), ["a", "d"]),
            (("zrangebyscore", "z", "(2", 4), ["c", "d"]),
            (("zrangebyscore", "z", "-inf", "+inf"), {"start": 1, "num": 2}, ["c", "d"]),
            (("zrevrangebyscore", "z", "+inf", 3), ["a", "d", "c"]),
            (("zcount", "z", 2, "(4"), 2),
            (("zscore", "z", "a"), 11.0),
            (("zincrby", "z", -1, "a"), 10.0),
            (("zrank", "z", "b"), 0),
            (("zrevrank", "z", "b"), 3),
            (("zrank", "z", "none"), None),
            (("zcard", "z"), 4),
            (("zpopmin", "z"), [("b", 2.0)]),
            (("zpopmax", "z", 1), [("a", 10.0)]),
            (("zadd", "z", {"e": inf, "f": "-inf"}), 2),
            (("zscore", "z", "e"), inf),
            (("zremrangebyscore", "z", "-inf", 3), 2),
            (("zremrangebyrank", "z", 0, 0), 1),
            (("zrem", "z", "e"), 1),
            (("exists", "z"), 0),
            (("zunionstore", "o", {"p": 2}), 0),
        )
        with self.assertRaisesRegex(ResponseError, "not a valid float"):
            self.conn.zadd("z", {"a": "x"})

    def test_wrong_types(self):
        self.conn.set("s", "x")
        self.conn.rpush("l", "x")
        for name, *args in [("get", "l"), ("incr", "l"), ("lpush", "s", 1), ("hget", "s", "f"), ("sadd", "l", 1), ("zadd", "s", {"a": 1}), ("smembers", "l")]:
            with self.subTest(name), self.assertRaisesRegex(ResponseError, "^WRONGTYPE"):
                getattr(self.conn, name)(*args)
        self.assertEqual(self.conn.mget("s", "l"), ["x", None])
        with self.assertRaises(ResponseError):
            self.conn.lmove("l", "s")
        self.assertEqual(self.conn.lrange("l", 0, -1), ["x"])

    def test_what_is_stored_is_readable(self):
        self.conn.hset("h", "ż", "1")
        self.conn.sadd("s", "b", "a")
        self.conn.zadd("z", {"a": 1.5, "b": 2, "c": float("inf")})
        self.conn.rpush("l", b"\xff")
        self.assertEqual(kv.get("h").value.decode(), '{"serai:hash": {"ż": "1"}}')
        self.assertEqual(kv.get("s").value, b'{"serai:set": ["a", "b"]}')
        self.assertEqual(kv.get("z").value, b'{"serai:zset": {"a": 1.5, "b": 2, "c": 1e999}}')
        self.assertEqual(self.conn.lpop("l"), "\udcff")
        for looks_like_it in ('{"serai:list": ["a"]}', '{"serai:', '{"serai:x": 1}'):
            self.conn.set("t", looks_like_it)
            self.assertEqual((self.conn.get("t"), self.conn.type("t")), (looks_like_it, "string"))

    def test_pipelines(self):
        with self.conn.pipeline() as pipe:
            pipe.set("a", 1).incr("a", 2).rpush("l", "x")
            self.assertEqual(len(pipe), 3)
            self.assertIsNone(self.conn.get("a"))
            before = len(self.host.calls)
            self.assertEqual(pipe.execute(), [True, 3, 1])
        writes = [c for c, _ in self.host.calls[before:] if "set" in c]
        self.assertEqual(len(writes), 1)
        pipe.get("a").lpush("a", 1).get("l")
        replies = pipe.execute(raise_on_error=False)
        self.assertEqual((replies[0], type(replies[1]), type(replies[2])), ("3", ResponseError, ResponseError))
        with self.assertRaises(ResponseError):
            pipe.lpush("a", 1).execute()
        self.assertEqual(self.conn.pipeline(transaction=False).get("a").get("none").execute(), ["3", None])
        self.assertEqual(pipe.execute(), [])

    def test_watch(self):
        self.conn.set("a", 1)
        pipe = self.conn.pipeline()
        pipe.watch("a")
        value = int(pipe.get("a"))
        self.conn.set("a", 7)
        pipe.multi()
        pipe.set("a", value + 1)
        with self.assertRaises(WatchError):
            pipe.execute()
        self.assertEqual(self.conn.get("a"), "7")

        tries = []

        def double(pipe):
            value = int(pipe.get("a"))
            tries.append(value)
            if len(tries) == 1:
                self.conn.set("a", 8)
            pipe.multi()
            pipe.set("a", value * 2)

        self.assertEqual((self.conn.transaction(double, "a"), self.conn.get("a"), tries), ([True], "16", [7, 8]))

    def test_who_is_slower_tries_again(self):
        self.conn.set("a", 1)
        original, raced = transaction.kv.batch, []

        def batch(*args, **kwargs):
            if len(raced) < 3:
                raced.append(1)
                kv.set("a", str(10 * len(raced)))
            return original(*args, **kwargs)

        transaction.kv.batch = batch
        self.addCleanup(setattr, transaction.kv, "batch", original)
        self.assertEqual(self.conn.incr("a"), 31)

    def test_locks(self):
        with self.conn.lock("l", timeout=5) as lock:
            self.assertTrue(lock.locked() and lock.owned())
            self.assertFalse(self.conn.lock("l", blocking=False).acquire())
            self.assertTrue(lock.extend(10))
            self.assertGreater(self.conn.pttl("l"), 10_000)
            with self.assertRaises(LockError), self.conn.lock("l", blocking_timeout=0.02, sleep=0.01):
                pass
        self.assertFalse(lock.locked())
        lock.acquire()
        self.conn.set("l", "somebody else's")
        with self.assertRaises(LockNotOwnedError):
            lock.release()
        self.assertEqual(self.conn.get("l"), "somebody else's")

    def test_refusals(self):
        for name in ("eval", "publish", "xadd", "pfadd", "config_get", "execute_command", "register_script", "pubsub"):
            with self.subTest(name), self.assertRaisesRegex(NotInStore, "does not have this command; "):
                getattr(self.conn, name)("x")
        self.assertTrue(issubclass(NotInStore, errors.Unsupported))
        with self.assertRaises(AttributeError):
            _ = self.conn.gett
        self.assertIsInstance(self.conn, Redis)


if __name__ == "__main__":
    unittest.main()
