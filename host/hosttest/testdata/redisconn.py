from datetime import timedelta

from redis.exceptions import RedisError, ResponseError, WatchError
from serai import Service

# Commands that the tenant's own store and a server answer alike.
STEPS = [
    ("set", "k", "ż"), ("get", "k"), ("set", "k", "x", {"nx": True}), ("set", "n", "x", {"xx": True}), ("set", "k", 1.5, {"get": True}),
    ("setnx", "k", 1), ("setnx", "m", 1), ("mget", ["k", "none"], "m"), ("mset", {"a": 1, "b": b"\xff"}), ("get", "b"),
    ("msetnx", {"a": 2, "c": 3}), ("append", "s", "ab"), ("strlen", "s"), ("getrange", "s", 0, 0), ("setrange", "t", 2, "x"), ("get", "t"),
    ("incr", "i"), ("incrby", "i", 4), ("decr", "i"), ("decrby", "i", 2), ("incrbyfloat", "i", 0.5), ("getset", "i", "9"), ("getdel", "i"), ("getdel", "i"),
    ("setbit", "bits", 7, 1), ("getbit", "bits", 7), ("bitcount", "bits"), ("setex", "e", 100, "v"), ("ttl", "e"), ("psetex", "e", 100_000, "v"),
    ("setex", "e", timedelta(seconds=100), "v"), ("getex", "e", {"persist": True}), ("ttl", "e"), ("ttl", "none"), ("expire", "e", 50), ("expire", "none", 5),
    ("expire", "e", 60, {"nx": True}), ("persist", "e"), ("persist", "e"), ("exists", "k", "k", "none"), ("type", "k"), ("type", "none"),
    ("rename", "m", "m2"), ("rename", "none", "x"), ("renamenx", "m2", "k"), ("copy", "k", "k2"), ("copy", "k", "k2"), ("delete", "k2", "none"), ("touch", "k"),
    ("incr", "k"), ("lpush", "k", 1),
    ("hset", "h", "f", 1), ("hset", "h", {"mapping": {"f": 2, "g": "x"}}), ("hget", "h", "f"), ("hget", "h", "none"), ("hgetall", "h"), ("hgetall", "none"),
    ("hmget", "h", ["f", "none"]), ("hmset", "h", {"z": 1}), ("hexists", "h", "f"), ("hsetnx", "h", "f", 1), ("hdel", "h", "z", "none"), ("hkeys", "h"), ("hvals", "h"),
    ("hlen", "h"), ("hstrlen", "h", "g"), ("hincrby", "h", "n", 3), ("hincrbyfloat", "h", "n", 0.5), ("hincrby", "h", "g"), ("hscan", "h", {"match": "f*"}),
    ("rpush", "l", "a", "b", "c", "b"), ("lpush", "l", "z", "y"), ("lrange", "l", 0, -1), ("llen", "l"), ("lindex", "l", 1), ("lindex", "l", 99), ("lset", "l", 0, "Y"),
    ("lset", "l", 99, "Y"), ("linsert", "l", "before", "a", "A"), ("lrem", "l", 1, "b"), ("lpos", "l", "b"), ("lpos", "l", "none"), ("ltrim", "l", 0, 3),
    ("lpop", "l"), ("rpop", "l", 2), ("lpop", "none"), ("lmove", "l", "l2", "LEFT", "RIGHT"), ("rpoplpush", "l2", "l"), ("lpushx", "none", 1), ("blpop", ["none", "l"], 1), ("blpop", "l", 0.05),
    ("sadd", "s1", 1, 2, 3), ("sadd", "s2", 3, 4), ("smembers", "s1"), ("sismember", "s1", 1), ("smismember", "s1", [1, 9]), ("scard", "s1"), ("sinter", "s1", "s2"),
    ("sunion", ["s1", "s2"]), ("sdiff", "s1", "s2"), ("sinterstore", "s3", "s1", "s2"), ("smove", "s1", "s2", 1), ("srem", "s1", 2, 9), ("srandmember", "s3"), ("spop", "s3"), ("spop", "s3"), ("spop", "s3", 2),
    ("sscan", "s2", {"match": "4*"}),
    ("zadd", "z", {"a": 1, "b": 2.5, "c": 3}), ("zadd", "z", {"a": 5}, {"nx": True}), ("zadd", "z", {"a": 2}, {"ch": True}), ("zadd", "z", {"a": 1}, {"incr": True}),
    ("zrange", "z", 0, -1), ("zrange", "z", 0, -1, {"withscores": True}), ("zrange", "z", 0, 1, {"desc": True, "withscores": True}), ("zrevrange", "z", 0, 0),
    ("zrangebyscore", "z", "-inf", "(3", {"withscores": True}), ("zrevrangebyscore", "z", 3, 0, {"start": 0, "num": 1}), ("zrange", "z", 0, 3, {"byscore": True}),
    ("zscore", "z", "a"), ("zscore", "z", "none"), ("zmscore", "z", ["a", "none"]), ("zcard", "z"), ("zcount", "z", 0, 3), ("zrank", "z", "b"), ("zrevrank", "z", "b"), ("zrank", "z", "none"),
    ("zincrby", "z", 2, "a"), ("zunionstore", "zu", {"z": 2, "s2": 1}), ("zinterstore", "zi", ["z", "zu"], {"aggregate": "max"}), ("zrange", "zi", 0, -1, {"withscores": True}),
    ("zpopmin", "z"), ("zpopmax", "z", 1), ("bzpopmin", "z", 1), ("zrem", "zu", "a", "none"), ("zremrangebyrank", "zu", 0, 0), ("zremrangebyscore", "zu", 0, 9), ("zscan", "zi"),
    ("dbsize",), ("ping",), ("echo", "x"),
    ("hset", "h"), ("zadd", "z", {}), ("get", None), ("set", "k", "v", {"nx": True, "xx": True}),
]


