"""Packs the standard library that services see at /lib into stdlib.zip.

    PYTHONHASHSEED=0 python -I mkstdlib.py OUT CPYTHON_LIB ZONEINFO OVERLAY...

Run by build.sh with the native build of the same CPython version. Modules are
compiled without their docstrings, and only the bytecode is packed; the
overlays (the stand-ins of modules/python/lib) replace modules of the same name.
The result depends on the inputs only.
"""

import importlib._bootstrap_external as external
import marshal
import os
import sys
import zipfile

DROP = {
    "test", "tests", "idlelib", "tkinter", "turtledemo", "turtle.py", "ensurepip", "lib2to3", "venv", "pydoc_data",
    "_pyrepl", "curses", "dbm", "site-packages", "__phello__", "this.py", "antigravity.py", "__hello__.py",
    "_android_support.py", "_apple_support.py", "_ios_support.py", "windows_events.py", "windows_utils.py",
    "popen_spawn_win32.py", "_aix_support.py", "_osx_support.py", "__pycache__",
    "pydoc.py", "winreg.py", "msilib", "nturl2path.py", "_sysconfigdata__linux_x86_64-linux-gnu.py",
}
ZONES_DROP = {"posix", "right", "posixrules", "localtime", "leapseconds", "leap-seconds.list", "Factory", "SystemV"}

SYSCONFIG = """build_time_vars = {
    "TZPATH": "/lib/zoneinfo", "VERSION": "3.13", "EXT_SUFFIX": ".cpython-313-wasm32-wasi.so", "SOABI": "cpython-313-wasm32-wasi",
    "MULTIARCH": "wasm32-wasi", "HOST_GNU_TYPE": "wasm32-unknown-wasi", "MACHDEP": "wasi", "Py_DEBUG": 0, "Py_GIL_DISABLED": 0,
    "WITH_PYMALLOC": 1, "prefix": "/", "exec_prefix": "/", "SIZEOF_VOID_P": 4,
}
"""


def bytecode(source, path):
    """The contents of a .pyc for source, whose tracebacks show path."""
    code = compile(source, path, "exec", dont_inherit=True, optimize=2)
    return external.MAGIC_NUMBER + bytes(12) + marshal.dumps(code)


def modules(root):
    """Every source file below root, as (path relative to it, contents)."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(set(folders) - DROP)
        for name in sorted(set(files) - DROP):
            if name.endswith(".py"):
                full = os.path.join(folder, name)
                with open(full, "rb") as f:
                    yield os.path.relpath(full, root), f.read()


def zones(root):
    """Every time zone below root."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(set(folders) - ZONES_DROP)
        for name in sorted(set(files) - ZONES_DROP):
            full = os.path.join(folder, name)
            with open(full, "rb") as f:
                data = f.read()
            if data.startswith(b"TZif") or name.endswith(".tab"):
                yield "zoneinfo/" + os.path.relpath(full, root), data


def main(out, lib, zoneinfo, *overlays):
    files = {}
    for root in (lib, *overlays):
        for path, source in modules(root):
            files[path.removesuffix(".py") + ".pyc"] = bytecode(source, "/lib/" + path)
    files["_sysconfigdata__wasi_wasm32-wasi.pyc"] = bytecode(SYSCONFIG, "/lib/_sysconfigdata__wasi_wasm32-wasi.py")
    files.update(zones(zoneinfo))
    with zipfile.ZipFile(out, "w") as archive:
        for path in sorted(files):
            info = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o444 << 16
            archive.writestr(info, files[path], zipfile.ZIP_DEFLATED, 9)


if __name__ == "__main__":
    main(*sys.argv[1:])
