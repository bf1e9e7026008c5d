"""Rules that nothing can match are refused, with what was meant: their objects would be stored unencrypted."""

from pathlib import Path
from typing import Any

import pytest

from s3gateway.config.check import ConfigError
from s3gateway.config.gateway_yaml import build, parse

OK = """
backend: {endpoint: "https://h"}
clients:
  - {name: spark, access_key_id: K1, secret_access_key: s%s}
  - {name: boto3-jobs, access_key_id: K2, secret_access_key: s}
"""


def refusal(access: str = "", rule: str = "") -> str:
    with pytest.raises(ConfigError) as raised:
        parse(OK % (access and ", " + access) + f"encryption: [{{none: true}}, {{sse-s3: true, {rule}}}]", Path())
    return str(raised.value)


PREFIXES = [
    ("pii/*", "'pii/*' is taken literally; write 'pii/'"),
    ("logs/2024-??/x", "'logs/2024-??/x' is taken literally; write 'logs/2024-'"),
    ("*", "'*' is taken literally; leave it out"),
    ("*/pii/", "'*/pii/' is taken literally; write what the keys begin with, to the letter"),
    ("/pii", "'/pii' begins with a slash, and keys do not; write 'pii'"),
    ("/pii/*", "'/pii/*' begins with a slash, and keys do not; write 'pii/'"),
    ("/", "'/' begins with a slash, and keys do not; leave it out"),
]


@pytest.mark.parametrize(("prefix", "told"), PREFIXES)
def test_prefixes(prefix: str, told: str) -> None:
    """Prefixes are literal, and S3's keys begin without a slash."""
    assert refusal(rule=f"prefix: '{prefix}'") == f"encryption[1].prefix: {told}"
    assert refusal(f"prefixes: [a/, '{prefix}']") == f"clients[0].prefixes[1]: {told}"


BUCKETS = [
    ("s3://foo/*", "'s3://foo/*' is no bucket's name and matches none; write 'foo'"),
    ("s3a://foo", "'s3a://foo' is no bucket's name and matches none; write 'foo'"),
    ("arn:aws:s3:::foo/*", "'arn:aws:s3:::foo/*' is no bucket's name and matches none; write 'foo'"),
    ("foo/", "'foo/' is no bucket's name and matches none; write 'foo'"),
    (
        "foo*/bar",
        "'foo*/bar' is no bucket's name and matches none; write 'foo*', and what keys begin with as a prefix",
    ),
    (
        "foo, bar",
        "'foo, bar' is no bucket's name and matches none; write a bucket's name, or a pattern of names with * and ?",
    ),
    ("foo[", "'foo[' is no bucket's name and matches none; write a bucket's name, or a pattern of names with * and ?"),
]


@pytest.mark.parametrize(("bucket", "told"), BUCKETS)
def test_buckets(bucket: str, told: str) -> None:
    """A pattern is one of names, without what URLs and policies put around them."""
    assert refusal(rule=f"bucket: '{bucket}'") == f"encryption[1].bucket: {told}"
    assert refusal(f"buckets: [ok, '{bucket}']") == f"clients[0].buckets[1]: {told}"


@pytest.mark.parametrize(
    ("client", "told"),
    [
        ("sparc", "'sparc' matches no client's name; did you mean spark?"),
        ("Spark*", "'Spark*' matches no client's name; did you mean spark?"),
        ("K2", "'K2' matches no client's name; known here: boto3-jobs, spark"),
    ],
)
def test_clients(client: str, told: str) -> None:
    """Names, not access keys; case counts."""
    assert refusal(rule=f"client: '{client}'") == f"encryption[1].client: {told}"


@pytest.mark.parametrize(
    "rule",
    [
        {"bucket": "[a-c]*.Old_Bucket-?"},
        {"bucket": "[!x]*"},
        {"prefix": "pii/a//b/"},
        {"prefix": "Größe [1]/"},
        {"prefix": ""},
        {"client": "boto3-*"},
        {"client": "[s]park"},
    ],
    ids=str,
)
def test_what_can_match_is_accepted(rule: dict[str, Any]) -> None:
    """Buckets of AWS's older regions have capitals and underscores; keys may hold nearly anything."""
    text = (
        OK % "" + f"encryption: [{{sse-s3: true, {', '.join(f'{name}: {value!r}' for name, value in rule.items())}}}]"
    )
    (read,) = parse(text, Path()).encryption
    assert {name: getattr(read, name) for name in rule} == rule


def test_rules_without_their_clients() -> None:
    """An offline replay knows only the clients of its capture, and takes the rules as they are."""
    document = {"backend": {"endpoint": "https://h"}, "encryption": [{"client": "spark", "sse-s3": True}]}
    assert build(document, Path()).encryption[0].client == "spark"
