"""``admin:`` -> the listener and the buckets that its metrics name."""

from pathlib import Path

import pytest

from s3gateway.config.check import ConfigError
from s3gateway.config.gateway_yaml import build
from s3gateway.config.model import Admin


def load(**admin: object) -> Admin | None:
    return build({"backend": {"endpoint": "https://h"}, "admin": admin}, Path()).admin


def test_where_and_what_it_names() -> None:
    """On loopback, naming no bucket, unless it says so."""
    assert load() is None
    assert load(port=9100) == Admin("127.0.0.1", 9100)
    given = load(host="::", port=9100, buckets=["lake", "raw-*"], prefixes=["lake/raw/"])
    assert given == Admin("::", 9100, ("lake", "raw-*"), ("lake/raw/",))


@pytest.mark.parametrize(
    ("admin", "told"),
    [
        ({"port": 8000}, "admin.port: 8000 is listen.port, where S3 is; choose another"),
        ({"buckets": ["a"]}, "admin.buckets: is set without admin.port; set admin.port, where metrics are served"),
        ({"port": 1, "host": "a b"}, "admin.host: 'a b' is no host name or IP address"),
        ({"port": 1, "buckets": ["a/b"]}, "admin.buckets[0]: 'a/b' is no bucket's name and matches none"),
        ({"port": 1, "prefixes": ["lake"]}, "admin.prefixes[0]: 'lake' is no beginning of keys in one bucket; write"),
        ({"port": 1, "prefixes": ["lake/"]}, "admin.prefixes[0]: 'lake/' is no beginning of keys in one bucket"),
        ({"port": 1, "prefixes": ["l*/a"]}, "admin.prefixes[0]: 'l*/a' is no beginning of keys in one bucket"),
        ({"port": 1, "prefixes": ["lake/a*"]}, "admin.prefixes[0]: 'a*' is taken literally; write 'a'"),
        ({"port": 1, "buckets": ["a"] * 101}, "admin.buckets: has 101 entries; keep 100"),
    ],
)
def test_what_it_is_refused_for(admin: dict[str, object], told: str) -> None:
    """The key, the value, the remedy."""
    with pytest.raises(ConfigError) as refused:
        load(**admin)
    assert str(refused.value).startswith(told)
