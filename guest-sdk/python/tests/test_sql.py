"""Statements and what they give, without a database."""

import datetime
import decimal
import json
import uuid

import pytest

from serai import sql
from serai.sql import Connections, MultipleResultsFound, NoResultFound
from tests.fake import Host


def page(columns, types, *rows):
    return json.dumps({"columns": columns, "types": types, "rows": rows}, separators=(",", ":")).encode()


class Pages(Host):
    """Answers sql.execute and sql.next with one page after the other, each with
    whether there are more."""

    def __init__(self, *pages):
        super().__init__()
        self.pages = list(pages)

    def call(self, fields, body=None):
        op = dict(zip(fields[::2], fields[1::2]))["op"]
        if op in ("sql.execute", "sql.next"):
            content, more = self.pages.pop(0)
            self.answers[op] = (("cursor", "c") if more else (), content)
        elif op == "sql.begin":
            self.answers[op] = (("transaction", "t"), b"")
        else:
            self.answers[op] = ((), b"")
        return super().call(fields, body)


def one(content):
    with Host() as host:
        host.answers["sql.execute"] = ((), content)
        return Connections()["DB"].one("SELECT")


def test_values():
    columns = ["i", "t", "d", "m", "u", "b", "l", "f", "n"]
    types = ["integer", "text", "decimal", "moment", "uuid", "bytes", "list:decimal", "float", "date"]
    text = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
    row = one(page(columns, types, [7, 'a "rows":[', "1.50", "2026-01-02T03:04:05Z", text, "AP8=", ["1.5", None, ["2"]], 1, None]))
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    assert tuple(row) == (7, 'a "rows":[', decimal.Decimal("1.50"), moment, uuid.UUID(text), b"\x00\xff", [decimal.Decimal("1.5"), None, [2]], 1.0, None)
    assert str(row.d) == "1.50" and isinstance(row.f, float)


def test_what_is_not_of_its_column_stays():
    row = one(page(["d", "m", "x"], ["decimal", "moment", "date"], ["abc", "infinity", 7]))
    assert tuple(row) == ("abc", "infinity", 7)


def test_names():
    row = one(page(["keys", "_names", "a b", "x", "x", 'a],"rows":['], ["integer"] * 6, [1, 2, 3, 4, 5, 6]))
    assert row["keys"] == 1 and row.keys()[0] == "keys" and row["_names"] == 2
    assert row["a b"] == 3 and row.x == 4 and row["x"] == 4 and row['a],"rows":['] == 6
    assert row.to_dict()["x"] == 5 and row.get("none", 9) == 9
    with pytest.raises(AttributeError, match="no column 'y'; it has keys"):
        _ = row.y
    with pytest.raises(KeyError, match="no column"):
        _ = row["y"]
    with pytest.raises(AttributeError):
        row.x = 1


def test_one():
    none, two = page(["n"], ["integer"]), page(["n"], ["integer"], [1], [2])
    with pytest.raises(NoResultFound):
        one(none)
    with pytest.raises(MultipleResultsFound):
        one(two)
    with pytest.raises(NoResultFound):
        one(b"")
    with Host() as host:
        host.answers["sql.execute"] = ((), none)
        assert Connections()["DB"].one_or_none("SELECT") is None
    with Pages((two, True)) as host:
        with pytest.raises(MultipleResultsFound):
            Connections()["DB"].one_or_none("SELECT")
        assert host.calls[-1][0][1] == "sql.close"


def test_changes():
    with Host() as host:
        host.answers["sql.execute"] = (("affected", "3", "last-id", "17"), b"")
        result = Connections()["DB"].execute("UPDATE")
        assert (result.rowcount, result.lastrowid, result.returns_rows, result.all()) == (3, 17, False, [])


def test_requests():
    with Host() as host:
        host.answers["sql.execute"] = host.answers["sql.batch"] = ((), b"")
        db = Connections()["DB"]
        day = datetime.date(2026, 1, 2)
        for params, want in [
            (None, {"statement": 'SELECT "é"\n'}),
            ({}, {"statement": 'SELECT "é"\n', "parameters": {}}),
            ({"a": 1, "b": day, "c": float("nan")}, {"statement": 'SELECT "é"\n', "parameters": {
                "a": 1, "b": {"type": "date", "value": "2026-01-02"}, "c": {"type": "decimal", "value": "nan"}}}),
            ((True, None), {"statement": 'SELECT "é"\n', "parameters": [True, None]}),
            ([{"a": 1}, {"a": 2}], {"statement": 'SELECT "é"\n', "batch": [{"a": 1}, {"a": 2}]}),
        ]:
            db.execute('SELECT "é"\n', params)
            assert json.loads(host.calls[-1][1]) == want
        assert host.calls[-1][0][1] == "sql.batch"
        with pytest.raises(TypeError, match="a parameter cannot be a object"):
            db.execute("SELECT", {"a": object()})


def test_pages():
    pages = (page(["n"], ["integer"], [1], [2]), True), (page(["n"], ["integer"], [3]), False)
    with Pages(*pages):
        result = Connections()["DB"].execute("SELECT")
        assert result.keys() == ["n"] and result.fetchone() == (1,) and result.fetchmany(5) == [(2,), (3,)]
    with Pages(*pages) as host:
        assert Connections()["DB"].execute("SELECT").scalar() == 1
        assert host.calls[-1][0][1] == "sql.close"


def test_rows_under_way_are_read_before_the_next_statement():
    pages = (page(["n"], ["integer"], [1], [2]), True), (page(["n"], ["integer"], [3]), False), (page(["n"], ["integer"], [9]), False)
    with Pages(*pages) as host:
        with sql.Session("DB") as session:
            seen = []
            for row in session.execute("SELECT"):
                if not seen:
                    assert session.one("SELECT").n == 9
                seen.append(row.n)
        assert seen == [1, 2, 3]
        ops = [fields[1] for fields, _ in host.calls]
        assert ops == ["sql.begin", "sql.execute", "sql.next", "sql.execute", "sql.rollback"]
