"""The contents of a .pyc for the source in the body, whose tracebacks show
the path: without docstrings and assertions, like the standard library's."""

import importlib._bootstrap_external as external
import marshal


def handle(request):
    code = compile(request.raw, request.http.path, "exec", dont_inherit=True, optimize=2)
    return external.MAGIC_NUMBER + bytes(12) + marshal.dumps(code)
