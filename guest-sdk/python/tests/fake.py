"""A host for unit tests: a key/value store in memory and canned answers."""

from serai import errors, host


class Envelope:
    def __init__(self, fields=()):
        self._pairs = list(zip(fields[::2], fields[1::2]))

    def get(self, name, default=None):
        return next((v for n, v in self._pairs if n == name), default)

    def pairs(self, prefix=""):
        return [(n.removeprefix(prefix), v) for n, v in self._pairs if n.startswith(prefix)]

    def map(self, prefix, separator=None):
        out = {}
        for name, value in self.pairs(prefix):
            out[name] = out[name] + separator + value if separator and name in out else value
        return out


class Host:
    """Stands in for the built-in module _serai."""

    def __init__(self):
        self.calls, self.logged, self.store, self.answers, self.revision = [], [], {}, {}, 0

    def __enter__(self):
        self._old, host.backend = host.backend, self
        return self

    def __exit__(self, *_):
        host.backend = self._old

    def log(self, level, message):
        self.logged.append((level, message))

    def call(self, fields, body=None):
        e = Envelope(fields)
        body = body.encode() if isinstance(body, str) else body
        self.calls.append((tuple(fields), body))
        op, key = e.get("op"), e.get("key")
        if op in self.answers:
            answer, content = self.answers[op]
            return Envelope(answer), content
        if op == "kv.get":
            if key not in self.store:
                raise errors.NotFound(key)
            value, revision = self.store[key]
            return Envelope(("revision", revision)), value
        if op == "kv.set":
            if (want := e.get("if-revision")) is not None and want != self.store.get(key, (b"", "0"))[1]:
                raise errors.Conflict(key)
            self.revision += 1
            self.store[key] = body, str(self.revision)
            return Envelope(("revision", str(self.revision))), b""
        if op == "kv.delete":
            return Envelope(("deleted", "1" if self.store.pop(key, None) else "0")), b""
        if op == "kv.list":
            found = [k for k in sorted(self.store) if k.startswith(e.get("prefix")) and k > e.get("after")]
            limit = int(e.get("limit"))
            fields = [f for k in found[:limit] for f in ("key", k)]
            return Envelope([*fields, *(("next", found[limit - 1]) if len(found) > limit else ())]), b""
        raise errors.Unsupported(op)
