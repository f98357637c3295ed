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

import json
import weakref

from serai._sqlvalue import encode, page, request
from serai.data import dumps
from serai.errors import Error
from serai.host import call


class NoResultFound(Error):
    """There is no row where one is needed."""

    code = 4


class MultipleResultsFound(Error):
    """There are several rows where one is needed."""

    code = 5


class Row(tuple):
    """A row: a tuple whose values have names, as row['name'] and row.name too.

    Results have a class of their own below it, with an attribute for each
    column whose name is free.
    """

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
        #: How many rows were changed; -1 for a statement with rows.
        self.rowcount = -1
        #: The key that the database made for a new row, if it tells.
        self.lastrowid = None
        self._type, self._rows = Row, iter(())
        self.returns_rows = bool(body)
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

    def keys(self):
        """The names of the columns."""
        return list(self._type._names)

    def __iter__(self):
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
        """The first row, or None. The others are forgotten."""
        row = self.fetchone()
        self.close()
        return row

    def one(self):
        """The only row. NoResultFound if there is none, MultipleResultsFound
        if there are several."""
        row = self.one_or_none()
        if row is None:
            raise NoResultFound(_NONE)
        return row

    def one_or_none(self):
        """The only row, or None. MultipleResultsFound if there are several."""
        rows = self.fetchmany(2)
        self.close()
        if len(rows) > 1:
            raise MultipleResultsFound(_SEVERAL)
        return rows[0] if rows else None

    def scalar(self):
        """The first value of the first row, or None."""
        row = self.first()
        return None if row is None else row[0]

    scalar_one_or_none = scalar

    def scalar_one(self):
        """The first value of the only row."""
        return self.one()[0]

    def scalars(self):
        """The first value of each row: an iterator with all, first, one and one_or_none."""
        return _Mapped(self, lambda row: row[0])

    def mappings(self):
        """The rows as dicts: an iterator with all, first, one and one_or_none."""
        return _Mapped(self, Row.to_dict)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _buffer(self):
        """Read all rows that are left, so that others may have the connection."""
        if self._cursor:
            self._rows = iter(list(self))

    def close(self):
        """Forget the rows that are left, here and in the database."""
        cursor, self._rows, self._cursor = self._cursor, iter(()), None
        if cursor:
            call("sql.close", "connection", self._connection, "cursor", cursor)

    def __del__(self):
        try:
            self.close()
        except Exception:  # the call is ending, and the cursor with it
            pass


class _Mapped:
    """The rows of a result as something else."""

    def __init__(self, result, make):
        self._result, self._make = result, make

    def __iter__(self):
        return map(self._make, self._result)

    def __next__(self):
        return next(iter(self))

    def all(self):
        """A list of all that are left."""
        return list(self)

    fetchall = all

    def first(self):
        """The first, or None."""
        return next(iter(self), None)

    def one(self):
        """The only one: NoResultFound, MultipleResultsFound."""
        return self._make(self._result.one())

    def one_or_none(self):
        """The only one, or None: MultipleResultsFound."""
        row = self._result.one_or_none()
        return None if row is None else self._make(row)


class Statements:
    """What connections and sessions have in common."""

    name = ""

    def _fields(self):
        return ("connection", self.name)

    def _send(self, statement, params=None):
        """Execute a statement; the envelope and the body of what it gave."""
        if isinstance(params, (list, tuple)) and params and isinstance(params[0], (dict, list, tuple)):
            return call("sql.batch", *self._fields(), body=request(str(statement), "batch", [encode(one) for one in params]))
        return call("sql.execute", *self._fields(), body=request(str(statement), "parameters", None if params is None else encode(params)))

    def _run(self, statement, params=None):
        return Result(self.name, *self._send(statement, params))

    def one(self, statement, params=None):
        """The only row of a statement: NoResultFound, MultipleResultsFound."""
        row = self.one_or_none(statement, params)
        if row is None:
            raise NoResultFound(_NONE)
        return row

    def one_or_none(self, statement, params=None):
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

    def callproc(self, name, params=()):
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

    def session(self):
        """A transaction."""
        return Session(self.name)

    def ping(self):
        """True if the database answers."""
        self._run("SELECT 1")
        return True


class In:
    """A parameter that goes into a procedure."""

    way = "in"

    def __init__(self, value=None):
        self.value = value

    def get(self):
        """The value."""
        return self.value


class Out(In):
    """A parameter that a procedure returns; after the call, value has it. The
    type that drivers want to know elsewhere is not needed."""

    way = "out"

    def __init__(self, kind=None, size=None):  # noqa: ARG002 - as others have it
        super().__init__()


class InOut(In):
    """A parameter that a procedure changes."""

    way = "inout"


class Call:
    """What a procedure gave: a list of its rows, sets with those of each of its
    result sets, and out, the values that came out."""

    def __init__(self, reply, params):
        self.sets = [Result(None, {}, one).all() for one in reply["sets"]]
        self.out = []
        if reply.get("out"):
            self.out = list(Result(None, {}, reply["out"]).one())
        for param, value in zip(params, self.out):
            param.value = value

    def __iter__(self):
        return iter(self.all())

    def all(self):
        """The rows of the first result set."""
        return self.sets[0] if self.sets else []

    def __len__(self):
        return len(self.all())

    def __getitem__(self, index):
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

    def execute(self, statement, params=None):
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

    def scalar(self, statement, params=None):
        """The first value of the first row of a statement."""
        return self.execute(statement, params).scalar()

    def scalars(self, statement, params=None):
        """An iterator over the first value of each row of a statement."""
        return self.execute(statement, params).scalars()

    def begin(self):
        """The session, for ``with session.begin():``, at the end of which it
        commits, or rolls back if there was an exception."""
        return _Ending(self.commit, self.rollback)

    def begin_nested(self):
        """A savepoint, for ``with session.begin_nested():``: an exception undoes
        what was done in it, and no more."""
        self._savepoints += 1
        name = f"serai_{self._savepoints}"
        self._run(f"SAVEPOINT {name}")
        return _Ending(lambda: self._run(f"RELEASE SAVEPOINT {name}"), lambda: self._run(f"ROLLBACK TO SAVEPOINT {name}"))

    def commit(self):
        """Make what was done permanent."""
        self._end("sql.commit")

    def rollback(self):
        """Undo what was done."""
        self._end("sql.rollback")

    close = rollback

    def _end(self, op):
        self._settle()
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            call(op, "connection", self.name, "transaction", transaction)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __getattr__(self, name):
        raise AttributeError(f"session.{name} is not available: there is no object-relational mapper; use session.execute(text('SELECT ...'), {{...}})")


class _Ending:
    """Part of a session that ends in one of two ways."""

    def __init__(self, commit, rollback):
        self.commit, self.rollback = commit, rollback

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        (self.commit if kind is None else self.rollback)()


class Connections:
    """self.out.sql: databases by the names of their connections."""

    def __getitem__(self, name):
        return Connection(name)

    def get(self, name):
        """The database of that name."""
        return Connection(name)
