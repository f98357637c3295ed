"""Bodies, requests and responses."""

import dataclasses
import datetime
import decimal
import unittest

from serai import data, exception
from serai.request import Request, Response
from tests.fake import Envelope


def request(body=b"", *fields):
    return Request(Envelope(fields), body)


class Payloads(unittest.TestCase):
    def test_what_a_body_means(self):
        form = data.FORM
        for body, kind, want in [
            (b"", "application/json", None),
            (b'{"a": 1}', "application/json", {"a": 1}),
            (b"5", "application/problem+json; charset=utf-8", 5),
            (b'{"a": 1}', form, {"a": 1}),  # curl -d
            (b"a=1&b=x%20y&b=2", form, {"a": "1", "b": ["x y", "2"]}),
            (b'{"a": 1}', "", {"a": 1}),
            (b"{no json", "", "{no json"),
            (b'{"a": 1}', "text/plain", '{"a": 1}'),
            ("ż".encode(), "", "ż"),
            (b"\xff\xfe", "", b"\xff\xfe"),
            (b"%PDF", "application/pdf", b"%PDF"),
            (b"<a/>", "application/xml", "<a/>"),
        ]:
            with self.subTest(body=body, kind=kind):
                self.assertEqual(request(body, "header.content-type", kind).payload, want)

    def test_broken_json_is_the_clients_fault(self):
        with self.assertRaises(exception.BadRequest):
            _ = request(b"{", "header.content-type", data.JSON).payload

    def test_encode(self):
        @dataclasses.dataclass
        class Point:
            x: int

        self.assertEqual(data.encode({"p": Point(1), "d": decimal.Decimal("1.5"), "t": datetime.date(2025, 1, 2), "s": {1}, "ż": "ż"}),
                         (data.JSON, '{"p": {"x": 1}, "d": "1.5", "t": "2025-01-02", "s": [1], "ż": "ż"}'))
        self.assertEqual(data.encode("x"), (data.TEXT, "x"))
        self.assertEqual(data.encode(b"x"), (data.BYTES, b"x"))
        self.assertEqual(data.encode(None), (None, None))
        with self.assertRaises(TypeError):
            data.encode(object())
        loop = []
        loop.append(loop)
        with self.assertRaises(ValueError):
            data.encode(loop)
        self.assertEqual(data.encode([loop[:0]]), (data.JSON, "[[]]"))


class Requests(unittest.TestCase):
    def test_http(self):
        r = request(b'{"id": 3, "z": 1}', "method", "POST", "path", "/user/7", "header.x-thing", "T", "header.accept", "a", "header.accept", "b",
                    "query.q", "1", "query.q", "2", "param.id", "7", "cid", "c")
        self.assertEqual((r.http.method, r.http.path, r.http.params.id, r.http.GET.q, r.http.query_list("q"), r.cid), ("POST", "/user/7", "7", ["1", "2"], ["1", "2"], "c"))
        self.assertEqual((r.http.headers["X-Thing"], r.headers.get("ACCEPT"), "x-THING" in r.headers), ("T", "a, b", True))
        self.assertEqual((r.input.id, r.input.z, r.http.POST.z), ("7", 1, 1))

    def test_response_headers(self):
        r = Response()
        r.headers["X"] = "1"
        self.assertEqual((r.headers, r.status_code), ({"X": "1"}, 200))


if __name__ == "__main__":
    unittest.main()
