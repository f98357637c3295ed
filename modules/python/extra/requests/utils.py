"""Helpers that callers use."""

from urllib.parse import quote, unquote, urlsplit

from requests.cookies import cookiejar_from_dict
from requests.structures import CaseInsensitiveDict

__all__ = [
    "cookiejar_from_dict", "default_headers", "default_user_agent", "dict_from_cookiejar", "get_auth_from_url",
    "get_encoding_from_headers", "parse_header_links", "quote", "requote_uri", "to_key_val_list", "unquote",
]


def default_user_agent(name="serai-requests"):
    """What the program calls itself."""
    return f"{name}/1"


def default_headers():
    """The headers of a new session."""
    return CaseInsensitiveDict({"User-Agent": default_user_agent(), "Accept": "*/*"})


def dict_from_cookiejar(jar):
    """A dict of a jar's cookies."""
    return {cookie.name: cookie.value for cookie in jar}


def get_auth_from_url(url):
    """User and password in a URL, ('', '') if there are none."""
    parts = urlsplit(url)
    return unquote(parts.username or ""), unquote(parts.password or "")


def get_encoding_from_headers(headers):
    """The encoding that headers name or mean, or None."""
    from serai.http import charset

    kind = headers.get("content-type", "")
    if found := charset(kind):
        return found
    if "text" in kind:
        return "ISO-8859-1"
    return "utf-8" if "application/json" in kind else None


def parse_header_links(value):
    """The links of a Link header, as dicts."""
    out = []
    for part in value.strip(" '\"").split(","):
        url, _, params = part.partition(";")
        if not url.strip():
            continue
        link = {"url": url.strip("<> '\"")}
        for param in params.split(";"):
            key, found, text = param.partition("=")
            if found:
                link[key.strip(" '\"")] = text.strip(" '\"")
        out.append(link)
    return out


def requote_uri(uri):
    """uri with what cannot stand in one percent-encoded."""
    from serai.http import escaped

    return escaped(uri)


def to_key_val_list(value):
    """Pairs of a mapping or of pairs."""
    if value is None:
        return None
    if isinstance(value, (str, bytes, bool, int)):
        raise ValueError("cannot encode objects that are not 2-tuples")
    return list(value.items() if hasattr(value, "items") else value)
