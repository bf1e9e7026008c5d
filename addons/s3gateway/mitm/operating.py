"""What an operator asks the running gateway: is it there, can it serve, what has it counted."""

import asyncio
import json
import platform
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

from cryptography import x509

from s3gateway.config.model import Admin, Config
from s3gateway.mitm.handover import Door
from s3gateway.mitm.observers import Observers
from s3gateway.observed.bucket_labels import BucketLabels
from s3gateway.observed.metrics import CONTENT_TYPE, Figures, Metrics
from s3gateway.wire.admin import Page, Pages
from s3gateway.wire.probe import reach
from s3gateway.wire.service import Service

_JSON: Final = b"application/json"
_PROBE_SECONDS: Final = 2.0
_KEPT_SECONDS: Final = 1.0
"""How long an answer about the backend counts: several probes ask at a time."""

_DAY: Final = 86400.0


def versions() -> dict[str, str]:
    """What runs, for ``s3gateway_build_info``."""
    return {name: version(name) for name in ("mitmproxy", "botocore")} | {"python": platform.python_version()}


def bucket_labels(admin: Admin) -> BucketLabels | None:
    """Give the buckets that metrics name, where there are any."""
    return BucketLabels(admin.buckets, admin.prefixes) if admin.buckets or admin.prefixes else None


class Operating:
    """The pages of the admin listener."""

    def __init__(
        self, service: Service, door: Callable[[], Door | None], metrics: Metrics, observers: Observers
    ) -> None:
        self._service = service
        self._observers = observers
        self._door = door
        self._metrics = metrics
        self._lock = asyncio.Lock()
        self._why_down: dict[str, str] = {}
        self._asked: float | None = None

    @property
    def pages(self) -> Pages:
        """A page for each path."""
        return {
            b"/healthz": self._healthz,
            b"/readyz": self._readyz,
            b"/metrics": self._metrics_page,
            b"/backends": self._backends,
        }

    async def _healthz(self) -> Page:
        """The process answers."""
        return Page(b"ok\n")

    async def _readyz(self) -> Page:
        """Whether a request could be served now, with the reasons why not."""
        reasons = ["the gateway is ending"] if self._service.is_ending or self._service.is_closed else []
        down = await self._down()
        if all(down.values()):
            reasons += [f"backend {name}: {why}" for name, why in down.items()]
        reasons += self._observers.reasons
        told: dict[str, object] = {"ready": not reasons, "reasons": reasons}
        if self._service.cluster is not None:
            told["down"] = {name: why for name, why in down.items() if why}
        return _json(told, 503 if reasons else 200)

    async def _backends(self) -> Page:
        down = await self._down()
        return _json(
            [{"endpoint": name, "up": not why, **({"reason": why} if why else {})} for name, why in down.items()]
        )

    async def _metrics_page(self) -> Page:
        config = self._service.current.config
        door = self._door()
        down = await self._down()
        figures = Figures(
            connections=door.connections if door else 0,
            in_flight=door.in_flight if door else 0,
            backend_up={name: not why for name, why in down.items()},
            days_left=await asyncio.to_thread(_days_left, _certificates(config), time.time()),
            audit_lost=self._observers.audit.lost,
            canary=self._observers.canary_is_up,
        )
        self._metrics.set_figures(figures)
        self._metrics.keys.set(self._service.key_ledger.rows())
        return Page(await asyncio.to_thread(self._metrics.text), content_type=CONTENT_TYPE.encode())

    def _known(self) -> dict[str, str]:
        """What is known without asking: why each backend cannot be given a request, empty where it can."""
        cluster = self._service.cluster
        return self._why_down if cluster is None else cluster.why_not()

    async def _down(self) -> dict[str, str]:
        """As :meth:`_known`; one backend that nothing is known of is asked first. Several are asked by themselves."""
        if self._service.cluster is not None:
            return self._known()
        async with self._lock:
            now = time.monotonic()
            if self._asked is None or now - self._asked >= _KEPT_SECONDS:
                current = self._service.current
                why = await reach(self._service.pool(current), _PROBE_SECONDS)
                self._why_down = {current.config.backend.url: why}
                self._asked = time.monotonic()
            return self._why_down


def _json(value: object, status: int = 200) -> Page:
    return Page(json.dumps(value).encode() + b"\n", status, _JSON)


def _certificates(config: Config) -> Mapping[str, Path]:
    found = {"listen.certificate": config.listen.certificate, "backend.ca_file": config.backend.ca_file}
    return {name: path for name, path in found.items() if path is not None}


def _days_left(certificates: Mapping[str, Path], now: float) -> dict[str, float]:
    """Days until each ends; what cannot be read is not told, as the log has told it."""
    found = {}
    for name, path in certificates.items():
        try:
            chain = x509.load_pem_x509_certificates(path.read_bytes())
        except (OSError, ValueError):
            continue
        found[name] = (min(one.not_valid_after_utc for one in chain).timestamp() - now) / _DAY
    return found
