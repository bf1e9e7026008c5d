"""The table of refusals against the pure core; and the README's form of it."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from s3gateway.errors import S3Error
from s3gateway.gateway import Arrival, admit, forward
from s3gateway.post_object import begin
from s3gateway.sigv4.claim import read_claim
from s3gateway.sigv4.model import Secret
from s3gateway.sigv4.verify import verify
from tests import forms
from tests.admission import SIGNER, admitted, configured, edited
from tests.receiving import joined
from tests.refusals import ROWS, SITUATIONS
from tests.refusing import CLIENTS, GOOD, PRESIGNED, Made, Row, Wire, stream
from tests.sigv4 import aws
from tests.sigv4.aws import CLIENT, authorized, presigned

SCOPE = "20240229/us-east-1/s3/aws4_request"
CONFIG = configured(clients=CLIENTS)
LATER = Wire(CLIENT.at("20310704T093015Z"), "s3.example.com:443")
README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def through(made: Made, wire: Wire, late: timedelta = timedelta(0), *, tls: bool = False) -> bytes:
    """Give what the backend would get of the body; S3Error where the gateway refuses."""
    request, now = made(wire), wire.key.now + late
    arrival = Arrival(tls=tls, has_body=bool(request.body))
    form = begin(request.head, arrival, forms.length_of(request), CONFIG)
    if form is not None:
        return forms.passed(form, request, arrival, CONFIG, now)[1]
    proven = admit(request.head, arrival, CONFIG, now)
    body = forward(proven, proven.head, CONFIG, SIGNER, now).body
    return joined([*body.feed(request.body or b""), *body.finish()]) if body else b""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_refused(row: Row) -> None:
    """The request is refused with the status, code, words and fields of the table, whatever the time and the host."""
    for wire in (Wire(), LATER):
        with pytest.raises(S3Error) as raised:
            through(row.make, wire, row.late, tls=row.tls)
        error = raised.value
        assert (error.status, error.code, row.message in error.message) == (row.status, row.code, True)
        assert set(row.fields) <= set(error.fields)
        assert set(row.names) <= {name for name, text in error.fields if text}
        assert CLIENT.secret not in error.to_xml("/", "id").decode()


@pytest.mark.parametrize("made", [GOOD, PRESIGNED], ids=["header", "presigned"])
def test_the_good_requests_are_good(made: Made) -> None:
    """The table's requests differ from these, which are admitted."""
    assert [through(made, wire) for wire in (Wire(), LATER)] == [b"", b""]


@pytest.mark.parametrize("mode", [aws.STREAMING, aws.STREAMING_TRAILER, aws.STREAMING_UNSIGNED_TRAILER])
def test_the_good_uploads_are_good(mode: str) -> None:
    """So are these, with as much going out as came in."""
    made = stream(mode, (b"a" * 8192, b"b"))
    assert [len(through(made, wire)) for wire in (Wire(), LATER)] == [len(made(Wire()).body or b"")] * 2


def test_names_are_unique() -> None:
    """Each row can be asked for by its name."""
    names = [row.name for row in ROWS]
    assert sorted(set(names)) == sorted(names)


def test_the_readmes_table_is_this_table() -> None:
    """What an operator reads: each situation, its answers and the rows that show it."""
    shown = re.findall(r"^\| .* \| `-k r[0-9]+` \|$", README, re.MULTILINE)
    assert shown == list(map(_line, SITUATIONS))


def _line(number: str) -> str:
    rows = [row for row in ROWS if row.name.startswith(number + " ")]
    answers = dict.fromkeys(f"{row.status} {row.code}" for row in rows)
    assert rows, number
    return f"| {SITUATIONS[number]} | {', '.join(answers)} | `-k {number}` |"


def test_every_row_has_a_situation() -> None:
    """No row is left out of the README."""
    assert {row.name[:3] for row in ROWS} == set(SITUATIONS)


def test_who_signs_for_no_region() -> None:
    """Reads what to sign for, as its driver knows no region; in the log stands what to set, and who else does so."""
    with pytest.raises(S3Error) as raised:
        admitted(authorized("GET", "/minio/admin/v3/info", key=replace(CLIENT, region="")))
    assert raised.value.message.endswith('the region "" is wrong; expecting "us-east-1"')
    assert 'set the client\'s region to "us-east-1"' in raised.value.reason
    assert "MinIO's admin API" in raised.value.reason


@pytest.mark.parametrize(
    "name",
    [
        "x-amz-security-token",
        "X-Amz-Security-Token",
        "x-amz-server-side-encryption-customer-key",
        "X-Amz-Copy-Source-Server-Side-Encryption-Customer-Key",
    ],
)
@pytest.mark.parametrize("place", ["header", "query", "presigned"])
def test_mismatch_tells_no_secret(name: str, place: str) -> None:
    """Neither of a header nor of a parameter, also of those that are refused before or after their signature."""
    signed = (presigned if place == "presigned" else authorized)("GET", "/bucket/key?a=1")
    if place == "header":
        head = edited(authorized("GET", "/bucket/key?a=1", [(name, "S3CR3T")]), method=b"HEAD")
        claim = read_claim(head)
    else:
        head, claim = edited(signed, target=signed.target + f"&{name}=S3CR3T&z=2".encode()), read_claim(signed)
    with pytest.raises(S3Error) as raised:
        verify(claim, head, Secret(CLIENT.secret), CLIENT.now)
    fields = dict(raised.value.fields)
    assert raised.value.code == "SignatureDoesNotMatch"
    assert "<redacted>" in fields["CanonicalRequest"]
    assert "S3CR3T" not in bytes.fromhex(fields["CanonicalRequestBytes"]).decode()
    assert b"S3CR3T" not in raised.value.to_xml("/", "id")


def test_mismatch_tells_what_was_computed() -> None:
    """SignatureDoesNotMatch has AWS's fields in AWS's order, with what is secret in the canonical request masked."""
    headers = [("x-amz-server-side-encryption-customer-key", "S3CR3T")]
    head = authorized("GET", "/bucket/key", headers, key=replace(CLIENT, secret="wrong"))
    with pytest.raises(S3Error) as raised:
        admitted(head)
    fields = dict(raised.value.fields)
    assert list(fields) == [
        "AWSAccessKeyId",
        "StringToSign",
        "SignatureProvided",
        "StringToSignBytes",
        "CanonicalRequest",
        "CanonicalRequestBytes",
    ]
    assert fields["AWSAccessKeyId"] == "SPARKKEY"
    assert fields["SignatureProvided"].encode() == (head.first(b"authorization") or b"")[-64:]
    assert bytes.fromhex(fields["StringToSignBytes"]).decode() == fields["StringToSign"]
    assert fields["StringToSign"].startswith("AWS4-HMAC-SHA256\n20240229T120000Z\n" + SCOPE + "\n")
    assert "x-amz-server-side-encryption-customer-key:<redacted>\n" in fields["CanonicalRequest"]
    assert bytes.fromhex(fields["CanonicalRequestBytes"]).decode() == fields["CanonicalRequest"]
    assert b"S3CR3T" not in raised.value.to_xml("/", "id")
    kept = raised.value.redacted()
    assert dict(kept.fields) == fields | {"SignatureProvided": "*" * 64}
    assert (kept.status, kept.code, kept.message) == (403, "SignatureDoesNotMatch", raised.value.message)
