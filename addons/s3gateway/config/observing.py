"""What the configuration says of audit, tracing and canary, as frozen values."""

from dataclasses import dataclass
from pathlib import Path

from s3gateway.sigv4.model import Secret


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where audit lines are posted to. ``queue`` lines wait at most; ``timeout`` in seconds is for one request.

    ``authorization`` is the value of that header. ``target`` is path and query.
    """

    scheme: str
    host: str
    port: int
    target: str
    authorization: Secret | None
    ca_file: Path | None
    queue: int
    timeout: float


@dataclass(frozen=True, slots=True)
class Audit:
    """Where audit lines go. With ``required`` no request is served that ``file`` cannot take a line of."""

    file: Path | None
    required: bool
    stdout: bool
    webhook: Webhook | None
    deployment_id: str


@dataclass(frozen=True, slots=True)
class Tracing:
    """``add`` puts a ``traceparent`` on what leaves without one; ``endpoint`` takes spans, of a share of ``sample``."""

    add: bool
    endpoint: str
    sample: float


@dataclass(frozen=True, slots=True)
class Canary:
    """``client`` is a client's name; seconds: ``timeout`` for one run, ``retry`` until the next after a failure."""

    bucket: str
    client: str
    prefix: str
    timeout: float
    retry: float
