"""JSON Schema: a class with ``schema = 'order.json'`` has its input checked.

The keywords of draft 2020-12 and their older spellings are known, but for
those that need what was evaluated elsewhere (``unevaluated…``, ``$dynamicRef``)
and for schemas of other documents. A schema is compiled at deploy, and what
is not supported refuses the deploy.
"""

import ipaddress
import json
import math
import os
import re
import sys

from serai.sio import scalar
from serai.sio.problem import path, show

#: Keywords that would change the outcome and are not supported.
UNSUPPORTED = frozenset(("$dynamicRef", "$recursiveRef", "unevaluatedProperties", "unevaluatedItems"))
#: How deep documents and schemas may nest, and how much of what is wrong is told.
MAX_DEPTH, MOST = 200, 100

_TYPES = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "integer": lambda v: (isinstance(v, int) and not isinstance(v, bool)) or (isinstance(v, float) and v.is_integer()),
}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_FORMATS = {
    "date": lambda v: re.fullmatch(r"\d{4}-\d\d-\d\d", v, re.ASCII) and scalar.DATE.convert(v),
    "date-time": lambda v: "T" in v.upper() and scalar.DATETIME.convert(v),
    "time": lambda v: scalar.TIME.convert(v),
    "uuid": lambda v: re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", v),
    "email": _EMAIL.fullmatch,
    "ipv4": ipaddress.IPv4Address,
    "ipv6": ipaddress.IPv6Address,
    "regex": re.compile,
}


class SchemaError(ValueError):
    """A schema is wrong, or says what is not supported."""


class Schema:
    """A compiled schema."""

    def __init__(self, document):
        self._document = document
        self._compiled = {}
        self._anchors = {}
        self._check = self._compile(document, "#")

    def problems(self, value):
        """What is wrong with a value, a list of texts; empty if nothing is."""
        found = []
        try:
            self._check(value, None, found)
        except RecursionError:
            found.append("The document is nested too deeply")
        return found[:MOST]

    def _compile(self, schema, where):
        """A function of a value, its place, and a list for what is wrong with it."""
        if schema is True or schema == {}:
            return _anything
        if schema is False:
            return lambda value, at, found: found.append(f"Element not allowed: {path(at)}")
        if not isinstance(schema, dict):
            raise SchemaError(f"{where} is {show(schema)}; a schema is an object, true or false")
        if where.count("/") > MAX_DEPTH:
            raise SchemaError(f"{where} is nested too deeply")
        checks = []
        for name in schema:
            if name in UNSUPPORTED:
                raise SchemaError(f"{where}: the keyword {name} is not supported")
            make = _KEYWORDS.get(name)
            if make is not None:
                try:
                    check = make(self, schema[name], schema, f"{where}/{name}")
                except SchemaError:
                    raise
                except (TypeError, ValueError, AttributeError, re.error) as exc:
                    raise SchemaError(f"{where}/{name} cannot be {show(schema[name])}: {exc}") from None
                if check is not None:
                    checks.append(check)
        if len(checks) == 1:
            return checks[0]

        def check(value, at, found):
            for one in checks:
                one(value, at, found)

        return check

    def ref(self, target, schema, where):
        """The check of another part of the document, compiled when it is first met."""
        if not isinstance(target, str) or not target.startswith("#"):
            raise SchemaError(f"{where}: {show(target)} is another document; only parts of this one are supported, such as #/$defs/name")
        if target not in self._compiled:
            self._compiled[target] = None
            self._compiled[target] = self._compile(self._part(target, where), target)
        return lambda value, at, found: self._compiled[target](value, at, found)

    def _part(self, target, where):
        part = self._document
        for step in target[1:].split("/")[1:]:
            step = step.replace("~1", "/").replace("~0", "~").replace("%25", "%")
            try:
                part = part[int(step)] if isinstance(part, list) else part[step]
            except (KeyError, IndexError, ValueError, TypeError):
                raise SchemaError(f"{where}: there is no {target}") from None
        if "/" not in target and target != "#":
            raise SchemaError(f"{where}: {target} is an anchor, which is not supported; write the path, such as #/$defs/name")
        return part


def of_class(cls):
    """The schema that a service class names, or None. The file is looked for
    beside the module of the class and in its folders schema and schema/json."""
    name = getattr(cls, "schema", None)
    if not isinstance(name, str):
        return None
    folder = os.path.dirname(os.path.abspath(getattr(sys.modules.get(cls.__module__), "__file__", "") or ""))
    base = os.path.basename(name)
    places = [os.path.join(folder, part, file) for file in dict.fromkeys((name, base)) for part in ("", "schema", "schema/json")]
    found = next((place for place in places if os.path.isfile(place)), None)
    if found is None:
        raise SchemaError(f"{cls.__name__}.schema: there is no file {name!r} beside the service; deploy the folder that has both")
    try:
        with open(found, encoding="utf-8") as file:
            return Schema(json.load(file))
    except RecursionError:
        raise SchemaError(f"{cls.__name__}.schema: {name} is nested too deeply") from None
    except ValueError as exc:
        raise SchemaError(f"{cls.__name__}.schema: {name}: {exc}") from None


