import unittest

from serai import Service, errors, stream
from serai.request import Request
from serai.stream import Stream
from tests.fake import Envelope, Host


class Reading(unittest.TestCase):
    def setUp(self):
        self.host = self.enterContext(Host())

    def stream(self, *pieces):
        return Stream(self.host.open(list(pieces)))

    def test_read(self):
        s = self.stream(b"ab", b"cdef", b"g")
        self.assertEqual([s.read(3), s.read(0), s.read1(10), s.read(), s.read(), s.read1()], [b"abc", b"", b"def", b"g", b"", b""])
        s = self.stream(b"ab", b"cdef")
        self.assertEqual([s.peek(), s.read1(1), s.read(2), s.peek(1), s.read(None), s.peek()], [b"ab", b"a", b"bc", b"def", b"def", b""])
        buffer, s = bytearray(4), self.stream(b"ab", b"cde")
        self.assertEqual([s.readinto(buffer), bytes(buffer), s.readinto1(buffer), bytes(buffer)], [4, b"abcd", 1, b"ebcd"])

    def test_lines(self):
        s = self.stream(b"a\nb", b"c", b"\n\nd\n", b"e")
        self.assertEqual(list(s), [b"a\n", b"bc\n", b"\n", b"d\n", b"e"])
        s = self.stream(b"abc\ndef")
        self.assertEqual([s.readline(2), s.readline(), s.readline(0), s.readline(), s.readline()], [b"ab", b"c\n", b"", b"def", b""])

    def test_pieces(self):
        self.assertEqual(list(self.stream(b"abc", b"de").iter_content(2)), [b"ab", b"cd", b"e"])
        self.assertEqual(list(self.stream().iter_content()), [])

    def test_errors(self):
        s = self.stream(b"abc", errors.Unavailable("broke off"))
        self.assertEqual(s.read(2), b"ab")
        for read in (s.read, s.readline, s.read1):
            with self.assertRaises(errors.Unavailable):
                while read():
                    pass

    def test_close(self):
        with self.stream(b"abc") as s:
            s.read(1)
        self.assertEqual(self.host.closed, [1])
        s.close()
        self.assertEqual(self.host.closed, [1])
        with self.assertRaises(ValueError):
            s.read()


class Requests(unittest.TestCase):
    def setUp(self):
        self.host = self.enterContext(Host())
        self.host.streams[0] = [b'{"a": 1', b"}"]

    def test_long(self):
        r = Request(Envelope(("header.content-type", "application/json")), -1)
        self.assertEqual((r.payload, r.raw, r.stream.read()), ({"a": 1}, b'{"a": 1}', b'{"a": 1}'))

    def test_in_part(self):
        r = Request(Envelope(), 8)
        self.assertEqual((r.stream.length, r.stream.peek()[:1], r.stream.taken), (8, b"{", False))
        self.assertEqual(r.stream.read(2), b'{"')
        for name in "raw", "payload", "text":
            with self.assertRaises(ValueError):
                getattr(r, name)

    def test_short(self):
        r = Request(Envelope(), b"abc")
        self.assertEqual((r.stream.length, r.stream.read(1), list(r.stream.iter_content(1)), r.raw), (3, b"a", [b"b", b"c"], b"abc"))


