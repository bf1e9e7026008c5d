"""What a run has shown, held against what must be."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from soaking.cluster import log
from soaking.cluster.hadoop import Hadoop
from soaking.cluster.lane import Lane
from soaking.cluster.stand import GATEWAY, HAPROXY, S3A, Stand
from soaking.ledger import Finding, Outcome

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LEFT_WITHIN: Final = 2.0  # seconds
_FEW: Final = 8  # failures of HAProxy's below which a quarter of them says nothing
_FEW_ALLOWED: Final = 2
_OTHERS: Final = ("standing/", "quorum")


@dataclass(slots=True)
class Counted:
    """Of one lane. `wire` are the requests that failed on the wire, S3A's among them."""

    asked: int
    wire: int
    reads: int
    visible: int
    acknowledged: int
    wrong: dict[str, str] = field(default_factory=dict)


def count(stand: Stand, lane: Lane, hadoop: Hadoop | None) -> Counted:
    """Count, and read every object back from the cluster, with no traffic running any more."""
    wire = lane.tally.failed.total()
    if hadoop is not None and lane.name == GATEWAY:
        wire += log.failed_at_gateway(log.lines(stand.gateway.log()), S3A)
    elif hadoop is not None and stand.balancer is not None:
        wire += log.failed_at_haproxy(stand.balancer.log())
    counted = Counted(
        lane.tally.asked.total(),
        wire,
        len(lane.tally.reads),
        len(lane.tally.visible),
        lane.ledger.total(Outcome.ACKNOWLEDGED),
    )
    counted.wrong.update(_wrong(stand.cluster.client(), lane, hadoop.there if hadoop is not None else {}))
    return counted


def _wrong(s3: "S3Client", lane: Lane, of_hadoop: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    present = {
        found["Key"]: _digest(s3, lane.bucket, found["Key"])
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=lane.bucket)
        for found in page.get("Contents", ())
        if not found["Key"].startswith(_OTHERS)
    }
    for key, digest in of_hadoop.items():
        if present.get(key) != digest:
            yield key, "lost" if key not in present else "wrong"
    ours = {key: digest for key, digest in present.items() if not key.startswith("s3a/")}
    for finding, keys in lane.ledger.findings(ours).items():
        if finding is not Finding.INTACT:
            yield from ((key, finding.value) for key in keys)


def _digest(s3: "S3Client", bucket: str, key: str) -> str:
    return hashlib.sha256(s3.get_object(Bucket=bucket, Key=key)["Body"].read()).hexdigest()


def faults(counted: Mapping[str, Counted], left: list[float | None], later: int, quorum: list[str]) -> Iterator[str]:
    """What does not hold, one line each."""
    ours, theirs = counted[GATEWAY], counted.get(HAPROXY)
    if ours.reads:
        yield f"{ours.reads} reads failed"
    if ours.wrong:
        yield f"{len(ours.wrong)} objects lost or wrong: {', '.join(f'{key} {how}' for key, how in ours.wrong.items())}"
    if ours.visible:
        yield f"{ours.visible} failures that a client's retries did not hide, or wrong bytes"
    if not ours.acknowledged:
        yield "nothing was acknowledged at all"
    if theirs is not None:
        allowed = _FEW_ALLOWED if theirs.wire < _FEW else theirs.wire / 4
        if ours.wire > allowed:
            yield f"{ours.wire} requests failed on the wire, HAProxy's {theirs.wire}"
    for seconds in left:
        if seconds is None or seconds > LEFT_WITHIN:
            told = "never" if seconds is None else f"after {seconds:.2f} s"
            yield f"a server that stood still was left {told}"
    if later:
        yield f"{later} requests were given to a server that stood still, after it had been left"
    yield from quorum
