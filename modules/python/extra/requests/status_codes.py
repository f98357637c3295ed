"""codes: the numbers of statuses by name, such as codes.not_found."""

from http import HTTPStatus

from requests.structures import LookupDict

codes = LookupDict(name="status_codes")


def _fill():
    for status in HTTPStatus:
        _add(status.name, status.value)
    for name, value in (
        ("okay", 200), ("all_ok", 200), ("all_good", 200), ("non_authoritative_info", 203), ("moved", 301), ("see_other", 303),
        ("other", 303), ("temporary_moved", 307), ("temporary_redirect", 307), ("permanent_redirect", 308), ("bad", 400),
        ("payment", 402), ("not_allowed", 405), ("timeout", 408), ("request_entity_too_large", 413), ("unprocessable", 422),
        ("unprocessable_entity", 422), ("teapot", 418), ("im_a_teapot", 418), ("too_many", 429), ("server_error", 500),
        ("unavailable", 503),
    ):
        _add(name, value)


def _add(name, value):
    for one in (name.lower(), name.upper()):
        codes[one] = value
        setattr(codes, one, value)


_fill()
