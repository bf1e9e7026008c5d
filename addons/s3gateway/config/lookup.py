"""``lookup:`` of the configuration: where keys are asked for that ``clients`` does not name, and who may do what."""

import re
import ssl
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

from s3gateway.config.addresses import is_loopback, split_endpoint
from s3gateway.config.check import ConfigError, quoted
from s3gateway.config.files import Files
from s3gateway.config.model import Backend, LookupProvider
from s3gateway.identity.lookup import Right
from s3gateway.identity.remote_keys import Terms
from s3gateway.rules.access import Access
from s3gateway.sigv4.model import Secret

_FIELD: Final = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]+):[ \t]*([!-~](?:[ -~\t]*[!-~])?)[ \t]*")
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*")
_OWN: Final = frozenset(("host", "connection", "content-length", "transfer-encoding", "accept"))


def read_lookup(
    values: dict[str, Any], files: Files, read_access: Callable[[str, dict[str, Any]], Access]
) -> LookupProvider | None:
    """Give the checked section; None where it is not there. ``read_access`` reads rules as those of a client."""
    if not values.get("url"):
        given = sorted(name for name in ("headers_file", "ca_file", "rights") if values.get(name))
        if given:
            raise ConfigError("lookup.url", "is missing", f"set it, or take lookup.{given[0]} out")
        return None
    (scheme, host, port), path = _read_url(values["url"])
    ca_file = values.get("ca_file")
    place = Backend(scheme, host, port, files.path("lookup.ca_file", ca_file) if ca_file else None, "")
    headers = _headers(values["headers_file"], files) if values.get("headers_file") else ()
    return LookupProvider(
        place,
        path,
        headers,
        sha256(repr([(name, value.reveal()) for name, value in headers]).encode()).digest(),
        Terms(*(values[name] for name in ("cache", "negative_cache", "last_good", "per_second"))),
        tuple(_right(f"lookup.rights[{i}]", right, read_access) for i, right in enumerate(values["rights"] or ())),
        _context(place),
    )


def _read_url(url: str) -> tuple[tuple[str, str, int], str]:
    """Give scheme, host and port, and the path."""
    key, remedy = "lookup.url", "write it like https://portal.example.com/keys; the key id is put behind it"
    if "@" in url:
        raise ConfigError(key, "holds a user name or password", "put an Authorization header into lookup.headers_file")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ConfigError(key, f"{quoted(url)} is not a URL", remedy) from None
    if parts.query or parts.fragment or not _PATH.fullmatch(parts.path):
        raise ConfigError(key, f"{quoted(url)} holds more than a host and a path", remedy)
    place = split_endpoint(key, f"{parts.scheme}://{parts.netloc}")
    if place[0] == "http" and not is_loopback(place[1]):
        raise ConfigError(key, f"{quoted(url)} is not encrypted", "use https:// (http is for this machine only)")
    return place, parts.path


def _headers(name: str, files: Files) -> tuple[tuple[bytes, Secret], ...]:
    """Read ``Name: value`` on each line; the values are secrets."""
    key, found = "lookup.headers_file", []
    for number, line in enumerate(files.text(key, name).splitlines(), 1):
        if not line.strip():
            continue
        match = _FIELD.fullmatch(line)
        if match is None:
            raise ConfigError(key, f"line {number} of {quoted(name)} is no header", "write it like 'Name: value'")
        if match[1].lower() in _OWN:
            raise ConfigError(key, f"line {number} of {quoted(name)} is a header of the gateway's own", "take it out")
        found.append((match[1].encode(), Secret(match[2])))
    return tuple(found)


def _right(key: str, values: dict[str, Any], read_access: Callable[[str, dict[str, Any]], Access]) -> Right:
    return Right(tuple(values["users"]), tuple(values["groups"]), read_access(key, values))


def _context(place: Backend) -> ssl.SSLContext | None:
    if place.scheme != "https":
        return None
    try:
        return ssl.create_default_context(cafile=str(place.ca_file) if place.ca_file else None)
    except (ssl.SSLError, OSError):
        raise ConfigError(
            "lookup.ca_file", f"{quoted(place.ca_file)} holds no PEM certificate", "name the CA's .crt file"
        ) from None
