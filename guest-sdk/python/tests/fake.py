"""A host for unit tests: a key/value store in memory and canned answers."""

import time

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
        self.areas, self.now = {}, time.time
        self.streams, self.closed, self.written, self.broken = {}, [], {}, set()

    def __enter__(self):
        self._old, host.backend = host.backend, self
        return self

    def __exit__(self, *_):
        host.backend = self._old

    def log(self, level, message):
        self.logged.append((level, message))

    def call(self, fields, body=None, stream=False):
        e = Envelope(fields)
        body = body.encode() if isinstance(body, str) else body
        op = e.get("op")
        if e.get("stream-body") == "write":
            self.written[len(self.streams) + 1] = [tuple(fields)]
            return Envelope(), self.open(b"")
        if op == "finish":
            fields, *pieces = self.written.pop(int(e.get("handle")))
            e, body = Envelope(fields), b"".join(pieces)
            op = e.get("op")
        self.calls.append((tuple(fields), body))
        if op in self.answers:
            answer, content = self.answers[op]
            return Envelope(answer), self.open(content) if stream else content
        if op.startswith("kv."):
            return self._kv(op, e, body or b"")
        raise errors.Unsupported(op)

    def open(self, content):
        """The handle of a stream: bytes, or a list of pieces and exceptions as they come."""
        pieces = list(content) if isinstance(content, list) else [content] if content else []
        self.streams[len(self.streams) + 1] = pieces
        return len(self.streams)

    def write(self, piece, handle=0):
        if handle in self.broken:
            raise errors.Failed("the host does not take more of the operation's body")
        self.written[handle].append(piece)

    def read(self, handle, size):
        pieces = self.streams[handle]
        if not pieces:
            return b""
        if isinstance(pieces[0], Exception):
            raise pieces[0]
        piece, pieces[0] = pieces[0][:size], pieces[0][size:]
        if not pieces[0]:
            pieces.pop(0)
        return piece

    def readinto(self, handle, buffer):
        piece = self.read(handle, len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self, handle):
        self.closed.append(handle)

    def _kv(self, op, e, body):
        area = self.area(e.get("area", ""))
        key = e.get("key")
        if op == "kv.batch":
            return self._batch(area, e, body)
        if op == "kv.list":
            found = [k for k in sorted(area) if k.startswith(e.get("prefix")) and k > e.get("after")]
            limit = int(e.get("limit"))
            fields = [f for k in found[:limit] for f in ("key", k)]
            return Envelope([*fields, *(("next", found[limit - 1]) if len(found) > limit else ())]), b""
        if op == "kv.clear":
            gone = [k for k in area if k.startswith(e.get("prefix", ""))]
            for k in gone:
                del area[k]
            return Envelope(("deleted", str(len(gone)))), b""
        outcome, content = self._step(area, op.removeprefix("kv."), key, e, body)
        if op == "kv.delete":
            return Envelope(("deleted", "0" if outcome[1] == "0" else "1")), b""
        if outcome[1] == "0":
            raise errors.NotFound(key)
        return Envelope(outcome), content

    def area(self, name):
        return self.store if name == "" else self.areas.setdefault(name, {})

    def _batch(self, area, e, body):
        before, steps = dict(area), []
        for name, value in e.pairs():
            if name in ("get", "set", "delete", "expire", "check"):
                steps.append((name, value, []))
            elif steps:
                steps[-1][2].extend((name, value))
        assert 0 < len(steps) <= 256
        fields, contents = [], b""
        try:
            for action, key, own in steps:
                own = Envelope(own)
                length = int(own.get("length", "0"))
                outcome, content = self._step(area, action, key, own, body[:length])
                body = body[length:]
                fields += outcome
                if action == "get" and outcome[1] != "0":
                    fields += ("length", str(len(content)))
                    contents += content
        except errors.Conflict:
            area.clear()
            area.update(before)
            raise
        assert body == b""
        return Envelope(fields), contents

    def _step(self, area, action, key, e, body):
        """Perform one step; the revision and ttl it leaves, and the value of a get."""
        value, revision, expires = area.get(key, (b"", "0", None))
        if expires is not None and expires <= self.now():
            value, revision, expires = b"", "0", None
        if (want := e.get("if-revision")) is not None and want != revision:
            raise errors.Conflict(key)
        if action == "delete":
            area.pop(key, None)
        elif action in ("set", "expire") and (action == "set" or revision != "0"):
            ttl = e.get("ttl")
            self.revision += 1
            revision = str(self.revision)
            expires = self.now() + int(ttl) / 1000 if ttl else expires if e.get("keep-ttl") == "1" else None
            area[key] = body if action == "set" else value, revision, expires
        outcome = ["revision", revision]
        if action == "get" and expires is not None:
            outcome += ("ttl", str(max(1, round((expires - self.now()) * 1000))))
        return outcome, value if action == "get" else b""
