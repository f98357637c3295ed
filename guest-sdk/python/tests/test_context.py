"""What a service knows of its call, its configuration, and what a sandbox refuses."""

import logging
import unittest
from datetime import datetime, timedelta

from serai import Service, errors, refuse
from serai.config import Config
from serai.request import Request, Response
from tests.fake import Envelope, Host

HTTP = (
    "cid", "c1", "service", "s", "channel", "http", "method", "POST", "path", "/user/7", "raw-query", "a=1&b=2",
    "route", "POST /user/{id}", "host", "api.example.com:8080", "remote-addr", "192.0.2.1", "principal", "ada",
    "header.content-type", "application/json", "header.x-trace", "t1", "param.id", "7", "query.a", "1", "query.b", "2",
)


def service(*fields, body=b""):
    s = Service()
    s.request, s.response = Request(Envelope(fields), body), Response()
    return s


class Contexts(unittest.TestCase):
    def test_channel(self):
        s = service(*HTTP, "channel-name", "users", "data-format", "json", "security-name", "API", "security-type", "basic")
        c = s.channel
        self.assertEqual((c.id, c.name, c.type, c.data_format, c.is_internal), ("users", "users", "http-soap", "json", False))
        self.assertEqual((c.sec.id, c.security.name, c.sec.type, c.sec.username), ("API", "API", "basic_auth", "ada"))
        self.assertEqual(c.security.to_dict(), {"id": "API", "name": "API", "type": "basic_auth", "username": "ada"})
        self.assertIs(s.chan, s.channel)
        self.assertEqual((s.data_format, s.transport), ("json", "plain_http"))

    def test_channel_types(self):
        for kind, want in {"http": "http-soap", "invoke": "invoke", "async": "invoke-async", "scheduler": "scheduler", "control": "service"}.items():
            self.assertEqual(service("channel", kind).channel.type, want)
        self.assertFalse(service().channel.security)
        self.assertEqual(service(*HTTP).channel.name, "POST /user/{id}")

    def test_wsgi_environ(self):
        s = service(*HTTP, body=b"{}")
        e = s.wsgi_environ
        want = {
            "REQUEST_METHOD": "POST", "PATH_INFO": "/user/7", "QUERY_STRING": "a=1&b=2", "RAW_URI": "/user/7?a=1&b=2",
            "SERVER_NAME": "api.example.com", "SERVER_PORT": "8080", "REMOTE_ADDR": "192.0.2.1", "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": "2", "HTTP_X_TRACE": "t1", "zato.http.path_params": {"id": "7"}, "zato.http.GET": {"a": "1", "b": "2"},
            "zato.http.remote_addr": "192.0.2.1",
        }
        self.assertEqual({name: e[name] for name in want}, want)
        self.assertEqual(e["wsgi.input"].read(), b"{}")
        e["zato.http.response.headers"]["X-A"] = "1"
        self.assertEqual(s.response.headers, {"X-A": "1"})
        self.assertNotIn("HTTP_CONTENT_TYPE", e)
        self.assertEqual(service().wsgi_environ, {})

    def test_times(self):
        s = service("began", "1700000000500000000")
        self.assertEqual(s.invocation_time, datetime(2023, 11, 14, 22, 13, 20, 500000))
        s.handle_return_time = s.invocation_time + timedelta(milliseconds=7)
        self.assertEqual((s.processing_time, s.processing_time_raw), (7, timedelta(milliseconds=7)))
        s = service()
        self.assertIs(s.invocation_time, s.invocation_time)
        self.assertGreaterEqual(s.processing_time, 0)

    def test_the_rest(self):
        s = service("cid", "c1", "in-reply-to", "c0", "job-type", "one_time")
        self.assertEqual((s.cid, s.in_reply_to, s.job_type, s.usage), ("c1", "c0", "one_time", 0))
        s.environ["seen"] = True
        self.assertTrue(s.environ.seen)
        self.assertEqual((service().in_reply_to, service().job_type, service().transport), ("", "", ""))

    def test_what_a_response_keeps(self):
        r = Response()
        self.assertEqual((r.status_message, r.result, r.result_details), ("OK", "ZATO_OK", ""))
        r.status_message, r.result = "Created", "ZATO_ERROR"
        self.assertEqual((r.status_message, r.result, r.result_details), ("Created", "ZATO_ERROR", ""))

    def test_log_input_masks_secrets(self):
        s = service(body=b'{"user": "ada", "nested": [{"password": "x1y2"}]}')
        s.response.payload = {"token": "x1y2"}
        with self.assertLogs("serai", "INFO") as logs:
            s.log_input("in: ")
            s.log_output("", logging.WARNING, ["name"])
        self.assertEqual([r.getMessage() for r in logs.records], ["in: {'user': 'ada', 'nested': [{'password': '***'}]}", "{'token': '***'}"])

    def test_audit_pii(self):
        with self.assertLogs("audit_pii", "INFO") as logs:
            Service.audit_pii.info("c1", "read", "ada", target_user="bob")
            Service.audit_pii.warn("c1", "read")
            Service.audit_pii.error("c1", "read", result="denied")
        self.assertEqual([(r.levelno, r.getMessage()) for r in logs.records], [
            (logging.INFO, '{"cid": "c1", "op": "read", "current_user": "ada", "target_user": "bob"}'),
            (logging.WARNING, '{"cid": "c1", "op": "read"}'),
            (logging.ERROR, '{"cid": "c1", "op": "read", "result": "denied"}'),
        ])

    def test_spawn_runs_at_once(self):
        s = service()
        task = s.spawn(lambda a, b: a + b, 1, b=2)
        task.join()
        self.assertEqual((task.get(), task.value, task.ready(), task.successful()), (3, 3, True, True))
        task = s.run_in_thread(lambda: 1 / 0)
        self.assertFalse(task.successful())
        with self.assertRaises(ZeroDivisionError):
            task.get(timeout=1)


