"""A service that is nothing but a call of a REST connection."""

import time

from serai import errors, rest
from serai.exception import BadRequest
from serai.rest import tolerant
from serai.service import Service

#: Statuses that another attempt may change.
_TEMPORARY = frozenset((408, 425, 429, 500, 502, 503, 504))


class RESTAdapter(Service):
    """Calls a connection and answers with what it said.

    A subclass says which connection and, where the defaults do not fit, what to
    send: each ``get_...`` method that it has is asked for its part, and
    ``map_response`` turns the answer into the service's own::

        class GetUser(RESTAdapter):
            conn_name = 'CRM'
            has_query_string_id = True

            def map_response(self, data, **kwargs):
                return {'name': data['UserName']}
    """

    #: Name of the connection, or get_conn_name() returns it.
    conn_name = ""
    get_conn_name = None
    #: HTTP method, or get_method() returns it.
    method = "GET"
    get_method = None
    #: Class of the answer, or list[class].
    model = None

    #: get_request() returns the body, get_headers() a dict of headers.
    get_request = None
    get_headers = None
    #: get_query_string(params) and get_path_params(params) return dicts; both
    #: fill the connection's {placeholders}, and what is left becomes the query.
    get_query_string = None
    get_path_params = None
    #: Parameters of every call, unless another part sets them.
    default_query_string = None
    #: get_auth_bearer() returns a token, get_auth() a pair of user and
    #: password; for connections that have no credentials of their own.
    get_auth_bearer = None
    get_auth = None
    #: The connection has its credentials, so these are accepted and unused.
    sec_def_name = None
    get_sec_def_name = None
    auth_scopes = ""
    get_auth_scopes = None

    #: Whether the input's id becomes a parameter, and of what name.
    has_query_string_id = False
    query_string_id_param = None
    #: Whether the input's id becomes the JSON body, and of what name.
    has_json_id = False
    json_id_param = None

    #: map_response(data, **kwargs) returns the payload.
    map_response = None
    #: Whether to answer with status, content type and body as they came.
    needs_raw_response = False
    #: Whether to log what the system answers.
    log_response = False

    #: How often a call is repeated when the system cannot be reached, does not
    #: answer in time, or answers 408, 425, 429, 500, 502, 503 or 504.
    max_retries = 0
    #: Seconds before the first retry; each later wait is retry_backoff_multiplier
    #: times longer, up to retry_backoff_threshold seconds.
    retry_sleep_time = 1
    retry_backoff_multiplier = 2
    retry_backoff_threshold = 60

    def handle(self):
        """Make the call; the payload is the answer."""
        params = dict(self.default_query_string or {})
        if self.has_query_string_id:
            name = self.query_string_id_param or "id"
            params[name] = self._id(name)
        for part in (self.get_query_string, self.get_path_params):
            if part is not None:
                params.update(tolerant(part, params) or {})
        headers = {}
        if self.get_auth_bearer is not None:
            headers["Authorization"] = f"Bearer {self.get_auth_bearer()}"
        if self.get_headers is not None:
            headers.update(self.get_headers() or {})
        out = self.rest_call(
            self.get_conn_name() if self.get_conn_name is not None else self.conn_name,
            data=self._request(), model=self.model, callback=self.map_response, params=params, headers=headers,
            method=self.get_method() if self.get_method is not None else self.method,
        )
        if isinstance(out, rest.Response):
            self.response.status_code = out.status_code
            self.response.content_type = out.headers.get("content-type")
            out = out.content
        self.response.payload = out

    def rest_call(self, conn_name, *, data="", model=None, callback=None, params=None, headers=None, method="",
                  sec_def_name=None, auth_scopes=None, log_response=None):
        """Call a connection, again if max_retries allows it; the data of the
        answer, as model and after callback if these are given."""
        if not conn_name:
            raise errors.Invalid(f"{type(self).__name__} names no connection: set conn_name, or define get_conn_name")
        conn = self.out.rest[conn_name].conn
        auth = self.get_auth() if self.get_auth is not None else None
        response = self._send(lambda: conn.request(method or "GET", data, params, headers, auth=auth))
        if self.log_response if log_response is None else log_response:
            self.logger.info("%s answered with %s: %s", conn_name, response.status_code, response.text)
        if self.needs_raw_response:
            return response if callback is None else tolerant(callback, response, cid=self.cid, model=model, name=conn_name)
        return conn.result(response, model, callback, self.cid)

    def _request(self):
        if self.get_request is not None:
            return self.get_request()
        if self.has_json_id:
            name = self.json_id_param or "id"
            return {name: self._id(name)}
        return ""

    def _id(self, name):
        """The input's field of that name."""
        given = self.request.input
        value = given.get(name) if isinstance(given, dict) else getattr(given, name, None)
        if value is None:
            raise BadRequest(self.cid, f"{name} is missing")
        return value

    def _send(self, attempt):
        """What attempt() returns, which is called again where that may help."""
        wait = self.retry_sleep_time
        for left in range(self.max_retries, -1, -1):
            try:
                response = attempt()
                if not left or response.status_code not in _TEMPORARY:
                    return response
                why = f"status {response.status_code}"
            except (errors.Timeout, errors.Unavailable, errors.Remote) as exc:
                if not left:
                    raise
                why = str(exc)
            self.logger.info("%s; trying again in %s s", why, wait)
            time.sleep(wait)
            wait = min(wait * self.retry_backoff_multiplier, self.retry_backoff_threshold)
