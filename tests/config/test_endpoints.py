"""Several backends as the configuration names them: ellipses, lists, sites, and what is refused."""

from pathlib import Path

import pytest

from s3gateway.config.check import ConfigError
from s3gateway.config.gateway_yaml import build
from s3gateway.config.model import Config

CLIENTS = [{"name": "a", "access_key_id": "K", "secret_access_key": "s"}]
CLUSTER = ["https://minio{1...4}:9000"]


def read(backend: object, **sections: object) -> Config:
    return build({"backend": backend, "clients": CLIENTS, **sections}, Path())


@pytest.mark.parametrize(
    ("given", "urls"),
    [
        ("https://minio{1...3}:9000", ["https://minio1:9000", "https://minio2:9000", "https://minio3:9000"]),
        ("https://minio{09...11}", ["https://minio09:443", "https://minio10:443", "https://minio11:443"]),
        ("https://m:900{0...1}", ["https://m:9000", "https://m:9001"]),
        (
            "https://r{1...2}m{3...4}",
            ["https://r1m3:443", "https://r1m4:443", "https://r2m3:443", "https://r2m4:443"],
        ),
        ("https://10.0.0.{7...8}:9000", ["https://10.0.0.7:9000", "https://10.0.0.8:9000"]),
        ("https://[fe80::{1...2}]:9000", ["https://[fe80::1]:9000", "https://[fe80::2]:9000"]),
    ],
)
def test_an_ellipsis_stands_for_its_numbers(given: str, urls: list[str]) -> None:
    """As on MinIO's command line: the last one counts fastest, zeros in front stay."""
    config = read({"endpoints": [given]})
    assert [[backend.url for backend in site.endpoints] for site in config.sites] == [urls]
    assert config.backend.url == urls[0]


def test_sites_keep_their_order() -> None:
    """Each has its servers, and may take no writes."""
    config = read({"sites": [{"endpoints": CLUSTER}, {"endpoints": ["https://far"], "read_only": True}]})
    assert [(site.number, len(site.endpoints), site.read_only) for site in config.sites] == [
        (0, 4, False),
        (1, 1, True),
    ]


def test_one_endpoint_has_no_sites() -> None:
    """Nothing is chosen and nothing is asked for its health."""
    assert read({"endpoint": "https://minio"}).sites == ()


SITES = {"sites": [{"endpoints": CLUSTER}, {"endpoints": ["https://minio2:9000"]}]}
READ_ONLY = {"sites": [{"endpoints": CLUSTER, "read_only": True}]}

