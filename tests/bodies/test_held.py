"""Held bodies are proven as they came; they go out as a stream would, or if edited, as their client would send them."""

import base64
import re
from dataclasses import dataclass
from hashlib import md5, sha256

import pytest

from s3gateway.bodies import held
from s3gateway.bodies.held import Held
from s3gateway.errors import S3Error
from s3gateway.gateway import Outgoing
from s3gateway.sigv4.model import RequestHead
from tests.admission import CONFIG, SIGNER, admitted, configured, edited, outgoing_head
from tests.sigv4 import streams
from tests.sigv4.aws import (
    CLIENT,
    EMPTY,
    GATEWAY,
    STREAMING,
    STREAMING_TRAILER,
    STREAMING_UNSIGNED_TRAILER,
    UNSIGNED,
    authorized,
    presigned,
    signed_by,
)
from tests.sigv4.streams import crc32c

OLD, NEW = b"old content of this object", b"what the operator made of it"
CHUNKED = (STREAMING, STREAMING_TRAILER, STREAMING_UNSIGNED_TRAILER)
SIGNATURE = re.compile(rb"Signature=([0-9a-f]{64})")


@dataclass(frozen=True)
class Sent:
    """What a client sent."""

    head: RequestHead
    wire: bytes


def sent(mode: str, data: bytes = OLD, *headers: tuple[str, str], method: str = "PUT") -> Sent:
    """A request in this payload mode (``SHA256`` for a hash), from AWS's text."""
    more = [*headers]
    if mode in CHUNKED:
        more.append(("x-amz-decoded-content-length", str(len(data))))
        if mode != STREAMING:
            more.append(("x-amz-trailer", "x-amz-checksum-crc32c"))
    trailer = () if mode == STREAMING else (crc32c(data),)
    length = len(_frames(mode, data, trailer, "0" * 64)) if mode in CHUNKED else len(data)
    payload = sha256(data).hexdigest() if mode == "SHA256" else mode
    head = authorized(method, "/bucket/key", [*more, ("Content-Length", str(length))], payload=payload)
    return Sent(head, _frames(mode, data, trailer, _signature(head)) if mode in CHUNKED else data)


def _frames(mode: str, data: bytes, trailer: streams.Fields, seed: str) -> bytes:
    pieces = [data] if data else []
    if mode == STREAMING_UNSIGNED_TRAILER:
        return streams.unsigned("", pieces, trailer=trailer).body
    return streams.signed("", pieces, trailer=trailer, seed=seed).body


def _signature(head: RequestHead) -> str:
    found = SIGNATURE.search(head.first(b"authorization") or b"")
    assert found
    return found[1].decode()


def released(request: Sent, content: bytes, head: RequestHead | None = None) -> tuple[RequestHead, bytes, Outgoing]:
    """Hold a request, make this of its content and head, and release it."""
    proven = admitted(request.head)
    body = held.hold(proven, request.wire, CONFIG, SIGNER, CLIENT.now)
    outgoing, wire = held.release(proven, body, head or proven.head, content, CONFIG, SIGNER, GATEWAY.now)
    return outgoing_head(request.head.method, outgoing), wire, outgoing


def decoded(mode: str, head: RequestHead, wire: bytes) -> bytes:
    """Receive as the backend would: head signed over these very headers, length right, body's own proof right."""
    assert signed_by(head, GATEWAY, uri="/bucket/key", query="")
    assert head.all(b"content-length") == [str(len(wire)).encode()]
    if mode not in CHUNKED:
        expected = UNSIGNED if mode == UNSIGNED else sha256(wire).hexdigest()
        assert head.all(b"x-amz-content-sha256") == [expected.encode()]
        return wire
    assert head.all(b"x-amz-content-sha256") == [mode.encode()]
    checked = streams.check(wire, mode, GATEWAY, _signature(head))
    assert head.all(b"x-amz-decoded-content-length") == [str(len(checked.data)).encode()]
    assert tuple(checked.trailer) == (() if mode == STREAMING else (crc32c(checked.data),))
    return checked.data


every_mode = pytest.mark.parametrize("mode", ["SHA256", UNSIGNED, *CHUNKED])


