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
latest. Decimals arrive as Decimal, times as datetime, intervals as timedelta, bytes as
bytes.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from serai._sqlvalue import encode, page, request
from serai.data import dumps
from serai.errors import Error
from serai.host import call

#: Values for a statement: by name, or in order; of sql.Connection.execute also a list of these.
Parameters = Mapping[str, Any] | Sequence[Any] | None
Made = TypeVar("Made")


class NoResultFound(Error):
    """There is no row where one is needed."""

    code = 4


class MultipleResultsFound(Error):
    """There are several rows where one is needed."""

    code = 5


class Row(tuple[Any, ...]):
    """A row: a tuple whose values have names, as row['name'] and row.name too.

    Results have a class of their own below it, with an attribute for each
    column whose name is free.
    """

    __slots__ = ()
    _names: tuple[str, ...] = ()

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            try:
                return tuple.__getitem__(self, self._names.index(key))
            except ValueError:
                raise KeyError(f"the row has no column {key!r}; it has {', '.join(self._names)}") from None
        return tuple.__getitem__(self, key)

    def __getattr__(self, name: str) -> Any:
        try:
            return tuple.__getitem__(self, self._names.index(name))
        except ValueError:
            raise AttributeError(f"the row has no column {name!r}; it has {', '.join(self._names)}") from None

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a column, or default if there is no such column."""
        return self[name] if name in self._names else default

    def keys(self) -> list[str]:
        """The names of the columns."""
        return list(self._names)

    def items(self) -> list[tuple[str, Any]]:
        """Pairs of name and value."""
        return list(zip(self._names, self))

    def to_dict(self) -> dict[str, Any]:
        """The row as a dict."""
        return dict(zip(self._names, self))

    _asdict = to_dict
    _mapping = property(to_dict, doc="The row as a dict.")


class Result:
    """What a statement gave: its rows, read as they are asked for."""

    def __init__(self, connection, envelope, body):
        self._connection = connection
        #: How many rows were changed; -1 for a statement with rows.
        self.rowcount: int = -1
        #: The key that the database made for a new row, if it tells.
        self.lastrowid: int | None = None
        self._type, self._rows = Row, iter(())
        self.returns_rows: bool = bool(body)
        if body:
            self._page(body)
        else:
            affected, last = envelope.get("affected"), envelope.get("last-id")
            self.rowcount = -1 if affected is None else int(affected)
            self.lastrowid = None if last is None else int(last)
        self._cursor = envelope.get("cursor")

    def _page(self, body):
        self._type, rows = page(body, Row)
        self._rows = iter(rows)

    def keys(self) -> list[str]:
        """The names of the columns."""
        return list(self._type._names)

    def __iter__(self) -> Iterator[Row]:
        while True:
            rows = self._rows
            yield from map(self._type, rows)
            if self._rows is not rows:  # they were read into memory meanwhile
                continue
            if not self._cursor:
                return
            envelope, body = call("sql.next", "connection", self._connection, "cursor", self._cursor)
            self._cursor = envelope.get("cursor")
            self._page(body)

    def fetchone(self) -> Row | None:
        """The next row, None after the last."""
        return next(iter(self), None)

    def fetchmany(self, size: int = 1) -> list[Row]:
        """A list of the next rows, size of them at most."""
        return [row for _, row in zip(range(size), self)]

    def fetchall(self) -> list[Row]:
        """A list of the rows that are left."""
        return list(self)

    all = fetchall

    def first(self) -> Row | None:
        """The first row, or None. The others are forgotten."""
        row = self.fetchone()
        self.close()
        return row

    def one(self) -> Row:
        """The only row. NoResultFound if there is none, MultipleResultsFound
        if there are several."""
        row = self.one_or_none()
        if row is None:
            raise NoResultFound(_NONE)
        return row

    def one_or_none(self) -> Row | None:
        """The only row, or None. MultipleResultsFound if there are several."""
        rows = self.fetchmany(2)
        self.close()
        if len(rows) > 1:
            raise MultipleResultsFound(_SEVERAL)
        return rows[0] if rows else None

    def scalar(self) -> Any:
        """The first value of the first row, or None."""
        row = self.first()
        return None if row is None else row[0]

    scalar_one_or_none = scalar

    def scalar_one(self) -> Any:
        """The first value of the only row."""
        return self.one()[0]

    def scalars(self) -> _Mapped[Any]:
        """The first value of each row: an iterator with all, first, one and one_or_none."""
        return _Mapped(self, lambda row: row[0])

    def mappings(self) -> _Mapped[dict[str, Any]]:
        """The rows as dicts: an iterator with all, first, one and one_or_none."""
        return _Mapped(self, Row.to_dict)

    def __enter__(self) -> Result:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _buffer(self):
        """Read all rows that are left, so that others may have the connection."""
        if self._cursor:
            self._rows = iter(list(self))

    def close(self) -> None:
        """Forget the rows that are left, here and in the database."""
        cursor, self._rows, self._cursor = self._cursor, iter(()), None
        if cursor:
            call("sql.close", "connection", self._connection, "cursor", cursor)

    def __del__(self):
        try:
            self.close()
        except Exception:  # the call is ending, and the cursor with it
            pass


class _Mapped(Generic[Made]):
    """The rows of a result as something else."""

    def __init__(self, result: Result, make: Callable[[Row], Made]) -> None:
        self._result, self._make = result, make

    def __iter__(self) -> Iterator[Made]:
        return map(self._make, self._result)

    def __next__(self) -> Made:
        return next(iter(self))

    def all(self) -> list[Made]:
        """A list of all that are left."""
        return list(self)

    fetchall = all

    def first(self) -> Made | None:
        """The first, or None."""
        return next(iter(self), None)

    def one(self) -> Made:
        """The only one: NoResultFound, MultipleResultsFound."""
        return self._make(self._result.one())

    def one_or_none(self) -> Made | None:
        """The only one, or None: MultipleResultsFound."""
        row = self._result.one_or_none()
        return None if row is None else self._make(row)


class Statements:
    """What connections and sessions have in common."""

    name: str = ""

    def _fields(self):
        return ("connection", self.name)

    def _send(self, statement, params=None):
        """Execute a statement; the envelope and the body of what it gave."""
        if isinstance(params, (list, tuple)) and params and isinstance(params[0], (dict, list, tuple)):
            return call("sql.batch", *self._fields(), body=request(str(statement), "batch", [encode(one) for one in params]))
        return call("sql.execute", *self._fields(), body=request(str(statement), "parameters", None if params is None else encode(params)))

    def _run(self, statement, params=None):
        return Result(self.name, *self._send(statement, params))

    def one(self, statement: str, params: Parameters = None) -> Row:
        """The only row of a statement: NoResultFound, MultipleResultsFound."""
        row = self.one_or_none(statement, params)
        if row is None:
            raise NoResultFound(_NONE)
        return row

    def one_or_none(self, statement: str, params: Parameters = None) -> Row | None:
        """The only row of a statement, or None: MultipleResultsFound."""
        envelope, body = self._send(statement, params)
        if not body or envelope.get("cursor"):
            return Result(self.name, envelope, body).one_or_none()
        make, rows = page(body, Row)
        if len(rows) > 1:
            raise MultipleResultsFound(_SEVERAL)
        return make(rows[0]) if rows else None


_NONE = "the statement gave no row where one is needed"
_SEVERAL = "the statement gave several rows where one is needed"


class Connection(Statements):
    """self.out.sql['name']: a database."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def conn(self) -> Connection:
        """The connection itself: self.out.sql['name'].conn.execute(...)."""
        return self

    def execute(self, statement: str, params: Parameters = None) -> Result:
        """Execute a statement as a transaction of its own.

        params is a dict for the names in ``:name``, a list for the database's
        own placeholders, or a list of these for many executions, all or none.
        Returns a :class:`Result`.
        """
        return self._run(statement, params)

    def callproc(self, name: str, params: Sequence[Any] = ()) -> Call:
        """Call a stored procedure or function.

        params are its parameters in order: values, :class:`Out` where the
        procedure returns one, :class:`InOut` for one that it changes. Returns a
        :class:`Call`: its rows, and what came out.
        """
        values, ways = [], []
        for one in params or ():
            ways.append(one.way if isinstance(one, In) else "in")
            values.append(one.value if isinstance(one, In) else one)
        body = {"procedure": name, "parameters": encode(values), "ways": ways}
        _, reply = call("sql.call", "connection", self.name, body=dumps(body))
        return Call(json.loads(reply), [one for one in params or () if isinstance(one, (Out, InOut))])

    def session(self) -> Session:
        """A transaction."""
        return Session(self.name)

    def ping(self) -> bool:
        """True if the database answers."""
        self._run("SELECT 1")
        return True


