"""/tmp: files in memory, for libraries that write temporary ones.

The file system of a service is read-only. Below /tmp, the functions of io, os
and tempfile work on files in the service's own memory instead: they count
towards its limit, and are gone when the call ends.
"""

import errno
import io
import os
import stat
import time

ROOT = "/tmp"
_FIRST_DESCRIPTOR = 1 << 20

#: Nodes by path: _File, or None for a folder.
_nodes = {ROOT: None}
#: Open files by descriptor.
_descriptors = {}


class _File:
    """The content of a file, and when it changed."""

    __slots__ = ("data", "changed")

    def __init__(self):
        self.data = bytearray()
        self.changed = time.time()


class Raw(io.RawIOBase):
    """An open file below /tmp."""

    def __init__(self, node, path, flags):
        self._node, self._at = node, 0
        self._append = bool(flags & os.O_APPEND)
        self._access = flags & (os.O_RDONLY | os.O_WRONLY | os.O_RDWR)
        self._descriptor = None
        self.name = path
        self.mode = {os.O_RDONLY: "rb", os.O_WRONLY: "wb"}.get(self._access, "rb+")

    def readable(self):
        return self._access != os.O_WRONLY

    def writable(self):
        return self._access != os.O_RDONLY

    def seekable(self):
        return True

    def readinto(self, buffer):
        if not self.readable():
            raise io.UnsupportedOperation("not readable")
        part = self._node.data[self._at : self._at + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def write(self, data):
        if not self.writable():
            raise io.UnsupportedOperation("not writable")
        data = memoryview(data).cast("B")
        content = self._node.data
        if self._append:
            self._at = len(content)
        if self._at > len(content):
            content.extend(bytes(self._at - len(content)))
        content[self._at : self._at + len(data)] = data
        self._at += len(data)
        self._node.changed = time.time()
        return len(data)

    def seek(self, offset, whence=os.SEEK_SET):
        at = offset + (0, self._at, len(self._node.data))[whence]
        if at < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self._at = at
        return at

    def truncate(self, size=None):
        size = self._at if size is None else size
        content = self._node.data
        content.extend(bytes(max(0, size - len(content))))
        del content[size:]
        return size

    def fileno(self):
        if self._descriptor is None:
            self._descriptor = _FIRST_DESCRIPTOR + len(_descriptors)
            while self._descriptor in _descriptors:
                self._descriptor += 1
            _descriptors[self._descriptor] = self
        return self._descriptor

    def isatty(self):
        return False

    def close(self):
        _descriptors.pop(self._descriptor, None)
        super().close()


# --- Paths ------------------------------------------------------------------


def _own(path):
    """The path below /tmp that path means, or None if it is elsewhere."""
    if path.__class__ is int:
        return None
    try:
        path = os.fspath(path)
    except TypeError:
        return None
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    if not path.startswith(ROOT):
        return None
    path = os.path.normpath(path)
    return path if path == ROOT or path.startswith(ROOT + "/") else None


def _error(number, path):
    return OSError(number, os.strerror(number), path)


def _parent(path):
    parent = path.rpartition("/")[0]
    if parent not in _nodes:
        raise _error(errno.ENOENT, path)
    if _nodes[parent] is not None:
        raise _error(errno.ENOTDIR, path)


def _children(path):
    if path not in _nodes:
        raise _error(errno.ENOENT, path)
    if _nodes[path] is not None:
        raise _error(errno.ENOTDIR, path)
    return [p[len(path) + 1 :] for p in _nodes if p.startswith(path + "/") and "/" not in p[len(path) + 1 :]]


def _raw(path, flags):
    """An open file of that path."""
    if path in _nodes:
        if flags & os.O_CREAT and flags & os.O_EXCL:
            raise _error(errno.EEXIST, path)
        if _nodes[path] is None:
            raise _error(errno.EISDIR, path)
    else:
        if not flags & os.O_CREAT:
            raise _error(errno.ENOENT, path)
        _parent(path)
        _nodes[path] = _File()
    if flags & os.O_TRUNC:
        _nodes[path].data.clear()
    return Raw(_nodes[path], path, flags)


# --- What replaces functions of os ------------------------------------------


def _open(path, flags, mode=0o777, **_):
    return _raw(path, flags).fileno()


def _stat(path, **_):
    if path not in _nodes:
        raise _error(errno.ENOENT, path)
    return _status(_nodes[path], path)


def _status(node, path):
    kind = stat.S_IFDIR | 0o700 if node is None else stat.S_IFREG | 0o600
    size, at = (0, 0.0) if node is None else (len(node.data), node.changed)
    return os.stat_result((kind, hash(path) & 0x7FFFFFFF, 1, 1, 0, 0, size, int(at), int(at), int(at), at, at, at, int(at * 1e9), int(at * 1e9), int(at * 1e9)))


def _unlink(path, **_):
    if path not in _nodes:
        raise _error(errno.ENOENT, path)
    if _nodes[path] is None:
        raise _error(errno.EISDIR, path)
    del _nodes[path]


def _mkdir(path, mode=0o777, **_):
    if path in _nodes:
        raise _error(errno.EEXIST, path)
    _parent(path)
    _nodes[path] = None


def _rmdir(path, **_):
    if _children(path):
        raise _error(errno.ENOTEMPTY, path)
    if path == ROOT:
        raise _error(errno.EBUSY, path)
    del _nodes[path]


def _rename(source, target, **_):
    target = _own(target)
    if target is None:
        raise _error(errno.EXDEV, source)
    if source not in _nodes:
        raise _error(errno.ENOENT, source)
    _parent(target)
    if target in _nodes and target != source and (_nodes[target] is None) != (_nodes[source] is None):
        raise _error(errno.EISDIR if _nodes[target] is None else errno.ENOTDIR, target)
    if target in _nodes and _nodes[target] is None and _children(target):
        raise _error(errno.ENOTEMPTY, target)
    if target.startswith(source + "/"):
        raise _error(errno.EINVAL, source)
    for path in [p for p in _nodes if p == source or p.startswith(source + "/")]:
        _nodes[target + path[len(source) :]] = _nodes.pop(path)


class _Entry:
    """What scandir yields."""

    __slots__ = ("name", "path")

    def __init__(self, folder, name):
        self.name, self.path = name, folder + "/" + name

    def __fspath__(self):
        return self.path

    def is_dir(self, *, follow_symlinks=True):
        return _nodes.get(self.path, self) is None

    def is_file(self, *, follow_symlinks=True):
        return isinstance(_nodes.get(self.path), _File)

    def is_symlink(self):
        return False

    is_junction = is_symlink

    def inode(self):
        return hash(self.path) & 0x7FFFFFFF

    def stat(self, *, follow_symlinks=True):
        return _stat(self.path)


class _Scan(list):
    """What scandir returns."""

    def __iter__(self):
        while self:
            yield self.pop(0)

    def __next__(self):
        if not self:
            raise StopIteration
        return self.pop(0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.clear()

    close = list.clear


def _touch(path, *args, **_):
    """For what has no effect on a file in memory: its rights and times."""
    if path not in _nodes:
        raise _error(errno.ENOENT, path)


def _access(path, mode, **_):
    return path in _nodes


def _truncate(path, length):
    _raw(path, os.O_RDWR).truncate(length)


_BY_PATH = {
    "open": _open, "stat": _stat, "lstat": _stat, "unlink": _unlink, "remove": _unlink, "mkdir": _mkdir, "rmdir": _rmdir,
    "rename": _rename, "replace": _rename, "listdir": _children, "scandir": lambda path: _Scan(_Entry(path, n) for n in _children(path)),
    "chmod": _touch, "utime": _touch, "access": _access, "truncate": _truncate,
}
_BY_DESCRIPTOR = {
    "close": Raw.close, "read": Raw.read, "write": Raw.write, "lseek": Raw.seek, "ftruncate": Raw.truncate,
    "fsync": lambda f: None, "isatty": Raw.isatty, "fstat": lambda f: _status(f._node, f.name),
    "stat": lambda f, **_: _status(f._node, f.name), "truncate": Raw.truncate,
}


def _routed(name, real):
    """A function of os that looks first whether a file is one of ours."""
    by_path, by_descriptor = _BY_PATH.get(name), _BY_DESCRIPTOR.get(name)

    def function(path=".", *args, **kwargs):
        if path.__class__ is int:
            if by_descriptor is not None and path in _descriptors:
                return by_descriptor(_descriptors[path], *args, **kwargs)
        elif by_path is not None and (own := _own(path)) is not None:
            return by_path(own, *args, **kwargs)
        return real(path, *args, **kwargs)

    function.__name__ = function.__qualname__ = name
    return function


# --- open -------------------------------------------------------------------

_FLAGS = {"r": os.O_RDONLY, "w": os.O_WRONLY | os.O_CREAT | os.O_TRUNC, "x": os.O_WRONLY | os.O_CREAT | os.O_EXCL, "a": os.O_WRONLY | os.O_CREAT | os.O_APPEND}


def _make_open(real):
    def open(file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True, opener=None):
        """Open a file; below /tmp, one in memory."""
        if file.__class__ is int:
            raw = _descriptors.get(file)
            if raw is None:
                return real(file, mode, buffering, encoding, errors, newline, closefd, opener)
        elif (path := _own(file)) is None:
            return real(file, mode, buffering, encoding, errors, newline, closefd, opener)
        else:
            kind = mode.replace("b", "").replace("t", "").replace("+", "")
            if kind not in _FLAGS:
                raise ValueError(f"invalid mode: {mode!r}")
            flags = _FLAGS[kind]
            if "+" in mode:
                flags = flags & ~os.O_WRONLY | os.O_RDWR
            raw = _raw(path, flags) if opener is None else _descriptors[opener(file, flags)]
        if "b" in mode:
            if encoding is not None or errors is not None or newline is not None:
                raise ValueError("binary mode doesn't take an encoding, errors or newline argument")
            return raw if buffering == 0 else _buffered(raw)
        if buffering == 0:
            raise ValueError("can't have unbuffered text I/O")
        return io.TextIOWrapper(_buffered(raw), encoding, errors, newline, line_buffering=buffering == 1)

    return open


def _buffered(raw):
    if raw.readable() and raw.writable():
        return io.BufferedRandom(raw)
    return io.BufferedReader(raw) if raw.readable() else io.BufferedWriter(raw)


def install():
    """Have /tmp in memory."""
    import builtins
    import glob
    import shutil
    import tempfile

    closer = vars(tempfile._TemporaryFileCloser).values()
    for name in {**_BY_PATH, **_BY_DESCRIPTOR}:
        real = getattr(os, name, None)
        if real is None:
            continue
        routed = _routed(name, real)
        setattr(os, name, routed)
        for function in closer:  # it has os.unlink as a default
            if defaults := getattr(function, "__defaults__", None):
                function.__defaults__ = tuple(routed if value is real else value for value in defaults)
    builtins.open = io.open = _make_open(io.open)
    if (globber := getattr(glob, "_StringGlobber", None)) is not None:
        globber.scandir = staticmethod(os.scandir)
    shutil._use_fd_functions = False
    tempfile.tempdir = ROOT
