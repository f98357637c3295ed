import json
import pathlib
import sys
import tempfile
import types
import unittest

from serai import Service
from serai.model import ModelValidationError
from serai.schema import Schema, SchemaError
from serai.sio import compile_class
from tests.test_sio_declare import read


class Keywords(unittest.TestCase):
    def test_each(self):
        for schema, good, bad in [
            ({"type": "integer"}, [1, 2.0, -1], [1.5, "1", True, None]),
            ({"type": ["string", "null"]}, ["a", None], [1, [], {}]),
            ({"type": "number"}, [1, 1.5], [True, "1"]),
            ({"type": "object"}, [{}], [[]]),
            ({"type": "array"}, [[]], [{}]),
            ({"type": "boolean"}, [True], [1, "true"]),
            ({"enum": [1, "a", [1], {"b": None}]}, [1, 1.0, "a", [1], {"b": None}], [2, True, [2], {"b": 0}]),
            ({"const": False}, [False], [0, None]),
            ({"minimum": 1, "maximum": 3}, [1, 3, "x"], [0, 4]),
            ({"exclusiveMinimum": 1, "exclusiveMaximum": 3}, [2], [1, 3]),
            ({"minimum": 1, "exclusiveMinimum": True}, [2], [1]),
            ({"maximum": 3, "exclusiveMaximum": False}, [3], [4]),
            ({"multipleOf": 0.1}, [0.3, 1], [0.35]),
            ({"multipleOf": 3}, [9, "x"], [10]),
            ({"minLength": 2, "maxLength": 3}, ["ab", "żółć"[:3], 5], ["a", "abcd"]),
            ({"pattern": "^a+$"}, ["aa", 1], ["ab"]),
            ({"required": ["a", "b"]}, [{"a": 1, "b": 2}, []], [{}, {"a": 1}]),
            ({"properties": {"a": {"type": "integer"}}}, [{"a": 1}, {"b": "x"}, 5], [{"a": "x"}]),
            ({"properties": {"a": {}}, "additionalProperties": False}, [{"a": 1}], [{"b": 1}]),
            ({"additionalProperties": {"type": "integer"}}, [{"a": 1}], [{"a": "x"}]),
            ({"patternProperties": {"^n_": {"type": "number"}}, "additionalProperties": False}, [{"n_a": 1}], [{"n_a": "x"}, {"b": 1}]),
            ({"propertyNames": {"pattern": "^[a-z]+$"}}, [{"a": 1}], [{"A": 1}]),
            ({"minProperties": 1, "maxProperties": 1}, [{"a": 1}], [{}, {"a": 1, "b": 2}]),
            ({"items": {"type": "integer"}}, [[1, 2], []], [[1, "x"]]),
            ({"items": [{"type": "integer"}, {"type": "string"}], "additionalItems": False}, [[1, "a"], [1]], [["a"], [1, "a", 2]]),
            ({"prefixItems": [{"type": "integer"}], "items": {"type": "string"}}, [[1, "a"], []], [["a"], [1, 2]]),
            ({"minItems": 1, "maxItems": 2}, [[1]], [[], [1, 2, 3]]),
            ({"uniqueItems": True}, [[1, 2, True], [{"a": 1}, {"a": 2}]], [[1, 1.0], [{"a": [1]}, {"a": [1]}]]),
            ({"contains": {"const": 1}, "maxContains": 2}, [[1, 2], [1, 1]], [[], [2], [1, 1, 1]]),
            ({"dependentRequired": {"a": ["b"]}}, [{"a": 1, "b": 2}, {}], [{"a": 1}]),
            ({"dependencies": {"a": {"required": ["c"]}}}, [{"a": 1, "c": 2}], [{"a": 1}]),
            ({"allOf": [{"minimum": 1}, {"maximum": 3}]}, [2], [0, 4]),
            ({"anyOf": [{"type": "string"}, {"minimum": 3}]}, ["a", 3], [1]),
            ({"oneOf": [{"multipleOf": 2}, {"multipleOf": 3}]}, [2, 3], [6, 5]),
            ({"not": {"type": "string"}}, [1], ["a"]),
            ({"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"required": ["c"]}}, [{"a": 1, "b": 1}, {"c": 1}], [{"a": 1}, {}]),
            ({"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer"}}}, [1], ["x"]),
            ({"$ref": "#/definitions/a~1b", "definitions": {"a/b": {"type": "integer"}}}, [1], ["x"]),
            ({"properties": {"next": {"$ref": "#"}, "v": {"type": "integer"}}, "required": ["v"]}, [{"v": 1, "next": {"v": 2}}], [{"v": 1, "next": {}}]),
            ({"format": "date"}, ["2025-01-31", 5], ["2025-02-30", "31.1.2025"]),
            ({"format": "date-time"}, ["2025-01-31T10:00:00Z"], ["2025-01-31", "now"]),
            ({"format": "time"}, ["10:00:00"], ["25:00:00"]),
            ({"format": "uuid"}, ["12345678-1234-5678-1234-567812345678"], ["1234"]),
            ({"format": "email"}, ["a@b.c"], ["a"]),
            ({"format": "ipv4"}, ["127.0.0.1"], ["1.2.3"]),
            ({"format": "ipv6"}, ["::1"], ["1"]),
            ({"format": "regex"}, ["a+"], ["("]),
            ({"format": "unknown", "title": "t", "$comment": "c", "default": 1}, [1, "x"], []),
            (True, [1, None], []), ({}, [1], []), (False, [], [1]),
            ({"properties": {"a": False}}, [{}], [{"a": 1}]),
        ]:
            compiled = Schema(schema)
            for value in good:
                with self.subTest(schema=schema, good=value):
                    self.assertEqual(compiled.problems(value), [])
            for value in bad:
                with self.subTest(schema=schema, bad=value):
                    self.assertNotEqual(compiled.problems(value), [])

    def test_paths(self):
        schema = Schema({"properties": {"lines": {"items": {"required": ["sku"], "properties": {"n": {"type": "integer"}}}}}, "required": ["id"]})
        self.assertEqual(schema.problems({"lines": [{"sku": "a"}, {"n": "x"}]}), [
            "Element missing: /lines/1/sku", "Element has a wrong value: /lines/1/n is 'x', expected integer", "Element missing: /id",
        ])

    def test_hostile_documents(self):
        deep = []
        for _ in range(100_000):
            deep = [deep]
        recursive = Schema({"items": {"$ref": "#"}})
        self.assertIn("nested too deeply", recursive.problems(deep)[-1])
        self.assertEqual(len(Schema({"items": {"type": "integer"}}).problems(["x"] * 100_000)), 100)
        self.assertIn("nested too deeply", Schema({"$ref": "#"}).problems(1)[-1])

    def test_what_refuses_the_deploy(self):
        for schema, why in [
            (5, "a schema is an object"), ({"type": "int"}, "no type 'int'"), ({"type": 5}, "#/type cannot be 5"), ({"pattern": "("}, "#/pattern cannot be"),
            ({"properties": {"a": 5}}, "#/properties/a is 5"), ({"$ref": "other.json"}, "another document"), ({"$ref": "#/$defs/x"}, "no #/\\$defs/x"),
            ({"$ref": "#x"}, "anchor"), ({"unevaluatedProperties": False}, "unevaluatedProperties is not supported"), ({"minimum": "1"}, "it is a number"),
            ({"enum": 5}, "it is a list"), ({"allOf": 5}, "#/allOf cannot be 5"), ({"items": 5}, "#/items is 5"),
        ]:
            with self.subTest(schema=schema), self.assertRaisesRegex(SchemaError, why):
                Schema(schema)


