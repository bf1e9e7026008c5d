"""``canary:`` -> a bucket and a client that may do there what it does."""

from pathlib import Path
from typing import Any

import pytest

from s3gateway.config.check import ConfigError
from s3gateway.config.gateway_yaml import build
from s3gateway.config.observing import Canary

CLIENTS = [
    {"name": "spark", "access_key_id": "K1", "secret_access_key": "s", "buckets": ["*"]},
    {"name": "narrow", "access_key_id": "K2", "secret_access_key": "s", "buckets": ["team"], "prefixes": ["a/", "b/"]},
    {"name": "reader", "access_key_id": "K3", "secret_access_key": "s", "buckets": ["*"], "read_only": True},
    {"name": "writer", "access_key_id": "K4", "secret_access_key": "s", "buckets": ["*"], "operations": ["PutObject"]},
]


def load(**canary: Any) -> Canary | None:
    return build({"backend": {"endpoint": "https://h"}, "clients": CLIENTS, "canary": canary}, Path()).canary


def test_it_is_off_by_default() -> None:
    """It writes into somebody's bucket."""
    assert load() is None


def test_its_objects_are_where_its_client_may_write() -> None:
    """Below the first of its prefixes."""
    assert load(bucket="lake", client="spark") == Canary("lake", "spark", "s3gateway-canary/", 2, 10)
    found = load(bucket="team", client="narrow", timeout=5, retry=1)
    assert found == Canary("team", "narrow", "a/s3gateway-canary/", 5, 1)


@pytest.mark.parametrize(
    ("canary", "told"),
    [
        ({"bucket": "lake"}, "canary.client: is missing; name a client's name"),
        ({"client": "spark"}, "canary.bucket: is missing; name a bucket that is there"),
        ({"bucket": "lake", "client": "sprak"}, "canary.client: 'sprak' is no client's name; did you mean spark?"),
        ({"bucket": "la*", "client": "spark"}, "canary.bucket: 'la*' is a pattern; name one bucket that is there"),
        ({"bucket": "s3://x", "client": "spark"}, "canary.bucket: 's3://x' is no bucket's name"),
        (
            {"bucket": "lake", "client": "reader"},
            "canary.client: 'reader' may not PutObject below 's3gateway-canary/' in 'lake' (PutObject writes, and",
        ),
        ({"bucket": "lake", "client": "writer"}, "canary.client: 'writer' may not HeadObject below"),
        ({"bucket": "lake", "client": "narrow"}, "canary.client: 'narrow' may not PutObject below"),
    ],
)
def test_what_it_is_refused_for(canary: dict[str, Any], told: str) -> None:
    """Before it fails for ever."""
    with pytest.raises(ConfigError) as refused:
        load(**canary)
    assert str(refused.value).startswith(told)
