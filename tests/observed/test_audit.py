"""The lines of the audit log. That their shape is MinIO's is shown beside MinIO, in tests/real/test_audit.py."""

import json
from dataclasses import replace
from typing import Any

import pytest

from s3gateway import errors
from s3gateway.gateway import Arrival
from s3gateway.observed.audit import About, audit_line
from s3gateway.observed.log_line import Record
from s3gateway.observed.transaction import Transaction
from s3gateway.rules.answer_head import AnswerHead
from s3gateway.rules.tracing import Trace
from s3gateway.sigv4.model import RequestHead
from tests.admission import admitted, forwarded
from tests.sigv4.aws import CLIENT, authorized, presigned

ABOUT = About("host-1", "lake-1", "https://minio:9000")
RECORD = Record(
    1_796_000_000.25, "16CA", "spark", "PutObject", "bucket", "a key/ü", 200, 10, 5, 0.02, 3, "SSE-KMS",
    address="[::1]:41414", backend_request_id="17B",
)  # fmt: skip
HEAD = authorized("PUT", "/bucket/a%20key/%C3%BC?x-id=PutObject", [("User-Agent", b"aws-sdk"), ("x-amz-meta-a", b"m")])


def read(transaction: Transaction) -> dict[str, Any]:
    line = audit_line(transaction, ABOUT)
    assert line.endswith("}\n")
    assert line.isascii()
    assert line.count("\n") == 1
    found: dict[str, Any] = json.loads(line)
    return found


def served(head: RequestHead = HEAD, record: Record = RECORD) -> Transaction:
    proven = admitted(head)
    answer = AnswerHead(200, ((b"ETag", b'"e"'), (b"x-amz-request-id", b"17B"), (b"Set-Cookie", b"s")))
    transaction = Transaction(head, Arrival(tls=True, has_body=True), replace(record), proven, forwarded(head))
    transaction.answer = answer
    transaction.timings = {"answered": 0.01}
    return transaction


def test_who_what_when_and_what_came_of_it() -> None:
    """Numbers are numbers and times are text, as in MinIO's."""
    told = read(served())
    assert (told["version"], told["deploymentid"], told["trigger"]) == ("1", "lake-1", "incoming")
    assert told["time"] == "2026-11-30T00:53:20.250Z"
    assert told["api"] == {
        "name": "PutObject", "bucket": "bucket", "object": "a key/ü", "status": "OK", "statusCode": 200,
        "rx": 10, "tx": 5, "timeToFirstByte": "10000000ns", "timeToFirstByteInNS": "10000000",
        "timeToResponse": "20000000ns", "timeToResponseInNS": "20000000",
    }  # fmt: skip
    assert (told["remotehost"], told["requestID"], told["userAgent"]) == ("::1", "16CA", "aws-sdk")
    assert (told["requestPath"], told["requestNode"]) == ("/bucket/a key/ü", "host-1")
    assert told["requestQuery"] == {"x-id": "PutObject"}
    assert (told["accessKey"], told["parentUser"]) == (CLIENT.access_key_id, "spark")
    assert told["responseHeader"] == {"ETag": '"e"', "X-Amz-Request-Id": "17B"}
    assert "error" not in told


def test_what_the_gateway_did() -> None:
    """Which rule, with what encryption, at which backend, how often."""
    transaction = served()
    transaction.retries = ("connect",)
    transaction.record.retried = "https://minio2:9000: refused"
    transaction.trace = Trace("a" * 32, "b" * 16, "", is_sampled=True, is_added=True)
    tags = read(transaction)["tags"]
    assert tags == {
        "tls": True, "client": "spark", "sse": "SSE-KMS", "backend": "https://minio:9000", "backendRequestID": "17B",
        "retried": "https://minio2:9000: refused", "retries": 1, "chunks": 3,
        "traceparent": f"00-{'a' * 32}-{'b' * 16}-01",
    }  # fmt: skip


def test_no_secret_stands_in_it() -> None:
    """No signature, credential, token or customer key, wherever it was sent, and no metadata."""
    for head in (HEAD, presigned("GET", "/bucket/key")):
        line = audit_line(served(head), ABOUT)
        signature = (head.target + (head.first(b"authorization") or b"")).rpartition(b"Signature=")[2].decode()
        assert len(signature) == 64
        assert signature not in line
        assert "Credential=" not in line
        assert "x-amz-meta" not in line.lower()


@pytest.mark.parametrize(
    "field",
    [
        ("x-amz-security-token", b"s3cr3t"),
        ("X-Amz-Server-Side-Encryption-Customer-Key", b"s3cr3t"),
        ("x-amz-copy-source-server-side-encryption-customer-key", b"s3cr3t"),
        ("Cookie", b"s3cr3t"),
        ("Proxy-Authorization", b"s3cr3t"),
        ("Referer", b"https://page/?token=s3cr3t"),
        ("X-Api-Key", b"s3cr3t"),
        ("x-amz-sorry", b"AWS4-HMAC-SHA256 Signature=" + b"5ec" * 21 + b"3"),
    ],
)
def test_fields_that_may_hold_one(field: tuple[str, bytes]) -> None:
    """Of a request that nothing proves."""
    head = RequestHead(b"GET", b"/bucket/key?X-Amz-Security-Token=s3cr3t", ((field[0].encode(), field[1]),))
    record = replace(RECORD, client="spark?", status=403)
    transaction = Transaction(head, Arrival(tls=False, has_body=False), record, refusal=errors.access_denied())
    record.refuse(errors.access_denied(reason="anonymous: there is no signature"))
    line = audit_line(transaction, ABOUT)
    assert "s3cr3t" not in line
    assert "5ec5ec" not in line
    told = json.loads(line)
    assert told["error"] == "AccessDenied: anonymous: there is no signature"
    assert "accessKey" not in told
    assert told["tags"]["client"] == "spark?"


def test_odd_bytes_and_repeated_names_are_one_line_all_the_same() -> None:
    """What is not UTF-8, line feeds that are escaped, names that come twice."""
    head = RequestHead(b"GET", b"/b/%FF%0A?a=1&a=2", ((b"Range", b"\xff"), (b"range", b"x"), (b"Host", b"h")))
    told = read(Transaction(head, Arrival(tls=False, has_body=False), replace(RECORD, operation="")))
    assert told["requestPath"] == "/b/\udcff\n"
    assert told["requestQuery"] == {"a": "1,2"}
    assert told["requestHeader"] == {"Range": "\udcff,x", "Host": "h"}
    assert "name" not in told["api"]


def test_a_head_that_is_too_large_is_not_repeated() -> None:
    """Strangers choose how long it is."""
    head = RequestHead(b"GET", b"/b?" + b"x" * 20_000, ((b"Range", b"y" * 20_000),))
    record = replace(RECORD, refusal="RequestHeaderSectionTooLarge")
    assert len(audit_line(Transaction(head, Arrival(tls=False, has_body=False), record), ABOUT)) < 2000
