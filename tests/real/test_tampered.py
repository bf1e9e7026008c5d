"""Bodies that are not what was signed: refused, absent at the backend, and not a bad byte on the wire to it."""

import contextlib
import os
from hashlib import sha256

import pytest

from lab.certs import Certs
from lab.gateway import Gateway
from lab.minio import Minio
from lab.recorder import Recorder
from tests.real.rawhttp import Raw
from tests.real.s3errors import check_error
from tests.real.sdkv1 import CHUNK, EMPTY, STREAMING, Key, Target, Upload, put_chunked, put_plain, sign

NO_SIGNATURE = b"0" * 64
"""What the backend cannot take for a signature: how the gateway fills the frame of a chunk that was not good."""


def _broken(bucket: str) -> dict[str, tuple[Upload, str, int]]:
    """Uploads with one fault each, the code, and the number of frames before the fault."""
    data = [os.urandom(CHUNK), os.urandom(CHUNK), os.urandom(1000)]
    put = put_chunked(Target(bucket, "k"), b"".join(data))
    trailing = put_chunked(Target(bucket, "k"), b"".join(data), trailer=("x-amz-checksum-crc32", "AAAAAA=="))
    wrong = "SignatureDoesNotMatch"
    cases = {f"chunk-{i}-{part}": (put.tampered(i, at), wrong, i) for i in range(3) for part, at in _ATS}
    cases |= {
        "final-signature": (put.tampered(3, 20), wrong, 3),
        "trailer-value": (trailing.tampered(4, len("x-amz-checksum-crc32:") + 2), wrong, 3),
        "trailer-signature": (trailing.tampered(4, -6), wrong, 3),
        "trailer-name": (trailing.tampered(4, 1), "MalformedTrailerError", 3),
        "trailing-mode-chunk": (trailing.tampered(1, -100), wrong, 1),
        "trailing-mode-final": (trailing.tampered(3, 20), wrong, 3),
        "chunks-swapped": (Upload(put.request, (put.frames[1], put.frames[0], *put.frames[2:])), wrong, 0),
        "size-not-hex": (Upload(put.request, (b"g" + put.frames[0][1:], *put.frames[1:])), "IncompleteBody", 0),
    }
    return cases


_ATS = (("data", -100), ("signature", 30))
_NAMES = list(_broken("names"))


@pytest.mark.parametrize("name", _NAMES)
def test_a_tampered_upload_commits_nothing(raw: Raw, wire: Recorder, minio: Minio, bucket: str, name: str) -> None:
    """One byte of a chunk, its signature, the final chunk or the trailer: refused, absent, and not seen behind."""
    upload, code, good = _broken(bucket)[name]
    _send_all(raw, upload.wire)
    answer = raw.read()
    check_error(answer, 400 if code in {"IncompleteBody", "MalformedTrailerError"} else 403, code, upload.request)
    _check_not_behind(wire, upload, good)
    assert minio.client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def _check_not_behind(wire: Recorder, upload: Upload, good: int) -> None:
    sent = b"".join(bytes(connection.sent) for connection in wire.connections())
    for frame in upload.frames[good:]:
        data = frame.partition(b"\r\n")[2][:-2]
        assert not data or data not in sent
        assert frame not in sent
    for request in wire.requests():
        signatures = [piece[:64] for piece in request.body.split(b"chunk-signature=")[1:]]
        assert all(signature == NO_SIGNATURE for signature in signatures[good:])
        assert not request.complete or signatures[good:]


def _send_all(raw: Raw, data: bytes) -> None:
    """Send; a gateway may have closed on us by then, and its answer is there to be read all the same."""
    with contextlib.suppress(ConnectionError):
        raw.send(data)


@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
def test_a_body_whose_hash_is_another(
    usual_gateway: Gateway, certs: Certs, wire: Recorder, minio: Minio, bucket: str, *, tls: bool
) -> None:
    """A signed SHA-256 that is not the body's: refused, and the backend never has the whole body."""
    put = put_plain(Target(bucket, "k"), b"x" * 300_000)
    changed = Upload(put.request, (b"y" + put.body[1:],))
    with Raw(usual_gateway.port, certs.ca if tls else None) as raw:
        _send_all(raw, changed.wire)
        check_error(raw.read(), 400, "XAmzContentSHA256Mismatch", put.request)
    assert all(not request.complete for request in wire.requests())
    assert minio.client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.parametrize("cut", ["no-final-chunk", "short-data", "junk-after"])
def test_a_body_of_another_length(raw: Raw, minio: Minio, bucket: str, cut: str) -> None:
    """HTTP's length is right and aws-chunked's is not: 400, and nothing stored."""
    whole = put_chunked(Target(bucket, "k"), b"x" * 10_000, chunk=8192)
    frames = {
        "no-final-chunk": whole.frames[:-1],
        "short-data": (whole.frames[0], whole.frames[2]),
        "junk-after": (*whole.frames, b"0;chunk-signature="),
    }[cut]
    headers = [(n.decode(), v.decode()) for n, v in whole.request.headers if n == b"x-amz-decoded-content-length"]
    length = str(sum(map(len, frames)))
    request = sign("PUT", Target(bucket, "k"), STREAMING, [*headers, ("Content-Length", length)], key=whole.request.key)
    body, last = b"", request.signature
    for frame in frames:
        data = frame.partition(b"\r\n")[2][:-2]
        size = frame.partition(b";")[0]
        if cut == "junk-after" and frame == frames[-1]:
            body += frame
            continue
        last = _chunk_signature(request.key, last, data)
        body += size + b";chunk-signature=" + last.encode() + b"\r\n" + data + b"\r\n"
    _send_all(raw, request.head + body)
    answer = raw.read()
    assert (answer.status, answer.code) == (400, "IncompleteBody")
    assert minio.client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def _chunk_signature(key: Key, last: str, data: bytes) -> str:
    return key.sign("AWS4-HMAC-SHA256-PAYLOAD", last, EMPTY, sha256(data).hexdigest())