class Values(Host):
    """A host with configuration."""

    def __init__(self, values):
        super().__init__()
        self.values = values

    def call(self, fields, body=None):
        e = Envelope(fields)
        if e.get("op") == "config.get":
            if e.get("key") not in self.values:
                raise errors.NotFound(e.get("key"))
            return Envelope(), self.values[e.get("key")].encode()
        keys = sorted(k for k in self.values if k.startswith(e.get("prefix")) and k > e.get("after", ""))
        fields = [f for k in keys[:2] for f in ("key", k)]
        return Envelope([*fields, *(("next", keys[1]) if len(keys) > 2 else ())]), b""


INI = "; of the CRM\n[db]\nhost = db1\nPort: 5432\n[limits]\nlist = a, b\n"


class Configurations(unittest.TestCase):
    def setUp(self):
        self.config = Config()
        self.enterContext(Values({
            "limit": "10", "crm.timeout": "5", "crm.retry.times": "3", "app.ini": INI, "bare": INI, "json": "[1]\na = 2",
            "broken": "[a]\nx = 1\n[a]\n", "comment": "# nothing",
        }))

    def test_values(self):
        c = self.config
        self.assertEqual((c["limit"], c.limit, c.get("limit"), c.get("none"), c.get("none", 1)), ("10", "10", "10", None, 1))
        self.assertTrue("limit" in c and "crm" in c and "none" not in c)
        self.assertEqual(len(c.keys()), 8)
        self.assertEqual(c.crm.items(), [("retry.times", "3"), ("timeout", "5")])

    def test_dotted_keys(self):
        self.assertEqual((self.config.crm.timeout, self.config["crm"]["retry"].times, list(self.config.crm)), ("5", "3", ["retry.times", "timeout"]))

    def test_ini_files(self):
        for section in (self.config["app.ini"], self.config.app, self.config.bare):
            self.assertEqual((section.db.host, section["db"]["Port"], section.limits.list), ("db1", "5432", "a, b"))

    def test_what_is_no_ini_file_stays_text(self):
        self.assertEqual(self.config["comment"], "# nothing")
        self.assertEqual(self.config["broken"], "[a]\nx = 1\n[a]\n")

    def test_what_is_missing(self):
        with self.assertRaisesRegex(AttributeError, "serai config set crm.none VALUE"):
            _ = self.config.crm.none
        with self.assertRaises(KeyError):
            _ = self.config["none"]
        self.assertFalse(hasattr(self.config, "none"))


class Refusals(unittest.TestCase):
    def test_attributes(self):
        s = service()
        for name in refuse.SERVICE:
            if not isinstance(Service.__dict__[name], refuse.Refusal):
                continue
            with self.subTest(name):
                self.assertFalse(hasattr(s, name))
                with self.assertRaisesRegex(refuse.Refused, rf"^self\.{name} is not available: .+; .+"):
                    getattr(s, name)
        self.assertTrue(issubclass(refuse.Refused, errors.Unsupported))

    def test_types_of_connections(self):
        for name in refuse.OUT:
            with self.subTest(name), self.assertRaisesRegex(refuse.Refused, rf"^self\.out\.{name} is not available: .+; .+"):
                getattr(Service.out, name)

    def test_an_author_may_set_them(self):
        s = service()
        s.server = "mine"
        self.assertEqual(s.server, "mine")

        class Mine(Service):
            search = 1

        self.assertEqual(Mine().search, 1)

    def test_classes(self):
        for name in refuse.ZATO:
            stand_in = refuse.base(name)
            with self.subTest(name), self.assertRaisesRegex(refuse.Refused, name):
                type("Mine", (stand_in,), {})
            with self.assertRaises(refuse.Refused):
                stand_in(1)


if __name__ == "__main__":
    unittest.main()
