"""The package zato: what services import, and the helpers in it."""

import importlib
import pathlib
import pkgutil
import unittest
from datetime import datetime, timedelta, timezone

import zato
from bunch import Bunch, bunchify, unbunchify
from serai import refuse
from zato.common import api
from zato.common.json_internal import dumps, loads
from zato.common.util import api as util
from zato.common.util import eval_, open_, time_


class Imports(unittest.TestCase):
    def test_what_public_services_import(self):
        text = (pathlib.Path(__file__).parent / "testdata/zato_imports.txt").read_text("utf-8")
        good, _, refused = text.partition("\nrefused\n")
        for line in good.splitlines():
            with self.subTest(line):
                exec(line, {})
        for line in refused.split("\n"):
            with self.subTest(line):
                if line:
                    with self.assertRaisesRegex(refuse.RefusedModule, r"^zato\.\S+ is not available: .+; .+"):
                        exec(line, {})

    def test_everything_that_modules_promise(self):
        for found in pkgutil.walk_packages(zato.__path__, "zato."):
            module = importlib.import_module(found.name)
            with self.subTest(found.name):
                self.assertTrue(module.__doc__)
                for name in getattr(module, "__all__", ()):
                    self.assertTrue(hasattr(module, name), name)

    def test_what_is_missing(self):
        with self.assertRaisesRegex(ImportError, "cannot import name 'NONE' from 'zato.common'"):
            exec("from zato.common import NONE", {})
        with self.assertRaisesRegex(refuse.RefusedModule, r"docs/zato\.md lists"):
            exec("import zato.nothing", {})

    def test_what_is_refused_cannot_be_derived_from(self):
        from zato.server.service import PubSubHook

        with self.assertRaisesRegex(refuse.Refused, "PubSubHook is not available"):
            type("Hook", (PubSubHook,), {})


class Helpers(unittest.TestCase):
    def test_asbool(self):
        for value, want in {"yes": True, " True ": True, "1": True, "off": False, "F": False, 1: True, 0: False, None: False}.items():
            self.assertIs(util.asbool(value), want)
        with self.assertRaisesRegex(ValueError, "'maybe' is neither"):
            util.asbool("maybe")

    def test_texts(self):
        self.assertRegex(util.new_cid(), r"^[0-9a-z]{24}$")
        self.assertNotEqual(util.new_cid(), util.new_cid())
        self.assertEqual(util.fs_safe_name("a b/c.d"), "a_b_c_d")
        self.assertNotIn(":", util.fs_safe_now())
        self.assertEqual((util.uncamelify("GetUser"), util.uncamelify("GetUser", " ", str.upper)), ("get-user", "GET USER"))
        self.assertEqual(util.make_repr(api.NameId("a", "b")), "<NameId id:`'b'`, name:`'a'`>")

    def test_sequences(self):
        self.assertEqual(list(util.grouper(2, "abc", "x")), [("a", "b"), ("c", "x")])
        self.assertEqual((eval_.as_list("a, b,"), eval_.as_list(("a",)), eval_.as_list(3)), (["a", "b"], ["a"], [3]))
        self.assertEqual(util.spawn_greenlet(max, 1, 2).get(), 2)

    def test_times(self):
        self.assertEqual(util.parse_datetime("2025-01-02T03:04:05"), datetime(2025, 1, 2, 3, 4, 5))
        self.assertEqual(time_.datetime_from_ms(1500), "1970-01-01T00:00:01.500000")
        self.assertEqual(time_.datetime_to_ms(datetime(1970, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))), 0)
        self.assertLess(abs(time_.utcnow_as_ms() - datetime.now(timezone.utc).timestamp()), 5)

    def test_files(self):
        with open_.open_r(__file__) as text, open_.open_rb(__file__) as data:
            self.assertEqual(text.read().encode(), data.read())

    def test_json(self):
        self.assertEqual(dumps({"t": datetime(2025, 1, 2), "b": b"x", "s": {1}}, indent=None), '{"t": "2025-01-02T00:00:00", "b": "x", "s": [1]}')
        self.assertEqual(loads("[1]"), [1])


class Constants(unittest.TestCase):
    def test_values(self):
        self.assertTrue(api.CHANNEL.has("http-soap") and not api.CHANNEL.has("none"))
        self.assertEqual((api.SCHEDULER.JOB_TYPE.CRON_STYLE, api.CONTENT_TYPE.JSON, api.NameId("n").id), ("cron_style", "application/json", "n"))

    def test_mail(self):
        message = api.SMTPMessage("a@example.com", to="b@example.com")
        message.attach("a.txt", "text")
        self.assertEqual((message.to, message.attachments), ("b@example.com", [{"name": "a.txt", "contents": "text"}]))
        self.assertEqual(api.SMTPMessage().attachments, [])


class Bunches(unittest.TestCase):
    def test_bunchify(self):
        b = bunchify({"a": {"b": [{"c": 1}, (2,)]}})
        self.assertEqual((b.a.b[0].c, b.a.b[1]), (1, (2,)))
        b.x = 1
        del b.x
        with self.assertRaises(AttributeError):
            _ = b.x
        self.assertEqual(type(unbunchify(b)["a"]), dict)
        self.assertEqual((b.toDict(), Bunch.fromDict({"a": {}}).a), ({"a": {"b": [{"c": 1}, (2,)]}}, Bunch()))
        c = b.copy()
        c.a.b = 0
        self.assertEqual(b.a.b[0].c, 1)
        self.assertEqual(repr(Bunch(b=1, a="x")), "Bunch(a='x', b=1)")
        self.assertIn("a", dir(b))


if __name__ == "__main__":
    unittest.main()
