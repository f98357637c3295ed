"""What is told of an exception."""

import unittest
from unittest import mock

from serai import _failure


def fields(exc, **kwargs):
    names = _failure.failure(exc, **kwargs)[0]
    return dict(zip(names[::2], names[1::2]))


def raised(function, *args):
    try:
        function(*args)
    except BaseException as exc:
        return exc


def connect(host, db_password, settings):
    count = len(settings)
    raise ConnectionError(f"{host} refused {count}")


class Failures(unittest.TestCase):
    def setUp(self):
        own = mock.patch.object(_failure, "APP", __file__.rpartition("/")[0] + "/")
        own.start()
        self.addCleanup(own.stop)

    def test_place_and_message(self):
        got = fields(raised(connect, "db", "pw", {}))
        self.assertEqual(got["error.type"], "ConnectionError")
        self.assertEqual(got["error.message"], "db refused 0")
        self.assertEqual(got["error.file"], "test_failure.py")
        self.assertTrue(got["error.line"].isdigit())
        self.assertIn('File "test_failure.py"', got["error.traceback"])
        self.assertNotIn("count = 0", got["error.traceback"])

    def test_values_without_secrets(self):
        settings = {"user": "u", "api_key": "k-1", "nested": {"Authorization": "Bearer t-1", "n": 1}}
        text = fields(raised(connect, "db", "pw-12", settings), values=True)["error.traceback"]
        for want in ("host = 'db'", "count = 3", "db_password = '***'", "'user': 'u'", "'n': 1"):
            self.assertIn(want, text)
        for secret in ("pw-12", "k-1", "t-1"):
            self.assertNotIn(secret, text)

    def test_values_are_clipped_and_may_be_broken(self):
        class Broken:
            def __repr__(self):
                raise ValueError("no")

        def large(many, broken):
            raise ValueError("x")

        text = fields(raised(large, "y" * 10**6, Broken()), values=True)["error.traceback"]
        self.assertLess(len(text), 3000)
        self.assertIn("broken = <Broken instance at", text)

    def test_values_of_causes_and_groups(self):
        def outer():
            try:
                connect("inner", "p", {})
            except ConnectionError as exc:
                raise ExceptionGroup("both", [exc, ValueError("other")]) from exc

        self.assertIn("host = 'inner'", fields(raised(outer), values=True)["error.traceback"])

    def test_cycle_of_causes(self):
        a, b = ValueError("a"), ValueError("b")
        a.__cause__, b.__cause__ = b, a
        self.assertIn("ValueError: a", fields(a, values=True)["error.traceback"])

    def test_exit(self):
        self.assertEqual(fields(raised(exit, 3))["error.message"], "the service ended itself with sys.exit(3)")

    def test_names(self):
        for name in ("password", "DB_PASSWD", "client_secret", "accessToken", "api_key", "apikey", "key", "sessionid"):
            self.assertTrue(_failure.secret(name), name)
        for name in ("name", "keyboard", "monkey", "user", "amount", 7):
            self.assertFalse(_failure.secret(name), name)
