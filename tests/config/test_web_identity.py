"""``web_identity:`` -> trusted issuers; what could trust too many is refused with the remedy."""

from pathlib import Path
from typing import Any

import pytest

from s3gateway.config.check import ConfigError
from s3gateway.config.gateway_yaml import build
from s3gateway.identity.issuer import Issuer
from tests.identity.tokens import jwks

LEAST: dict[str, Any] = {"issuer": "https://issuer.test", "audiences": ["lake"], "subjects": ["repo:org/*"]}


def load(*entries: dict[str, Any], folder: Path = Path()) -> tuple[Issuer, ...]:
    given = [{name: value for name, value in entry.items() if value is not None} for entry in entries]
    return build({"backend": {"endpoint": "https://h"}, "web_identity": given}, folder).web_identity


def test_the_least_and_everything(tmp_path: Path) -> None:
    assert load() == ()
    assert load(LEAST) == (Issuer("https://issuer.test", ("lake",), ("repo:org/*",), ("RS256", "ES256")),)
    (tmp_path / "token").write_text("x")
    more = {
        "algorithms": ["EdDSA"],
        "user_claim": "actor",
        "jwks_uri": "https://k.test:6443/jwks",
        "token_file": "token",
    }
    (issuer,) = load(LEAST | more, folder=tmp_path)
    assert (issuer.algorithms, issuer.user_claim) == (("EdDSA",), "actor")
    assert (issuer.jwks_uri, issuer.token_file) == ("https://k.test:6443/jwks", tmp_path / "token")


def test_keys_in_a_file(tmp_path: Path) -> None:
    """They are read with the configuration, so a changed file is a changed configuration."""
    (tmp_path / "keys.json").write_bytes(jwks())
    (issuer,) = load(LEAST | {"jwks_file": "keys.json"}, folder=tmp_path)
    assert [key.kid for key in issuer.jwks] == ["rsa", "ec", "ed"]
    (tmp_path / "keys.json").write_bytes(b"<html>")
    with pytest.raises(ConfigError, match=r"jwks_file: 'keys\.json' is no JSON Web Key Set; store what the issuer's"):
        load(LEAST | {"jwks_file": "keys.json"}, folder=tmp_path)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"issuer": None}, "issuer: is missing; write text"),
        ({"issuer": "http://issuer.test"}, "issuer: 'http://issuer.test' is not an https address; write it like"),
        ({"issuer": "issuer.test"}, "issuer: 'issuer.test' is not an https address; write it like"),
        ({"issuer": "https://u:p@h"}, "issuer: holds a user name or password; write it like"),
        ({"issuer": "https://"}, "issuer: 'https://' does not name a host; write it like"),
        ({"issuer": "https://h:0"}, "issuer: 'https://h:0' does not name a host; write it like"),
        ({"issuer": "https://h:x"}, "issuer: 'https://h:x' is not a URL; write it like"),
        ({"issuer": "https://h/?a"}, "issuer: 'https://h/?a' has a query or a fragment; write it like"),
        ({"audiences": None}, "audiences: is missing; write a list of text"),
        ({"audiences": []}, "audiences: is empty; list at least one"),
        ({"subjects": []}, "subjects: is empty; list at least one"),
        ({"subjects": None}, "subjects: is missing; write a list of text"),
        ({"algorithms": []}, "algorithms: is empty; list at least one"),
        ({"algorithms": ["HS256"]}, "algorithms[0]: 'HS256' is not asymmetric; list what is meant of RS256, "),
        ({"algorithms": ["ES256", "none"]}, "algorithms[1]: 'none' is not asymmetric; list what is meant of RS256, "),
        (
            {"algorithms": ["rs256"]},
            "algorithms[0]: 'rs256' is not an algorithm that is known; list what is meant of RS256, ",
        ),
        ({"jwks_uri": "http://h/jwks"}, "jwks_uri: 'http://h/jwks' is not an https address; write it like"),
        (
            {"jwks_uri": "https://h", "jwks_file": "x"},
            "jwks_uri: is set besides jwks_file, with which nothing is fetched; leave it out",
        ),
        ({"token_file": "/nowhere"}, "token_file: file '/nowhere' does not exist; correct the path"),
    ],
)
def test_refusals(more: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(LEAST | {"issuer": "https://other.test"}, LEAST | more)
    assert str(caught.value).startswith(f"web_identity[1].{told}")


def test_an_issuer_twice() -> None:
    """Which of two entries counts would be a matter of luck."""
    with pytest.raises(ConfigError, match=r"web_identity\[1\].issuer: 'https://issuer.test' is there twice; put both"):
        load(LEAST, LEAST)
