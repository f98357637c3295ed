"""Commands to a Redis server in words, with a host that notes them."""

import unittest
from unittest import mock

from serai import errors as host_errors
from serai import host
from serai.redis import errors
from serai.redis.server import Server


class Host:
    """A host whose server gives one reply."""

    def __init__(self, reply):
        self.reply, self.sent = reply, []

    def call(self, fields, body=None):
        self.sent.append((fields, body))
        if isinstance(self.reply, Exception):
            raise self.reply
        return None, self.reply


class TestServer(unittest.TestCase):
    def sent(self, command, *args, reply=b":1\r\n", decode=True, **kwargs):
        """What is sent for a command, and what it returns."""
        backend = Host(reply)
        with mock.patch.object(host, "backend", backend):
            value = getattr(Server("Cache", decode), command)(*args, **kwargs)
        ((fields, body),) = backend.sent
        self.assertEqual(fields, ("op", "redis.commands", "connection", "Cache"))
        return body, value

    def test_words(self):
        """Arguments by place, which are words as they are, and by name."""
        for command, names, args, want in (
            ("get", ("name",), ("k",), b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"),
            ("get", ("name",), ("\u00e9",), b"*2\r\n$3\r\nGET\r\n$2\r\n\xc3\xa9\r\n"),
            ("get", ("name",), (b"\xff",), b"*2\r\n$3\r\nGET\r\n$1\r\n\xff\r\n"),
            ("incrby", ("name", "amount"), ("k", -17), b"*3\r\n$6\r\nINCRBY\r\n$1\r\nk\r\n$3\r\n-17\r\n"),
            ("expire", ("name", "time"), ("k", 60), b"*3\r\n$6\r\nEXPIRE\r\n$1\r\nk\r\n$2\r\n60\r\n"),
            ("set", ("name", "value"), ("k", "v"), b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"),
            ("set", ("name", "value"), ("k", 1.5), b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\n1.5\r\n"),
            ("set", ("name", "value"), ("k", ""), b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n"),
            ("hget", ("name", "key"), ("h", "f"), b"*3\r\n$4\r\nHGET\r\n$1\r\nh\r\n$1\r\nf\r\n"),
            ("setex", ("name", "time", "value"), ("k", 5, "v"), b"*4\r\n$5\r\nSETEX\r\n$1\r\nk\r\n$1\r\n5\r\n$1\r\nv\r\n"),
        ):
            with self.subTest(command, args=args):
                self.assertEqual(self.sent(command, *args)[0], want)
                self.assertEqual(self.sent(command, **dict(zip(names, args)))[0], want)

    def test_what_is_no_word(self):
        for command, args in (("get", (True,)), ("set", ("k", None)), ("set", ("k", False))):
            with self.subTest(command, args=args), self.assertRaises(errors.DataError):
                self.sent(command, *args)

    def test_replies(self):
        for command, args, reply, want in (
            ("get", ("k",), b"$3\r\n\xc3\xa9\n\r\n", "\u00e9\n"),
            ("get", ("k",), b"$-1\r\n", None),
            ("get", ("k",), b"$0\r\n\r\n", ""),
            ("set", ("k", "v"), b"$2\r\nOK\r\n", True),
            ("expire", ("k", 5), b":0\r\n", False),
            ("smembers", ("k",), b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", {"a", "b"}),
        ):
            with self.subTest(command, reply=reply):
                self.assertEqual(self.sent(command, *args, reply=reply)[1], want)
        self.assertEqual(self.sent("get", "k", reply=b"$1\r\n\xff\r\n", decode=False)[1], b"\xff")

    def test_errors(self):
        with self.assertRaisesRegex(errors.ResponseError, "^no$"):
            self.sent("get", "k", reply=b"-ERR no\r\n")
        for failure, want in ((host_errors.Unavailable("away"), errors.ConnectionError), (host_errors.Timeout("slow"), errors.TimeoutError)):
            with self.assertRaises(want):
                self.sent("get", "k", reply=failure)
        with self.assertRaises(host_errors.Denied):
            self.sent("get", "k", reply=host_errors.Denied("no grant"))


if __name__ == "__main__":
    unittest.main()
