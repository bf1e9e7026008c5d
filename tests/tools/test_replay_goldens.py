"""The shipped captures of real clients, replayed: a header that is lost, changed or signed otherwise turns this red."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab import CHECKOUT
from matrix.catalogue import CLIENTS
from replaying.golden import Golden, expected, read_golden, write_golden
from replaying.offline import replay
from replaying.stand import Stand, make_stand
from replaying.verdict import differences
from s3gateway import gateway
from s3gateway.config.model import KeyPair
from s3gateway.rules import encryption, headers
from s3gateway.signer import Signer
from s3gateway.sigv4.model import Headers, Secret

FOLDER = CHECKOUT / "tests" / "captures"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))

# What each client was captured for: the operations, and what it alone sends.
COVERED = {
    "boto3": {"CreateMultipartUpload", "UploadPart", "UploadPartCopy", "DeleteObjects", "ListBuckets", "HeadObject"},
    "mc": {"PutObject", "UploadPart", "CopyObject", "DeleteObjects", "GetBucketLocation", "ListObjectsV2"},
    "spark-3.5": {
        "CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload", "CopyObject", "PutObject",
        "GetObject", "HeadObject", "ListObjectsV2", "DeleteObject", "DeleteObjects",
    },
    "spark-4.0": {
        "CreateMultipartUpload", "UploadPart", "UploadPartCopy", "CompleteMultipartUpload", "CopyObject", "PutObject",
        "GetObject", "HeadObject", "ListObjectsV2", "DeleteObject", "DeleteObjects",
    },
}  # fmt: skip
SENT = {
    "boto3": {"amz-sdk-invocation-id", "x-amz-sdk-checksum-algorithm", "expect", "range"},
    "mc": {"x-amz-decoded-content-length", "x-amz-trailer", "content-encoding"},
    "spark-3.5": {"amz-sdk-retry", "connection", "expect", "if-match", "range", "x-amz-copy-source-if-match"},
    "spark-4.0": {"amz-sdk-request", "referer", "connection", "x-amz-decoded-content-length", "range"},
}
MODES = {
    "boto3": {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", "UNSIGNED-PAYLOAD"},
    "mc": {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"},
    "spark-3.5": {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD"},
    "spark-4.0": {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD"},
}


MATRIX = sorted(set(NAMES) - set(COVERED))
"""Written by ``scripts/clients --write``."""


def golden(name: str) -> Golden:
    found = read_golden(FOLDER / f"{name}.json")
    assert found is not None
    return found


def stand_of(there: Golden) -> Stand:
    return make_stand(there.gateway, [exchange.identity for exchange in there.exchanges], FOLDER)


def wrong(name: str) -> dict[str, tuple[str, ...]]:
    """What the gateway of now does differently, by exchange."""
    there = golden(name)
    stand = stand_of(there)
    found = {exchange.id: differences(exchange, replay(exchange, stand)) for exchange in there.exchanges}
    return {name: lines for name, lines in found.items() if lines}


@pytest.mark.parametrize("name", NAMES)
def test_every_header_goes_out_as_before(name: str) -> None:
    """Each captured request of this client leaves the gateway with the header set that the golden file expects."""
    assert wrong(name) == {}


def test_the_clients_are_those_of_the_mission() -> None:
    """Spark with either SDK, boto3 and mc, each with the requests and headers that it was captured for."""
    assert set(NAMES) > set(COVERED)
    for name, operations in COVERED.items():
        there = golden(name)
        assert there.client
        assert {exchange.operation for exchange in there.exchanges} >= operations
        sent = {header.lower() for exchange in there.exchanges for header, _ in exchange.incoming.headers}
        assert sent >= SENT[name], name
        assert {exchange.payload for exchange in there.exchanges} >= MODES[name]
        assert {exchange.sse for exchange in there.exchanges} >= {"SSE-KMS"}


@pytest.mark.parametrize("name", MATRIX)
def test_the_matrix_covers_what_its_clients_do(name: str) -> None:
    """Each file is of a client of the matrix, over both fronts, and encrypted as only a rule can."""
    there = golden(name)
    assert there.client.partition(" ")[0] in CLIENTS
    assert {"", "SSE-C"} <= {exchange.sse for exchange in there.exchanges}
    assert {exchange.tls for exchange in there.exchanges} == {True, False}


# What might go wrong with the gateway one day, and the golden files must notice, each with the words that name it.
_names_to_sign = gateway._names_to_sign
_rewritten = headers.rewritten
_apply = encryption.apply


def _sign_connection(names: tuple[bytes, ...], by_client: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(sorted({*_names_to_sign(names, by_client), b"connection"}))


def _sign_only_what_must(names: tuple[bytes, ...], by_client: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return tuple(name for name in _names_to_sign(names, by_client) if name.startswith(b"x-amz-"))


def _drop_retry(*what: Any) -> Headers:
    return headers.removed(_rewritten(*what), b"amz-sdk-retry")


def _lower_case(*what: Any) -> Headers:
    return tuple((name.lower(), value) for name, value in _rewritten(*what))


def _sorted(*what: Any) -> Headers:
    return tuple(sorted(_rewritten(*what)))


def _folded(*what: Any) -> Headers:
    return tuple((name, b" ".join(value.split())) for name, value in _rewritten(*what))


def _no_encryption(*_: object) -> encryption.Applied:
    return encryption.Applied((), "")


@pytest.mark.parametrize(
    ("name", "where", "broken", "told"),
    [
        ("spark-3.5", "headers.rewritten", _drop_retry, "removed: amz-sdk-retry"),
        ("spark-3.5", "_names_to_sign", _sign_connection, "signed: connection"),
        ("spark-3.5", "_names_to_sign", _sign_only_what_must, "no longer signed: user-agent"),
        ("spark-4.0", "_names_to_sign", _sign_only_what_must, "no longer signed: referer"),
        ("boto3", "headers.rewritten", _lower_case, "spelled otherwise: User-Agent"),
        ("boto3", "headers.rewritten", _sorted, "reordered: "),
        ("boto3", "headers.rewritten", _folded, "changed: x-amz-meta-a: b  c -> x-amz-meta-a: b c"),
        ("mc", "encryption.apply", _no_encryption, "sse: expected 'SSE-KMS', is ''"),
        ("mc", "encryption.apply", _no_encryption, "removed: x-amz-server-side-encryption: aws:kms"),
    ],
)
def test_a_regression_is_named(
    name: str, where: str, broken: object, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway that is broken on purpose differs from the golden file, in words that say which header it is."""
    monkeypatch.setattr(f"s3gateway.gateway.{where}", broken)
    lines = [line for found in wrong(name).values() for line in found]
    assert any(line.startswith(told) for line in lines), lines


