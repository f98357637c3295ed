"""Bodies that are read piece by piece, and so need not fit into memory."""

import io

from serai import errors, host

#: How much is read at a time unless somebody says how much.
PIECE = 64 << 10

#: Counts the calls of an instance that serves several. Handles are one call's.
calls = 0


class Stream(io.BufferedReader):
    """A body as a binary file: read, readline, readinto and iteration by lines.

    What was read is gone; there is no way back. A body that breaks off raises
    one of :mod:`serai.errors` and never ends as if it were complete.
    """

    def __init__(self, handle, length=-1):
        super().__init__(_Handle(handle), PIECE)
        #: How many bytes the body has in all; -1 if that is not known.
        self.length = length

    @property
    def taken(self):
        """Whether any of it was read."""
        return self.raw.given or self.tell() > 0

    def read(self, size=-1, /):
        """The next bytes: size of them, fewer only at the end; all without a size."""
        return self._all() if size is None or size < 0 else super().read(size)

    def iter_content(self, chunk_size=PIECE):
        """The body in pieces of chunk_size, of which the last may be shorter."""
        while piece := self.read(chunk_size or PIECE):
            yield piece

    def rest(self):
        """What is here already, and the handle of what is not. The stream is
        used up then."""
        here = self.raw.at - self.tell()  # peek would wait for more if that is nothing
        first = super().read(here)
        self.raw.given = True
        return first, self.raw.handle

    def _all(self):
        out = bytearray()
        try:
            while piece := self.read1(1 << 20):
                out += piece
            return bytes(out)
        except MemoryError:
            read = len(out)
            del out
            raise errors.TooLarge(
                f"{read} bytes and more of the body do not fit into memory: read it piece by piece, or raise --memory") from None


class _Handle(io.RawIOBase):
    """A stream of the host's, of the call in which it was opened."""

    def __init__(self, handle):
        self.handle, self.at, self.given = handle, 0, False
        self._host, self._call = host.backend, calls

    def readable(self):
        return True

    def readinto(self, buffer, /):
        if self._call != calls:
            raise ValueError("the body was that of a call which has ended")
        n = 0 if self.given else self._host.readinto(self.handle, buffer)
        self.at += n
        return n

    def tell(self):
        return self.at

    def close(self):
        # The request's own ends with the call, and so do all others: what is
        # collected later has a number that may be another stream's by then.
        if not self.closed:
            super().close()
            if self.handle and self._call == calls:
                self._host.close(self.handle)


def call(op, *fields, body=None):
    """Perform op with alternating names and values; the reply's envelope, and
    its body as a :class:`Stream`."""
    if host.backend is None:
        raise errors.Unsupported("there is no Serai host here: set serai.host.backend in tests")
    envelope, handle = host.backend.call(("op", op, "stream-reply", "1", *fields), body, True)
    return envelope, Stream(handle)


def streams(data):
    """Whether data is a body that is sent piece by piece: a file or an iterator."""
    return hasattr(data, "read") or hasattr(data, "__next__")


def send(fields, data, stream=False):
    """Perform an operation, given by alternating names and values, whose body is
    a file or an iterator of bytes; the reply's envelope and body, a Stream if
    stream is true. What comes from the host goes back without a detour.
    """
    backend = host.backend
    if stream:
        fields = (*fields, "stream-reply", "1")
    if data.__class__ is Stream:
        first, handle = data.rest()
        envelope, body = backend.call((*fields, "stream-body", str(handle)), first, stream)
    elif isinstance(data, io.BytesIO):
        envelope, body = backend.call(tuple(fields), data.read(), stream)
    else:
        envelope, body = _written(backend, fields, data, stream)
    return envelope, Stream(body) if stream else body


def _written(backend, fields, data, stream):
    _, handle = backend.call((*fields, "stream-body", "write"), None, True)
    try:
        for piece in pieces(data):
            try:
                backend.write(piece, handle)
            except errors.Error:
                break  # finish says why
        return backend.call(("op", "finish", "handle", str(handle)), None, stream)
    except BaseException:
        backend.close(handle)  # nobody shall take a part for the whole
        raise


def pieces(data):
    """The pieces of a file or an iterator, those that are empty left out."""
    if hasattr(data, "read"):
        while piece := data.read(PIECE):
            yield piece
        return
    for piece in data:
        if piece:
            yield piece


class Whole(io.BytesIO):
    """A body that is in memory, with the methods of a stream."""

    def __init__(self, body):
        super().__init__(body)
        self.length = len(body)

    iter_content = Stream.iter_content
