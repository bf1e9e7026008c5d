"""``tracing:`` of the configuration: ``traceparent``, and spans for an OpenTelemetry collector."""

from importlib.util import find_spec
from typing import Any

from s3gateway.config.check import ConfigError, quoted
from s3gateway.config.observing import Tracing


def read_tracing(values: dict[str, Any]) -> Tracing | None:
    """Give what is traced, None where nothing is. Raises :class:`ConfigError`."""
    endpoint, sample = values["endpoint"] or "", values["sample"]
    if endpoint:
        _check_endpoint(endpoint)
    elif values["sample"] is not None:
        raise ConfigError("tracing.sample", "is set without tracing.endpoint", "set tracing.endpoint, or leave it out")
    if not endpoint and not values["add"]:
        return None
    return Tracing(values["add"], endpoint, _DEFAULT if sample is None else sample)


_DEFAULT = 0.01


def _check_endpoint(endpoint: str) -> None:
    key, remedy = "tracing.endpoint", "write it like http://127.0.0.1:4318/v1/traces"
    scheme, _, rest = endpoint.partition("://")
    if "@" in rest:
        raise ConfigError(key, "holds a user name or password", remedy)
    if scheme not in {"http", "https"} or not rest.strip("/") or not endpoint.isascii() or not endpoint.isprintable():
        raise ConfigError(key, f"{quoted(endpoint)} is not an http(s) address", remedy)
    if find_spec("opentelemetry.sdk") is None or find_spec("opentelemetry.exporter") is None:
        raise ConfigError(
            key,
            "needs packages that are not installed",
            "install those of the group `tracing` in pyproject.toml, or leave it out",
        )