@every_mode
def test_content_is_shown_without_framing(mode: str) -> None:
    """What an operator gets to edit is the object, in every mode."""
    request = sent(mode)
    assert held.hold(admitted(request.head), request.wire, CONFIG, SIGNER, CLIENT.now).content == OLD


@every_mode
def test_unedited(mode: str) -> None:
    """Only Host, date and signature differ from what came, and the body arrives."""
    request = sent(mode)
    head, wire, _ = released(request, OLD)
    assert decoded(mode, head, wire) == OLD
    own = {b"host", b"x-amz-date", b"authorization"}
    assert [pair for pair in head.headers if pair[0].lower() not in own] == [
        pair for pair in request.head.headers if pair[0].lower() not in own
    ]


@every_mode
@pytest.mark.parametrize("content", [NEW, b"x" * 300_000, b""], ids=["other", "several chunks", "nothing"])
def test_edited(mode: str, content: bytes) -> None:
    """Hash or chunks, lengths and trailer are those of the new content, all signed by the gateway."""
    head, wire, _ = released(sent(mode), content)
    assert decoded(mode, head, wire) == content


@every_mode
def test_an_edited_header_goes_with_an_unedited_body(mode: str) -> None:
    """The length on the flow may be that of the content which mitmproxy shows; on the wire it is right."""
    request = sent(mode)
    fields = tuple((n, b"26" if n == b"Content-Length" else v) for n, v in request.head.headers)
    head, wire, _ = released(request, OLD, edited(request.head, headers=(*fields, (b"x-amz-meta-a", b"b"))))
    assert decoded(mode, head, wire) == OLD
    assert head.all(b"x-amz-meta-a") == [b"b"]


@pytest.mark.parametrize("mode", ["SHA256", STREAMING])
def test_digests_follow_the_content(mode: str) -> None:
    """Content-MD5 and a checksum in the head are computed anew."""
    digest = base64.b64encode(md5(OLD).digest()).decode()
    request = sent(mode, OLD, ("Content-MD5", digest), ("x-amz-checksum-crc32c", crc32c(OLD)[1].decode()))
    head, wire, _ = released(request, NEW)
    assert decoded(mode, head, wire) == NEW
    assert head.all(b"content-md5") == [base64.b64encode(md5(NEW).digest())]
    assert head.all(b"x-amz-checksum-crc32c") == [crc32c(NEW)[1]]


def test_a_digest_that_the_operator_set_stays() -> None:
    """Who wants to see the backend refuse a wrong one can."""
    request = sent("SHA256", OLD, ("Content-MD5", "b2xk"))
    fields = tuple((n, b"bXk=" if n == b"Content-MD5" else v) for n, v in request.head.headers)
    head, _, _ = released(request, NEW, edited(request.head, headers=fields))
    assert head.all(b"content-md5") == [b"bXk="]


def test_the_coding_that_mitmproxy_drops_comes_back() -> None:
    """Setting content in an unknown coding makes mitmproxy remove the header."""
    request = sent(STREAMING_UNSIGNED_TRAILER, OLD, ("Content-Encoding", "aws-chunked"))
    fields = tuple(pair for pair in request.head.headers if pair[0] != b"Content-Encoding")
    head, wire, _ = released(request, NEW, edited(request.head, headers=fields))
    assert decoded(STREAMING_UNSIGNED_TRAILER, head, wire) == NEW
    assert head.all(b"content-encoding") == [b"aws-chunked"]


def test_a_body_for_a_request_that_had_none() -> None:
    """A GET that an operator makes a PUT of goes out with the hash of what they wrote."""
    proven = admitted(authorized("GET", "/bucket/key"))
    head = edited(proven.head, method=b"PUT")
    outgoing, wire = held.release(proven, held.NOTHING_HELD, head, NEW, CONFIG, SIGNER, GATEWAY.now)
    assert decoded("SHA256", outgoing_head(b"PUT", outgoing), wire) == NEW


def test_no_body_stays_none() -> None:
    proven = admitted(authorized("GET", "/bucket/key"))
    outgoing, wire = held.release(proven, held.NOTHING_HELD, proven.head, b"", CONFIG, SIGNER, GATEWAY.now)
    assert wire == b""
    assert outgoing_head(b"GET", outgoing).all(b"x-amz-content-sha256") == [EMPTY.encode()]
    assert outgoing_head(b"GET", outgoing).all(b"content-length") == []


