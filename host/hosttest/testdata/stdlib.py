"""Imports every public module of the standard library; the answer has those
that fail, and why."""

import importlib
import importlib.util
import sys


def handle(request):
    out = {}
    for name in sorted(sys.stdlib_module_names):
        if name.startswith("_") or name in ("this", "antigravity"):
            continue
        try:
            importlib.import_module(name)
        except ImportError as exc:
            out[name] = str(exc)
    assert importlib.util.find_spec("curses") is None
    return out
