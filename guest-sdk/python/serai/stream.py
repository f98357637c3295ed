"""Bodies that are read piece by piece, and so need not fit into memory."""

import io

from serai import errors, host

#: How much is read at a time unless somebody says how much.
PIECE = 64 << 10

#: Counts the calls of an instance that serves several. Handles are one call's.
calls = 0


class Stream(io.BufferedIOBase):
    """A body as a binary file: read, readline, readinto and iteration by lines.

    What was read is gone; there is no way back. A body that breaks off raises
    one of :mod:`serai.errors` and never ends as if it were complete.
    """

    def __init__(self, handle, length=-1):
        self._handle = handle
        self._host, self._call = host.backend, calls
        self._ahead = b""  # bytes that came along and nobody has had yet
        self._at = 0
        self._end = self._taken = False
        #: How many bytes the body has in all; -1 if that is not known.
        self.length = length

    @property
    def taken(self):
        """Whether any of it was read."""
        return self._taken

    def readable(self):
        return True

    def read(self, size=-1, /):
        """The next bytes: size of them, fewer only at the end; all without a size."""
        self._open()
        if size is None or size < 0:
            return self._all()
        piece = self._buffered(size)
        if len(piece) == size or self._end:
            return piece
        pieces = [piece] if piece else []
        left = size - len(piece)
        while left > 0 and (piece := self._more(left)):
            pieces.append(piece)
            left -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def read1(self, size=-1, /):
        """The next bytes as they come, at most size; b'' at the end."""
        self._open()
        if size is None or size < 0:
            size = PIECE
        return self._buffered(size) or (self._more(size) if size else b"")

    def readinto(self, buffer, /):
        """Fill a buffer; how many bytes, fewer than fit only at the end."""
        view = memoryview(buffer).cast("B")
        piece = self.read(len(view))
        view[: len(piece)] = piece
        return len(piece)

    def readinto1(self, buffer, /):
        """Fill a buffer with what comes next; how many bytes."""
        view = memoryview(buffer).cast("B")
        piece = self.read1(len(view))
        view[: len(piece)] = piece
        return len(piece)

    def peek(self, size=0, /):
        """Bytes that come next, without taking them; b'' at the end."""
        self._open()
        if self._at == len(self._ahead):
            self._ahead, self._at = self._more(PIECE, taken=self._taken), 0
        return self._ahead[self._at :]

    def readline(self, size=-1, /):
        """The next line with its end; b'' at the end of the body."""
        self._open()
        most = float("inf") if size is None or size < 0 else size
        pieces, have = [], 0
        while have < most and (ahead := self.peek()):
            end = ahead.find(b"\n") + 1
            piece = self._buffered(int(min(end or len(ahead), most - have)))
            pieces.append(piece)
            have += len(piece)
            if end and len(piece) == end:
                break
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def iter_content(self, chunk_size=PIECE):
        """The body in pieces of chunk_size, of which the last may be shorter."""
        while piece := self.read(chunk_size or PIECE):
            yield piece

    def rest(self):
        """What is here already, and the handle of what is not. The stream is
        used up then."""
        self._open()
        first, self._ahead, self._at = self._ahead[self._at :], b"", 0
        self._end = self._taken = True
        return first, self._handle

    def close(self):
        """Give up what was not read."""
        if not self.closed:
            super().close()
            # The request's own ends with the call, and so do all others: what is
            # collected later has a number that may be another stream's by then.
            if self._handle and self._call == calls:
                self._host.close(self._handle)

    def _open(self):
        if self.closed or self._call != calls:
            raise ValueError("the body was closed")

    def _buffered(self, size):
        """Up to size bytes of those that are here."""
        if self._at == len(self._ahead):
            return b""
        piece = self._ahead[self._at : self._at + size]
        self._at += len(piece)
        self._taken = True
        if self._at == len(self._ahead):
            self._ahead, self._at = b"", 0
        return piece

    def _more(self, size, taken=True):
        """Up to size bytes that are not here yet."""
        if self._end:
            return b""
        self._taken = taken
        piece = host.backend.read(self._handle, min(size, 1 << 20))
        self._end = not piece
        return piece

    def _all(self):
        out = bytearray()
        try:
            while piece := self._buffered(PIECE) or self._more(1 << 20):
                out += piece
            return bytes(out)
        except MemoryError:
            read = len(out)
            del out
            raise errors.TooLarge(
                f"{read} bytes and more of the body do not fit into memory: read it piece by piece, or raise --memory") from None


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
