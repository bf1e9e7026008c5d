"""``audit:`` -> targets; what could not be kept secret, or not be relied on, is refused."""

from pathlib import Path
from typing import Any

import pytest

from s3gateway.config.check import ConfigError
from s3gateway.config.gateway_yaml import build
from s3gateway.config.observing import Audit


def load(folder: Path = Path(), **audit: Any) -> Audit | None:
    return build({"backend": {"endpoint": "https://h"}, "audit": audit}, folder).audit


def test_it_is_off_unless_it_goes_somewhere() -> None:
    """An empty section is none."""
    assert load() is None
    assert load(deployment_id="lake") is None


def test_everything(tmp_path: Path) -> None:
    """File names are relative to the configuration."""
    (tmp_path / "token").write_text("Bearer s3cr3t\n")
    (tmp_path / "ca.crt").write_text("")
    webhook = {"url": "https://collector:8443/audit?x=1", "authorization_file": "token", "ca_file": "ca.crt"}
    audit = load(
        tmp_path, file="audit.jsonl", required=True, stdout=True, deployment_id="lake",
        webhook=webhook | {"queue": 7, "timeout": 1.5},
    )  # fmt: skip
    assert audit is not None
    assert (audit.file, audit.required, audit.stdout) == (tmp_path / "audit.jsonl", True, True)
    hook = audit.webhook
    assert hook is not None
    assert (hook.scheme, hook.host, hook.port, hook.target) == ("https", "collector", 8443, "/audit?x=1")
    assert (hook.ca_file, hook.queue, hook.timeout) == (tmp_path / "ca.crt", 7, 1.5)
    assert hook.authorization is not None
    assert hook.authorization.reveal() == b"Bearer s3cr3t"
    assert "s3cr3t" not in repr(audit)


@pytest.mark.parametrize(
    ("url", "target"),
    [("https://h", "/"), ("http://h:1/", "/"), ("http://h/a/b", "/a/b"), ("https://h?a=b", "/?a=b")],
)
def test_what_is_asked_for_there(url: str, target: str) -> None:
    """Path and query, as they are written."""
    audit = load(webhook={"url": url})
    assert audit is not None
    assert audit.webhook is not None
    assert audit.webhook.target == target


@pytest.mark.parametrize(
    ("audit", "told"),
    [
        ({"required": True}, "audit.required: is set without audit.file; set audit.file"),
        ({"required": True, "stdout": True}, "audit.required: is set without audit.file"),
        (
            {"webhook": {"authorization_file": "x"}},
            "audit.webhook.authorization_file: is set without audit.webhook.url",
        ),
        ({"webhook": {"url": "collector"}}, "audit.webhook.url: 'collector' is not a URL; write it like https://"),
        ({"webhook": {"url": "ftp://h/"}}, "audit.webhook.url: 'ftp://h' is not an http(s) address"),
        ({"webhook": {"url": "https://u:s3cr3t@h"}}, "audit.webhook.url: holds a user name or password; put that into"),
        ({"webhook": {"url": "https://h/a b?s3cr3t"}}, "audit.webhook.url: 'https://h/a b' is not a URL"),
        ({"webhook": {"url": "https://h", "ca_file": "no"}}, "audit.webhook.ca_file: file 'no' does not exist"),
        ({"file": "~nobody-here/a"}, "audit.file: '~nobody-here/a' names an unknown user; correct the path"),
        ({"stdout": True, "deployment_id": "a b"}, "audit.deployment_id: 'a b' holds ' '"),
    ],
)
def test_what_it_is_refused_for(audit: dict[str, Any], told: str) -> None:
    """The key, the value, the remedy, and no secret."""
    with pytest.raises(ConfigError) as refused:
        load(**audit)
    assert str(refused.value).startswith(told)
    assert "s3cr3t" not in str(refused.value)


@pytest.mark.parametrize(("text", "problem"), [("", "is empty"), ("Bearer a\nb", "is more than one line of ASCII")])
def test_a_token_that_is_none(tmp_path: Path, text: str, problem: str) -> None:
    """It is a header's value."""
    (tmp_path / "token").write_text(text)
    with pytest.raises(ConfigError, match=problem):
        load(tmp_path, webhook={"url": "https://h", "authorization_file": "token"})


def test_a_token_does_not_leave_this_machine_unencrypted(tmp_path: Path) -> None:
    """To this machine it may."""
    (tmp_path / "token").write_text("Bearer s3cr3t")
    with pytest.raises(ConfigError, match="would be sent without encryption; use https://"):
        load(tmp_path, webhook={"url": "http://h", "authorization_file": "token"})
    assert load(tmp_path, webhook={"url": "http://127.0.0.1", "authorization_file": "token"}) is not None
