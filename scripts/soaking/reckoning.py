"""When all is quiet: what is at the backend, read directly from it, and what the gateway holds on to."""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from soaking.figures import MIB, Growth, Sample, growth, look
from soaking.ledger import Finding, Ledger, Outcome
from soaking.site import BUCKET, Site
from soaking.traffic import LOST_CREATION, Tally

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

WARM: Final = 60.0  # seconds of work after which a gateway grows no more by itself
_REST: Final = 60.0  # seconds for the last connections to end
_MEMORY_FACTOR: Final = 1.1
_MEMORY_SLACK: Final = 24 * MIB  # what allocators keep after a burst
_MEMORY_WARMING: Final = 48 * MIB  # what the first minute of work makes of an idle gateway
_CONNECTIONS: Final = 6  # of the gateway for one client: over HTTP, over TLS and a raw one, and as many behind them
_REST_SLACK: Final = 3
_BACKEND_LIMIT: Final = 2048 * MIB  # a trailer that was cut makes MinIO grow by more than that in seconds


@dataclass(frozen=True, slots=True)
class Slack:
    """By how much the last third of a run may lie above the first without anything being kept: bytes, descriptors."""

    memory: float
    descriptors: float


def slack(clients: int, warm_up: float) -> Slack:
    """For so many clients, when the first sample is `warm_up` seconds old: a short run is all warming up."""
    warming = max(0.0, 1 - warm_up / WARM)
    return Slack(_MEMORY_SLACK + warming * _MEMORY_WARMING, clients * _CONNECTIONS)


@dataclass(frozen=True, slots=True)
class Reckoning:
    """All that the report tells. `faults` are the reasons to fail, one line each."""

    findings: dict[Finding, list[str]]
    torn_reads: list[str]
    leftovers: int
    unexplained: int
    memory: Growth
    descriptors: Growth
    rest: tuple[int, int]
    backend_peak: float
    slack: Slack
    faults: list[str] = field(default_factory=list)


def at_rest(pid: int, known: Sample | None = None) -> Sample:
    """Look when descriptors have stopped falling, or are back at what is `known`, a minute at most."""
    deadline = time.monotonic() + _REST
    sample = look(pid)
    while time.monotonic() < deadline:
        time.sleep(0.5)
        before, sample = sample, look(pid)
        if known is None and sample.descriptors == before.descriptors:
            break
        if known is not None and sample.descriptors <= known.descriptors + _REST_SLACK:
            break
    return sample


def reckon(  # what was watched, and what was seen before
    site: Site,
    ledger: Ledger,
    tally: Tally,
    gateway: list[Sample],
    backend: list[Sample],
    before: Sample,
    slack: Slack,
) -> Reckoning:
    """Compare, with no traffic running any more."""
    after = at_rest(site.gateway.pid, before)
    s3 = site.direct()
    present = {key: _digest(s3, key) for key in _keys(s3) if not key.startswith("standing/")}
    left = _uploads(s3, ledger)
    unexplained = max(0, len(left - tally.open_uploads) - tally.done[LOST_CREATION])
    result = Reckoning(
        ledger.findings(present),
        ledger.torn_reads(),
        len(left),
        unexplained,
        growth([sample.memory for sample in gateway]),
        growth([sample.descriptors for sample in gateway]),
        (before.descriptors, after.descriptors),
        max((sample.memory for sample in backend), default=0),
        slack,
    )
    result.faults.extend((*_faults(result), *tally.faults))
    if tally.done["faults"] > len(tally.faults):
        result.faults.append(f"and {tally.done['faults'] - len(tally.faults)} more")
    if not ledger.total(Outcome.ACKNOWLEDGED):
        result.faults.append("nothing was acknowledged at all")
    return result


def _faults(result: Reckoning) -> Iterator[str]:
    for finding, keys in result.findings.items():
        if finding is not Finding.INTACT and keys:
            yield f"{len(keys)} objects {finding.value}: {', '.join(keys[:5])}"
    if result.torn_reads:
        yield f"downloads ended well with bytes that were never whole: {', '.join(result.torn_reads[:5])}"
    if result.unexplained:
        yield f"{result.unexplained} multipart uploads are left that their clients completed or aborted"
    if result.memory.exceeds(_MEMORY_FACTOR, result.slack.memory):
        yield f"the gateway's memory grew from {result.memory.first / MIB:.0f} to {result.memory.last / MIB:.0f} MiB"
    if result.descriptors.exceeds(1.0, result.slack.descriptors):
        yield f"the gateway's descriptors grew from {result.descriptors.first:.0f} to {result.descriptors.last:.0f}"
    if result.rest[1] > result.rest[0] + _REST_SLACK:
        yield f"the gateway holds {result.rest[1]} descriptors at rest, {result.rest[0]} before"
    if result.backend_peak > _BACKEND_LIMIT:
        yield f"MinIO took {result.backend_peak / MIB:.0f} MiB"


def _keys(s3: "S3Client") -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        yield from (found["Key"] for found in page.get("Contents", ()))


def _digest(s3: "S3Client", key: str) -> str:
    digest = hashlib.sha256()
    for data in s3.get_object(Bucket=BUCKET, Key=key)["Body"].iter_chunks(MIB):
        digest.update(data)
    return digest.hexdigest()


def _uploads(s3: "S3Client", ledger: Ledger) -> set[str]:
    """MinIO lists multipart uploads of one whole key only."""
    return {
        upload["UploadId"]
        for key in ledger.tried
        for upload in s3.list_multipart_uploads(Bucket=BUCKET, Prefix=key).get("Uploads", ())
    }
