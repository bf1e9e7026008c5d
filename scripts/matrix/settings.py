"""Whether a client's setting took effect, which only the capture tells: S3A ignores keys that it does not know."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from s3gateway.observed.capture import Exchange

YES: Final = "yes"
IGNORED: Final = "ignored"
UNUSED: Final = "-"


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting, the prefix of the keys it was used with, and whether a request shows that it took effect."""

    name: str
    prefix: str
    shows: Callable[[Exchange], bool]


def effects(settings: Iterable[Setting], exchanges: Iterable[Exchange]) -> Mapping[str, str]:
    """Setting -> `yes` where a request shows it, `ignored` where there are requests and none does, else `-`."""
    known = tuple(exchanges)
    found = {}
    for setting in settings:
        own = [one for one in known if one.key.startswith(setting.prefix)]
        found[setting.name] = (YES if any(map(setting.shows, own)) else IGNORED) if own else UNUSED
    return found


def _header(exchange: Exchange, wanted: str) -> str | None:
    return next((value for name, value in exchange.incoming.headers if name.lower() == wanted), None)


def _sums(algorithm: str) -> Callable[[Exchange], bool]:
    name = f"x-amz-checksum-{algorithm.lower()}"
    return lambda one: _header(one, name) is not None or _header(one, "x-amz-trailer") == name


def _read_by_analytics(exchange: Exchange) -> bool:
    return "s3analyticsaccelerator" in (_header(exchange, "user-agent") or "")


def _stream(*, analytics: bool) -> Callable[[Exchange], bool]:
    return lambda one: one.operation == "GetObject" and _read_by_analytics(one) == analytics


def _completed(exchange: Exchange) -> bool:
    return exchange.operation == "CompleteMultipartUpload"


S3A: Final = (
    *(
        Setting(f"fs.s3a.create.checksum.algorithm={name}", f"checksum/{name}/", _sums(name))
        for name in ("CRC32", "CRC32C", "SHA1", "SHA256", "CRC64NVME")
    ),
    Setting(
        "fs.s3a.create.conditional.enabled=true", "conditional/", lambda one: _header(one, "if-none-match") is not None
    ),
    Setting(
        "fs.s3a.encryption.context",
        "kms",
        lambda one: _header(one, "x-amz-server-side-encryption-context") is not None,
    ),
    Setting("fs.s3a.input.stream.type=classic", "classic", _stream(analytics=False)),
    Setting("fs.s3a.input.stream.type=analytics", "analytics", _stream(analytics=True)),
    Setting("vectored reads", "vectored", lambda one: _header(one, "range") == "bytes=9000000-9069999"),
    Setting(
        "fs.s3a.connection.expect.continue=false",
        "off",
        lambda one: one.operation == "PutObject" and _header(one, "expect") is None,
    ),
    Setting("fs.s3a.committer.name=magic", "job/part-", _completed),
)
"""S3A's settings; the keys are those of tests/clients/drivers/java/S3a.java."""

SPARK: Final = (Setting("fs.s3a.committer.name=magic", "base/magic/part=", _completed),)
"""Those of tests/clients/drivers/spark_driver.py: a file as small as its would be put at once otherwise."""
