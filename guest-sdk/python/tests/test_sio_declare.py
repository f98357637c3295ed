import datetime
import decimal
import json
import unittest
import uuid

from serai import (
    CSV, UTC, UUID, AsIs, Bool, Boolean, Date, DateTime, Decimal, Dict, DictList, Float, Int, Integer, List, ListOfDicts, Model, Opaque, Service,
    Text, Unicode, dataclass,
)
from serai.exception import BadRequest
from serai.model import ElementMissing, ModelValidationError
from serai.request import Request, Response
from serai.sio import OutputError, compile_class
from serai.typing_ import list_, optional
from tests.fake import Envelope


def declare(**attributes):
    """A service class with these attributes, and its plan."""
    cls = type("Declared", (Service,), attributes)
    return cls, compile_class(cls)


def simple_io(**attributes):
    """A service class with these attributes in its class SimpleIO."""
    return declare(SimpleIO=type("SimpleIO", (), attributes))


def read(plan, body=b"", *fields, cls=Service):
    """The input that a body and fields of an envelope are."""
    service = cls()
    service.request = Request(Envelope(fields), body.encode() if isinstance(body, str) else body)
    plan.begin(service)
    return service.request.input


def write(plan, payload=None, status=200):
    """What a payload is answered as."""
    response = Response(payload, status)
    plan.end(response)
    return response.value


class Declarations(unittest.TestCase):
    def test_every_form(self):
        want = {"name": "x", "size": 1}
        for form in [
            {"input": ("name", "-size")},
            {"input": ["name", Integer("-size")]},
            {"SimpleIO": type("SimpleIO", (), {"input": ("name", "-size")})},
            {"SimpleIO": type("SimpleIO", (), {"input_required": "name", "input_optional": ("size",)})},
            {"SimpleIO": type("SimpleIO", (), {"input_required": ("name",), "input_optional": Int("size")})},
            {"SimpleIO": type("SimpleIO", (), {"input_required": ["name"], "input_optional": ["-size"]})},
            {"input_required": ("name",), "input_optional": ("size",)},
        ]:
            with self.subTest(form=form):
                got = read(declare(**form)[1], '{"name": "x", "size": 1, "other": 2}')
                self.assertEqual((got.name, int(got.size), "other" in got), ("x", 1, False))
                with self.assertRaises(ElementMissing):
                    read(declare(**form)[1], "{}")
        self.assertEqual(read(declare(input="name")[1], '{"name": "x"}'), {"name": "x"})
        self.assertEqual(read(declare(input=Int("size"))[1], '{"size": "1"}'), {"size": 1})
        self.assertEqual(want, {"name": "x", "size": 1})

    def test_no_declaration_costs_nothing(self):
        for attributes in ({}, {"input": property(lambda self: 1)}, {"output": lambda self: 1}, {"SimpleIO": type("SimpleIO", (), {"x": 1})}):
            with self.subTest(attributes=attributes):
                self.assertIsNone(declare(**attributes)[1])

    def test_inheritance(self):
        class Base(Service):
            class SimpleIO:
                input = "a"

        class Derived(Base):
            class SimpleIO(Base.SimpleIO):
                output = "b"

        plan = compile_class(Derived)
        self.assertEqual((plan.input.names, plan.output.columns), (("a",), ["b"]))

    def test_what_is_wrong_refuses_the_deploy(self):
        @dataclass(init=False)
        class M(Model):
            a: int

        for attributes, why in [
            ({"input": 5}, "Declared: input is 5; write names"),
            ({"input": ("a", 5)}, "Declared: input has 5, which is neither"),
            ({"input": Int}, "Declared: input has the type Int without a name"),
            ({"input": ("a", Int)}, r"write Int\('name'\)"),
            ({"input": ("a", M)}, "model the class M among other elements"),
            ({"input": "a, b"}, "'a, b' is no name"),
            ({"input": ""}, "'' is no name"),
            ({"input": "-"}, "'-' is no name"),
            ({"input": " a"}, "is no name"),
            ({"input": ("a", "-a")}, "input element 'a' is there twice"),
            ({"output": ("a", Int("a"))}, "output element 'a' is there twice"),
            ({"input": "a", "input_required": "b"}, "input besides input_required"),
            ({"SimpleIO": type("SimpleIO", (), {"input_requred": "a"})}, "SimpleIO: there is no attribute 'input_requred'"),
            ({"SimpleIO": type("SimpleIO", (), {"input": "a", "response_elem": 5})}, "response_elem cannot be 5"),
            ({"SimpleIO": type("SimpleIO", (), {"input": "a"}), "input": "b"}, "declared here and in Declared itself"),
            ({"input": "a", "SimpleIO": type("SimpleIO", (), {"SkipEmpty": type("SkipEmpty", (), {"inptu": True})})}, "no attribute 'inptu'"),
            ({"input": "a", "csv_delimiter": "ab"}, "delimiter"),
            ({"input": list}, "class list"),
            ({"input": type("Bad", (Model,), {"__annotations__": {"x": unittest.TestCase}})}, "Bad.x has the type TestCase"),
        ]:
            with self.subTest(why=why), self.assertRaisesRegex((TypeError, ValueError), why):
                declare(**attributes)
        for make, why in [
            (lambda: Int(5), "name of an element is a text"), (lambda: Int("a", 5), "does not take 5"), (lambda: Int("a", x=1), "does not take x"),
            (lambda: Dict("a", "b", "-b"), "key 'b' is there twice"), (lambda: Dict("a", 5), "is a text, not 5"),
        ]:
            with self.subTest(why=why), self.assertRaisesRegex((TypeError, ValueError), why):
                make()