class Services(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        module = types.ModuleType("with_schema")
        module.__file__ = str(self.folder / "service.py")
        sys.modules["with_schema"] = module
        self.addCleanup(sys.modules.pop, "with_schema")

    def service(self, name, **attributes):
        return type("Checked", (Service,), {"__module__": "with_schema", "schema": name, **attributes})

    def test_input_is_checked(self):
        document = json.dumps({"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}})
        (self.folder / "schema" / "json").mkdir(parents=True)
        (self.folder / "beside.json").write_text(document)
        (self.folder / "schema" / "json" / "below.json").write_text(document)
        for name in ("beside.json", "below.json", "/opt/zato/schema/below.json"):
            plan = compile_class(self.service(name))
            with self.subTest(name=name):
                self.assertEqual(read(plan, '{"a": 1}').a, 1)
                for body in ("{}", "", '{"a": "x"}', "[]"):
                    with self.assertRaises(ModelValidationError) as caught:
                        read(plan, body)
                    self.assertEqual(caught.exception.status, 400)
        plan = compile_class(self.service("beside.json", input="a"))
        self.assertEqual(read(plan, '{"a": 1}').a, "1")

    def test_what_refuses_the_deploy(self):
        (self.folder / "broken.json").write_text("{")
        (self.folder / "wrong.json").write_text('{"type": "int"}')
        for name, why in [("none.json", "Checked.schema: there is no file 'none.json'"), ("broken.json", "broken.json: Expecting"), ("wrong.json", "no type 'int'")]:
            with self.subTest(name=name), self.assertRaisesRegex(SchemaError, why):
                compile_class(self.service(name))


if __name__ == "__main__":
    unittest.main()