def test_a_presigned_upload_edited() -> None:
    """Its body was never signed, and its parameters do not travel."""
    request = Sent(presigned("PUT", "/bucket/key", [("Content-Length", str(len(OLD)))]), OLD)
    head, wire, _ = released(request, NEW)
    assert decoded(UNSIGNED, head, wire) == NEW
    assert head.target == b"/bucket/key"


@pytest.mark.parametrize(
    ("mode", "spoil", "code"),
    [
        ("SHA256", lambda wire: wire + b"x", "XAmzContentSHA256Mismatch"),
        ("SHA256", lambda _: b"", "XAmzContentSHA256Mismatch"),
        (STREAMING, lambda wire: wire.replace(b"old", b"odd"), "SignatureDoesNotMatch"),
        (STREAMING, lambda wire: wire[:-20], "IncompleteBody"),
        (STREAMING, lambda wire: wire + b"x", "IncompleteBody"),
        (STREAMING, lambda _: b"", "IncompleteBody"),
        (STREAMING_TRAILER, lambda wire: wire.replace(b"crc32c:", b"crc32c:x"), "SignatureDoesNotMatch"),
        (STREAMING_UNSIGNED_TRAILER, lambda wire: wire.replace(b"old", b"odd"), "BadDigest"),
    ],
)
def test_what_is_not_proven_is_not_held(mode: str, spoil, code: str) -> None:  # type: ignore[no-untyped-def]
    """The client's own bytes are what is verified; nobody gets to edit a body that is not what was signed."""
    request = sent(mode)
    with pytest.raises(S3Error) as raised:
        held.hold(admitted(request.head), spoil(request.wire), CONFIG, SIGNER, CLIENT.now)
    assert raised.value.code == code


def test_an_edit_into_what_is_no_s3_request_is_refused() -> None:
    """With a body as without one."""
    request = sent("SHA256")
    for content in (OLD, NEW):
        with pytest.raises(S3Error):
            released(request, content, edited(request.head, target=b"/minio/admin/v3/info"))


def test_keys_to_delete_are_checked_before_and_after_the_edit() -> None:
    """A client with prefixes gains nothing by an operator's slip."""
    document = b'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Object><Key>mine/a</Key></Object></Delete>'
    client = {
        "name": "c",
        "access_key_id": CLIENT.access_key_id,
        "secret_access_key": CLIENT.secret,
        "buckets": ["*"],
        "prefixes": ["mine/"],
    }
    config = configured(clients=[client])
    payload = sha256(document).hexdigest()
    head = authorized("POST", "/bucket?delete=", [("Content-Length", str(len(document)))], payload=payload)
    proven = admitted(head, config=config)
    body = held.hold(proven, document, config, SIGNER, CLIENT.now)
    for content, allowed in ((document.replace(b"/a", b"/b"), True), (document.replace(b"mine", b"ours"), False)):
        if allowed:
            assert held.release(proven, body, head, content, config, SIGNER, GATEWAY.now)[1] == content
        else:
            with pytest.raises(S3Error):
                held.release(proven, body, head, content, config, SIGNER, GATEWAY.now)


def test_new_chunks_keep_to_the_limits() -> None:
    """They are no smaller and no larger than those that a client may send."""
    config = configured(limits={"aws_chunk": 10_000, "aws_chunk_min": 10_000})
    request = sent(STREAMING)
    proven = admitted(request.head, config=config)
    body = held.hold(proven, request.wire, config, SIGNER, CLIENT.now)
    outgoing, wire = held.release(proven, body, proven.head, b"x" * 25_000, config, SIGNER, GATEWAY.now)
    seed = _signature(outgoing_head(b"PUT", outgoing))
    assert streams.check(wire, STREAMING, GATEWAY, seed).sizes == (b"2710", b"2710", b"1388", b"0")


def test_bytes_are_not_in_a_repr() -> None:
    assert "secret" not in repr(Held(b"secret", b"secret", 0))