class Inputs(unittest.TestCase):
    def test_every_type(self):
        utc = datetime.timezone.utc
        one = uuid.UUID("12345678123456781234567812345678")
        for elem, good, bad in [
            (AsIs("x"), [(1, 1), (None, None), ({"a": [1]}, {"a": [1]}), ("1", "1")], []),
            (Opaque("x"), [([{"a": None}], [{"a": None}])], []),
            (Text("x"), [("a", "a"), (1, "1"), (1.5, "1.5"), (True, "true"), ("", "")], [{}, [], None]),
            (Unicode("x"), [(1, "1")], [[]]),
            (Int("x"), [(1, 1), ("10", 10), (2.0, 2)], ["x", "", 1.5, None, True, [], {}, "1e3", "9" * 5000]),
            (Integer("x"), [("1", 1)], ["a"]),
            (Float("x"), [(1, 1.0), ("1.5", 1.5)], ["x", None, True, "inf", []]),
            (Bool("x"), [(True, True), (0, False), ("y", True), ("No", False), ("T", True), ("off", False)], ["x", "", 2, None, []]),
            (Boolean("x"), [("1", True)], ["2"]),
            (Decimal("x"), [("1.20", decimal.Decimal("1.20")), (3, decimal.Decimal(3))], ["x", None, "NaN", [], True]),
            (Date("x"), [("2025-01-31", datetime.date(2025, 1, 31))], ["31/01/2025", 5, None, "", "2025-02-30"]),
            (DateTime("x"), [("2025-01-31T10:20:30", datetime.datetime(2025, 1, 31, 10, 20, 30))], ["x", 1, None]),
            (UTC("x"), [("2025-01-31T12:00:00+02:00", datetime.datetime(2025, 1, 31, 10, tzinfo=utc)),
                        ("2025-01-31T12:00:00", datetime.datetime(2025, 1, 31, 12, tzinfo=utc))], ["x", None]),
            (UUID("x"), [(str(one), one)], ["x", 1, None]),
            (CSV("x"), [("a,b", ["a", "b"]), ('a,"b,c",1', ["a", "b,c", "1"]), ("", []), (["a", 1], ["a", "1"])], [5, None, {}]),
            (List("x"), [([1, "a"], [1, "a"]), ([], [])], ["x", {}, None, 5]),
            (Dict("x"), [({"a": {"b": 1}}, {"a": {"b": 1}}), ({}, {})], [[], "x", None, 1]),
            (Dict("x", "a", "-b"), [({"a": 1, "z": 2}, {"a": 1}), ({"a": 1, "b": 2}, {"a": 1, "b": 2})], [{}, [], {"b": 1}]),
            (Dict("x", Int("a"), Dict("b", "c")), [({"a": "1", "b": {"c": 2}}, {"a": 1, "b": {"c": 2}})], [{"a": "x", "b": {"c": 1}}, {"a": 1, "b": {}}, {"a": 1}]),
            (DictList("x"), [([{"a": 1}, {}], [{"a": 1}, {}])], [[1], {}, None, "x"]),
            (DictList("x", "a"), [([{"a": 1, "b": 2}], [{"a": 1}])], [[{}], [{"a": 1}, 5]]),
            (ListOfDicts("x"), [([{}], [{}])], [5]),
        ]:
            _, plan = declare(input=elem)
            for value, want in good:
                with self.subTest(elem=elem, value=value):
                    got = read(plan, json.dumps({"x": value})).x
                    self.assertEqual(got, want)
            for value in bad:
                with self.subTest(elem=elem, bad=value), self.assertRaises(ModelValidationError) as caught:
                    read(plan, json.dumps({"x": value}))
                self.assertIn("/x", caught.exception.details[0])

    def test_conversion_by_name(self):
        _, plan = declare(input=("id", "user_id", "line_count", "max_size", "job_timeout", "is_on", "has_x", "by_x", "may_x", "needs_x", "should_x", "identity"))
        body = ('{"id": "1", "user_id": "2", "line_count": "3", "max_size": "4", "job_timeout": "5", "is_on": "true", "has_x": "no", "by_x": true,'
                ' "may_x": "1", "needs_x": "f", "should_x": "ON", "identity": 7}')
        self.assertEqual(read(plan, body), {"id": 1, "user_id": 2, "line_count": 3, "max_size": 4, "job_timeout": 5, "is_on": True, "has_x": False,
                                            "by_x": True, "may_x": True, "needs_x": False, "should_x": True, "identity": "7"})
        self.assertEqual(read(declare(input=(AsIs("user_id"), Text("id")))[1], '{"user_id": "A-1", "id": 1}'), {"user_id": "A-1", "id": "1"})

    def test_what_is_not_given(self):
        for attributes, body, want in [
            ({"input": "-a"}, "", {"a": ""}),
            ({"input": "-a"}, '{"a": null}', {"a": ""}),
            ({"input": Int("-a")}, '{"a": ""}', {"a": ""}),
            ({"input": Int("-a", default=5)}, "", {"a": 5}),
            ({"input": Int("a", default=5)}, "", {"a": 5}),
            ({"input": Bool("a", default=None)}, "", {"a": None}),
            ({"input": "-a", "default_value": "?"}, "", {"a": "?"}),
            ({"input": "-a", "default_input_value": "!", "default_value": "?"}, "", {"a": "!"}),
            ({"input": Int("-a", default=5), "default_value": "?"}, "", {"a": 5}),
        ]:
            with self.subTest(attributes=attributes):
                self.assertEqual(read(simple_io(**attributes)[1], body), want)
        skip = type("SkipEmpty", (), {"input": True, "force_empty_input": "b"})
        self.assertEqual(read(simple_io(input=("-a", "-b", Int("-c", default=1)), SkipEmpty=skip)[1]), {"b": "", "c": 1})
        self.assertEqual(read(simple_io(input=("-a",), default_value=None)[1]), {"a": None})

    def test_all_that_is_wrong_is_told(self):
        with self.assertRaises(ElementMissing) as caught:
            read(declare(input=("a", Int("b"), Dict("c", "d")))[1], '{"b": "x", "c": {}}')
        self.assertEqual(caught.exception.details, [
            "Element missing: /a", "Element has a wrong value: /b is 'x', expected an integer", "Element missing: /c/d",
        ])
        self.assertEqual(caught.exception.status, 400)

    def test_bodies_that_are_no_object(self):
        _, plan = declare(input="a")
        for body in ('"text"', "5", "[1]", '[{"a": 1}, {}]', "plain"):
            with self.subTest(body=body), self.assertRaises(BadRequest):
                read(plan, body, "header.content-type", "application/json" if body != "plain" else "text/plain")
        self.assertEqual([x.a for x in read(plan, '[{"a": 1}, {"a": "2"}]')], ["1", "2"])
        self.assertEqual(read(plan, '{"a": 1}', "header.content-type", "text/plain").a, "1")

    def test_query_and_path(self):
        _, plan = declare(input=("a", "-b", List("-tags")))
        url = ("query.a", "q", "param.a", "p", "query.b", "q")
        for fields, body, want in [
            (url, "", ("p", "q")),
            (url, '{"a": "m", "b": "m"}', ("p", "q")),
            ((*url, "params-priority", "msg-over-channel-params"), '{"a": "m"}', ("m", "q")),
            ((*url, "url-params-priority", "qs-over-path"), "{}", ("q", "q")),
            ((*url, "merge-params", "0"), '{"a": "m"}', ("m", "")),
        ]:
            with self.subTest(fields=fields):
                got = read(plan, body, *fields)
                self.assertEqual((got.a, got.b), want)
        self.assertEqual(read(plan, "", "param.a", "x", "query.tags", "1").tags, ["1"])
        self.assertEqual(read(plan, "", "param.a", "x", "query.tags", "1", "query.tags", "2").tags, ["1", "2"])
        with self.assertRaises(ModelValidationError):
            read(plan, "", "query.a", "1", "query.a", "2")

    def test_models(self):
        @dataclass(init=False)
        class Line(Model):
            sku: str
            count: int = 1

        @dataclass(init=False)
        class Order(Model):
            id: int
            lines: list_[Line]
            note: optional[str]

            def after_created(self, ctx):
                self.service = type(ctx.service).__name__

        cls, plan = declare(input=Order)
        got = read(plan, '{"lines": [{"sku": "A", "count": "2"}]}', "param.id", "7", cls=cls)
        self.assertEqual((got.id, got.lines[0].count, got.note, got.service), (7, 2, None, "Declared"))
        with self.assertRaises(ElementMissing) as caught:
            read(plan, '{"lines": [{"sku": "A"}, {}]}')
        self.assertEqual(caught.exception.details, ["Element missing: /id", "Element missing: /lines/1/sku"])
        for many in (list_[Line], list[Line]):
            _, plan = declare(input=many)
            self.assertEqual([x.sku for x in read(plan, '[{"sku": "A"}, {"sku": "B"}]')], ["A", "B"])
            for body, path in [('{"sku": "A"}', "/"), ('[{"sku": "A"}, {}]', "/1/sku"), ("", "/")]:
                with self.subTest(body=body), self.assertRaises(ModelValidationError) as caught:
                    read(plan, body)
                self.assertEqual(caught.exception.elem_path, path)


