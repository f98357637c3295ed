"""What concurrent calls do with the store."""

import json

from redis.exceptions import ResponseError, WatchError
from serai import Service, kv


class Store(Service):
    name = "store"

    def handle(self):
        self.response.payload = getattr(self, self.request.http.params.what)(self.kvdb.conn)

    def work(self, conn):
        """Everything that the test counts."""
        n = conn.incr("count")
        conn.rpush("queue", n)
        conn.hincrby("totals", f"f{n % 3}", 1)
        conn.sadd("seen", n)
        conn.zincrby("scores", 1, "all")
        with conn.pipeline() as pipe:
            pipe.incr("piped").rpush("piped.list", n)
            number, length = pipe.execute()
        return {"n": n, "same": number == length}

    def take(self, conn):
        return conn.blpop("queue", timeout=1)

    def move(self, conn):
        def step(pipe):
            left = int(pipe.get("left") or 0)
            pipe.multi()
            pipe.set("left", left - 1)
            pipe.incrby("right", 1)

        conn.transaction(step, "left")
        return None

    def wrong(self, conn):
        conn.rpush("list", "ż")
        try:
            conn.get("list")
        except ResponseError as exc:
            error = str(exc)
        pipe = conn.pipeline()
        pipe.watch("list")
        conn.rpush("list", "b")
        pipe.multi()
        pipe.delete("list")
        try:
            pipe.execute()
        except WatchError:
            return [error, json.loads(kv.get("list").value)]
