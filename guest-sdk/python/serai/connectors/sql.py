# Written by cmd/seraigen from the connectors' descriptions. Do not edit.
"""Relational databases: PostgreSQL, MySQL and MariaDB, SQLite; SQL Server and Oracle, which are not tested against a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serai.connectors import _form

if TYPE_CHECKING:
    from typing import Any

    class ExecuteReply(dict[str, Any]):
        affected: int | None
        last_id: int | None
        cursor: str
        body: Any

    class NextReply(dict[str, Any]):
        affected: int | None
        last_id: int | None
        cursor: str
        body: Any


class Connection(_form.Connection):
    """One connection of the type sql, by its name."""

    __slots__ = ()
    _type = "sql"

    def execute(self, statement: str, *, transaction: str | None = None, parameters: object | None = None) -> ExecuteReply:
        """Executes a statement with parameters and returns its first rows.

        :param statement: SQL with :name, or the database's own $1 or ?, where parameters go
        :param transaction: id that sql.begin returned; without it the statement is a transaction of its own
        :param parameters: an object of values by name, or an array of them
        :return: an object with
            affected (int): rows that were changed, of a statement without rows
            last_id (int): key that the database made, where it tells
            cursor (str): where to get further rows; absent when these are the last
            body: {"columns": [names], "types": [types], "rows": [[values]]}
        """
        fields = []
        body = {}
        _form.member(body, "statement", statement)
        _form.text(fields, "transaction", transaction)
        _form.member(body, "parameters", parameters)
        return self._call("sql.execute", fields, _form.encode(body), (("affected", "affected", _form.read_number), ("last_id", "last-id", _form.read_number), ("cursor", "cursor", _form.read_text), ), _form.body_json)

    def batch(self, statement: str, *, transaction: str | None = None, batch: list[Any] | None = None) -> int:
        """Executes a statement once for each of many sets of parameters, all or none.

        :param statement: SQL with :name, or the database's own $1 or ?, where parameters go
        :param transaction: id that sql.begin returned; without it the batch is a transaction of its own
        :param batch: sets of parameters, each an object or an array
        :return: rows that were changed in all
        """
        fields = []
        body = {}
        _form.member(body, "statement", statement)
        _form.text(fields, "transaction", transaction)
        _form.member(body, "batch", batch)
        return self._call("sql.batch", fields, _form.encode(body), (("affected", "affected", _form.read_number), ), None)

    def next(self, cursor: str) -> NextReply:
        """Returns further rows.

        :param cursor: as it was returned
        :return: an object with
            affected (int): rows that were changed, of a statement without rows
            last_id (int): key that the database made, where it tells
            cursor (str): where to get further rows; absent when these are the last
            body: {"columns": [names], "types": [types], "rows": [[values]]}
        """
        fields = []
        _form.text(fields, "cursor", cursor)
        return self._call("sql.next", fields, None, (("affected", "affected", _form.read_number), ("last_id", "last-id", _form.read_number), ("cursor", "cursor", _form.read_text), ), _form.body_json)

    def close(self, cursor: str) -> None:
        """Forgets the rows that are left.

        :param cursor: as it was returned
        """
        fields = []
        _form.text(fields, "cursor", cursor)
        return self._call("sql.close", fields, None, (), None)

    def call(self, procedure: str, *, parameters: list[Any] | None = None, ways: list[Any] | None = None) -> Any:
        """Calls a stored procedure or function.

        :param procedure: name of the procedure or function, with its schema or without
        :param parameters: its parameters in order; null for those that only come out
        :param ways: in, out or inout for each parameter; in for all if it is left out
        :return: {"sets": [result sets as of sql.execute], "out": one with the values that came out, in order, or null}
        """
        fields = []
        body = {}
        _form.member(body, "procedure", procedure)
        _form.member(body, "parameters", parameters)
        _form.member(body, "ways", ways)
        return self._call("sql.call", fields, _form.encode(body), (), _form.body_json)

    def begin(self) -> str:
        """Begins a transaction, which is rolled back when the call ends.

        :return: id of the transaction
        """
        fields = []
        return self._call("sql.begin", fields, None, (("transaction", "transaction", _form.read_text), ), None)

    def commit(self, transaction: str) -> None:
        """Commits a transaction.

        :param transaction: id of the transaction
        """
        fields = []
        _form.text(fields, "transaction", transaction)
        return self._call("sql.commit", fields, None, (), None)

    def rollback(self, transaction: str) -> None:
        """Rolls a transaction back.

        :param transaction: id of the transaction
        """
        fields = []
        _form.text(fields, "transaction", transaction)
        return self._call("sql.rollback", fields, None, (), None)