class Responses(unittest.TestCase):
    def setUp(self):
        self.host = self.enterContext(Host())

    def get(self, status, *pieces):
        self.host.answers["http.request"] = ("status", str(status), "header.content-type", "application/json"), list(pieces)
        return Service.out.rest["X"].conn.get("cid", stream=True)

    def test_asked_for(self):
        self.get(200)
        self.assertIn(("stream-reply", "1"), list(zip(self.host.calls[-1][0][::2], self.host.calls[-1][0][1::2])))

    def test_pieces(self):
        r = self.get(200, b"abc", b"de")
        self.assertEqual((r.ok, list(r.iter_content(2))), (True, [b"ab", b"cd", b"e"]))
        with self.assertRaises(ValueError):
            r.content

    def test_lines(self):
        self.assertEqual(list(self.get(200, b"a\r\nb", b"c\n").iter_lines()), [b"a", b"bc"])

    def test_whole(self):
        r = self.get(200, b'{"a":', b" 1}")
        self.assertEqual((r.data, r.text, r.raw.read()), ({"a": 1}, '{"a": 1}', b'{"a": 1}'))
        self.assertEqual(self.host.closed, [1])

    def test_raise_for_status(self):
        r = self.get(500, b"what went wrong", b"!" * 10_000)
        with self.assertRaisesRegex(errors.Remote, "500: what went wrong"):
            r.raise_for_status()
        with r:
            pass
        self.assertEqual(self.host.closed, [1])

    def test_after_the_call(self):
        r = self.get(200, b"abc")
        stream.calls += 1  # another call begins, and may have the same number
        with self.assertRaises(ValueError):
            r.raw.read()
        r.raw.close()
        self.assertEqual(self.host.closed, [])

    def test_whole_ones_have_the_same_members(self):
        self.host.answers["http.request"] = ("status", "200"), b"abc"
        with Service.out.rest["X"].conn.get("cid") as r:
            self.assertEqual((r.raw.read(1), list(r.iter_content(2)), r.content), (b"a", [b"bc"], b"abc"))


class Sending(unittest.TestCase):
    def setUp(self):
        self.host = self.enterContext(Host())
        self.host.answers["http.request"] = ("status", "201"), b"done"
        self.conn = Service.out.rest["X"].conn

    def sent(self):
        fields, body = self.host.calls[-1]
        return dict(zip(fields[::2], fields[1::2])), body

    def test_iterators_and_files(self):
        for data in (iter([b"ab", b"", b"c"]), (piece for piece in (b"a", b"bc")), File(b"abc")):
            r = self.conn.post("cid", data)
            fields, body = self.sent()
            self.assertEqual((r.status_code, r.content, body, fields["stream-body"]), (201, b"done", b"abc", "write"))
            self.assertEqual(fields["header.content-type"], "application/octet-stream")

    def test_length(self):
        self.conn.put("cid", iter([b"abc"]), headers={"Content-Length": 3, "Content-Type": "text/csv"})
        fields, _ = self.sent()
        self.assertEqual((fields["stream-length"], fields["header.content-type"]), ("3", "text/csv"))

    def test_streams_go_on_in_the_host(self):
        source = Stream(self.host.open([b"abc", b"def"]))
        self.assertEqual(source.read1(1), b"a")
        source.peek()
        self.conn.post("cid", source)
        fields, body = self.sent()
        self.assertEqual((fields["stream-body"], body, source.read()), ("1", b"bc", b""))
        source = Stream(self.host.open([b"abc", b"def"]))
        source.readline(1)
        self.conn.post("cid", source)
        self.assertEqual(self.sent()[1], b"bc")

    def test_short_requests_are_sent_whole(self):
        self.conn.post("cid", Request(Envelope(), b"abc").stream)
        fields, body = self.sent()
        self.assertEqual((body, "stream-body" in fields), (b"abc", False))

    def test_reply_streams_too(self):
        r = self.conn.post("cid", iter([b"abc"]), stream=True)
        self.assertEqual((self.sent()[0]["stream-reply"], r.raw.read()), ("1", b"done"))

    def test_failing_iterators(self):
        def failing():
            yield b"a"
            raise KeyError("x")

        with self.assertRaises(KeyError):
            self.conn.post("cid", failing())
        self.assertIn(1, self.host.closed)

    def test_operations_that_end_early(self):
        self.host.broken.add(1)
        self.assertEqual(self.conn.post("cid", iter([b"a"] * 1000)).status_code, 201)


class File:
    """Has read and nothing else."""

    def __init__(self, content):
        self._content = content

    def read(self, size):
        piece, self._content = self._content[:2], self._content[2:]
        return piece
