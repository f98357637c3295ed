import io
import unittest

from serai import Service, data, errors, exception, http
from serai.adapter import RESTAdapter
from serai.request import Request
from serai.request import Response as Reply
from tests.fake import Envelope, Host

JSON = "application/json"


class Remote(unittest.TestCase):
    """A host whose connections answer with what a test says."""

    def setUp(self):
        self.host = self.enterContext(Host())
        self.answer(201, b'{"a": 1}', "header.content-type", JSON, "header.x", "y")

    def answer(self, status, body, *fields):
        self.host.answers["http.request"] = ("status", str(status), *fields), body

    def sent(self, n=-1):
        """The fields of a request, from its method on, and its body."""
        fields, body = self.host.calls[n]
        self.assertEqual(fields[:3], ("op", "http.request", "connection"))
        return fields[3], fields[5:], body


class Connections(Remote):
    def test_signatures(self):
        rest = Service.out.rest
        r = rest["CRM"].conn.get("cid", {"id": 7, "on": True, "none": None, "l": [1, 2]}, headers={"X-A": "b"}, timeout=1.5)
        self.assertEqual((r.data, r.text, r.status_code, r.headers["X"], r.ok, r.reason), ({"a": 1}, '{"a": 1}', 201, "y", True, "Created"))
        self.assertEqual(self.sent(), ("CRM", ("GET", "timeout", "1500", "param.id", "7", "param.on", "true", "param.l", "1", "param.l", "2",
                                               "header.x-a", "b"), None))
        body = ("header.content-type", JSON)
        for call, want in [
            (lambda c: c.post("cid", {"n": 1}, {"q": "1"}), ("POST", "param.q", "1", *body)),
            (lambda c: c.send("cid", {"n": 1}), ("POST", *body)),
            (lambda c: c.post({"n": 1}, {"q": "1"}), ("POST", "param.q", "1", *body)),
            (lambda c: c.post(json={"n": 1}), ("POST", *body)),
            (lambda c: c.put("cid", {"n": 1}), ("PUT", *body)),
            (lambda c: c.patch("cid", data={"n": 1}), ("PATCH", *body)),
            (lambda c: c.delete("cid", {"n": 1}), ("DELETE", *body)),
            (lambda c: c.http_request("put", "cid", {"n": 1}), ("PUT", *body)),
        ]:
            call(rest["CRM"].conn)
            self.assertEqual(self.sent(), ("CRM", want, b'{"n": 1}'))
        for method in "get", "delete", "options", "head":
            getattr(rest["CRM"].conn, method)("cid", params={"q": 1})
            self.assertEqual(self.sent(), ("CRM", (method.upper(), "param.q", "1"), None))
        self.assertIs(Service.outgoing, Service.out)
        self.assertIs(Service.out.plain_http, rest)

    def test_bodies(self):
        conn = Service.out.rest["CRM"].conn
        for value, kind, body in [
            ("", None, None), ("x", data.TEXT, b"x"), (b"x", data.BYTES, b"x"), ([1], JSON, b"[1]"), (0, JSON, b"0"), (None, None, None),
        ]:
            conn.post("cid", value)
            self.assertEqual(self.sent(), ("CRM", ("POST", *(("header.content-type", kind) if kind else ())), body))
        conn.post("cid", "<a/>", headers={"Content-Type": "text/xml"})
        self.assertEqual(self.sent(), ("CRM", ("POST", "header.content-type", "text/xml"), b"<a/>"))

    def test_attributes_name_connections_loosely(self):
        Service.rest.my_crm.get("cid")
        self.assertEqual(self.sent(), ("my_crm", ("GET", "similar", "1"), None))
        Service.rest["my_crm"].get()
        self.assertEqual(self.sent(), ("my_crm", ("GET",), None))
        self.assertFalse(hasattr(Service.rest, "__wrapped__"))

    def test_credentials(self):
        Service.rest["CRM"].get(auth=("ż", "p"), verify=False)
        self.assertEqual(self.sent()[1], ("GET", "header.authorization", "Basic xbw6cA=="))

    def test_rest_call(self):
        conn = Service.rest["CRM"]

        class Model:
            @classmethod
            def from_dict(cls, value):
                return cls, value

        self.assertEqual(conn.rest_call("cid", callback=lambda d: d["a"]), 1)
        self.assertEqual(conn.rest_call(cid="c", method="POST", data={"x": 1}, callback=lambda d, cid, **more: (d["a"], cid, sorted(more))), (1, "c", ["model", "name"]))
        self.assertEqual(conn.rest_call("cid", model=Model, callback=lambda d, model: (d[1], model)), ({"a": 1}, Model))
        self.answer(200, b'[{"a": 1}]', "header.content-type", JSON)
        self.assertEqual(conn.rest_call("cid", model=list[Model]), [(Model, {"a": 1})])
        self.answer(404, b"no such user")
        with self.assertRaisesRegex(errors.Remote, "404: no such user"):
            conn.rest_call("cid")

    def test_ping(self):
        self.answer(503, b"")
        self.assertRegex(Service.rest["CRM"].ping("cid"), r"HEAD CRM\nCode: 503\nResponse time: 0\.")
        self.assertEqual(Service.rest["CRM"].ping("cid", return_response=True).status_code, 503)

    def test_upload(self):
        file = io.BytesIO(b"\x00\xff")
        file.name = 'a/b"\r\nX: y.bin'
        Service.rest["CRM"].upload("cid", file, mime_type="application/x")
        name, fields, body = self.sent()
        boundary = fields[-1].removeprefix("multipart/form-data; boundary=")
        self.assertEqual(body, (f'--{boundary}\r\nContent-Disposition: form-data; name="data"; filename="b%22%0D%0AX: y.bin"\r\n'
                                f"Content-Type: application/x\r\n\r\n").encode() + b"\x00\xff" + f"\r\n--{boundary}--\r\n".encode())
        with self.assertRaises(errors.Invalid):
            http.multipart((), [("a", ("b", b"", "text/plain\r\nX: y"))])

    def test_answers(self):
        for kind, body, text, value in [
            ("text/plain; charset=iso-8859-2", b"\xbf", "ż", b"\xbf"),
            ("text/plain; charset=no-such", "ż".encode(), "ż", "ż"),
            (JSON, b"{broken", "{broken", "{broken"),
            ("", b"", "", None),
            ("application/pdf", b"%\xff", "%\ufffd", b"%\xff"),
        ]:
            self.answer(200, body, "header.content-type", kind)
            r = Service.rest["CRM"].get()
            self.assertEqual((r.text, r.data, r.content), (text, value, body))


