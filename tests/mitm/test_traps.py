"""What mitmproxy would do by itself and the gateway must not: tunnels, foreign targets, early connections, Host."""

import contextlib
import socket
import ssl

import pytest

from lab.certs import Certs
from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from tests.conftest import GatewayFactory
from tests.real import invariant
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import Key, Target, put_chunked, sign
from tests.real.waiting import eventually


@pytest.fixture
def closed(unreached: Recorder, certs: Certs, gateway: GatewayFactory) -> Gateway:
    """A gateway whose backend nobody in these tests may reach."""
    return gateway(gateway_config(unreached, certificate=certs.gateway, limits={"refusal_linger": 1}))


def _connect(running: Gateway, certs: Certs, *, tls: bool) -> Raw:
    return Raw(running.port, certs.ca if tls else None)


both = pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])


@both
def test_a_refused_client_causes_no_connection_to_the_backend(
    closed: Gateway, unreached: Recorder, certs: Certs, *, tls: bool
) -> None:
    """Neither with a body nor without, nor by connecting alone."""
    for request in (
        sign("GET", Target("bucket", "k"), key=Key(secret="wrong")).head,
        put_chunked(Target("bucket", "k"), b"x", key=Key(secret="wrong")).wire,
        b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"PUT /bucket/k HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    ):
        with _connect(closed, certs, tls=tls) as raw:
            assert raw.ask(request).status == 403
    _connect(closed, certs, tls=tls).close()
    assert unreached.connections() == []


@pytest.mark.parametrize(
    "request_head",
    [
        b"nonsense\r\n\r\n",
        b"GET /bucket/key\r\nHost: h\r\n\r\n",
        b"GET /bucket/ke y HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET bucket/key HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /bucket/key HTTP/1.1\r\nno colon\r\n\r\n",
        b"PUT /bucket/key HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
        b"CONNECT 127.0.0.1 HTTP/1.1\r\nHost: h\r\n\r\n",
        b"\x16\x03nothing\r\n\r\n",
    ],
)
def test_what_is_no_request_is_answered_in_s3s_words(closed: Gateway, unreached: Recorder, request_head: bytes) -> None:
    """mitmproxy answers with a page of its own, which no SDK reads and which tells what this is."""
    with Raw(closed.port) as raw:
        answer = raw.ask(request_head)
        assert (answer.status, answer.code) == (400, "BadRequest")
        assert answer.header("Content-Type") == "application/xml"
        assert "mitmproxy" not in repr(answer)
        assert raw.socket.recv(1) == b""
    assert unreached.connections() == []


@both
def test_tunnels_and_foreign_targets_are_refused(
    closed: Gateway, unreached: Recorder, certs: Certs, *, tls: bool
) -> None:
    """CONNECT, absolute-form and asterisk-form reach nobody: neither their target nor the backend."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0.2)
        where = f"127.0.0.1:{other.getsockname()[1]}".encode()
        signed = sign("GET", Target("bucket", "k")).head
        for request in (
            b"CONNECT " + where + b" HTTP/1.1\r\nHost: " + where + b"\r\n\r\n",
            signed.replace(b"GET /", b"GET http://" + where + b"/"),
            signed.replace(b"GET /", b"GET https://" + where + b"/"),
            b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
        ):
            with _connect(closed, certs, tls=tls) as raw:
                raw.send(request)
                with contextlib.suppress(ConnectionError):
                    assert 400 <= raw.read().status < 600
        with pytest.raises(TimeoutError):
            other.accept()
    assert unreached.connections() == []


@pytest.mark.parametrize(
    "more",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Content-Length: +5\r\n",
        b"X-Odd: a\x00b\r\n",
    ],
)
def test_an_unclear_framing_reaches_nobody(closed: Gateway, unreached: Recorder, more: bytes) -> None:
    """What two servers could read in two ways is refused or cut, signed or not."""
    signed = sign("PUT", Target("bucket", "k"), "UNSIGNED-PAYLOAD").head
    with Raw(closed.port) as raw:
        raw.send(signed[:-2] + more + b"\r\n5\r\nhello\r\n0\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            assert 400 <= raw.read().status < 600
    assert all(not request.complete for request in unreached.requests())
    assert unreached.requests() == []


@both
def test_nothing_after_a_refused_body_is_a_request(
    closed: Gateway, unreached: Recorder, certs: Certs, *, tls: bool
) -> None:
    """Bytes that come after an early refusal are body, whatever they look like, and the connection ends."""
    inner = sign("GET", Target("bucket", "k")).head
    head = b"PUT /bucket/k HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % (len(inner) + 1)
    with _connect(closed, certs, tls=tls) as raw:
        answer = raw.ask(head + inner)
        assert (answer.status, answer.header("Connection")) == (403, "close")
        assert raw.is_closed()
    assert unreached.connections() == []


def test_the_host_that_was_signed_is_the_host_that_is_verified(
    minio: Minio, certs: Certs, gateway: GatewayFactory
) -> None:
    """mitmproxy keeps the client's Host for the verification; the backend gets its own."""
    with Recorder(minio, certs) as relay:
        running = gateway(gateway_config(relay, certificate=certs.gateway))
        minio.client().create_bucket(Bucket="traps-host")
        for host in ("any.name.at.all:81", "127.0.0.1", "[::1]:9"):
            request = sign("GET", Target("traps-host", "", (("location", ""),)), host=host)
            with Raw(running.port) as raw:
                assert raw.ask(request.head).status == 200
            with Raw(running.port) as raw:
                assert raw.ask(request.changed("Host", "another").head).code == "SignatureDoesNotMatch"
        for sent in relay.requests():
            assert sent.header("host") == relay.endpoint.removeprefix("https://").encode()
            invariant.check_signed_names(sent)


def test_the_clients_server_name_is_not_the_backends(minio: Minio, certs: Certs, gateway: GatewayFactory) -> None:
    """A TLS client may ask for any name; the backend's certificate is verified for the backend's."""
    running = gateway(gateway_config(minio, certificate=certs.gateway))
    minio.client().create_bucket(Bucket="traps-sni")
    with Raw(running.port, certs.ca, server_name="evil.example") as raw:
        assert raw.ask(sign("GET", Target("traps-sni", "", (("location", ""),))).head).status == 200


def test_tls_is_offered_as_http_1_and_1_2_or_later(closed: Gateway, certs: Certs) -> None:
    """HTTP/2 has no raw target and no header case: it is not negotiated; old TLS is refused."""
    context = ssl.create_default_context(cafile=certs.ca)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with context.wrap_socket(socket.create_connection(("127.0.0.1", closed.port)), server_hostname="127.0.0.1") as tls:
        assert tls.selected_alpn_protocol() == "http/1.1"
        assert tls.version() in {"TLSv1.2", "TLSv1.3"}


def test_http_2_without_tls_is_refused(closed: Gateway, unreached: Recorder) -> None:
    """Prior-knowledge HTTP/2 gets nowhere."""
    with Raw(closed.port) as raw:
        raw.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
        with contextlib.suppress(ConnectionError, AssertionError):
            assert raw.read().status >= 400
    assert unreached.connections() == []


def test_a_client_that_connects_and_says_nothing_costs_nothing(closed: Gateway, unreached: Recorder) -> None:
    """Half a head, no head: nobody is bothered, and others are served."""
    with Raw(closed.port) as silent, Raw(closed.port) as half:
        half.send(sign("GET", Target("b", "k")).head[:100])
        with Raw(closed.port) as raw:
            assert raw.ask(sign("GET", Target("bucket", "k"), key=Key(secret="wrong")).head).status == 403
        assert silent.socket.fileno() > 0
    assert unreached.connections() == []


def test_a_pipelined_request_is_answered_after_the_one_before(closed: Gateway) -> None:
    """Two refusals of bodyless requests, in order, on one connection."""
    with Raw(closed.port) as raw:
        raw.send(
            sign("GET", Target("bucket", "one"), key=Key(secret="wrong")).head
            + sign("GET", Target("bucket", "two"), key=Key("NOBODY")).head
        )
        assert raw.read().code == "SignatureDoesNotMatch"
        assert raw.read().code == "InvalidAccessKeyId"
    assert eventually(lambda: closed.log().count('"refusal"') == 2)
    assert SPARK_CLIENT["name"] in closed.log()


@pytest.mark.parametrize("write_at_once", [True, False], ids=["one write", "a write each"])
def test_empty_lines_before_a_request_are_ignored(closed: Gateway, *, write_at_once: bool) -> None:
    """RFC 9112 §2.2: some clients end a request with a line too many; the next one is answered all the same."""
    request = sign("GET", Target("bucket", "one"), key=Key(secret="wrong")).head
    with Raw(closed.port) as raw:
        for piece in (b"\r\n\r\n" + request,) if write_at_once else (b"\r\n", b"\r\n", request):
            raw.send(piece)
        assert raw.read().code == "SignatureDoesNotMatch"
        raw.send(request + b"\r\n" + request)
        assert [raw.read().code for _ in range(2)] == ["SignatureDoesNotMatch"] * 2
