"""print and logging go to the host's log."""

import io
import logging
import sys

from serai.host import log

DEBUG, INFO, WARNING, ERROR = 10, 20, 30, 40

#: Streams that hold a line which is not complete yet.
pending = []


class Lines(io.TextIOBase):
    """A text stream of which each line becomes a log record."""

    encoding = "utf-8"
    errors = "backslashreplace"
    newlines = None
    line_buffering = True

    def __init__(self, level, name, descriptor):
        self._level = level
        self._part = ""
        self.name = name
        self._descriptor = descriptor
        self.buffer = Bytes(self)

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        head, newline, tail = text.rpartition("\n")
        if newline:
            for line in (self._part + head).split("\n"):
                if line:
                    log(self._level, line)
            self._part = tail
        else:
            self._part += text
        if self._part and self not in pending:
            pending.append(self)
        return len(text)

    def flush_part(self):
        """Log a line that has no end yet."""
        if self._part:
            part, self._part = self._part, ""
            log(self._level, part)

    def flush(self):
        """Nothing: a line is logged when it is complete or the call ends."""

    def writable(self):
        return True

    def isatty(self):
        return False

    def fileno(self):
        return self._descriptor

    def reconfigure(self, **_):
        """Nothing to choose here."""


class Bytes(io.RawIOBase):
    """The bytes under a text stream, for sys.stdout.buffer.write."""

    def __init__(self, stream):
        self._stream = stream

    def write(self, data):
        self._stream.write(bytes(data).decode("utf-8", "backslashreplace"))
        return len(data)

    def writable(self):
        return True


class Handler(logging.Handler):
    """Sends log records to the host, with Python's own level numbers."""

    def createLock(self):
        self.lock = None

    def handle(self, record):
        if not self.filters or self.filter(record):
            self.emit(record)

    def emit(self, record):
        try:
            log(record.levelno, self.format(record))
        except Exception:
            self.handleError(record)


class Logger(logging.Logger):
    """The logger of a service: takes cid=, which is in every record anyway."""

    def _log(self, level, msg, args, exc_info=None, extra=None, stack_info=False, stacklevel=1, cid=None):
        super()._log(level, msg, args, exc_info, extra, stack_info, stacklevel + 1)


def install():
    """Put the streams and the root logger's handler in place."""
    sys.stdout = sys.__stdout__ = Lines(INFO, "<stdout>", 1)
    sys.stderr = sys.__stderr__ = Lines(ERROR, "<stderr>", 2)
    sys.stdin = sys.__stdin__ = io.StringIO("")
    root = logging.getLogger()
    root.handlers[:] = [Handler()]
    root.setLevel(logging.INFO)
    logging.captureWarnings(False)
    logging.setLoggerClass(Logger)


def flush():
    """Log the lines that have no end yet: the call is over."""
    while pending:
        pending.pop().flush_part()
