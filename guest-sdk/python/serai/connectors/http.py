# Written by cmd/seraigen from the connectors' descriptions. Do not edit.
"""Systems that speak HTTP, such as REST APIs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serai.connectors import _form

if TYPE_CHECKING:
    from datetime import timedelta
    from collections.abc import Mapping
    from typing import Any

    class RequestReply(dict[str, Any]):
        status: int
        header: dict[str, str]
        body: bytes


class Connection(_form.Connection):
    """One connection of the type http, by its name."""

    __slots__ = ()
    _type = "http"

    def request(self, body: bytes | str | None = None, *, method: str | None = None, path: str | None = None, param: Mapping[str, object] | None = None, query: Mapping[str, object] | None = None, url: str | None = None, similar: bool | None = None, header: Mapping[str, object] | None = None, timeout: float | timedelta | None = None, redirects: bool | None = None) -> RequestReply:
        """Sends an HTTP request through a connection and returns the reply, whatever its status.

        :param body: the request's body
        :param method: GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS
        :param path: below the base address; may hold {placeholders}
        :param param: fill placeholders; those that none uses become the query
        :param query: the query
        :param url: whole, instead of connection, path, param.* and query.*: the granted connection that covers it is used
        :param similar: the connection's name may differ in case and in what is no letter or digit
        :param header: headers; those of the connection win
        :param timeout: of the request with its retries; no more than the connection's, if that has one
        :param redirects: false: a redirect is the reply
        :return: an object with
            status (int): status of the reply
            header (dict[str, str]): headers of the reply
            body: the reply's body, decompressed
        """
        fields = []
        _form.text(fields, "method", method)
        _form.text(fields, "path", path)
        _form.values(fields, "param.", param)
        _form.values(fields, "query.", query)
        _form.text(fields, "url", url)
        _form.flag(fields, "similar", similar)
        _form.values(fields, "header.", header)
        _form.duration(fields, "timeout", timeout)
        _form.flag(fields, "redirects", redirects)
        return self._call("http.request", fields, body, (("status", "status", _form.read_number), ("header", "header.", _form.read_values), ), _form.body_bytes)
