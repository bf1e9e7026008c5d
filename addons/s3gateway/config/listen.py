"""``listen``: where clients come in, and which regions they may sign for."""

import fnmatch
from collections.abc import Iterable
from typing import Any

from s3gateway.config.addresses import check_listen_host
from s3gateway.config.check import ConfigError, quoted
from s3gateway.config.files import Files
from s3gateway.config.header_words import check_word
from s3gateway.config.model import Listen, is_pattern
from s3gateway.config.networks import read_networks
from s3gateway.config.patterns import each

_SDK_REGIONS = ("us-east-1", "us-east-2")
"""What SDK v1 and S3A with SDK v2 (Hadoop 3.4) sign for when a job sets an endpoint and no region."""


def read_listen(values: dict[str, Any], region: str, files: Files) -> Listen:
    """Read the section; ``region`` is the backend's, which clients may always sign for."""
    certificate = values.get("certificate")
    key = values.get("key")
    if key and not certificate:
        raise ConfigError("listen.key", "is set without listen.certificate", "set listen.certificate as well")
    return Listen(
        check_listen_host("listen.host", values["host"]),
        values["port"],
        files.path("listen.certificate", certificate) if certificate else None,
        files.path("listen.key", key) if key else None,
        _regions(values["regions"], region) or (region, *_SDK_REGIONS),
        values["health_polls"],
        read_networks("listen.proxy_protocol", values["proxy_protocol"]),
    )


def _regions(values: Iterable[str] | None, backends: str) -> tuple[str, ...]:
    """Read the regions that clients may sign for. One must be a name: it is what others are told."""
    regions = each("listen.regions", values or (), check_word)
    if (
        regions
        and all(map(is_pattern, regions))
        and not any(fnmatch.fnmatchcase(backends, pattern) for pattern in regions)
    ):
        raise ConfigError(
            "listen.regions",
            f"{quoted(regions[0])} is a pattern, and backend.region is not one that it matches",
            "add a region by its name, which clients that sign for another are told",
        )
    return regions
