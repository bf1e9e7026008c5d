"""``tracing:`` -> what is traced."""

from pathlib import Path

import pytest

from s3gateway.config import tracing
from s3gateway.config.check import ConfigError
from s3gateway.config.gateway_yaml import build
from s3gateway.config.observing import Tracing

HERE = "http://127.0.0.1:4318/v1/traces"


def load(**values: object) -> Tracing | None:
    return build({"backend": {"endpoint": "https://h"}, "tracing": values}, Path()).tracing


def test_it_is_off_by_default() -> None:
    """A field that is there passes anyway."""
    assert load() is None
    assert load(add=False) is None


def test_a_field_and_spans() -> None:
    """Of one request in a hundred, unless it says otherwise."""
    assert load(add=True) == Tracing(True, "", 0.01)
    assert load(endpoint=HERE) == Tracing(False, HERE, 0.01)
    assert load(endpoint=HERE, sample=0) == Tracing(False, HERE, 0)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"sample": 0.5}, "tracing.sample: is set without tracing.endpoint"),
        ({"endpoint": HERE, "sample": 2}, "tracing.sample: 2 is not a number from 0 to 1"),
        ({"endpoint": "collector:4318"}, "tracing.endpoint: 'collector:4318' is not an http(s) address; write it like"),
        ({"endpoint": "http://u:s3cr3t@h/"}, "tracing.endpoint: holds a user name or password"),
    ],
)
def test_what_it_is_refused_for(values: dict[str, object], told: str) -> None:
    """The key, the value, the remedy."""
    with pytest.raises(ConfigError) as refused:
        load(**values)
    assert str(refused.value).startswith(told)
    assert "s3cr3t" not in str(refused.value)


def test_packages_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are a group of their own; spans are optional."""
    monkeypatch.setattr(tracing, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match="needs packages that are not installed; install those of the group"):
        load(endpoint=HERE)
    assert load(add=True) is not None
