"""``admin:`` of the configuration: where operators connect, and which buckets their metrics may name."""

from typing import Any

from s3gateway.config.addresses import check_listen_host
from s3gateway.config.check import ConfigError, quoted
from s3gateway.config.model import Admin, Listen
from s3gateway.config.patterns import check_bucket, check_prefix

MOST = 100
"""Entries of either list: each is looked at for every request."""


def read_admin(values: dict[str, Any], listen: Listen) -> Admin | None:
    """Give the listener, None where there is none. Raises :class:`ConfigError`."""
    port = values["port"]
    if port is None:
        _needs_a_port(values)
        return None
    if port == listen.port:
        raise ConfigError("admin.port", f"{port} is listen.port, where S3 is", "choose another")
    for name in ("buckets", "prefixes"):
        if len(values[name]) > MOST:
            raise ConfigError(f"admin.{name}", f"has {len(values[name])} entries", f"keep {MOST}")
    return Admin(
        check_listen_host("admin.host", values["host"]),
        port,
        tuple(check_bucket(f"admin.buckets[{i}]", one) for i, one in enumerate(values["buckets"])),
        tuple(_prefix(f"admin.prefixes[{i}]", one) for i, one in enumerate(values["prefixes"])),
    )


def _needs_a_port(values: dict[str, Any]) -> None:
    for name in ("buckets", "prefixes"):
        if values[name]:
            raise ConfigError(f"admin.{name}", "is set without admin.port", "set admin.port, where metrics are served")


def _prefix(key: str, given: str) -> str:
    bucket, slash, prefix = given.partition("/")
    if not slash or not bucket or not prefix or set(bucket) & set("*?["):
        raise ConfigError(key, f"{quoted(given)} is no beginning of keys in one bucket", "write it like lake/raw/")
    return f"{check_bucket(key, bucket)}/{check_prefix(key, prefix)}"
