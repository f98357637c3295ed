"""Sessions: settings that several requests share."""

from urllib.parse import urljoin, urlsplit

from requests import exceptions
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar, cookiejar_from_dict, merge_cookies
from requests.models import DEFAULT_REDIRECT_LIMIT, PreparedRequest, Request
from requests.structures import CaseInsensitiveDict
from requests.utils import default_headers, to_key_val_list
from serai.errors import Denied


def merge_setting(request_setting, session_setting):
    """A request's setting over the session's; None in the request's removes."""
    if session_setting is None or request_setting is None:
        return session_setting if request_setting is None else request_setting
    if not (hasattr(session_setting, "items") and hasattr(request_setting, "items")):
        return request_setting
    out = CaseInsensitiveDict(to_key_val_list(session_setting))
    out.update(to_key_val_list(request_setting))
    for name in [name for name, value in out.items() if value is None]:
        del out[name]
    return out


class Session:
    """Headers, credentials, parameters and cookies for several requests."""

    def __init__(self):
        self.headers = default_headers()
        self.auth = self.cert = None
        self.params, self.proxies, self.hooks = {}, {}, {"response": []}
        self.stream, self.verify, self.trust_env = False, True, True
        self.max_redirects = DEFAULT_REDIRECT_LIMIT
        self.cookies = RequestsCookieJar()
        self.adapters = {}
        self.mount("https://", HTTPAdapter())
        self.mount("http://", HTTPAdapter())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def mount(self, prefix, adapter):
        """Have adapter send what begins with prefix; the longest prefix counts."""
        self.adapters[prefix] = adapter
        self.adapters = dict(sorted(self.adapters.items(), key=lambda item: -len(item[0])))

    def get_adapter(self, url):
        """The adapter for a URL."""
        for prefix, adapter in self.adapters.items():
            if url.lower().startswith(prefix.lower()):
                return adapter
        raise exceptions.InvalidSchema(f"No connection adapters were found for {url!r}")

    def close(self):
        """Close the adapters."""
        for adapter in self.adapters.values():
            adapter.close()

    def prepare_request(self, request):
        """A request, ready to send, with the session's settings."""
        cookies = request.cookies
        if not isinstance(cookies, RequestsCookieJar):
            cookies = merge_cookies(RequestsCookieJar(), cookies) if not isinstance(cookies, dict) else cookiejar_from_dict(cookies)
        out = PreparedRequest()
        out.prepare(
            method=request.method, url=request.url, files=request.files, data=request.data, json=request.json,
            headers=merge_setting(request.headers, self.headers), params=_params(request.params, self.params),
            auth=request.auth if request.auth is not None else self.auth,
            cookies=merge_cookies(self.cookies.copy(), cookies), hooks=_hooks(request.hooks, self.hooks),
        )
        return out

    def request(self, method, url, params=None, data=None, headers=None, cookies=None, files=None, auth=None, timeout=None,
                allow_redirects=True, proxies=None, hooks=None, stream=None, verify=None, cert=None, json=None):
        """Send a request; the response. timeout is in seconds."""
        if not url:
            raise exceptions.URLRequired("a request needs a URL")
        given = Request(method, url, headers, files, data, params, auth, cookies, hooks, json)
        return self.send(self.prepare_request(given), timeout=timeout, allow_redirects=allow_redirects)

    def send(self, request, allow_redirects=True, **kwargs):
        """Send a prepared request."""
        if isinstance(request, Request):
            raise ValueError("You can only send PreparedRequests.")
        response = self._once(request, **kwargs)
        history, seen = [], set()
        while response.is_redirect:
            following = self._following(response)
            if not allow_redirects:
                response._next = following
                break
            if len(history) >= self.max_redirects:
                raise exceptions.TooManyRedirects(f"Exceeded {self.max_redirects} redirects.", response=response)
            history.append(response)
            try:
                response = self._once(following, **kwargs)
            except exceptions.ConnectionError as exc:
                if not isinstance(exc.__cause__, Denied) or following.method not in ("GET", "HEAD") or history[-1].url in seen:
                    raise
                # No connection covers the target, but the one that led to it
                # may allow its host, so it is asked again to go there.
                seen.add(history[-1].url)
                response = self._once(history[-1].request, redirects=True, **kwargs)
            response.history = list(history)
        return response

    def _once(self, request, **kwargs):
        kwargs = {name: value for name, value in kwargs.items() if name in ("timeout", "redirects")}
        response = self.get_adapter(request.url).send(request, **kwargs)
        merge_cookies(self.cookies, response.cookies)
        hooks = request.hooks.get("response") or ()
        for hook in hooks if isinstance(hooks, (list, tuple)) else (hooks,):
            changed = hook(response, **kwargs)
            response = response if changed is None else changed
        return response

    def _following(self, response):
        """The request that a redirect asks for."""
        out = response.request.copy()
        url = urljoin(response.url, response.headers["location"])
        out.prepare_url(url, None)
        status = response.status_code
        if status in (302, 303) and out.method != "HEAD" or status == 301 and out.method == "POST":
            out.method = "GET"
        if status not in (307, 308):
            out.body = None
            for name in ("Content-Length", "Content-Type", "Transfer-Encoding"):
                out.headers.pop(name, None)
        if not _same_host(response.url, out.url):
            out.headers.pop("Authorization", None)
        out.headers.pop("Cookie", None)
        out.prepare_cookies(merge_cookies((out._cookies if out._cookies is not None else RequestsCookieJar()).copy(), self.cookies))
        return out

    def get(self, url, **kwargs):
        """Send GET."""
        return self.request("GET", url, **kwargs)

    def options(self, url, **kwargs):
        """Send OPTIONS."""
        return self.request("OPTIONS", url, **kwargs)

    def head(self, url, **kwargs):
        """Send HEAD; a redirect is the response unless allow_redirects is set."""
        kwargs.setdefault("allow_redirects", False)
        return self.request("HEAD", url, **kwargs)

    def post(self, url, data=None, json=None, **kwargs):
        """Send POST."""
        return self.request("POST", url, data=data, json=json, **kwargs)

    def put(self, url, data=None, **kwargs):
        """Send PUT."""
        return self.request("PUT", url, data=data, **kwargs)

    def patch(self, url, data=None, **kwargs):
        """Send PATCH."""
        return self.request("PATCH", url, data=data, **kwargs)

    def delete(self, url, **kwargs):
        """Send DELETE."""
        return self.request("DELETE", url, **kwargs)


def session():
    """A new session."""
    return Session()


def _params(request, own):
    if not own or isinstance(request, (str, bytes)):
        return request or own
    merged = dict(own)
    for name, value in to_key_val_list(request) or ():
        merged[name] = value
    return merged


def _hooks(request, own):
    return request if request and request.get("response") else own


def _same_host(a, b):
    a, b = urlsplit(a), urlsplit(b)
    return (a.scheme, a.netloc) == (b.scheme, b.netloc) or a.hostname == b.hostname and a.scheme == "http" and b.scheme == "https"