def _anything(value, at, found):
    pass


def _number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _simple(applies, holds, text):
    """A keyword of one limit: holds(value, limit) for values it applies to."""

    def make(schema, limit, siblings, where):
        if not _number(limit):
            raise TypeError("it is a number")

        def check(value, at, found):
            if applies(value) and not holds(value, limit):
                found.append(f"Element has a wrong value: {path(at)} is {show(value)}, expected {text} {limit}")

        return check

    return make


def _exclusive(below):
    """exclusiveMinimum and exclusiveMaximum, which draft 4 has as true beside a limit."""
    name = "minimum" if below else "maximum"
    make = _simple(_number, (lambda v, n: v > n) if below else (lambda v, n: v < n), "more than" if below else "less than")

    def exclusive(schema, limit, siblings, where):
        if limit is False:
            return None
        return make(schema, siblings[name] if limit is True else limit, siblings, where)

    return exclusive


def _multiple(value, of):
    if isinstance(value, int) and isinstance(of, int):
        return value % of == 0
    quotient = value / of
    return math.isfinite(quotient) and abs(quotient - round(quotient)) < 1e-9


def _type(schema, names, siblings, where):
    names = [names] if isinstance(names, str) else list(names)
    tests = []
    for name in names:
        if name not in _TYPES:
            raise SchemaError(f"{where}: there is no type {show(name)}")
        tests.append(_TYPES[name])
    wanted = " or ".join(names)

    def check(value, at, found):
        if not any(test(value) for test in tests):
            found.append(f"Element has a wrong value: {path(at)} is {show(value)}, expected {wanted}")

    return check


def _same(a, b):
    """Equality of JSON: 1 and 1.0 are the same, 1 and true are not."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    return a == b


def _enum(schema, values, siblings, where):
    if not isinstance(values, list):
        raise TypeError("it is a list")
    wanted = "one of " + ", ".join(map(repr, values)) if len(values) != 1 else repr(values[0])

    def check(value, at, found):
        if not any(_same(value, one) for one in values):
            found.append(f"Element has a wrong value: {path(at)} is {show(value)}, expected {wanted}")

    return check


def _pattern(schema, pattern, siblings, where):
    search = re.compile(pattern).search

    def check(value, at, found):
        if isinstance(value, str) and not search(value):
            found.append(f"Element has a wrong value: {path(at)} is {show(value)}, expected a match of {pattern}")

    return check


def _format(schema, name, siblings, where):
    test = _FORMATS.get(name)
    if test is None:
        return None  # an annotation

    def check(value, at, found):
        if isinstance(value, str):
            try:
                if test(value):
                    return
            except (ValueError, re.error):
                pass
            found.append(f"Element has a wrong value: {path(at)} is {show(value)}, expected the format {name}")

    return check


def _required(schema, names, siblings, where):
    if isinstance(names, bool):
        return None  # draft 3
    names = [str(name) for name in names]

    def check(value, at, found):
        if isinstance(value, dict):
            for name in names:
                if name not in value:
                    found.append(f"Element missing: {path((at, name))}")

    return check


def _properties(schema, properties, siblings, where):
    """properties, patternProperties and additionalProperties together."""
    if where.rpartition("/")[2] != next(n for n in ("properties", "patternProperties", "additionalProperties") if n in siblings):
        return None  # compiled with the first of them
    base = where.rpartition("/")[0]
    named = {n: schema._compile(s, f"{base}/properties/{n}") for n, s in siblings.get("properties", {}).items()}
    patterns = [(re.compile(p).search, schema._compile(s, f"{base}/patternProperties/{p}")) for p, s in siblings.get("patternProperties", {}).items()]
    others = schema._compile(siblings["additionalProperties"], f"{base}/additionalProperties") if "additionalProperties" in siblings else None

    def check(value, at, found):
        if not isinstance(value, dict):
            return
        for name, item in value.items():
            own = named.get(name)
            if own is not None:
                own(item, (at, name), found)
            known = own is not None
            for search, inner in patterns:
                if search(name):
                    known = True
                    inner(item, (at, name), found)
            if not known and others is not None:
                others(item, (at, name), found)

    return check


def _items(schema, items, siblings, where):
    """items, prefixItems and additionalItems together."""
    if where.rpartition("/")[2] == "items" and "prefixItems" in siblings:
        return None
    base = where.rpartition("/")[0]
    first = siblings.get("prefixItems", items if isinstance(items, list) else [])
    rest = siblings.get("items") if "prefixItems" in siblings else siblings.get("additionalItems") if isinstance(items, list) else items
    head = [schema._compile(s, f"{where}/{i}") for i, s in enumerate(first)]
    tail = _anything if rest is None else schema._compile(rest, f"{base}/items")

    def check(value, at, found):
        if isinstance(value, list):
            for i, item in enumerate(value):
                (head[i] if i < len(head) else tail)(item, (at, i), found)

    return check


def _contains(schema, inner, siblings, where):
    test = schema._compile(inner, where)
    least, most = siblings.get("minContains", 1), siblings.get("maxContains", math.inf)

    def check(value, at, found):
        if isinstance(value, list):
            count = sum(1 for i, item in enumerate(value) if _holds(test, item, (at, i)))
            if not least <= count <= most:
                found.append(f"Element has a wrong value: {path(at)} has {count} items as asked for, expected {least} to {most}")

    return check


def _unique(schema, wanted, siblings, where):
    def check(value, at, found):
        if isinstance(value, list) and wanted:
            seen = set()
            for i, item in enumerate(value):
                key = _key(item)
                if key in seen:
                    found.append(f"Element has a wrong value: {path((at, i))} is there twice")
                seen.add(key)

    return check


def _key(value):
    """A key that is the same for values that JSON holds to be the same."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return type(value), value
    if isinstance(value, list):
        return (list, *map(_key, value))
    if isinstance(value, dict):
        return dict, frozenset((k, _key(v)) for k, v in value.items())
    return value


