"""The service that runs the tests: ``serai test`` deploys it beside the others."""

import io
import os
import pathlib
import sys
import tempfile

import pytest
from _pytest import config as pytest_config, logging as pytest_logging
from _pytest._code.code import TracebackEntry

from serai import naming
from serai.host import call
from serai.testing._stage import logs

#: Plugins of pytest that need what a sandbox has not: a cache on disk, signals.
WITHOUT = ("cacheprovider", "faulthandler", "stepwise", "pastebin")

#: Modules of pytest that are loaded when it starts; they are part of the image.
for _name in "assertion.rewrite capture debugging doctest fixtures junitxml legacypath logging monkeypatch python python_api recwarn runner setuponly setupplan skipping terminal threadexception tmpdir unittest unraisableexception warnings".split():
    __import__("_pytest." + _name)


class Terminal(io.TextIOBase):
    """Prints what pytest says, by way of the host."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, colour):
        self._colour, self._waiting = colour, []

    def write(self, text):
        self._waiting.append(text)
        return len(text)

    def flush(self):
        text, self._waiting = "".join(self._waiting), []
        for i in range(0, len(text), 60_000):
            call("test.output", body=text[i : i + 60_000])

    def writable(self):
        return True

    def isatty(self):
        return self._colour


class Nowhere(io.StringIO):
    """os.devnull, which a sandbox does not have."""

    def write(self, text):
        return len(text)


def _ours(entry, excinfo, hidden=TracebackEntry.ishidden):
    """Whether a frame is not to be shown: this package's have no sources here."""
    return str(entry.path).startswith("/lib/serai/") or hidden(entry, excinfo)


def _told():
    """What services logged in the running test, as text."""
    lines = []
    for record in logs():
        lines.append(f"{record.levelname:8} {record.service}: {record.message}")
        if record.traceback:
            lines.append(record.traceback.rstrip())
    return "\n".join(lines)


class Plugin:
    """Gives every test a stage of its own, and says where it runs."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item):
        call("test.reset")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item):
        report = yield
        if report.failed and (text := _told()):
            report.sections.append(("Log of the services", text))
        return report

    @pytest.fixture
    def tmp_path(self):
        """A folder of the test's own, in memory."""
        return pathlib.Path(tempfile.mkdtemp())

    @pytest.fixture(scope="session")
    def tmp_path_factory(self):
        """Makes folders in memory with mktemp."""
        return Folders()

    def pytest_report_header(self):
        return f"serai: CPython {sys.version.split()[0]} in WebAssembly"


class Folders:
    """tmp_path_factory."""

    def mktemp(self, basename, numbered=True):
        """A new folder."""
        if numbered:
            return pathlib.Path(tempfile.mkdtemp(prefix=basename))
        folder = self.getbasetemp() / basename
        folder.mkdir()
        return folder

    def getbasetemp(self):
        """The folder of all."""
        return pathlib.Path(tempfile.gettempdir())


def handle(request):
    """Run pytest with the arguments in the payload; its exit code."""
    asked = request.payload
    # Classes that tests import have the names that they are deployed by.
    naming.stems.update(dict.fromkeys(("service", "main", "app"), asked["stem"]))
    terminal = Terminal(asked["colour"])
    os.environ["COLUMNS"] = str(asked["columns"])
    os.environ["PY_COLORS"] = "1" if asked["colour"] else "0"
    pytest_logging._FileHandler._open = lambda self: Nowhere()
    # It looks for assertions in its own code, which was compiled without; those of authors are there.
    pytest_config._assertion_supported = lambda: True
    TracebackEntry.ishidden = _ours
    old = sys.stdout, sys.__stdout__
    sys.stdout = sys.__stdout__ = terminal
    sys.dont_write_bytecode = True
    os.chdir("/app")
    try:
        options = [part for name in WITHOUT for part in ("-p", "no:" + name)]
        code = pytest.main([*options, "--capture=sys", "--rootdir=/app", *asked["args"]], plugins=[Plugin()])
    finally:
        sys.stdout, sys.__stdout__ = old
        terminal.flush()
    return {"code": int(code)}