class Adapters(Remote):
    def serve(self, cls, body=b"", *fields):
        service = cls()
        service.request = Request(Envelope(("cid", "c", *fields)), body)
        service.response = Reply()
        service.handle()
        return service.response

    def test_defaults(self):
        class A(RESTAdapter):
            conn_name = "CRM"

        self.assertEqual(self.serve(A).payload, {"a": 1})
        self.assertEqual(self.sent(), ("CRM", ("GET",), None))

    def test_everything(self):
        class A(RESTAdapter):
            method = "post"
            has_query_string_id = True
            query_string_id_param = "user_id"
            default_query_string = {"lang": "en", "x": 0}

            def get_conn_name(self):
                return "CRM"

            def get_request(self):
                return {"n": self.request.input.user_id}

            def get_query_string(self, params):
                return {"q": params["user_id"], "x": 1}

            def get_path_params(self):
                return {"p": 2}

            def get_headers(self):
                return {"X-A": "1"}

            def get_auth_bearer(self):
                return "token"

            def map_response(self, data, **kwargs):
                return data["a"], kwargs["cid"]

        self.assertEqual(self.serve(A, b'{"user_id": "7"}').payload, (1, "c"))
        self.assertEqual(self.sent(), ("CRM", (
            "POST", "param.lang", "en", "param.x", "1", "param.user_id", "7", "param.q", "7", "param.p", "2",
            "header.authorization", "Bearer token", "header.x-a", "1", "header.content-type", JSON), b'{"n": "7"}'))
        with self.assertRaisesRegex(exception.BadRequest, "user_id is missing"):
            self.serve(A)

    def test_json_id(self):
        class A(RESTAdapter):
            conn_name, method, has_json_id = "CRM", "PUT", True

        self.serve(A, b'{"id": 5}')
        self.assertEqual(self.sent(), ("CRM", ("PUT", "header.content-type", JSON), b'{"id": 5}'))

    def test_raw_response(self):
        class A(RESTAdapter):
            conn_name, needs_raw_response = "CRM", True

        self.answer(418, b"<tea/>", "header.content-type", "text/xml")
        r = self.serve(A)
        self.assertEqual((r.status_code, r.content_type, r.payload), (418, "text/xml", b"<tea/>"))

    def test_retries(self):
        class A(RESTAdapter):
            conn_name, max_retries, retry_sleep_time = "CRM", 2, 0.001

        self.answer(503, b"busy")
        with self.assertRaisesRegex(errors.Remote, "503: busy"):
            self.serve(A)
        self.assertEqual(len(self.host.calls), 3)
        self.answer(400, b"no")
        with self.assertRaises(errors.Remote):
            self.serve(A)
        self.assertEqual(len(self.host.calls), 4)

    def test_needs_a_connection(self):
        with self.assertRaisesRegex(errors.Invalid, "RESTAdapter names no connection"):
            self.serve(RESTAdapter)


if __name__ == "__main__":
    unittest.main()
