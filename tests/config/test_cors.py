"""``cors:`` -> rules; and what no browser could send is refused with the remedy."""

from pathlib import Path

import pytest

from s3gateway.config.check import ConfigError
from s3gateway.config.gateway_yaml import build, parse
from s3gateway.config.model import BucketsOwn, Config
from s3gateway.rules.cors import CorsRule

BACKEND = "backend: {endpoint: 'https://h'}\n"
LEAST: dict[str, object] = {"origins": ["https://a.test"], "methods": ["GET"]}


def load(*rules: dict[str, object]) -> Config:
    return build({"backend": {"endpoint": "https://h"}, "cors": list(rules)}, Path())


def test_everything() -> None:
    """A rule as it is compared: header names in lower case, but what is exposed as it is written."""
    given = {
        "bucket": "web-*",
        "origins": ["https://app.example.com", "https://*.example.com", "null"],
        "methods": ["PUT", "GET"],
        "headers": ["Content-Type", "X-Amz-Meta-*"],
        "expose": ["ETag"],
        "max_age": 0,
    }
    assert load(given).cors == (
        CorsRule(
            (b"https://app.example.com", b"https://*.example.com", b"null"),
            (b"PUT", b"GET"),
            (b"content-type", b"x-amz-meta-*"),
            (b"ETag",),
            0,
            "web-*",
        ),
    )
    assert load(LEAST).cors == (CorsRule((b"https://a.test",), (b"GET",)),)


@pytest.mark.parametrize(
    ("text", "cors"),
    [("", None), ("cors:", None), ("cors: []", ()), ("cors: bucket", BucketsOwn())],
)
def test_who_decides(text: str, cors: object) -> None:
    """Without the key it is not the gateway; an empty list allows nobody."""
    client = "clients: [{name: a, access_key_id: K, secret_access_key: s}]\n"
    assert parse(BACKEND + client + text, Path()).cors == cors


@pytest.mark.parametrize(
    "origin",
    [
        *(
            "*",
            "null",
            "https://*",
            "http*",
            "*.example.com",
            "*://app.example.com",
            "http://localhost:*",
            "capacitor://x",
        ),
        *("https://app.example.com:8443", "http://[::1]:3000", "http://127.0.0.1:3000", "chrome-extension://abcdef"),
        *("https://*.example.com", "https://app-*.example.com", "https://a.test:80"),
    ],
)
def test_origins(origin: str) -> None:
    assert load(LEAST | {"origins": [origin]}).cors == (CorsRule((origin.encode(),), (b"GET",)),)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"origins": []}, "cors[0].origins: is empty; list at least one, or leave the rule out"),
        ({"methods": []}, "cors[0].methods: is empty; list at least one, or leave the rule out"),
        ({"origins": "*"}, "cors[0].origins: '*' is not a list of text; write [\"*\"]"),
        ({"origins": ["https://*.*.test"]}, "cors[0].origins[0]: 'https://*.*.test' has more than one *; S3 takes one"),
        *(
            ({"origins": [given]}, f"cors[0].origins[0]: {given!r} is the origin of no page; write {better!r}")
            for given, better in (
                ("https://app.example.com/", "https://app.example.com"),
                ("https://app.example.com/index.html", "https://app.example.com"),
                ("https://App.example.com", "https://app.example.com"),
                ("app.example.com", "https://app.example.com"),
                ("app.example.com:3000", "https://app.example.com:3000"),
                ("https://app.example.com:443", "https://app.example.com"),
                ("http://app.example.com:80", "http://app.example.com"),
            )
        ),
        ({"origins": ["https://a b"]}, "'https://a b' is the origin of no page; write it like https://app.example.com"),
        ({"origins": ["https://é.test"]}, "is the origin of no page; write it like https://app.example.com"),
        ({"origins": ["https://a\nb"]}, "is the origin of no page; write"),
        ({"methods": ["get"]}, "cors[0].methods[0]: 'get' is no method that a rule may allow; write GET"),
        ({"methods": ["OPTIONS"]}, "'OPTIONS' is no method that a rule may allow; leave it out: browsers send it"),
        (
            {"methods": ["*"]},
            "'*' is no method that a rule may allow; list what is meant of GET, PUT, POST, DELETE, HEAD",
        ),
        ({"headers": ["x-*-*"]}, "cors[0].headers[0]: 'x-*-*' has more than one *"),
        ({"headers": ["a b"]}, "cors[0].headers[0]: 'a b' is no header's name; write it like Content-Type"),
        ({"headers": ["é"]}, "cors[0].headers[0]: 'é' is no header's name"),
        ({"expose": ["*"]}, "cors[0].expose[0]: '*' holds a *; list the names: S3 takes no pattern here"),
        ({"expose": ["a\r\nb: c"]}, "is no header's name; write it like ETag"),
        ({"max_age": -1}, "cors[0].max_age: -1 is not a whole number of seconds"),
        ({"max_age": 1.5}, "cors[0].max_age: 1.5 is not a whole number of seconds"),
        ({"max_age": 2**31}, "cors[0].max_age: 2147483648 is not a whole number of seconds"),
        ({"bucket": "web/a"}, "cors[0].bucket: 'web/a' is no bucket's name and matches none; write 'web'"),
        ({"origin": "*"}, "cors[0].origin: unknown key; did you mean origins?"),
    ],
)
def test_refused_rules(rule: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(LEAST | rule)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cors: buckets", "cors: 'buckets' is not a list; write bucket, or start each rule with '- '"),
        ("cors: true", "cors: true or false is not a list; start each entry of cors with '- '"),
        ("cors: {bucket: a}", "cors: a mapping is not a list; start each entry of cors with '- '"),
        ("cors: [{origins: ['*']}]", "cors[0].methods: is missing; write a list of text"),
        ("cors: [{origins: [*]}]", '; quote what begins with *, as in "*"'),
        ("cors: [{origins: [null], methods: [GET]}]", "cors[0].origins[0]: is empty; write text"),
    ],
)
def test_refused_texts(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(BACKEND + text, Path())
    assert message in str(caught.value)


def test_more_rules_than_s3_takes() -> None:
    with pytest.raises(ConfigError, match=r"cors: has 101 rules; keep 100, as many as S3 takes for a bucket"):
        load(*[LEAST] * 101)
