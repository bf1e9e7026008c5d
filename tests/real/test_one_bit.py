"""One bit changed anywhere in a valid signed upload, at the wire: refused, or it says the same; no other object."""

import contextlib
import socket
from typing import Final
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from lab.gateway import Gateway, gateway_config
from lab.minio import Minio
from tests.conftest import GatewayFactory
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import STREAMING, STREAMING_TRAILER, Target, Upload, put_chunked, put_plain
from tests.sigv4.streams import crc32c

EXAMPLES: Final = 30
"""For each kind of upload. The core's test of the same name takes hundreds; this one shows that the shell adds none."""

DATA: Final = bytes(range(256)) * 36  # a chunk of the least size, and a small one
SECONDS: Final = 10.0
"""To wait for an answer: some bits (a line end, a larger Content-Length) leave a server waiting for more."""

CRC: Final = tuple(text.decode() for text in crc32c(DATA))


class _AnyVersion(Raw):
    """Bit 0 of the last byte of `HTTP/1.1` asks for an answer of HTTP/1.0; no signature covers it."""

    def _line(self) -> str:
        return super()._line().replace("HTTP/1.0 ", "HTTP/1.1 ", 1)


@pytest.fixture(scope="module")
def before_minio(minio: Minio, session_gateway: GatewayFactory) -> Gateway:
    """No recorder hears what is no HTTP/1.1."""
    return session_gateway(gateway_config(minio, limits={"refusal_linger": 1}))


def _upload(kind: str, target: Target) -> Upload:
    if kind == "SHA256":
        return put_plain(target, DATA)
    return put_chunked(target, DATA, chunk=8192, trailer=(CRC[0], CRC[1]) if kind == STREAMING_TRAILER else None)


def _answer(port: int, data: bytes, sizes: list[int]) -> int:
    """Send in pieces of these sizes and give the status of the answer; 0 for none."""
    with _AnyVersion(port) as raw, contextlib.suppress(OSError, AssertionError):  # an answer that is none, too
        raw.socket.settimeout(SECONDS)
        raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        at = 0
        with contextlib.suppress(ConnectionError):
            for size in [*sizes, len(data)]:
                raw.send(data[at : at + size])
                at += size
        return raw.read("PUT").status
    return 0


@pytest.mark.parametrize("kind", [STREAMING, STREAMING_TRAILER, "SHA256"])
def test_one_bit(before_minio: Gateway, minio: Minio, kind: str) -> None:
    """Anywhere in head, frames, data or trailer, and in whatever pieces it is delivered."""
    bucket = f"bit-{uuid4().hex[:12]}"
    s3 = minio.client()
    s3.create_bucket(Bucket=bucket)
    version = _upload(kind, Target(bucket, "k")).head.index(b"HTTP/1.1\r\n") + len(b"HTTP/1.")

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.booleans(), st.integers(0, 1 << 20), st.integers(0, 7), st.lists(st.integers(1, 6000), max_size=4))
    @example(in_head=True, where=version, bit=0, sizes=[])
    def flip(in_head: bool, where: int, bit: int, sizes: list[int]) -> None:
        upload = _upload(kind, Target(bucket, "k"))
        at = where % len(upload.head) if in_head else len(upload.head) + where % len(upload.body)
        changed = bytearray(upload.wire)
        changed[at] ^= 1 << bit
        status = _answer(before_minio.port, bytes(changed), sizes)
        found = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        if status != 200:
            assert found == [], (at, bit, status)
            return
        assert [entry["Key"] for entry in found] == ["k"]
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == DATA
        s3.delete_object(Bucket=bucket, Key="k")

    assert _answer(before_minio.port, _upload(kind, Target(bucket, "k")).wire, [1, 100]) == 200
    s3.delete_object(Bucket=bucket, Key="k")
    flip()
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0  # nor did anything come late