class In:
    """A parameter that goes into a procedure."""

    way = "in"

    def __init__(self, value: Any = None) -> None:
        self.value = value

    def get(self) -> Any:
        """The value."""
        return self.value


class Out(In):
    """A parameter that a procedure returns; after the call, value has it. The
    type that drivers want to know elsewhere is not needed."""

    way = "out"

    def __init__(self, kind: object = None, size: object = None) -> None:  # noqa: ARG002 - as others have it
        super().__init__()


class InOut(In):
    """A parameter that a procedure changes."""

    way = "inout"


class Call:
    """What a procedure gave: a list of its rows, sets with those of each of its
    result sets, and out, the values that came out."""

    def __init__(self, reply, params):
        self.sets: list[list[Row]] = [Result(None, {}, one).all() for one in reply["sets"]]
        self.out: list[Any] = []
        if reply.get("out"):
            self.out = list(Result(None, {}, reply["out"]).one())
        for param, value in zip(params, self.out):
            param.value = value

    def __iter__(self) -> Iterator[Row]:
        return iter(self.all())

    def all(self) -> list[Row]:
        """The rows of the first result set."""
        return self.sets[0] if self.sets else []

    def __len__(self) -> int:
        return len(self.all())

    def __getitem__(self, index: int) -> Row:
        return self.all()[index]


