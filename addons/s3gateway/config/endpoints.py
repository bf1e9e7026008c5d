"""The servers behind the gateway as a configuration names them: one endpoint, several, or sites of several.

``https://minio{1...4}:9000`` stands for four endpoints, as on MinIO's own command line; ``{01...12}`` keeps the zeros.
"""

import re
from collections.abc import Callable
from itertools import product
from typing import Any

from s3gateway.config.addresses import is_loopback, listens_at, split_endpoint
from s3gateway.config.check import ConfigError, quoted
from s3gateway.config.files import Files
from s3gateway.config.header_words import check_word
from s3gateway.config.model import Backend, HealthChecks, Listen, Site
from s3gateway.config.patterns import check_bucket

MOST = 256
"""Endpoints in all: each has connections and checks of its own, and MinIO's largest pools have fewer servers."""

_ELLIPSIS = re.compile(r"\{(\d{1,4})\.\.\.(\d{1,4})\}")
_WRITE_IT = "write it like https://minio{1...4}:9000"


def read_sites(values: dict[str, Any], listen: Listen, files: Files) -> tuple[Site, ...]:
    """Give the sites; ``backend.endpoint`` is one of one endpoint. Raises :class:`ConfigError`."""
    ca_file, certificate, key = (
        files.path(f"backend.{name}", values[name]) if values[name] else None
        for name in ("ca_file", "certificate", "key")
    )
    if key and not certificate:
        raise ConfigError("backend.key", "is set without backend.certificate", "set backend.certificate as well")
    region = check_word("backend.region", values["region"])
    reader = _Reader(
        listen,
        lambda scheme, host, port: Backend(scheme, host, port, ca_file, region, values["type"], "", certificate, key),
    )
    named = [name for name in ("endpoint", "endpoints", "sites") if values[name]]
    if not named:
        raise ConfigError("backend.endpoint", "is missing", "set it to the https:// address of the S3 server")
    if len(named) > 1:
        raise ConfigError(f"backend.{named[1]}", f"is set besides backend.{named[0]}", "keep one of them")
    if values["endpoint"]:
        return (Site(0, (reader.read("backend.endpoint", values["endpoint"]),), read_only=False),)
    sites = values["sites"] or [{"endpoints": values["endpoints"], "read_only": False}]
    if sites[0]["read_only"]:
        raise ConfigError("backend.sites[0].read_only", "is set for the first site", "begin with one that takes writes")
    return tuple(
        Site(i, reader.read_all(f"backend.sites[{i}].endpoints" if values["sites"] else "backend.endpoints", site), ro)
        for i, site, ro in ((i, site["endpoints"], site["read_only"]) for i, site in enumerate(sites))
    )


def read_health(values: dict[str, Any]) -> HealthChecks:
    """Give the checks. Raises :class:`ConfigError`."""
    bucket = values["bucket"] or ""
    if bucket and (check_bucket("health.bucket", bucket) != bucket or re.search(r"[*?\[]", bucket)):
        raise ConfigError("health.bucket", f"{quoted(bucket)} is a pattern", "name one bucket that is there")
    return HealthChecks(**{**values, "bucket": bucket})


def expanded(key: str, endpoint: str) -> list[str]:
    """Write out the ellipses of an endpoint, the last one counting fastest. Raises :class:`ConfigError`."""
    parts = _ELLIPSIS.split(endpoint)
    if re.search(r"[{}]", "".join(parts[::3])):
        raise ConfigError(key, f"{quoted(endpoint)} has braces that are no {{1...4}}", _WRITE_IT)
    ranges = []
    for first, last in zip(parts[1::3], parts[2::3], strict=True):
        if int(first) > int(last):
            raise ConfigError(key, f"{quoted(endpoint)} counts down", _WRITE_IT)
        width = len(first) if first.startswith("0") else 0
        ranges.append([f"{i:0{width}}" for i in range(int(first), int(last) + 1)])
    count = 1
    for numbers in ranges:
        count *= len(numbers)
    if count > MOST:
        raise ConfigError(key, f"{quoted(endpoint)} stands for {count} servers", f"name at most {MOST}")
    return [
        "".join(text for pair in zip(parts[::3], (*numbers, ""), strict=True) for text in pair)
        for numbers in product(*ranges)
    ]


class _Reader:
    """Reads endpoints, and knows those that it has read."""

    def __init__(self, listen: Listen, make: Callable[[str, str, int], Backend]) -> None:
        self._listen, self._make = listen, make
        self._seen: dict[tuple[str, int], str] = {}
        self._scheme = ""

    def read_all(self, key: str, endpoints: list[str]) -> tuple[Backend, ...]:
        """Read a list, ellipses written out."""
        if not endpoints:
            raise ConfigError(key, "is empty", "name at least one https:// address")
        return tuple(
            self.read(f"{key}[{i}]", one) for i, given in enumerate(endpoints) for one in expanded(f"{key}[{i}]", given)
        )

    def read(self, key: str, endpoint: str) -> Backend:
        """Read one. Raises :class:`ConfigError`."""
        scheme, host, port = split_endpoint(key, endpoint)
        if scheme == "http" and not is_loopback(host):
            raise ConfigError(
                key, f"{quoted(endpoint)} is not encrypted", "use https:// (http is for this machine only)"
            )
        listen = self._listen
        if port == listen.port and listens_at(listen.host, host):
            raise ConfigError(
                key,
                f"{quoted(endpoint)} is the gateway's own address",
                "name the S3 server, or change listen.port",
            )
        if self._scheme not in ("", scheme):
            raise ConfigError(
                key, f"{quoted(endpoint)} speaks {scheme} and those before it {self._scheme}", "use one for all"
            )
        if (host, port) in self._seen:
            raise ConfigError(
                key, f"{quoted(endpoint)} is named twice, first in {self._seen[host, port]}", "leave it out here"
            )
        if len(self._seen) == MOST:
            raise ConfigError(key, f"{quoted(endpoint)} is one too many", f"name at most {MOST} servers")
        self._scheme, self._seen[host, port] = scheme, key
        return self._make(scheme, host, port)
