"""What the host, and through it the author, learns of an exception."""

import re
import reprlib
import traceback

APP = "/app/"

#: The longest traceback that is told whole, in characters.
MOST = 60_000

_SECRET = re.compile(r"passw|passphrase|secret|token|api_?key|credential|authoriz|private|cookie|session|pwd|\bkey\b|_key$", re.IGNORECASE)
_MASKED = "'***'"


def failure(exc, values=False):
    """The fields of exc, no body, and the code of a failure: the shim's form of a reply.

    values adds the local values of the author's own frames to the traceback.
    """
    tb = exc.__traceback__
    while tb is not None and _ours(tb.tb_frame.f_code.co_filename):
        tb = tb.tb_next
    exc.__traceback__ = tb
    file, line = _place(exc, tb)
    if isinstance(exc, SystemExit):
        message = f"the service ended itself with sys.exit({'' if exc.code is None else exc.code})"
    else:
        message = str(exc)
    fields = [
        "error.type", type(exc).__name__,
        "error.message", _clip(message[:MOST].replace(f"({APP}", "(") or type(exc).__name__),
        "error.traceback", _clean(_text(exc, values)), "error.file", _clean(file.removeprefix(APP)), "error.line", line,
    ]
    return fields, None, 1


def _ours(file):
    return file.startswith(("/lib/serai/", "<frozen"))


def _place(exc, tb):
    """File and line, as texts, of the author's code that failed."""
    if isinstance(exc, SyntaxError) and exc.filename:
        return exc.filename, str(exc.lineno or "")
    file, line = "", ""
    while tb is not None:
        if tb.tb_frame.f_code.co_filename.startswith(APP):
            file, line = tb.tb_frame.f_code.co_filename, str(tb.tb_lineno)
        tb = tb.tb_next
    return file, line


def _text(exc, values):
    told = traceback.TracebackException.from_exception(exc)
    _shorten(told)
    if values:
        _Values().add(told, exc)
    text = "".join(told.format()).replace(f'File "{APP}', 'File "')
    if len(text) > MOST:
        text = text[: MOST // 2] + "\n[...]\n" + text[-MOST // 2 :]
    return text


def _shorten(told):
    """Clip messages before they are copied into texts: there may be no memory
    for copies of a message that takes a good part of it."""
    seen = set()
    while told is not None and id(told) not in seen:
        seen.add(id(told))
        if isinstance(told._str, str) and len(told._str) > MOST:
            told._str = told._str[: MOST // 2] + "\n[...]\n" + told._str[-MOST // 4 :]
        told = told.__cause__ or told.__context__


class _Values:
    """Puts the local values of the author's frames into a TracebackException.

    Secrets are known by their names. What one name hides is hidden under every
    other name too, such as the arguments that a helper hands on.
    """

    def __init__(self):
        self._show, self._seen, self._frames = _Show(), set(), []

    def add(self, told, exc):
        self._walk(told, exc)
        for frame in self._frames:
            for name, text in frame.locals.items():
                for hidden in self._show.hidden:
                    text = text.replace(hidden, "***")
                frame.locals[name] = text

    def _walk(self, told, exc):
        if told is None or exc is None or id(exc) in self._seen:
            return
        self._seen.add(id(exc))
        tb = exc.__traceback__
        for frame in told.stack:
            if tb is None:
                break
            if frame.filename.startswith(APP) and (values := self._of(tb.tb_frame.f_locals)):
                frame.locals = values
                self._frames.append(frame)
            tb = tb.tb_next
        self._walk(told.__cause__, exc.__cause__)
        self._walk(told.__context__, exc.__context__)
        for inner, one in zip(told.exceptions or (), getattr(exc, "exceptions", ())):
            self._walk(inner, one)

    def _of(self, names):
        """The values as texts, without what is no value: modules, functions, classes."""
        return {
            name: self._show.named(name, value, self._show.maxlevel)
            for name, value in names.items()
            if not (name.startswith("__") or type(value).__name__ in ("module", "function", "type", "builtin_function_or_method"))
        }


def secret(name):
    """Whether a value of this name is not to be shown."""
    return isinstance(name, str) and _SECRET.search(name) is not None


class _Show(reprlib.Repr):
    """Short representations, in which the values of secret names are masked."""

    def __init__(self):
        super().__init__()
        self.maxlevel, self.maxdict, self.maxlist, self.maxtuple, self.maxset = 3, 12, 12, 12, 12
        self.maxstring = self.maxother = 160
        self.hidden = set()

    def named(self, name, value, level):
        """The representation of a value with a name."""
        if not secret(name):
            return self.repr1(value, level)
        if isinstance(value, str) and len(value) >= 4:
            self.hidden.add(value)
        return _MASKED

    def repr1(self, x, level):
        if isinstance(x, dict):
            return self.repr_dict(x, level)
        return super().repr1(x, level)

    def repr_dict(self, x, level):
        if level <= 0:
            return "{...}"
        parts = [
            f"{self.repr1(k, level - 1)}: {self.named(k, v, level - 1)}"
            for k, v in list(x.items())[: self.maxdict]
        ]
        if len(x) > self.maxdict:
            parts.append("...")
        return "{" + ", ".join(parts) + "}"


def _clip(text, most=4000):
    return _clean(text if len(text) <= most else text[:most] + "...")


def _clean(text):
    return text.encode("utf-8", "backslashreplace").decode()
