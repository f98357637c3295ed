"""Relational databases, through connections of the type sql.

Values go into statements as parameters, never as text::

    db = self.out.sql['Billing']
    user = db.one('SELECT id, name FROM users WHERE id = :id', {'id': 7})
    for row in db.execute('SELECT * FROM invoices WHERE user = :user', {'user': user.id}):
        total += row['amount']

    with db.session() as session:                 # one transaction
        session.execute(text('UPDATE users SET seen = :now WHERE id = :id'), {'now': self.time.utcnow(), 'id': 7})
        session.commit()

A transaction that is not committed is rolled back when the call ends at the
latest. Decimals arrive as Decimal, times as datetime, bytes as bytes.
"""

import base64
import datetime
import decimal
import json
import uuid

from serai.errors import Error
from serai.host import call


class NoResultFound(Error):
    """There is no row where one is needed."""

    code = 4


class MultipleResultsFound(Error):
    """There are several rows where one is needed."""

    code = 5


class Row(tuple):
    """A row: a tuple whose values have names, as row['name'] and row.name too."""

    __slots__ = ()
    _names = ()

    def __getitem__(self, key):
        if isinstance(key, str):
            try:
                return tuple.__getitem__(self, self._names.index(key))
            except ValueError:
                raise KeyError(f"the row has no column {key!r}; it has {', '.join(self._names)}") from None
        return tuple.__getitem__(self, key)

    def __getattr__(self, name):
        try:
            return tuple.__getitem__(self, self._names.index(name))
        except ValueError:
            raise AttributeError(f"the row has no column {name!r}; it has {', '.join(self._names)}") from None

    def get(self, name, default=None):
        """The value of a column, or default if there is no such column."""
        return self[name] if name in self._names else default

    def keys(self):
        """The names of the columns."""
        return list(self._names)

    def items(self):
        """Pairs of name and value."""
        return list(zip(self._names, self))

    def to_dict(self):
        """The row as a dict."""
        return dict(zip(self._names, self))

    _asdict = to_dict
    _mapping = property(to_dict, doc="The row as a dict.")


class Result:
    """What a statement gave: its rows, read as they are asked for."""

    def __init__(self, connection, envelope, body):
        self._connection = connection
        affected = envelope.get("affected")
        #: How many rows were changed; -1 for a statement with rows.
        self.rowcount = -1 if affected is None else int(affected)
        last = envelope.get("last-id")
        #: The key that the database made for a new row, if it tells.
        self.lastrowid = None if last is None else int(last)
        self._cursor = envelope.get("cursor")
        self._names, self._convert, self._rows = (), (), iter(())
        self.returns_rows = bool(body)
        if body:
            self._page(json.loads(body))

    def _page(self, page):
        names = tuple(page["columns"])
        if names != self._names:
            self._names = names
            self._type = type("Row", (Row,), {"_names": names, "__slots__": ()})
        columns = [(i, convert) for i, kind in enumerate(page["types"]) if (convert := converter(kind))]
        rows = page["rows"]
        for row in rows:
            for i, convert in columns:
                if row[i] is not None:
                    row[i] = convert(row[i])
        self._rows = iter(rows)

    def keys(self):
        """The names of the columns."""
        return list(self._names)

    def __iter__(self):
        while True:
            for row in self._rows:
                yield self._type(row)
            if not self._cursor:
                return
            envelope, body = call("sql.next", "connection", self._connection, "cursor", self._cursor)
            self._cursor = envelope.get("cursor")
            self._page(json.loads(body))

    def fetchone(self):
        """The next row, None after the last."""
        return next(iter(self), None)

    def fetchmany(self, size=1):
        """A list of the next rows, size of them at most."""
        return [row for _, row in zip(range(size), self)]

    def fetchall(self):
        """A list of the rows that are left."""
        return list(self)

    all = fetchall

    def first(self):
        """The first row, or None."""
        return self.fetchone()

    def one(self):
        """The only row. NoResultFound if there is none, MultipleResultsFound
        if there are several."""
        row = self.one_or_none()
        if row is None:
            raise NoResultFound("the statement gave no row where one is needed")
        return row

    def one_or_none(self):
        """The only row, or None. MultipleResultsFound if there are several."""
        rows = self.fetchmany(2)
        if len(rows) > 1:
            raise MultipleResultsFound("the statement gave several rows where one is needed")
        return rows[0] if rows else None

    def scalar(self):
        """The first value of the first row, or None."""
        row = self.fetchone()
        return None if row is None else row[0]

    scalar_one_or_none = scalar

    def scalar_one(self):
        """The first value of the only row."""
        return self.one()[0]

    def scalars(self):
        """An iterator over the first value of each row."""
        return (row[0] for row in self)

    def mappings(self):
        """An iterator over the rows as dicts."""
        return (row.to_dict() for row in self)

    def close(self):
        """Forget the rows that are left."""
        self._rows, self._cursor = iter(()), None


