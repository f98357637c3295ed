"""Checks of the HTTP clients that services have. The answer to a request with
the name of one is ok or its traceback, to one without the names of all."""

import io
import traceback
import urllib.error
import urllib.parse
import urllib.request

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from serai import RESTAdapter, Service, errors
from urllib3.util.retry import Retry

CHECKS = {}


def check(function):
    CHECKS[function.__name__] = function
    return function


def raises(kind, function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except kind as exc:
        return exc
    raise AssertionError(f"no {kind.__name__}")


def same(got, want):
    assert got == want, f"{got!r}, want {want!r}"


class Checks(Service):
    name = "checks"

    def handle(self):
        given = self.request.payload
        self.base, self.dead, self.elsewhere = given["base"], given["dead"], given["elsewhere"]
        if not given["check"]:
            return " ".join(CHECKS)
        try:
            CHECKS[given["check"]](self)
            return "ok"
        except BaseException:
            return traceback.format_exc()


# --- self.rest and RESTAdapter ----------------------------------------------


@check
def rest_names(self):
    for conn in (self.out.rest["My CRM"].conn, self.rest["My CRM"], self.rest.my_crm, self.rest.MyCRM, self.outgoing.plain_http["My CRM"].conn):
        same(conn.get(self.cid, path="echo").data["method"], "GET")
    raises(errors.Denied, self.rest.ungranted.get)
    raises(errors.Denied, self.rest["my_crm"].get)


@check
def rest_placeholders(self):
    r = self.out.rest["users"].conn.get(self.cid, {"id": "a/b ż", "lang": "pl"})
    same(r.data, {"id": "a/b ż", "lang": "pl", "auth": ""})
    raises(errors.Invalid, self.out.rest["users"].conn.get, self.cid)


@check
def rest_methods_and_bodies(self):
    conn = self.out.rest["My CRM"].conn
    for method in ("post", "put", "patch", "delete"):
        data = getattr(conn, method)(self.cid, {"a": "ż"}, {"q": "1"}, headers={"X-A": "b"}, path="echo").data
        same((data["method"], data["query"], data["body"], data["headers"]["X-A"]), (method.upper(), {"q": ["1"]}, '{"a": "ż"}', ["b"]))
    same(conn.upload(self.cid, io.BytesIO(b"file"), field_name="f", headers={"X-A": "b"}).status_code, 404)
    assert "Code: 404" in conn.ping(self.cid)


@check
def rest_failures(self):
    conn = self.out.rest["My CRM"].conn
    same(conn.get(self.cid, path="status/500").text, "ż")
    raises(errors.Remote, conn.rest_call, self.cid, params={"id": 1})
    raises(errors.Unavailable, self.out.rest["dead"].conn.get, self.cid)
    raises(errors.Timeout, conn.get, self.cid, path="slow", timeout=0.1)
    raises(errors.Unavailable, conn.get, self.cid, path="drop")
    raises(errors.Invalid, conn.get, self.cid, headers={"X-A": "b\r\nX-B: c"})


@check
def rest_adapter(self):
    class GetUser(RESTAdapter):
        conn_name = "users"
        has_query_string_id = True

        def get_query_string(self, params):
            return {"lang": "en"}

        def get_auth_bearer(self):
            return "t"

        def map_response(self, data, **kwargs):
            return {"user": data["id"], "lang": data["lang"], "auth": data["auth"]}

    service = GetUser()
    service.request, service.response = self.request, type(self.response)()
    self.request.payload["id"] = "7"
    service.handle()
    same(service.response.payload, {"user": "7", "lang": "en", "auth": "Bearer t"})


# --- requests ---------------------------------------------------------------


@check
def requests_get(self):
    r = requests.get(self.base + "/echo?a=1", params={"b": ["x y", "ż"], "none": None}, headers={"X-A": "b"}, timeout=(1, 5))
    data = r.json()
    same((data["query"], data["headers"]["X-A"], r.status_code, r.ok, r.reason), ({"a": ["1"], "b": ["x y", "ż"]}, ["b"], 200, True, "OK"))
    same((r.url, r.headers["CONTENT-type"], r.history), (self.base + "/echo?a=1&b=x+y&b=%C5%BC", "application/json", []))
    assert r.elapsed.total_seconds() > 0
    same(requests.get(self.base + "/echo").json()["headers"]["User-Agent"], ["serai-requests/1"])


@check
def requests_bodies(self):
    url = self.base + "/echo"
    for kwargs, kind, body in (
        ({"data": {"a": [1, 2], "b": "x y"}}, "application/x-www-form-urlencoded", "a=1&a=2&b=x+y"),
        ({"json": {"a": "ż"}}, "application/json", '{"a": "\\u017c"}'),
        ({"data": "ż"}, "application/x-www-form-urlencoded", "ż"),
        ({"data": b"raw"}, None, "raw"),
        ({"data": io.BytesIO(b"file")}, None, "file"),
        ({"data": (part for part in (b"a", b"b"))}, None, "ab"),
        ({"data": "<a/>", "headers": {"content-type": "text/xml"}}, "text/xml", "<a/>"),
    ):
        data = requests.post(url, **kwargs).json()
        same((data["headers"].get("Content-Type", [None])[0], data["body"]), (kind, body))
    for method in ("put", "patch", "delete"):
        same(getattr(requests, method)(url, data="x").json()["method"], method.upper())
    data = requests.post(url, data={"f": "1"}, files={"doc": ("a.txt", b"text", "text/plain"), "raw": io.BytesIO(b"r")}).json()
    assert data["headers"]["Content-Type"][0].startswith("multipart/form-data; boundary=")
    assert 'name="f"\r\n\r\n1' in data["body"] and 'name="doc"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\ntext' in data["body"]
    raises(requests.exceptions.InvalidJSONError, requests.post, url, json=float("nan"))


@check
def requests_responses(self):
    r = requests.get(self.base + "/status/404")
    same((r.ok, bool(r), r.text, r.encoding, r.status_code == requests.codes.not_found), (False, False, "ż", "iso-8859-2", True))
    exc = raises(requests.HTTPError, r.raise_for_status)
    same((exc.response is r, str(exc)), (True, f"404 Client Error: Not Found for url: {self.base}/status/404"))
    raises(requests.exceptions.JSONDecodeError, r.json)
    raises(ValueError, r.json)
    r = requests.get(self.base + "/bytes/2000000", stream=True)
    same((len(r.content), b"".join(r.iter_content(65536)) == r.content, r.raw.read(2)), (2000000, True, b"\0\xff"))
    same(requests.head(self.base + "/echo").content, b"")
    same(requests.options(self.base + "/echo").json()["method"], "OPTIONS")


@check
def requests_failures(self):
    e = requests.exceptions
    exc = raises(e.ConnectionError, requests.get, self.elsewhere + "/echo")
    for part in ("no connection of service", "--grant connection:NAME", "serai connection set NAME --config", self.elsewhere):
        assert part in str(exc), str(exc)
    raises(e.ConnectionError, requests.get, "https://api.example.com/")
    raises(e.ConnectionError, requests.get, self.dead)
    raises(e.ConnectionError, requests.get, self.base + "/drop")
    raises(e.Timeout, requests.get, self.base + "/slow", timeout=0.1)
    raises(e.MissingSchema, requests.get, "api.example.com")
    raises(e.InvalidSchema, requests.get, "ftp://api.example.com")
    raises(e.InvalidURL, requests.get, "http://")
    raises(e.InvalidURL, requests.get, "http://[::1")
    raises(e.InvalidHeader, requests.get, self.base, headers={"X-A": "b\r\nX-B: c"})
    raises(e.InvalidHeader, requests.get, self.base, headers={"X-A": 1})
    raises(e.RequestException, requests.request, "TRACE", self.base)
    raises(OSError, requests.get, self.dead)


@check
def requests_sessions(self):
    with requests.Session() as s:
        s.headers["X-Token"] = "t"
        s.params = {"key": "k"}
        s.auth = ("ada", "lovelace")
        data = s.get(self.base + "/echo", params={"a": 1}, headers={"Accept": None}).json()
        same((data["query"], data["headers"]["X-Token"], data["headers"]["Authorization"]), ({"key": ["k"], "a": ["1"]}, ["t"], ["Basic YWRhOmxvdmVsYWNl"]))
        same("Accept" in data["headers"], False)
        s.get(self.base + "/cookie")
        same(s.cookies.get_dict(), {"session": "s1", "other": "o1"})
        same(sorted(s.get(self.base + "/echo", cookies={"mine": "m"}).json()["headers"]["Cookie"][0].split("; ")), ["mine=m", "other=o1", "session=s1"])
    same(requests.get(self.base + "/cookie").cookies["session"], "s1")
    same(requests.get(self.base + "/user/1", auth=HTTPBasicAuth("a", "b")).json()["auth"], "Basic YTpi")
    same(requests.get(self.base.replace("http://", "http://a:b@") + "/user/1").json()["auth"], "Basic YTpi")
    prepared = requests.Request("PUT", self.base + "/echo", json=[1]).prepare()
    same(requests.Session().send(prepared).json()["body"], "[1]")
    seen = []
    requests.get(self.base + "/echo", hooks={"response": lambda r, **_: seen.append(r.status_code)})
    same(seen, [200])


@check
def requests_redirects(self):
    to = {"to": "/echo"}
    r = requests.post(self.base + "/go/302", params=to, data="body")
    same((r.json()["method"], r.json()["body"], [h.status_code for h in r.history], r.url), ("GET", "", [302], self.base + "/echo"))
    r = requests.post(self.base + "/go/307", params=to, data="body")
    same((r.json()["method"], r.json()["body"]), ("POST", "body"))
    r = requests.get(self.base + "/go/301", params=to, allow_redirects=False)
    same((r.status_code, r.is_redirect, r.next.url), (301, True, self.base + "/echo"))
    same(requests.head(self.base + "/go/301", params=to).status_code, 301)
    same(requests.get(self.base + "/cookie", params=to).json()["headers"]["Cookie"], ["session=s1; other=o1"])
    loop = self.base + "/go/302?to=" + urllib.parse.quote("/go/302?to=/nowhere", safe="")
    s = requests.Session()
    s.max_redirects = 1
    raises(requests.TooManyRedirects, s.get, loop)
    raises(requests.ConnectionError, requests.get, self.base + "/go/302", params={"to": self.elsewhere + "/echo"})


@check
def requests_settings_of_sockets(self):
    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    requests.packages.urllib3.disable_warnings()
    s = requests.Session()
    s.mount("http://", HTTPAdapter(max_retries=Retry(total=2, status_forcelist=[503], backoff_factor=0.001), pool_maxsize=5))
    raises(requests.exceptions.RetryError, s.get, self.base + "/status/503")
    same(s.post(self.base + "/status/503").status_code, 503)
    same(s.get(self.base + "/echo", verify=False, cert=("a", "b"), proxies={"http": "http://p"}, stream=True).status_code, 200)
    raises(NotImplementedError, urllib3.PoolManager)
    raises(NotImplementedError, requests.auth.HTTPDigestAuth, "a", "b")


# --- urllib and what has sockets --------------------------------------------


@check
def urllib_requests(self):
    with urllib.request.urlopen(self.base + "/user/7?lang=pl#part", timeout=5) as r:
        same((r.status, r.getheader("content-type"), b'"lang": "pl"' in r.read(), r.reason), (200, "application/json", True, "OK"))
    request = urllib.request.Request(self.base + "/echo", data=b"a=1", headers={"X-A": "b"}, method="PUT")
    body = urllib.request.urlopen(request).read()
    assert b'"method":"PUT"' in body and b'"body":"a=1"' in body and b'"X-A":["b"]' in body, body
    same(urllib.request.urlopen(self.base + "/go/302?to=/echo").geturl(), self.base + "/echo")
    exc = raises(urllib.error.HTTPError, urllib.request.urlopen, self.base + "/status/404")
    same((exc.code, exc.read()), (404, b"\xbf"))
    exc = raises(urllib.error.URLError, urllib.request.urlopen, "https://api.example.com/")
    assert "no connection of service" in str(exc), exc
    exc = raises(urllib.error.URLError, urllib.request.urlopen, self.base + "/slow", timeout=0.1)
    assert isinstance(exc.reason, TimeoutError)
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    opener.open(self.base + "/cookie").read()
    assert b"session=s1" in opener.open(self.base + "/echo").read()


@check
def http_client_refuses(self):
    import http.client

    exc = raises(OSError, http.client.HTTPConnection("example.com").request, "GET", "/")
    assert "self.out.rest" in str(exc), exc
