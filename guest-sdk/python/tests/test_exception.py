"""Exceptions that are answers."""

import unittest

from serai import exception as e


class Exceptions(unittest.TestCase):
    def test_forms(self):
        for exc, cid, msg, status in [
            (e.NotFound("no such user"), None, "no such user", 404),
            (e.NotFound("c1", "no such user"), "c1", "no such user", 404),
            (e.BadRequest(cid="c1", msg="bad"), "c1", "bad", 400),
            (e.BadRequest("c1", msg="bad"), "c1", "bad", 400),
            (e.BadRequest("c1", ["a is missing", "b is missing"]), "c1", "a is missing; b is missing", 400),
            (e.HTTPError("teapot", status=418), None, "teapot", 418),
            (e.HTTPError("c1", "teapot", 418), "c1", "teapot", 418),
            (e.Forbidden(), None, "", 403),
            (e.ServiceUnavailable("c1", "later"), "c1", "later", 503),
        ]:
            with self.subTest(repr(exc)):
                self.assertEqual((exc.cid, str(exc), exc.detail, exc.status), (cid, msg, msg, status))
                self.assertIsInstance(exc, e.ZatoException)

    def test_challenge(self):
        for exc in (e.Unauthorized("c1", "who?", "Basic realm=x"), e.Unauthorized("who?", challenge="Basic realm=x")):
            self.assertEqual((exc.status, exc.detail, exc.headers), (401, "who?", {"WWW-Authenticate": "Basic realm=x"}))
        self.assertEqual(e.Unauthorized("c1", "who?").headers, {})

    def test_problem(self):
        self.assertEqual(e.NotFound("c1", "no such user").problem("c2"), {
            "type": "about:blank", "title": "Not Found", "status": 404, "detail": "no such user", "cid": "c2",
            "result": "Error", "details": ["no such user"],
        })
        self.assertEqual(e.Conflict().problem("c"), {
            "type": "about:blank", "title": "Conflict", "status": 409, "cid": "c", "result": "Error", "details": ["Conflict"],
        })
        self.assertEqual(e.HTTPError("x", status=599).title, "Error")

    def test_zato_exception(self):
        exc = e.ZatoException("c1", "it broke")
        self.assertEqual((exc.cid, exc.msg, str(exc)), ("c1", "it broke", "it broke"))
        self.assertEqual((str(e.ZatoException()), str(e.ZatoException(msg=3))), ("", "3"))


if __name__ == "__main__":
    unittest.main()