class Outputs(unittest.TestCase):
    def test_every_type(self):
        day = datetime.datetime(2025, 1, 31, 10, 20, 30)
        for elem, value, want in [
            (AsIs("x"), {"a": 1}, {"a": 1}), (Text("x"), 1, "1"), (Text("x"), "ż".encode(), "ż"), (Int("x"), "5", 5), (Int("x"), "A", "A"),
            (Float("x"), "1.5", 1.5), (Bool("x"), "yes", True), (Decimal("x"), decimal.Decimal("1.10"), "1.10"), (Date("x"), day, "2025-01-31"),
            (Date("x", "%d.%m.%Y"), day.date(), "31.01.2025"), (Date("x"), "soon", "soon"), (DateTime("x"), day, "2025-01-31T10:20:30"),
            (DateTime("x", format="%Y"), day, "2025"), (DateTime("x", "%Y"), day.replace(year=1800), "1800-01-31T10:20:30"),
            (UTC("x"), day, "2025-01-31T10:20:30Z"), (UUID("x"), uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
            (CSV("x"), ["a", "b,c", 1], 'a,"b,c",1'), (CSV("x"), "a", "a"), (List("x"), (i for i in "ab"), ["a", "b"]), (Dict("x", "a"), {"a": 1, "b": 2}, {"a": 1}),
            (Dict("x"), {"a": 1}, {"a": 1}), (DictList("x", Int("a")), [{"a": "1", "b": 2}], [{"a": 1}]), (DictList("x"), [], []), (Bool("x"), None, False),
            *((kind("x"), None, None) for kind in (AsIs, Text, Int, Float, Decimal, Date, DateTime, UTC, UUID, CSV, List, Dict, DictList, Opaque)),
        ]:
            with self.subTest(elem=elem, value=value):
                self.assertEqual(write(declare(output=elem)[1], {"x": value}), {"x": want})

    def test_payloads(self):
        class Row:
            a, b, c = 1, 2, 3

        class Mapped:
            _mapping = {"a": 1, "b": 2}

            def __iter__(self):
                return iter((1, 2))

        import collections

        Named = collections.namedtuple("Named", "a b c")
        _, plan = declare(output=("a", "-b"))
        want = {"a": "1", "b": "2"}
        for payload, expect in [
            ({"a": 1, "b": 2, "c": 3}, want), (Row(), want), (Mapped(), want), (Named(1, 2, 3), want), ([Row(), {"a": 1}], [want, {"a": "1", "b": ""}]),
            ((Row() for _ in range(2)), [want] * 2), ([], []), ("text", "text"), (b"bytes", b"bytes"),
        ]:
            with self.subTest(payload=payload):
                self.assertEqual(write(plan, payload), expect)
        for payload in (None, {}, {"b": 1}, [{"a": 1}, {}], 5, [5], [None]):
            with self.subTest(payload=payload), self.assertRaises(OutputError):
                write(plan, payload)
        self.assertEqual(write(plan, {"error": 1}, 404), {"error": 1})
        with self.assertRaisesRegex(OutputError, "Declared declares output that the service did not set: /1/a"):
            write(plan, [{"a": 1}, {}])

    def test_empty_values(self):
        for attributes, payload, want in [
            ({}, {}, {"a": "", "b": ""}),
            ({"default_output_value": "?"}, {}, {"a": "?", "b": "?"}),
            ({"skip_empty_keys": True}, {"a": ""}, {}),
            ({"skip_empty_keys": True, "force_empty_keys": "b"}, {"a": None}, {"b": ""}),
            ({"skip_empty_keys": ["a"]}, {"b": None}, {"b": None}),
            ({"skip_empty_keys": False}, {"a": None, "b": 0}, {"a": None, "b": "0"}),
            ({"SkipEmpty": type("SkipEmpty", (), {"output": True, "force_empty_output": ("a",)})}, {}, {"a": ""}),
        ]:
            with self.subTest(attributes=attributes):
                self.assertEqual(write(simple_io(output=("-a", "-b"), **attributes)[1], payload), want)
        self.assertEqual(write(declare(output=Int("max_size", default=100))[1]), {"max_size": 100})

    def test_repeated(self):
        _, plan = simple_io(output="a", output_repeated=True)
        self.assertEqual((write(plan), write(plan, {"a": 1}), write(plan, [{"a": 1}])), ([], [{"a": "1"}], [{"a": "1"}]))

    def test_put_together(self):
        _, plan = declare(output=("name", "-size"))
        for build, want in [
            (lambda p: setattr(p, "name", "x"), {"name": "x", "size": ""}),
            (lambda p: p.update(name="x"), {"name": "x", "size": ""}),
            (lambda p: p.append({"name": "x"}), [{"name": "x", "size": ""}]),
            (lambda p: p.__setitem__(slice(None), [{"name": "x"}]), [{"name": "x", "size": ""}]),
        ]:
            response = Response()
            build(response.payload)
            plan.end(response)
            self.assertEqual(response.value, want)

    def test_models(self):
        @dataclass(init=False)
        class Phone(Model):
            imei: str
            owner: optional[str]

        @dataclass(init=False)
        class Reply(Model):
            phones: list_[Phone]
            kind: str = "RZH"

        _, plan = declare(output=Reply)
        phone, reply = Phone(), Reply()
        phone.imei, reply.phones = "1", [phone]
        want = {"phones": [{"imei": "1", "owner": None}], "kind": "RZH"}
        self.assertEqual(write(plan, reply), want)
        self.assertEqual(write(plan, {"phones": [{"imei": "1", "other": 2}]}), want)
        reply.phones.append(Phone())
        with self.assertRaisesRegex(OutputError, "/phones/1/imei"):
            write(plan, reply)
        self.assertEqual(write(declare(output=list_[Phone])[1], [phone]), want["phones"])
        frozen = dataclass(frozen=True, slots=True)(type("Frozen", (Model,), {"__annotations__": {"a": int}}))
        self.assertEqual(write(declare(output=frozen)[1], frozen(1)), {"a": 1})
        self.assertEqual(write(declare(output=list_[Phone])[1]), [])

    def test_response_elem(self):
        _, plan = simple_io(output="a", response_elem="response")
        self.assertEqual(plan.output.wrap(write(plan, {"a": 1})), {"response": {"a": "1"}})


if __name__ == "__main__":
    unittest.main()
