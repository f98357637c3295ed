"""What surrounds the services under test: systems, configuration, the log."""

import base64
import json

from serai import errors
from serai.data import dumps
from serai.host import call

OUTSIDE = "this works in tests that `serai test` runs: they have a host of their own"


def operation(name, *fields, body=None):
    """Perform an operation that only the host of a test has."""
    try:
        return call(name, *fields, body=body)
    except errors.Unsupported as exc:
        raise errors.Unsupported(f"{name}: {OUTSIDE}") from exc


def set_response(connection, data=None, status=200, *, method=None, path=None, headers=None, request=None, error=None, delay=0, then=None):
    """Script what a system answers from now on, until the test ends.

    connection is the name of an outgoing connection, or the beginning of a URL
    that a service requests. data is the body: objects become JSON, str and bytes
    are sent as they are.

    method, path (a pattern such as '/user/*') and request (a dict that must be
    part of the parameters or of the JSON body, or a list of such) narrow down
    which requests are meant; of several that fit, the one that was set last
    counts. error is 'timeout', 'unavailable', 'remote' or 'denied', in place of an
    answer. delay is in seconds. then is a list of further answers, each a body or
    a dict of this function's arguments data, status, headers, error and delay
    made with :func:`dict`; the last one stays.
    """
    answers = [_answer(data, status, headers, error, delay)]
    for one in then or ():
        if isinstance(one, dict) and one and one.keys() <= {"data", "status", "headers", "error", "delay"}:
            answers.append(_answer(**one))
        else:
            answers.append(_answer(one))
    script(connection, answers, method, path, request)


def script(connection, answers, method=None, path=None, request=None):
    """Set a rule of several answers."""
    match = [request] if isinstance(request, dict) else list(request or ())
    rule = {"connection": connection, "method": method or "", "path": path or "", "match": match, "responses": answers}
    operation("test.script", body=dumps(rule))


def _answer(data=None, status=200, headers=None, error=None, delay=0):
    headers = {name.lower(): str(value) for name, value in (headers or {}).items()}
    if data is None:
        body = b""
    elif isinstance(data, (bytes, bytearray)):
        body = bytes(data)
        headers.setdefault("content-type", "application/octet-stream")
    elif isinstance(data, str):
        body = data.encode()
        headers.setdefault("content-type", "text/plain; charset=utf-8")
    else:
        text = dumps(data)
        body = text.encode() if isinstance(text, str) else text
        headers.setdefault("content-type", "application/json")
    return {
        "status": status, "headers": headers, "body": base64.b64encode(body).decode(),
        "error": error or "", "delay": round(delay * 1000),
    }


class Request:
    """A request that a service under test sent to a system."""

    def __init__(self, told):
        #: Name of the service that sent it.
        self.service = told["service"]
        #: Name of the connection, or the URL.
        self.connection = told["connection"]
        self.method = told["method"]
        self.path = told["path"]
        #: Parameters of path and query; one that repeats is a list.
        self.params = {name: values[0] if len(values) == 1 else values for name, values in told["params"].items()}
        #: Header fields, their names in lower case.
        self.headers = told["headers"]
        #: The body, bytes.
        self.content = base64.b64decode(told["body"] or "")

    @property
    def text(self):
        """The body as str."""
        return self.content.decode("utf-8", "replace")

    def json(self):
        """The body, which must be JSON."""
        return json.loads(self.content)

    def __repr__(self):
        return f"<Request {self.method} {self.path} to {self.connection} {self.params} {self.text[:200]!r}>"


def requests_to(connection=None) -> list[Request]:
    """The requests that services sent to a connection, or to all, in this test."""
    fields = ("connection", connection) if connection else ()
    return [Request(told) for told in json.loads(operation("test.requests", *fields)[1])]


def set_config(key, value):
    """Set a configuration value, str or JSON, for this test."""
    operation("test.config", "key", key, body=value if isinstance(value, (str, bytes)) else dumps(value))


class Record:
    """A record of the services' logs."""

    NAMES = {10: "DEBUG", 20: "INFO", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}

    def __init__(self, told):
        self.service = told["service"]
        #: Request id of the call.
        self.cid = told.get("cid", "")
        #: Number of the level, as in logging.
        self.levelno = told["level"]
        self.levelname = self.NAMES.get(self.levelno, str(self.levelno))
        self.message = told["message"]
        #: Of a failure, else ''.
        self.traceback = (told.get("failure") or {}).get("traceback", "")

    def __repr__(self):
        return f"<{self.levelname} {self.service}: {self.message!r}>"


def logs(service=None) -> list[Record]:
    """What the services under test, or one of them, logged in this test."""
    fields = ("service", service) if service else ()
    return [Record(told) for told in json.loads(operation("test.logs", *fields)[1])]


def wait_async(timeout=10):
    """Wait until all asynchronous calls have been made, for so many seconds at most."""
    operation("test.idle", "timeout", str(round(timeout * 1000)))
