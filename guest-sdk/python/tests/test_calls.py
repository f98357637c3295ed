"""Unit tests of calls between services."""

import unittest
from datetime import datetime, timedelta, timezone

from serai import Service, errors, exception
from serai.patterns import RetryFailed
from tests.fake import Host


class Other(Service):
    name = "other"


def fields(host):
    """The fields of the last operation, without its name, and its body."""
    pairs, body = host.calls[-1]
    return list(zip(pairs[2::2], pairs[3::2])), body


class Calls(unittest.TestCase):
    def setUp(self):
        self.host = Host()
        self.host.answers = {
            "invoke": (("status", "200", "header.content-type", "application/json"), b'{"response": {"a": [{"b": 1}]}}'),
            "invoke.async": (("cid", "c2"), b""),
            "invoke.group": (("cid", "c3"), b""),
        }
        self.host.__enter__()
        self.addCleanup(self.host.__exit__)
        self.service = Service()

    def test_invoke(self):
        for args, kwargs, want, body in (
            (("x",), {}, [("service", "x")], None),
            ((Other, {"a": 1}), {}, [("service", "other"), ("header.content-type", "application/json")], b'{"a": 1}'),
            (("x",), {"a": 1}, [("service", "x"), ("header.content-type", "application/json")], b'{"a": 1}'),
            (("x", "<a/>"), {"data_format": "xml"}, [("service", "x"), ("header.content-type", "application/xml")], b"<a/>"),
            (("x",), {"timeout": 2, "cid": "c"}, [("service", "x"), ("cid", "c"), ("timeout", "2000")], None),
        ):
            with self.subTest(args=args, kwargs=kwargs):
                self.service.invoke(*args, **kwargs)
                self.assertEqual(fields(self.host), (want, body))

    def test_answers(self):
        self.assertEqual(self.service.invoke("x", as_bunch=True).response.a[0].b, 1)
        self.assertEqual(self.service.invoke("x", skip_response_elem=True), {"a": [{"b": 1}]})
        self.service.invoke_by_impl_name("crm_api.GetUser")
        self.assertEqual(fields(self.host)[0], [("service", "crm-api.get-user")])
        with self.assertRaises(errors.Unsupported):
            self.service.invoke_by_id(7)

    def test_exceptions(self):
        for status, body, cls, text in (
            (404, b'{"detail": "no user"}', exception.NotFound, "no user"),
            (400, b'{"detail": "a; b", "details": ["a", "b"]}', exception.BadRequest, "a; b"),
            (418, b'{"title": "Teapot"}', exception.HTTPError, "Teapot"),
            (503, b"[]", exception.ServiceUnavailable, ""),
            (503, b"{", exception.ServiceUnavailable, ""),
        ):
            self.host.answers["invoke"] = ("status", str(status), "header.content-type", "application/problem+json"), body
            with self.subTest(status=status), self.assertRaises(exception.HTTPError) as caught:
                self.service.invoke("x")
            self.assertIs(type(caught.exception), cls)
            self.assertEqual((caught.exception.status, str(caught.exception)), (status, text))
        # A status that the service has set without raising is an answer.
        self.host.answers["invoke"] = ("status", "404", "header.content-type", "application/json"), b"[]"
        self.assertEqual(self.service.invoke("x"), [])

    def test_invoke_async(self):
        self.assertEqual(self.service.invoke_async(Other, [1], callback=[Other, "y"], expiration=3, cid="c"), "c2")
        self.assertEqual(fields(self.host), ([
            ("service", "other"), ("header.content-type", "application/json"), ("cid", "c"), ("expires", "3000"),
            ("callback", "other"), ("callback", "y"),
        ], b"[1]"))

    def test_groups(self):
        targets = {"a": "", Other: "żó", "c": b"\0"}
        self.assertEqual(self.service.patterns.fanout.invoke(targets, "f", ["t"], cid="c"), "c3")
        self.assertEqual(fields(self.host), ([
            ("service", "a"), ("content-type", ""), ("size", "0"),
            ("service", "other"), ("content-type", "text/plain; charset=utf-8"), ("size", "4"),
            ("service", "c"), ("content-type", "application/octet-stream"), ("size", "1"),
            ("on-target", "t"), ("on-final", "f"), ("cid", "c"),
        ], "żó".encode() + b"\0"))
        self.service.patterns.parallel.invoke({"a": ""}, Other)
        self.assertEqual(fields(self.host)[0][3:], [("on-target", "other")])

    def test_retry(self):
        retry = self.service.patterns.invoke_retry
        self.host.answers["invoke"] = ("status", "404", "header.content-type", "application/problem+json"), b"{}"
        with self.assertRaises(RetryFailed) as caught:
            retry.invoke("x", repeats=2, seconds=0.001)
        self.assertIsInstance(caught.exception.inner_exc, exception.NotFound)
        self.assertIsInstance(caught.exception, exception.ZatoException)
        self.assertEqual(len(self.host.calls), 3)
        self.assertEqual(retry.invoke("x", {"a": 1}, repeats=2, minutes=1, async_fallback=True, callback="y", context={"z": 1}), "c2")
        self.assertEqual(fields(self.host)[0][2:], [
            ("retry-times", "1"), ("retry-every", "60000"), ("context", '{"z": 1}'), ("delay", "60000"), ("callback", "y"),
        ])
        for wrong in ({}, {"seconds": 1, "minutes": 1}):
            with self.assertRaises(ValueError):
                retry.invoke_async("x", **wrong)

    def test_schedule(self):
        at = datetime.now(timezone.utc) + timedelta(hours=1)
        for kwargs, least, most in (
            ({"after_seconds": 5, "after_minutes": 1}, 65_000, 65_000),
            ({"start_date": at}, 3_500_000, 3_600_000),
            ({"start_date": at.replace(tzinfo=None).isoformat()}, 3_500_000, 3_600_000),
        ):
            self.assertEqual(self.service.schedule.onetime(Other(), "x", **kwargs), "c2")
            got = dict(fields(self.host)[0])
            self.assertTrue(least <= int(got["delay"]) <= most, got)
            self.assertEqual(got["job-name"], "other x")
        self.service.schedule.onetime(Other(), "x", "n", start_date="2020-01-01", data="d")
        self.assertEqual(fields(self.host)[0], [("service", "x"), ("header.content-type", "text/plain; charset=utf-8"), ("job-name", "n")])


if __name__ == "__main__":
    unittest.main()