class Session(Statements):
    """A transaction, begun with its first statement. Use it with ``with`` or
    contextlib.closing; without a commit it is rolled back."""

    def __init__(self, name):
        self.name = name
        self._transaction = None
        self._savepoints = 0
        self._open = None  # the result that may have rows under way

    def _fields(self):
        if self._transaction is None:
            envelope, _ = call("sql.begin", "connection", self.name)
            self._transaction = envelope.get("transaction")
        return ("connection", self.name, "transaction", self._transaction)

    def execute(self, statement: str, params: Parameters = None) -> Result:
        """Execute a statement in the transaction. Returns a :class:`Result`.
        Rows that have not been read when the next statement is executed are read
        into memory then."""
        return self._run(statement, params)

    def _send(self, statement, params=None):
        self._settle()
        return super()._send(statement, params)

    def _run(self, statement, params=None):
        result = super()._run(statement, params)
        if result._cursor:
            self._open = weakref.ref(result)
        return result

    def _settle(self):
        """Have no rows under way: the transaction cannot go on before they are read."""
        result = self._open and self._open()
        if result is not None:
            result._buffer()
        self._open = None

    def scalar(self, statement: str, params: Parameters = None) -> Any:
        """The first value of the first row of a statement."""
        return self.execute(statement, params).scalar()

    def scalars(self, statement: str, params: Parameters = None) -> _Mapped[Any]:
        """An iterator over the first value of each row of a statement."""
        return self.execute(statement, params).scalars()

    def begin(self) -> _Ending:
        """The session, for ``with session.begin():``, at the end of which it
        commits, or rolls back if there was an exception."""
        return _Ending(self.commit, self.rollback)

    def begin_nested(self) -> _Ending:
        """A savepoint, for ``with session.begin_nested():``: an exception undoes
        what was done in it, and no more."""
        self._savepoints += 1
        name = f"serai_{self._savepoints}"
        self._run(f"SAVEPOINT {name}")
        return _Ending(lambda: self._run(f"RELEASE SAVEPOINT {name}"), lambda: self._run(f"ROLLBACK TO SAVEPOINT {name}"))

    def commit(self) -> None:
        """Make what was done permanent."""
        self._end("sql.commit")

    def rollback(self) -> None:
        """Undo what was done."""
        self._end("sql.rollback")

    close = rollback

    def _end(self, op):
        self._settle()
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            call(op, "connection", self.name, "transaction", transaction)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    if not TYPE_CHECKING:  # or checkers would believe that it has everything

        def __getattr__(self, name):
            raise AttributeError(f"session.{name} is not available: there is no object-relational mapper; use session.execute(text('SELECT ...'), {{...}})")


class _Ending:
    """Part of a session that ends in one of two ways."""

    def __init__(self, commit: Callable[[], object], rollback: Callable[[], object]) -> None:
        self.commit, self.rollback = commit, rollback

    def __enter__(self) -> _Ending:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        (self.commit if kind is None else self.rollback)()


class Connections:
    """self.out.sql: databases by the names of their connections."""

    def __getitem__(self, name: str) -> Connection:
        return Connection(name)

    def get(self, name: str) -> Connection:
        """The database of that name."""
        return Connection(name)
