"""The payload of an answer that is put together piece by piece."""


class Payload(dict):
    """A dict with attributes, which makes inner ones when they are set::

        self.response.payload.user.name = 'Ada'     # {"user": {"name": "Ada"}}

    It becomes a list instead with append, extend or payload[:] = rows.
    """

    __slots__ = ("_parent", "_name", "_rows")

    def __init__(self, parent=None, name=None):
        super().__init__()
        for slot, value in (("_parent", parent), ("_name", name), ("_rows", None)):
            object.__setattr__(self, slot, value)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            return Payload(self, name)  # joins its parent when something is set in it

    def __setattr__(self, name, value):
        self[name] = value

    def __delattr__(self, name):
        try:
            del self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __getitem__(self, name):
        if self._rows is not None and isinstance(name, (int, slice)):
            return self._rows[name]
        return super().__getitem__(name)

    def __setitem__(self, name, value):
        if isinstance(name, slice):
            self._list()[name] = value
        elif self._rows is not None and isinstance(name, int):
            self._rows[name] = value
        else:
            super().__setitem__(name, value)
            self._join(self)

    def update(self, *args, **kwargs):
        """Set several at once."""
        super().update(*args, **kwargs)
        self._join(self)

    def setdefault(self, name, default=None):
        """The value of name, set to default if it has none."""
        if name not in self:
            self[name] = default
        return self[name]

    def append(self, row):
        """Add a row; the payload is a list."""
        self._list().append(row)

    def extend(self, rows):
        """Add rows; the payload is a list."""
        self._list().extend(rows)

    def __iter__(self):
        return super().__iter__() if self._rows is None else iter(self._rows)

    def __len__(self):
        return super().__len__() if self._rows is None else len(self._rows)

    def value(self):
        """What was put together: a dict or a list; None if nothing was."""
        return self._rows if self._rows is not None else (self if self else None)

    def _list(self):
        if self._rows is None:
            object.__setattr__(self, "_rows", [])
            self._join(self._rows)
        return self._rows

    def _join(self, value):
        parent = self._parent
        if parent is not None:
            object.__setattr__(self, "_parent", None)
            parent[self._name] = value
