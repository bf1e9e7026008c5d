"""Bodies of any size stream: memory stays bounded in both directions, whoever is slow or refused."""

import base64
import contextlib
import hashlib
import os
import threading
import zlib

import pytest

from lab.certs import Certs
from lab.gateway import Gateway, gateway_config
from lab.minio import Minio
from tests.conftest import GatewayFactory
from tests.real import memory
from tests.real.memory import MIB
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import CHUNK, EMPTY, STREAMING, UNSIGNED_TRAILER, Key, Signed, Target, sign
from tests.real.waiting import eventually

MAY_GROW = 48 * MIB
PATTERN = os.urandom(CHUNK)


@pytest.fixture(scope="module")
def gateway_alone(minio: Minio, certs: Certs, session_gateway: GatewayFactory) -> Gateway:
    """Straight in front of MinIO, warmed up, for measuring."""
    running = session_gateway(gateway_config(minio, certificate=certs.gateway))
    running.client().list_buckets()
    return running


def _upload(raw: Raw, target: Target, chunks: int, stop: threading.Event | None = None) -> int:
    """Send ``chunks`` chunks of 128 KiB, each signed as it is sent."""
    key = Key()
    frame = len(f"{CHUNK:x};chunk-signature=") + 64 + 4
    length = chunks * (frame + CHUNK) + len("0;chunk-signature=") + 64 + 4
    sizes = [("x-amz-decoded-content-length", str(chunks * CHUNK)), ("Content-Length", str(length))]
    request = sign("PUT", target, STREAMING, sizes, key=key)
    raw.send(request.head)
    last, digest = request.signature, hashlib.sha256(PATTERN).hexdigest()
    for number in range(chunks + 1):
        data = PATTERN if number < chunks else b""
        last = key.sign("AWS4-HMAC-SHA256-PAYLOAD", last, EMPTY, digest if data else EMPTY)
        raw.send(f"{len(data):x};chunk-signature={last}\r\n".encode() + data + b"\r\n")
    return raw.read().status