REFUSED = [
    ({}, "backend.endpoint: is missing; set it to"),
    ({"endpoints": []}, "backend.endpoint: is missing; set it to"),
    ({"endpoint": "https://a", "endpoints": ["https://b"]}, "backend.endpoints: is set besides backend.endpoint; keep"),
    ({"endpoints": ["https://a"], **SITES}, "backend.sites: is set besides backend.endpoints; keep one of them"),
    ({"endpoints": "https://a"}, "backend.endpoints: 'https://a' is not a list of text; write [\"https://a\"]"),
    ({"endpoints": ["minio:9000"]}, "backend.endpoints[0]: 'minio:9000' is not an http(s) address; write it like"),
    ({"endpoints": ["https://m{1..4}"]}, "backend.endpoints[0]: 'https://m{1..4}' has braces that are no {1...4}"),
    ({"endpoints": ["https://m{a...d}"]}, "backend.endpoints[0]: 'https://m{a...d}' has braces that are no {1...4}"),
    ({"endpoints": ["https://m{1...4"]}, "backend.endpoints[0]: 'https://m{1...4' has braces that are no {1...4}"),
    ({"endpoints": ["https://m{4...1}"]}, "backend.endpoints[0]: 'https://m{4...1}' counts down; write it like"),
    ({"endpoints": ["https://m{1...257}"]}, "'https://m{1...257}' stands for 257 servers; name at most 256"),
    ({"endpoints": ["https://m{0...9999}{0...9999}{0...9999}"]}, "stands for 1000000000000 servers; name at most 256"),
    ({"endpoints": ["https://a{1...200}", "https://b{1...57}"]}, "'https://b57' is one too many; name at most 256"),
    ({"endpoints": ["https://u:p@m{1...2}"]}, "backend.endpoints[0]: holds a user name or password"),
    ({"endpoints": [*CLUSTER, "https://MINIO3:9000/"]}, "'https://MINIO3:9000/' is named twice, first in"),
    (SITES, "backend.sites[1].endpoints[0]: 'https://minio2:9000' is named twice, first in backend.sites[0].endpoints"),
    (
        {"endpoints": ["https://127.0.0.1:9000", "http://127.0.0.1:9001"]},
        "backend.endpoints[1]: 'http://127.0.0.1:9001' speaks http and those before it https; use one for all",
    ),
    ({"endpoints": ["http://minio:9000"]}, "backend.endpoints[0]: 'http://minio:9000' is not encrypted; use https://"),
    (
        {"sites": [{"endpoints": CLUSTER}, {"endpoints": ["https://127.0.0.1:8000"]}]},
        "backend.sites[1].endpoints[0]: 'https://127.0.0.1:8000' is the gateway's own address; name the S3 server",
    ),
    (READ_ONLY, "backend.sites[0].read_only: is set for the first site; begin with one that takes writes"),
    ({"sites": []}, "backend.endpoint: is missing; set it to"),
    ({"sites": {"endpoints": CLUSTER}}, "backend.sites: a mapping is not a list; start each entry of backend.sites"),
    ({"sites": [{"endpoints": []}]}, "backend.sites[0].endpoints: is empty; name at least one https:// address"),
    ({"sites": [{"read_only": False}]}, "backend.sites[0].endpoints: is missing; write a list of text"),
    ({"sites": [{"endpoint": "https://a"}]}, "backend.sites[0].endpoint: unknown key; did you mean endpoints?"),
    ({"site": []}, "backend.site: unknown key; did you mean sites?"),
    ({"endpoint": "https://a", "key": "k.pem"}, "backend.key: file 'k.pem' does not exist; correct"),
    ({"endpoints": CLUSTER, "dns_ttl": 0}, "backend.dns_ttl: 0 is not a number of seconds > 0"),
]


@pytest.mark.parametrize(("backend", "message"), REFUSED)
def test_refused_in_one_line(backend: object, message: str) -> None:
    """The key's path, the value and the remedy; never a password."""
    with pytest.raises(ConfigError) as refused:
        read(backend)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "u:p" not in str(refused.value)


@pytest.mark.parametrize(
    ("health", "message"),
    [
        ({"interval": 0}, "health.interval: 0 is not a number of seconds > 0"),
        ({"jitter": 1.5}, "health.jitter: 1.5 is not a number from 0 to 1"),
        ({"live": "minio/health/live"}, "health.live: 'minio/health/live' is not a path; write a path"),
        ({"read": "/a b"}, "health.read: '/a b' is not a path"),
        ({"write": "/a\r\nX: y"}, "health.write: '/a\\r\\nX: y' is not a path"),
        ({"bucket": "logs-*"}, "health.bucket: 'logs-*' is a pattern; name one bucket that is there"),
        ({"bucket": "a/b"}, "health.bucket: 'a/b' is no bucket's name and matches none; write 'a'"),
        ({"path": "/x"}, "health.path: unknown key"),
    ],
)
def test_checks_are_refused_in_one_line(health: object, message: str) -> None:
    """A path is one: it stands in a request line."""
    with pytest.raises(ConfigError) as refused:
        read({"endpoints": CLUSTER}, health=health)
    assert message in str(refused.value)


def test_its_own_address_by_another_name() -> None:
    """Who listens on every address listens on the loopback, too."""
    with pytest.raises(ConfigError, match="own address"):
        read({"endpoints": ["https://localhost:8000"]}, listen={"host": "0.0.0.0"})
