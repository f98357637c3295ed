import dataclasses
import datetime
import decimal
import enum
import typing
import unittest
import uuid

from serai import Model, ModelCtx, data, dataclass
from serai.model import ElementIsNotAList, ElementMissing, ModelValidationError, prepare
from serai.typing_ import any_, anydict, dict_, dictlist, intnone, list_, list_field, optional, strlist, strnone


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclass(init=False)
class Address(Model):
    street: str
    number: optional[int]


@dataclasses.dataclass(init=False)
class Customer(Model):
    name: str
    addresses: list_[Address]
    tags: strlist = list_field()
    level: int = 3


@dataclass(init=False)
class Tree(Model):
    value: int
    children: "list_[Tree]" = list_field()


@dataclasses.dataclass
class Point:
    x: int
    y: int = 0


def model(kind):
    """A model with one field of that type."""
    return dataclasses.make_dataclass("One", [("x", kind)], bases=(Model,), init=False)


class Reading(unittest.TestCase):
    def test_every_type(self):
        utc = datetime.timezone.utc
        one = uuid.UUID("12345678123456781234567812345678")
        for kind, good, bad in [
            (str, [("a", "a"), ("", "")], [1, True, None, {}, []]),
            (int, [(1, 1), ("12", 12), (" -3 ", -3), (4.0, 4)], ["", "1.5", 1.5, "1_0", "x", True, None, 1e300, "\u0664"]),
            (float, [(1, 1.0), (1.5, 1.5), ("2.5", 2.5)], ["x", "", True, None, "nan", float("inf"), "1e999", [], "1_0"]),
            (bool, [(True, True), ("yes", True), ("OFF", False), (1, True), (0, False)], ["maybe", 2, None, "", 1.5, []]),
            (bytes, [("aGk=", b"hi")], ["*", 1, None]),
            (decimal.Decimal, [("1.10", decimal.Decimal("1.10")), (1, decimal.Decimal(1)), (0.1, decimal.Decimal("0.1"))],
             ["x", "NaN", True, None, "1_0", "Infinity", []]),
            (datetime.date, [("2025-01-31", datetime.date(2025, 1, 31)), ("2025-01-31T10:00:00", datetime.date(2025, 1, 31))],
             ["31.1.2025", "2025-02-30", 1, None, ""]),
            (datetime.datetime, [("2025-01-31T12:30:00Z", datetime.datetime(2025, 1, 31, 12, 30, tzinfo=utc)),
                                 ("2025-01-31", datetime.datetime(2025, 1, 31))], ["noon", 5, None, "2025-13-01"]),
            (datetime.time, [("12:30:00", datetime.time(12, 30))], ["25:00", 1, None]),
            (datetime.timedelta, [(90, datetime.timedelta(seconds=90)), ("PT1H30M", datetime.timedelta(minutes=90)),
                                  ("-P1DT1S", -datetime.timedelta(days=1, seconds=1))], ["P", "1h", True, None, "P9999999999D"]),
            (uuid.UUID, [(str(one), one)], ["12", 1, None]),
            (Colour, [("red", Colour.RED), ("GREEN", Colour.GREEN)], ["blue", 1, None, []]),
            (Level, [(1, Level.LOW), ("2", Level.HIGH), ("LOW", Level.LOW)], [3, "x", None]),
            (any_, [(None, None), ({"a": [1]}, {"a": [1]})], []),
            (dict, [({"a": 1}, {"a": 1})], [[], "x", None, 1]),
            (anydict, [({"a": 1}, {"a": 1})], [[], None]),
            (dict_[str, int], [({"a": "1"}, {"a": 1})], [{"a": "x"}, [], None]),
            (list, [([1, "a"], [1, "a"])], ["x", {}, None]),
            (list_[int], [([1, "2"], [1, 2]), ([], [])], [[1, "x"], {}, "1", None, [None]]),
            (list[optional[int]], [([1, None], [1, None])], [["x"]]),
            (set[int], [([1, 1], {1})], [[[]], 1]),
            (set, [([1, 1], {1})], [[{}]]),
            (tuple[int, str], [([1, "a"], (1, "a"))], [[1], [1, "a", 2], ["a", "b"], 1]),
            (tuple[int, ...], [([1, 2], (1, 2))], [["a"], 1]),
            (dictlist, [([{"a": 1}], [{"a": 1}])], [[1], {}, None]),
            (optional[int], [(None, None), (1, 1)], ["x"]),
            (int | None, [(None, None), ("1", 1)], ["x"]),
            (intnone, [(None, None), (1, 1)], ["x"]),
            (typing.Optional[str], [(None, None), ("a", "a")], [1]),
            (strnone, [(None, None), ("a", "a")], [1]),
            (int | str, [("1", "1"), (1, 1), ("a", "a")], [[], None]),
            (list_[int] | int, [([1], [1]), (1, 1)], ["a", None]),
            (Address | Tree, [({"street": "s", "number": 1}, None), ({"value": 1}, None)], [{}, 1]),
            (typing.Literal["a", 1], [("a", "a"), (1, 1), ("1", 1)], ["b", True, None]),
            (typing.Annotated[int, ["unhashable"]], [("1", 1)], ["x"]),
            (Point, [({"x": "1"}, Point(1))], [{}, [], None, {"x": 1, "y": "b"}]),
            (Address, [({"street": "s"}, None)], [{}, [], "x", None, {"street": "s", "number": "x"}]),
        ]:
            one_field = model(kind)
            for value, want in good:
                with self.subTest(kind=kind, value=value):
                    got = one_field.from_dict({"x": value}).x
                    if want is not None or value is None:
                        self.assertEqual((got, type(got)), (want, type(want)) if not isinstance(want, dict) else (want, type(got)))
            for value in bad:
                with self.subTest(kind=kind, bad=value), self.assertRaises(ModelValidationError) as caught:
                    one_field.from_dict({"x": value})
                self.assertEqual(caught.exception.status, 400)
                self.assertTrue(all("/x" in text for text in caught.exception.details), caught.exception.details)

    def test_nesting(self):
        c = Customer.from_dict({"name": "Ada", "addresses": [{"street": "a"}, {"street": "b", "number": "7"}], "unknown": 1})
        self.assertEqual((c.name, c.addresses[1].number, c.addresses[0].number, c.tags, c.level), ("Ada", 7, None, [], 3))
        self.assertFalse(hasattr(c, "unknown"))
        self.assertIsNot(c.tags, Customer.from_dict({"name": "", "addresses": []}).tags)
        t = Tree.from_dict({"value": 1, "children": [{"value": 2, "children": [{"value": 3}]}]})
        self.assertEqual(t.children[0].children[0].value, 3)

    def test_all_that_is_wrong_is_told(self):
        with self.assertRaises(ElementMissing) as caught:
            Customer.from_dict({"addresses": [{"street": "a"}, {"number": "x"}, 5], "tags": "t", "level": None})  # null: as if it were not given
        self.assertEqual(caught.exception.elem_path, "/name")
        self.assertEqual(str(caught.exception), "Element missing: /name")
        self.assertEqual(caught.exception.details, [
            "Element missing: /name",
            "Element missing: /addresses/1/street",
            "Element has a wrong value: /addresses/1/number is 'x', expected an integer",
            "Element has a wrong value: /addresses/2 is 5, expected an object",
            "Element is not a list: /tags is 't'",
        ])
        with self.assertRaises(ElementIsNotAList) as caught:
            Customer.from_dict({"name": "x", "addresses": {"street": "a"}})
        self.assertEqual(caught.exception.reason, "Element is not a list: /addresses is an object")

    def test_what_is_told_is_bounded(self):
        with self.assertRaises(ModelValidationError) as caught:
            model(list_[int]).from_dict({"x": ["y" * 1000] * 5000})
        self.assertLess(sum(map(len, caught.exception.details)), 20_000)

    def test_secrets_are_not_told(self):
        kind = dataclasses.make_dataclass("Login", [("password", int)], bases=(Model,), init=False)
        with self.assertRaises(ModelValidationError) as caught:
            kind.from_dict({"password": "hunter2"})
        self.assertNotIn("hunter2", str(caught.exception.details))
        kind = dataclasses.make_dataclass("Logins", [("tokens", dict_[str, list_[int]])], bases=(Model,), init=False)
        with self.assertRaises(ModelValidationError) as caught:
            kind.from_dict({"tokens": {"a": [1, "hunter2"]}})
        self.assertEqual(caught.exception.details, ["Element has a wrong value: /tokens/a/1 is '***', expected an integer"])

    def test_names_in_paths_are_escaped(self):
        with self.assertRaises(ModelValidationError) as caught:
            model(dict_[str, int]).from_dict({"x": {"a/b~": "y"}})
        self.assertEqual(caught.exception.elem_path, "/x/a~1b~0")

    def test_annotations_that_cannot_be(self):
        for kind, why in [(typing.Callable, "Callable"), (unittest.TestCase, "TestCase"), ("Nowhere", "Nowhere")]:
            with self.subTest(kind=kind), self.assertRaisesRegex((TypeError, NameError), why):
                model(kind).from_dict({})

    def test_after_created(self):
        seen = []

        @dataclass(init=False)
        class Checked(Model):
            a: int
            b: int = 0

            def after_created(self, ctx: ModelCtx):
                seen.append((ctx.data, ctx.DataClass, ctx.service))
                self.b = self.a * 2

        self.assertEqual(Checked.from_dict({"a": 2}).b, 4)
        self.assertEqual(seen, [({"a": 2}, Checked, None)])
        with self.assertRaises(ModelValidationError):
            Checked.from_dict({})
        self.assertEqual(len(seen), 1)

    def test_undecorated_and_with_init(self):
        class Bare(Model):
            a: int
            b: str = "x"

        bare = Bare.from_dict({"a": "1"})
        self.assertEqual((bare.a, bare.b, bare.to_dict()), (1, "x", {"a": 1, "b": "x"}))

        @dataclass
        class Made(Model):
            a: int
            total: int = 0

            def __post_init__(self):
                self.total = self.a + 1

        self.assertEqual((Made.from_dict({"a": 1}).total, Made(4).total), (2, 5))

        @dataclass(frozen=True, slots=True)
        class Frozen(Model):
            a: int

        self.assertEqual(Frozen.from_dict({"a": "1"}), Frozen(1))

    def test_inheritance(self):
        @dataclass(init=False)
        class Base(Model):
            a: int

        @dataclass(init=False)
        class Derived(Base):
            b: int

        self.assertEqual(Derived.from_dict({"a": 1, "b": 2}).to_dict(), {"a": 1, "b": 2})
        self.assertEqual(Base.from_dict({"a": 1}).to_dict(), {"a": 1})