def test_memory_stays_flat_in_a_large_upload_and_download(gateway_alone: Gateway, minio: Minio, bucket: str) -> None:
    """256 MiB in signed chunks up, and down again, cost no more than a few reads."""
    before = memory.reset_peak(gateway_alone.pid)
    with Raw(gateway_alone.port) as raw:
        assert _upload(raw, Target(bucket, "large"), 256 * MIB // CHUNK) == 200
    assert minio.client().head_object(Bucket=bucket, Key="large")["ContentLength"] == 256 * MIB
    assert memory.peak(gateway_alone.pid) - before < MAY_GROW
    got = gateway_alone.client().get_object(Bucket=bucket, Key="large")["Body"]
    expected = hashlib.sha256(PATTERN * (256 * MIB // CHUNK)).digest()
    digest = hashlib.sha256()
    for piece in got.iter_chunks(MIB):
        digest.update(piece)
    assert digest.digest() == expected
    assert memory.peak(gateway_alone.pid) - before < MAY_GROW


def test_one_unsigned_chunk_of_any_size(gateway_alone: Gateway, minio: Minio, bucket: str) -> None:
    """As Go's SDK writes a whole body: AWS takes it, MinIO takes none above 16 MiB, and here it costs no memory."""
    chunks = 128 * MIB // CHUNK
    trailer = "x-amz-checksum-crc32"
    crc = 0
    for _ in range(chunks):
        crc = zlib.crc32(PATTERN, crc)
    start = f"{chunks * CHUNK:x}\r\n".encode()
    end = f"\r\n0\r\n{trailer}:{base64.b64encode(crc.to_bytes(4)).decode()}\r\n\r\n".encode()
    fields = [
        ("x-amz-trailer", trailer),
        ("x-amz-decoded-content-length", str(chunks * CHUNK)),
        ("Content-Length", str(len(start) + chunks * CHUNK + len(end))),
    ]
    before = memory.reset_peak(gateway_alone.pid)
    with Raw(gateway_alone.port) as raw:
        raw.send(sign("PUT", Target(bucket, "one"), UNSIGNED_TRAILER, fields).head + start)
        for _ in range(chunks):
            raw.send(PATTERN)
        raw.send(end)
        assert raw.read().status == 200
    assert memory.peak(gateway_alone.pid) - before < MAY_GROW
    stored = minio.client().head_object(Bucket=bucket, Key="one", ChecksumMode="ENABLED")
    assert stored["ContentLength"] == chunks * CHUNK
    assert stored["ChecksumCRC32"] == base64.b64encode(crc.to_bytes(4)).decode()


@pytest.mark.parametrize("fault", [False, True], ids=["well", "one-bit"])
def test_one_signed_chunk_of_any_size(gateway_alone: Gateway, minio: Minio, bucket: str, *, fault: bool) -> None:
    """It is verified before any of it leaves, in no memory; a bit that is not the signed one, and nothing is stored."""
    chunks = 64 * MIB // CHUNK
    key, digest = Key(), hashlib.sha256()
    for _ in range(chunks):
        digest.update(PATTERN)
    frame = len(f"{chunks * CHUNK:x};chunk-signature=") + 64 + 4
    length = frame + chunks * CHUNK + len("0;chunk-signature=") + 64 + 4
    sizes = [("x-amz-decoded-content-length", str(chunks * CHUNK)), ("Content-Length", str(length))]
    request = sign("PUT", Target(bucket, "signed"), STREAMING, sizes, key=key)
    first = key.sign("AWS4-HMAC-SHA256-PAYLOAD", request.signature, EMPTY, digest.hexdigest())
    last = key.sign("AWS4-HMAC-SHA256-PAYLOAD", first, EMPTY, EMPTY)
    before = memory.reset_peak(gateway_alone.pid)
    with Raw(gateway_alone.port) as raw:
        raw.send(request.head + f"{chunks * CHUNK:x};chunk-signature={first}\r\n".encode())
        for number in range(chunks):
            is_changed = fault and number == chunks // 2
            raw.send(bytes((PATTERN[0] ^ 1,)) + PATTERN[1:] if is_changed else PATTERN)
        raw.send(f"\r\n0;chunk-signature={last}\r\n\r\n".encode())
        answer = raw.read()
    assert answer.status == (403 if fault else 200)
    assert not fault or answer.code == "SignatureDoesNotMatch"
    assert memory.peak(gateway_alone.pid) - before < MAY_GROW
    listed = minio.client().list_objects_v2(Bucket=bucket)
    assert [one["Size"] for one in listed.get("Contents", [])] == ([] if fault else [chunks * CHUNK])
    if not fault:
        stored = hashlib.sha256()
        for piece in minio.client().get_object(Bucket=bucket, Key="signed")["Body"].iter_chunks(MIB):
            stored.update(piece)
        assert stored.digest() == digest.digest()


def test_a_client_that_does_not_read_holds_the_backend_back(gateway_alone: Gateway, minio: Minio, bucket: str) -> None:
    """A download of 200 MiB waits at the client's socket and not in the gateway's memory; then it goes on."""
    minio.client().put_object(Bucket=bucket, Key="large", Body=PATTERN * (200 * MIB // CHUNK))
    before = memory.reset_peak(gateway_alone.pid)
    with Raw(gateway_alone.port) as raw:
        raw.send(sign("GET", Target(bucket, "large")).head)
        answer = raw.read_head()
        assert (answer.status, answer.header("Content-Length")) == (200, str(200 * MIB))
        raw.read_exactly(MIB)
        # Other requests show that time passes for the gateway while this client does nothing.
        others = gateway_alone.client()
        for _ in range(100):
            others.list_buckets()
        assert memory.peak(gateway_alone.pid) - before < MAY_GROW
        rest = hashlib.sha256()
        for _ in range(199):
            rest.update(raw.read_exactly(MIB))
    assert rest.digest() == hashlib.sha256(PATTERN * (199 * MIB // CHUNK)).digest()
    assert memory.peak(gateway_alone.pid) - before < MAY_GROW


@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
@pytest.mark.parametrize("head", ["anonymous", "wrong-secret"])
def test_a_refused_upload_is_not_read_into_memory(
    gateway_alone: Gateway, certs: Certs, bucket: str, head: str, *, tls: bool
) -> None:
    """An announced GiB, sent without waiting: the answer is there at once, and what still comes is dropped."""
    length = [("Content-Length", str(1024 * MIB))]
    signed = sign("PUT", Target(bucket, "k"), "UNSIGNED-PAYLOAD", length, key=Key(secret="wrong"))
    bare = Signed("PUT", signed.target, [(b"Host", b"h"), (b"Content-Length", b"%d" % (1024 * MIB))], Key(), "")
    before = memory.reset_peak(gateway_alone.pid)
    with Raw(gateway_alone.port, certs.ca if tls else None) as raw:
        raw.send((signed if head == "wrong-secret" else bare).head)
        with contextlib.suppress(OSError):  # it may close on us meanwhile
            for _ in range(200):
                raw.send(PATTERN * 8)
        with contextlib.suppress(ConnectionError):  # a reset may overtake the answer
            assert raw.read().code == ("AccessDenied" if head == "anonymous" else "SignatureDoesNotMatch")
    assert memory.peak(gateway_alone.pid) - before < MAY_GROW
    assert gateway_alone.client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_uploads_at_once_share_the_bound(gateway_alone: Gateway, minio: Minio, bucket: str) -> None:
    """Eight uploads of 32 MiB at once cost about a chunk and a few reads each."""
    before = memory.reset_peak(gateway_alone.pid)
    answers: list[int] = []

    def upload(number: int) -> None:
        with Raw(gateway_alone.port) as raw:
            answers.append(_upload(raw, Target(bucket, f"k{number}"), 32 * MIB // CHUNK))

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert answers == [200] * 8
    assert memory.peak(gateway_alone.pid) - before < 2 * MAY_GROW
    assert eventually(lambda: minio.client().list_objects_v2(Bucket=bucket)["KeyCount"] == 8)