class Statements:
    """What connections and sessions have in common."""

    name = ""

    def _fields(self):
        return ("connection", self.name)

    def _run(self, statement, params=None):
        body = {"statement": str(statement)}
        if isinstance(params, (list, tuple)) and params and isinstance(params[0], (dict, list, tuple)):
            body["batch"] = [encode(one) for one in params]
            return Result(self.name, *call("sql.batch", *self._fields(), body=json.dumps(body)))
        if params is not None:
            body["parameters"] = encode(params)
        return Result(self.name, *call("sql.execute", *self._fields(), body=json.dumps(body)))

    def one(self, statement, params=None):
        """The only row of a statement: NoResultFound, MultipleResultsFound."""
        return self._run(statement, params).one()

    def one_or_none(self, statement, params=None):
        """The only row of a statement, or None: MultipleResultsFound."""
        return self._run(statement, params).one_or_none()


class Connection(Statements):
    """self.out.sql['name']: a database."""

    def __init__(self, name):
        self.name = name

    @property
    def conn(self):
        """The connection itself: self.out.sql['name'].conn.execute(...)."""
        return self

    def execute(self, statement, params=None):
        """Execute a statement as a transaction of its own.

        params is a dict for the names in ``:name``, a list for the database's
        own placeholders, or a list of these for many executions, all or none.
        Returns a :class:`Result`.
        """
        return self._run(statement, params)

    def session(self):
        """A transaction."""
        return Session(self.name)

    def ping(self):
        """True if the database answers."""
        self._run("SELECT 1")
        return True


class Session(Statements):
    """A transaction, begun with its first statement. Use it with ``with`` or
    contextlib.closing; without a commit it is rolled back."""

    def __init__(self, name):
        self.name = name
        self._transaction = None

    def _fields(self):
        if self._transaction is None:
            envelope, _ = call("sql.begin", "connection", self.name)
            self._transaction = envelope.get("transaction")
        return ("connection", self.name, "transaction", self._transaction)

    def execute(self, statement, params=None):
        """Execute a statement in the transaction. Returns a :class:`Result`,
        all of whose rows have been read."""
        result = self._run(statement, params)
        if result._cursor:  # the transaction cannot go on before they are read
            rows = [list(row) for row in result]
            result._rows = iter(rows)
        return result

    def scalar(self, statement, params=None):
        """The first value of the first row of a statement."""
        return self.execute(statement, params).scalar()

    def commit(self):
        """Make what was done permanent."""
        self._end("sql.commit")

    def rollback(self):
        """Undo what was done."""
        self._end("sql.rollback")

    close = rollback

    def _end(self, op):
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            call(op, "connection", self.name, "transaction", transaction)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __getattr__(self, name):
        raise AttributeError(f"session.{name} is not available: there is no object-relational mapper; use session.execute(text('SELECT ...'), {{...}})")


class Connections:
    """self.out.sql: databases by the names of their connections."""

    def __getitem__(self, name):
        return Connection(name)

    def get(self, name):
        """The database of that name."""
        return Connection(name)


def encode(value):
    """A parameter, or a dict or list of them, for the host."""
    if isinstance(value, dict):
        return {str(name): _parameter(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_parameter(one) for one in value]
    raise TypeError(f"parameters are a dict or a list, not {type(value).__name__}")


def _parameter(value):
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else {"type": "decimal", "value": str(value)}
    for cls, kind, text in _TYPES:
        if isinstance(value, cls):
            return {"type": kind, "value": text(value)}
    if isinstance(value, (list, tuple)):
        return {"type": "list", "value": [_parameter(one) for one in value]}
    if isinstance(value, dict):
        return {"type": "json", "value": value}
    raise TypeError(f"a parameter cannot be a {type(value).__name__}: use str, int, float, Decimal, bool, bytes, datetime, date, time, UUID, dict, list or None")


_TYPES = (
    (decimal.Decimal, "decimal", str),
    (datetime.datetime, "datetime", lambda v: v.isoformat()),
    (datetime.date, "date", lambda v: v.isoformat()),
    (datetime.time, "time", lambda v: v.isoformat()),
    (uuid.UUID, "uuid", str),
    ((bytes, bytearray, memoryview), "bytes", lambda v: base64.b64encode(bytes(v)).decode()),
)


def _time(text):
    try:
        return datetime.time.fromisoformat(text)
    except ValueError:
        return text  # an interval, which MySQL calls a time


_CONVERT = {
    "decimal": lambda v: decimal.Decimal(str(v)), "datetime": datetime.datetime.fromisoformat, "moment": datetime.datetime.fromisoformat,
    "date": datetime.date.fromisoformat, "time": _time, "uuid": uuid.UUID, "bytes": base64.b64decode, "float": float,
}


def converter(kind):
    """The function that makes values of a column's kind of what came as JSON,
    None if they are what they are."""
    if kind.startswith("list:"):
        one = converter(kind[5:])
        return one and (lambda v: _each(v, one))
    convert = _CONVERT.get(kind)
    return convert and (lambda v: _tolerant(convert, v))


def _each(value, convert):
    if isinstance(value, list):
        return [None if one is None else _each(one, convert) for one in value]
    return convert(value)


def _tolerant(convert, value):
    """Databases such as SQLite hold anything in any column: what is not what
    the column says stays as it is."""
    try:
        return convert(value)
    except (ValueError, TypeError, ArithmeticError):
        return value