class Writing(unittest.TestCase):
    def test_dict_and_json(self):
        c = Customer()
        c.name = "Ada"
        a = Address()
        a.street = "s"
        c.addresses = [a]
        c.tags.append("t")
        want = {"name": "Ada", "addresses": [{"street": "s"}], "tags": ["t"], "level": 3}
        self.assertEqual(c.to_dict(), want)
        self.assertEqual(c.to_json(), '{"name": "Ada", "addresses": [{"street": "s"}], "tags": ["t"], "level": 3}')
        self.assertEqual(data.dumps([c]), f"[{c.to_json()}]")
        self.assertIn("\n", c.to_json(indent=2))
        self.assertEqual(Customer.from_json('{"name": "x", "addresses": []}').name, "x")
        self.assertEqual([x.value for x in Tree.from_json(b'[{"value": 1}, {"value": 2}]')], [1, 2])

    def test_broken_json(self):
        for text in ("{", "", "[" * 100_000):
            with self.subTest(text=text[:5]), self.assertRaises(ModelValidationError.__mro__[1]) as caught:
                Tree.from_json(text)
            self.assertEqual(caught.exception.status, 400)

    def test_clone_and_repr(self):
        c = Customer.from_dict({"name": "x", "addresses": [{"street": "a"}]})
        d = c.clone()
        d.addresses[0].street = "b"
        self.assertEqual(c.addresses[0].street, "a")
        self.assertEqual(repr(Address()), "Address()")
        self.assertEqual(repr(d.addresses[0]), "Address(street='b', number=None)")

    def test_what_is_not_set_is_an_attribute_error(self):
        with self.assertRaisesRegex(AttributeError, "Address has no value for 'street'"):
            _ = Address().street

    def test_a_model_that_is_only_written(self):
        class Live(Model):
            conn: unittest.TestCase
            size: int = 1

        live = Live()
        live.conn = None
        prepare()
        self.assertEqual(live.to_dict(), {"conn": None, "size": 1})
        with self.assertRaisesRegex(TypeError, "Live.conn has the type TestCase"):
            Live.from_dict({})

    def test_flat_input(self):
        kind = Model.build_model_from_flat_input(None, None, "Flat", ("name", "-user_id", "is_on"))
        made = kind.from_dict({"name": "x", "is_on": "yes"})
        self.assertEqual((kind.__name__, made.name, made.user_id, made.is_on), ("Flat", "x", None, True))


if __name__ == "__main__":
    unittest.main()
