"""Locks, encryption, hashing, caches and times in the sandbox."""

import os
import time

from serai import Service, kv
from serai.errors import Invalid
from serai.lock import LockTimeout


class State(Service):
    name = "state"

    def handle(self):
        self.response.payload = getattr(self, self.request.http.params.what)()

    def exclusive(self):
        """Read, wait, write: without the lock, updates would be lost."""
        with self.lock("counter", ttl=30, block=30):
            entry = kv.get("n")
            n = int(entry.value) if entry else 0
            time.sleep(0.005)
            kv.set("n", str(n + 1))
        return n

    def crash(self):
        self.lock("crashed", ttl=3600).acquire()
        kv.set("holding", "1")
        os.abort()

    def leave(self):
        self.lock("left", ttl=3600).acquire()
        return "held"

    def again(self):
        for name in ("crashed", "left"):
            with self.lock(name, block=0):
                pass
        return "free"

    def impatient(self):
        with self.lock("own"):
            try:
                with self.lock("own", block=0.02):
                    return "twice"
            except LockTimeout as exc:
                return str(exc)

    def hold(self):
        with self.lock("expiring", ttl=0.05) as lock:
            with self.lock("expiring", block=5) as next_one:
                return [lock.release(), next_one.held]

    def seal(self):
        sealed = self.crypto.encrypt("żaba")
        self.kvdb.conn.set("sealed", sealed)
        return sealed.decode()

    def unseal(self):
        try:
            return self.crypto.decrypt(self.request.text)
        except Invalid as exc:
            return str(exc)

    def password(self):
        hashed = self.crypto.hash_secret("pass")
        return [hashed[:9], self.crypto.verify_hash("pass", hashed), self.crypto.verify_hash("Pass", hashed)]

    def costly(self):
        try:
            return self.crypto.verify_hash("x", "$argon2id$v=19$m=262144,t=16,p=16$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA")
        except Invalid as exc:
            return str(exc)

    def cached(self):
        cache = self.cache.default
        cache.set("a", {"n": [1, b"x".hex()]})
        cache.set("b", b"\xff", expiry=60)
        return [cache["a"], cache["b"].hex(), cache.keys(), cache.delete_by_prefix("a"), self.kvdb.conn.keys()]

    def times(self):
        return [self.time.one_day_from("2027-02-28"), self.time.now("Z", tz="Europe/Berlin") in ("+0100", "+0200")]

    def counterpart(self):
        return self.translate("crm", "country", "DE", "erp", "land", default="?")
