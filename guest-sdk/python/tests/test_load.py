"""Which services an upload holds."""

import sys
import types
import unittest

from serai import _load

HEAD = "from serai import Service\n"


def module(name, source):
    m = types.ModuleType(name)
    m.__file__ = f"/app/{name}.py"
    sys.modules[name] = m
    exec(compile(source, m.__file__, "exec"), m.__dict__)
    return m


class Find(unittest.TestCase):
    def test_classes_and_functions(self):
        a = module("orders", HEAD + "class _Base(Service):\n    def handle(self): pass\nclass Get(_Base): pass\nclass Put(_Base):\n    name = 'put'\nclass Mixin(Service): pass\n")
        b = module("users", "def handle(request): pass\n")
        self.assertEqual(list(_load.find([a, b], "shop")), ["orders.get", "put", "users"])
        self.assertEqual(list(_load.find([b], "shop")), ["shop"])

    def test_names_that_begin_like_packages(self):
        for name in ("zato_demo", "serai_orders", "zatosample"):
            m = module(name, HEAD + "class Get(Service):\n    name = 'get'\n    def handle(self): pass\n")
            self.assertEqual(list(_load.find([m], "s")), ["get"])

    def test_refusals(self):
        a = module("one", HEAD + "class A(Service):\n    name = 'x'\n    def handle(self): pass\n")
        b = module("two", HEAD + "class B(Service):\n    name = 'x'\n    def handle(self): pass\n")
        with self.assertRaisesRegex(LookupError, "two services are called 'x': A in one.py and B in two.py"):
            _load.find([a, b], "s")
        with self.assertRaisesRegex(LookupError, "empty.py has no service"):
            _load.find([module("empty", "x = 1")], "s")
        many = "".join(f"class C{i}(Service):\n    def handle(self): pass\n" for i in range(501))
        with self.assertRaisesRegex(LookupError, "at most 500"):
            _load.find([module("many", HEAD + many)], "s")

    def test_pick_one(self):
        a = module("three", HEAD + "class A(Service):\n    def handle(self): pass\nclass B(A): pass\n")
        self.assertIs(_load.pick([a], None, "any"), a.B)
        self.assertIs(_load.pick([a], "A", "any"), a.A)
        self.assertIs(_load.pick([a], None, "three.a"), a.A)