def _names(schema, inner, siblings, where):
    test = schema._compile(inner, where)

    def check(value, at, found):
        if isinstance(value, dict):
            for name in value:
                if not _holds(test, name, at):
                    found.append(f"Element not allowed: {path((at, name))}")

    return check


def _dependencies(schema, rules, siblings, where):
    """dependentRequired, dependentSchemas and the older dependencies."""
    tests = {n: _required(schema, r, {}, where) if isinstance(r, list) else schema._compile(r, f"{where}/{n}") for n, r in rules.items()}

    def check(value, at, found):
        if isinstance(value, dict):
            for name, test in tests.items():
                if name in value:
                    test(value, at, found)

    return check


def _holds(test, value, at):
    found = []
    test(value, at, found)
    return not found


def _all_of(schema, parts, siblings, where):
    tests = [schema._compile(s, f"{where}/{i}") for i, s in enumerate(parts)]

    def check(value, at, found):
        for test in tests:
            test(value, at, found)

    return check


def _some_of(exactly_one):
    def make(schema, parts, siblings, where):
        tests = [schema._compile(s, f"{where}/{i}") for i, s in enumerate(parts)]

        def check(value, at, found):
            count = 0
            for test in tests:
                count += _holds(test, value, at)
                if count and not exactly_one:
                    return
            if count == 0 or (exactly_one and count > 1):
                wanted = "exactly one" if exactly_one else "one"
                found.append(f"Element has a wrong value: {path(at)} is {show(value)}, expected {wanted} of {len(tests)} alternatives, and {count or 'none'} fit")

        return check

    return make


def _not(schema, inner, siblings, where):
    test = schema._compile(inner, where)

    def check(value, at, found):
        if _holds(test, value, at):
            found.append(f"Element has a wrong value: {path(at)} is {show(value)}, which is excluded")

    return check


def _if(schema, condition, siblings, where):
    base = where.rpartition("/")[0]
    test = schema._compile(condition, where)
    yes, no = (schema._compile(siblings.get(name, True), f"{base}/{name}") for name in ("then", "else"))

    def check(value, at, found):
        (yes if _holds(test, value, at) else no)(value, at, found)

    return check


_KEYWORDS = {
    "$ref": Schema.ref, "type": _type, "enum": _enum, "const": lambda s, v, o, w: _enum(s, [v], o, w), "pattern": _pattern, "format": _format,
    "minimum": _simple(_number, lambda v, n: v >= n, "at least"), "maximum": _simple(_number, lambda v, n: v <= n, "at most"),
    "exclusiveMinimum": _exclusive(True), "exclusiveMaximum": _exclusive(False), "multipleOf": _simple(_number, _multiple, "a multiple of"),
    "minLength": _simple(_TYPES["string"], lambda v, n: len(v) >= n, "a length of at least"),
    "maxLength": _simple(_TYPES["string"], lambda v, n: len(v) <= n, "a length of at most"),
    "minItems": _simple(_TYPES["array"], lambda v, n: len(v) >= n, "a number of items of at least"),
    "maxItems": _simple(_TYPES["array"], lambda v, n: len(v) <= n, "a number of items of at most"),
    "minProperties": _simple(_TYPES["object"], lambda v, n: len(v) >= n, "a number of elements of at least"),
    "maxProperties": _simple(_TYPES["object"], lambda v, n: len(v) <= n, "a number of elements of at most"),
    "required": _required, "properties": _properties, "patternProperties": _properties, "additionalProperties": _properties, "propertyNames": _names,
    "items": _items, "prefixItems": _items, "contains": _contains, "uniqueItems": _unique, "dependentRequired": _dependencies,
    "dependentSchemas": _dependencies, "dependencies": _dependencies, "allOf": _all_of, "anyOf": _some_of(False), "oneOf": _some_of(True),
    "not": _not, "if": _if,
}
