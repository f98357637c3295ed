"""The types of serai.adapter: its hooks are methods where a class defines them."""

from typing import Any

from serai.service import Service

class RESTAdapter(Service):
    conn_name: str
    get_conn_name: Any
    method: str
    get_method: Any
    model: Any
    get_request: Any
    get_headers: Any
    get_query_string: Any
    get_path_params: Any
    default_query_string: Any
    get_auth_bearer: Any
    get_auth: Any
    sec_def_name: Any
    get_sec_def_name: Any
    auth_scopes: str
    get_auth_scopes: Any
    has_query_string_id: bool
    query_string_id_param: Any
    has_json_id: bool
    json_id_param: Any
    map_response: Any
    needs_raw_response: bool
    log_response: bool
    max_retries: int
    retry_sleep_time: float
    retry_backoff_multiplier: float
    retry_backoff_threshold: float
    def handle(self) -> Any: ...
    def rest_call(
        self, conn_name: str, *, data: Any = "", model: Any = None, callback: Any = None, params: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None, method: str = "", sec_def_name: Any = None, auth_scopes: Any = None, log_response: bool | None = None,
    ) -> Any: ...
