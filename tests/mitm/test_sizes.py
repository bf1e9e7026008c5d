"""How large the parts of a request may be, through a real mitmdump: nothing that has no end is kept in memory."""

import contextlib
import os
from collections.abc import Callable

import pytest

from lab.certs import Certs
from lab.gateway import Gateway, gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from tests.conftest import GatewayFactory
from tests.mitm import stuck
from tests.mitm.conftest import Nobody
from tests.mitm.pushing import MAY_GROW, keeps, push
from tests.real import memory
from tests.real.memory import MIB
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import UNSIGNED_TRAILER, Target, put_chunked, sign
from tests.real.waiting import eventually


@pytest.fixture(scope="module")
def lone(certs: Certs, session_gateway: GatewayFactory) -> Gateway:
    """A gateway without a backend, warmed up."""
    running = session_gateway(gateway_config(Nobody(certs), certificate=certs.gateway, limits={"refusal_linger": 2}))
    for ca_file in (None, certs.ca):
        with Raw(running.port, ca_file) as warm:
            assert warm.ask(keeps()).status == 403
    return running


@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
@pytest.mark.parametrize("begin", [b"GET /", b"GET / HTTP/1.1\r\nHost: h\r\nX-A: "], ids=["target", "header"])
def test_a_head_without_end_is_not_kept(lone: Gateway, certs: Certs, begin: bytes, *, tls: bool) -> None:
    """400 when it is over the limits, and memory stays flat however much still comes."""
    before = memory.reset_peak(lone.pid)
    with Raw(lone.port, certs.ca if tls else None) as raw:
        raw.send(begin)
        sender = push(raw, b"a" * MIB, 400)
        answer = raw.read()
        assert (answer.status, answer.code) == (400, "RequestHeaderSectionTooLarge")
        assert answer.header("Connection") == "close"
        assert raw.is_closed()
        sender.join(30)
    assert memory.peak(lone.pid) - before < MAY_GROW


def test_an_endless_line_of_a_refused_body_is_not_kept(lone: Gateway) -> None:
    """HTTP chunks have lines too: one that does not end is cut, while a refused body is being dropped."""
    before = memory.reset_peak(lone.pid)
    with Raw(lone.port) as raw:
        raw.send(b"PUT /bucket/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;")
        sender = push(raw, b"a" * MIB, 400)
        with contextlib.suppress(ConnectionError):  # a reset may overtake the answer
            assert raw.read().status == 403
        assert raw.is_closed()
        sender.join(30)
    assert memory.peak(lone.pid) - before < MAY_GROW


def test_requests_sent_ahead_without_end_are_not_kept(gateway: GatewayFactory, certs: Certs) -> None:
    """While one waits for the backend, what comes behind it has a bound, and beyond it the client has to wait."""
    with stuck.Stuck(certs, stuck.unanswering) as backend:
        running = gateway(gateway_config(backend, limits={"backend_timeout": 3}))
        with Raw(running.port) as warm:
            assert warm.ask(keeps()).status == 403
        before = memory.reset_peak(running.pid)
        with Raw(running.port) as raw:
            raw.send(sign("GET", Target("bucket", "k")).head)
            eventually(lambda: backend.connections)
            sender = push(raw, b"GET / HTTP/1.1\r\n" * 65536, 400)
            with contextlib.suppress(ConnectionError):  # a reset may overtake the answer
                assert raw.read().status == 503
            assert raw.is_closed()
            sender.join(30)
        assert memory.peak(running.pid) - before < MAY_GROW


TIGHT = {
    "headers": 20,
    "header_bytes": 2000,
    "target": 100,
    "metadata": 50,
    "aws_chunk": 10_000,
    "aws_chunk_min": 1000,
    "trailer": 120,
}


def _headers(*headers: tuple[str, str], key: str = "k") -> Callable[[str], bytes]:
    return lambda bucket: sign("GET", Target(bucket, key), headers=headers).head


def _chunks(chunk: int) -> Callable[[str], bytes]:
    return lambda bucket: put_chunked(Target(bucket, "k"), b"x" * 20_000, chunk=chunk).wire


def _trailer(spaces: int) -> Callable[[str], bytes]:
    """An upload in unsigned chunks whose trailer has white space."""
    body = f"1\r\nx\r\n0\r\nx-amz-checksum-crc32:{' ' * spaces}jNwWgw==\r\n\r\n".encode()
    sizes = [
        ("x-amz-trailer", "x-amz-checksum-crc32"),
        ("x-amz-decoded-content-length", "1"),
        ("Content-Length", str(len(body))),
    ]
    return lambda bucket: sign("PUT", Target(bucket, "k"), UNSIGNED_TRAILER, sizes).head + body


_EMPTY = [(f"x-{i}", "") for i in range(11)]  # SDK v1's own are ten
TOO_LARGE = "RequestHeaderSectionTooLarge"
CASES: dict[str, tuple[Callable[[str], bytes], Callable[[str], bytes], str]] = {
    "headers": (_headers(*_EMPTY[:10]), _headers(*_EMPTY), TOO_LARGE),
    "header_bytes": (_headers(("x-a", "a" * 900)), _headers(("x-a", "a" * 2000)), TOO_LARGE),
    "target": (_headers(key="a" * 60), _headers(key="a" * 100), TOO_LARGE),
    "metadata": (_headers(("x-amz-meta-ab", "a" * 48)), _headers(("x-amz-meta-ab", "a" * 49)), "MetadataTooLarge"),
    "aws_chunk": (_chunks(10_000), _chunks(10_001), "EntityTooLarge"),
    "aws_chunk_min": (_chunks(1000), _chunks(999), "InvalidChunkSizeError"),
    "trailer": (_trailer(0), _trailer(120), "IncompleteBody"),
}  # fmt: skip


@pytest.fixture(scope="module")
def tight(_recorder: Recorder, session_gateway: GatewayFactory) -> Gateway:
    """A gateway with small limits on sizes."""
    return session_gateway(gateway_config(_recorder, limits=TIGHT))


@pytest.mark.parametrize("limit", CASES)
def test_what_is_as_large_as_its_limit_and_what_is_larger(
    tight: Gateway, recorder: Recorder, minio: Minio, limit: str
) -> None:
    """One passes, and the backend takes it; the other is refused and leaves no object."""
    bucket = f"tight-{os.urandom(6).hex()}"
    minio.client().create_bucket(Bucket=bucket)
    passes, refused, code = CASES[limit]
    with Raw(tight.port) as raw:
        assert raw.ask(passes(bucket)).status in {200, 404}  # a GET finds nothing there yet
    assert [request.complete for request in recorder.requests()] == [True]
    minio.client().delete_object(Bucket=bucket, Key="k")
    with Raw(tight.port) as raw:
        assert raw.ask(refused(bucket)).code == code
    assert all(not request.complete for request in recorder.requests()[1:])
    assert minio.client().list_objects_v2(Bucket=bucket)["KeyCount"] == 0
