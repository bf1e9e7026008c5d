"""``canary:`` of the configuration: the bucket and the client that the gateway tries its whole path with."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from s3gateway.config.check import ConfigError, quoted
from s3gateway.config.model import Client
from s3gateway.config.observing import Canary
from s3gateway.config.patterns import check_bucket
from s3gateway.errors import S3Error
from s3gateway.rules.access import check_access
from s3gateway.rules.operations import Operation

FOLDER = "s3gateway-canary/"
"""Where its objects are, below the first of the client's prefixes. They are removed again."""

_USES = ("PutObject", "HeadObject", "GetObject", "DeleteObject")


def read_canary(values: dict[str, Any], clients: Iterable[Client]) -> Canary | None:
    """Give the canary, None where there is none. Raises :class:`ConfigError`."""
    bucket, name = values["bucket"], values["client"]
    if not bucket and not name:
        return None
    for key, value, what in (("bucket", bucket, "a bucket that is there"), ("client", name, "a client's name")):
        if not value:
            raise ConfigError(f"canary.{key}", "is missing", f"name {what}")
    if check_bucket("canary.bucket", bucket) and set(bucket) & set("*?["):
        raise ConfigError("canary.bucket", f"{quoted(bucket)} is a pattern", "name one bucket that is there")
    client = _client(name, list(clients))
    prefix = (client.access.prefixes or ("",))[0] + FOLDER
    for use in _USES:
        _check_use(client, bucket, prefix, use)
    return Canary(bucket, name, prefix, values["timeout"], values["retry"])


def _client(name: str, clients: list[Client]) -> Client:
    found = next((client for client in clients if client.name == name), None)
    if found is None:
        known = sorted({client.name for client in clients})
        near = get_close_matches(name, known, 1)
        remedy = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
        raise ConfigError("canary.client", f"{quoted(name)} is no client's name", remedy)
    return found


def _check_use(client: Client, bucket: str, prefix: str, use: str) -> None:
    operation = Operation(use, bucket, prefix + "x", f"/{bucket}/{prefix}x".encode())
    try:
        check_access(client.access, operation)
    except S3Error as error:
        raise ConfigError(
            "canary.client",
            f"{quoted(client.name)} may not {use} below {quoted(prefix)} in {quoted(bucket)} ({error.reason})",
            "let it, or name another client or bucket",
        ) from None