def test_a_header_signed_and_then_dropped_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """The incident behind this project: Connection signed, and gone. Even a golden file made so would say it."""
    monkeypatch.setattr("s3gateway.gateway._names_to_sign", _sign_connection)
    there = golden("spark-3.5")
    actual = replay(there.exchanges[0], stand_of(there))
    (fault,) = differences(expected(actual), actual)
    assert fault.startswith("fault: Connection is in the outgoing SignedHeaders but not on the wire.")


def test_a_skewed_head_stays_refused() -> None:
    """The clock is the capture's: a request that was too late when it was captured is too late in its replay."""
    there = golden("spark-3.5")
    late = replace(there.exchanges[0], time="2027-01-01T00:00:00.000Z")
    found = replay(late, stand_of(there))
    assert (found.verdict, found.code, found.outgoing) == ("refused", "RequestTimeTooSkewed", None)
    assert "verdict: expected 'admitted', is 'refused'" in differences(there.exchanges[0], found)


def test_a_signature_that_the_backend_would_refuse_is_seen() -> None:
    """Signatures are masked in a golden file, so each is verified when it is made."""
    there = golden("spark-3.5")
    stand = stand_of(there)
    forged = Signer(KeyPair("REPLAYBACKEND", Secret("another")), "us-east-1")
    actual = replay(there.exchanges[0], replace(stand, signer=forged))
    assert "code: expected '', is 'SignatureDoesNotMatch'" in differences(there.exchanges[0], actual)


@pytest.mark.parametrize("name", NAMES)
def test_they_hold_nothing_of_a_machine_and_no_secret(name: str) -> None:
    """No path, account, kernel, address or signature; and small enough to be read."""
    text = (FOLDER / f"{name}.json").read_text(encoding="ascii")
    assert set(re.findall(r"\b\d+\.\d+\.\d+\.\d+(?::\d+)?", text)) == {"127.0.0.1:8000"}
    assert re.findall(r"/(?:root|home|tmp|work|Users)\b", text) == []
    assert set(re.findall(r"[?&]pr=([^&]*)", text)) <= {"spark"}
    assert set(re.findall(r"(?i)(?:linux[/#])(\S+)", text)) <= {"6.1"}
    assert set(re.findall(r"Signature=([^\",&]*)", text)) == {"<redacted>"}
    assert len(text) < 250_000


def test_a_golden_file_is_written_as_it_was_read(tmp_path: Path) -> None:
    """So that an update shows in a diff as what has changed, and as nothing else."""
    for name in NAMES:
        write_golden(tmp_path / "again.json", golden(name))
        assert (tmp_path / "again.json").read_text() == (FOLDER / f"{name}.json").read_text()


def test_who_may_do_what_is_replayed_too() -> None:
    """Access rules of the configuration hold: a client without the bucket is refused, by name."""
    there = golden("mc")
    document = there.gateway | {"clients": [{"name": "mc", "buckets": ["others"]}]}
    stand = make_stand(document, ["mc"], FOLDER)
    refused = [replay(exchange, stand) for exchange in there.exchanges if exchange.bucket]
    assert {(exchange.verdict, exchange.code) for exchange in refused} == {("refused", "AccessDenied")}