def perform(conn, step):
    name, *args = step
    if isinstance(args[-1] if args else None, dict) and name not in ("mset", "msetnx", "hmset") and not (name in ("zadd", "zunionstore") and len(args) == 2):
        kwargs = args.pop()
    else:
        kwargs = {}
    try:
        return getattr(conn, name)(*args, **kwargs)
    except RedisError as exc:
        return type(exc).__name__ if name != "rename" else str(exc)


def increment(pipe):
    value = int(pipe.get("p"))
    pipe.multi()
    pipe.set("p", value + 1)


class Redis(Service):
    def handle(self):
        store, conn = self.kvdb.conn, self.out.redis["Cache"]
        for one in (store, conn):
            one.flushdb()
        different = []
        for step in STEPS:
            want, got = perform(store, step), perform(conn, step)
            if step[0] in ("hkeys", "hvals"):
                want, got = sorted(want), sorted(got)
            if (want, type(want)) != (got, type(got)):
                different.append(f"{step}: store {want!r}, server {got!r}")
        assert sorted(store.scan_iter()) == sorted(conn.scan_iter())
        assert sorted(conn.hscan_iter("h")) == sorted(store.hscan_iter("h"))
        for one in (store, conn):
            one.flushdb()
            with one.pipeline() as pipe:
                assert pipe.set("p", 1).incr("p").lpush("p", 1).get("p").execute(raise_on_error=False)[:2] == [True, 2]
            with one.pipeline(transaction=False) as pipe:
                assert pipe.zadd("q", {"x": 1}).zrange("q", 0, -1, withscores=True).execute() == [1, [("x", 1.0)]]
            with one.pipeline() as pipe:
                pipe.watch("p")
                assert pipe.get("p") == "2"
                one.set("p", 7)
                pipe.multi()
                pipe.set("p", 8)
                try:
                    pipe.execute()
                    different.append("no WatchError")
                except WatchError:
                    pass
            assert one.transaction(increment, "p") == [True]
            with one.lock("lock", timeout=10) as lock:
                assert lock.owned()
                lock.extend(10)
                assert not one.lock("lock", blocking=False).acquire()
            assert not one.exists("lock")
        self.extras(conn)
        self.response.payload = different

    def extras(self, conn):
        assert conn.eval("return {KEYS[1], ARGV[1], 3}", 1, "k", "v") == ["k", "v", 3]
        add = conn.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
        assert (add(keys=["n"], args=[2]), add(keys=["n"], args=[3])) == (2, 5)
        assert conn.script_exists(add.sha) == [True]
        first = conn.xadd("x", {"a": 1})
        conn.xadd("x", {"a": 2, "b": "ż"})
        assert [fields for _, fields in conn.xrange("x")] == [{"a": "1"}, {"a": "2", "b": "ż"}]
        ((name, found),) = conn.xread({"x": first}, block=10)
        assert (name, found[0][1]) == ("x", {"a": "2", "b": "ż"})
        assert conn.xread({"x": "$"}, block=10) == []
        assert conn.xgroup_create("x", "g", id="0")
        ((_, found),) = conn.xreadgroup("g", "me", {"x": ">"}, count=1)
        assert found == [(first, {"a": "1"})]
        assert conn.xpending("x", "g") == {"pending": 1, "min": first, "max": first, "consumers": [{"name": "me", "pending": 1}]}
        assert conn.xack("x", "g", first) == 1
        raw = self.out.redis.get("Cache", decode_responses=False)
        raw.set(b"\xff\x00", b"\r\n\xfe")
        assert raw.get(b"\xff\x00") == b"\r\n\xfe"
        assert raw.hgetall("none") == {}
        assert conn.execute_command("GET", "n") == "5"
        try:
            conn.execute_command("CONFIG GET", "*")
            raise AssertionError("CONFIG was not refused")
        except PermissionError as exc:
            assert "CONFIG" in str(exc)
        try:
            conn.eval("nonsense(", 0)
        except ResponseError:
            pass
