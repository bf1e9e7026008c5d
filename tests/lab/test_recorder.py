"""lab.recorder: every byte in both directions, and every end."""

import contextlib
import gc
import socket
import ssl
import struct
import threading
import time
import warnings
from collections.abc import Iterator

import pytest

from lab.certs import Certs
from lab.recorder import Recorder
from lab.wire import WireError
from tests.real.waiting import LIMIT, eventually

_PUT = b"PUT /b/k?uploads HTTP/1.1\r\nHost: h\r\nX-B: 1\r\nx-a: 2\r\nContent-Length: 3\r\n\r\nabc"
_CHUNKED = b"PUT /b/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class _Peer:
    """A backend over TLS that keeps what it gets and answers each time that what it got ends with `mark`."""

    access_key, secret_key, region = "key", "secret", "us-east-1"

    def __init__(self, certs: Certs) -> None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certs.backend_certificate, certs.backend_key)
        self.ca_file = certs.ca
        self.got = bytearray()
        self.ended = threading.Event()
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"https://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = self._socket.accept()
                with contextlib.suppress(OSError), self._context.wrap_socket(plain, server_side=True) as connection:
                    while data := connection.recv(65536):
                        self.got += data
                        if self.got.endswith((_PUT, _CHUNKED)):
                            connection.sendall(_ANSWER)
                self.ended.set()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(LIMIT)


@pytest.fixture
def peer(certs: Certs) -> Iterator[_Peer]:
    backend = _Peer(certs)
    yield backend
    backend.close()


@pytest.fixture
def relay(peer: _Peer, certs: Certs) -> Iterator[Recorder]:
    with Recorder(peer, certs) as recorder:
        yield recorder


def _connect(relay: Recorder) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=relay.ca_file)
    plain = socket.create_connection(("127.0.0.1", relay.port), timeout=LIMIT)
    return context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_requests_of_one_connection_are_recorded_and_relayed_byte_for_byte(relay: Recorder, peer: _Peer) -> None:
    with _connect(relay) as client:
        for request in (_PUT, _CHUNKED):
            client.sendall(request)
            assert client.recv(65536) == _ANSWER
    assert bytes(peer.got) == _PUT + _CHUNKED
    (connection,) = relay.connections()
    assert bytes(connection.sent) == _PUT + _CHUNKED
    assert bytes(connection.received) == _ANSWER * 2
    put, chunked = relay.requests()
    assert (put.connection, put.target, put.body) == (chunked.connection, b"/b/k?uploads", b"abc")
    assert put.headers == [(b"Host", b"h"), (b"X-B", b"1"), (b"x-a", b"2"), (b"Content-Length", b"3")]
    assert (chunked.body, chunked.complete) == (b"abcde", True)


def test_an_upload_that_is_cut_is_incomplete_and_cut_at_the_backend_too(relay: Recorder, peer: _Peer) -> None:
    with _connect(relay) as client:
        client.sendall(_PUT[:-1])
        eventually(lambda: len(peer.got) == len(_PUT) - 1)
    assert peer.ended.wait(LIMIT)
    assert [(request.body, request.complete) for request in relay.requests()] == [(b"ab", False)]


def test_a_reset_reaches_the_backend(relay: Recorder, peer: _Peer) -> None:
    client = _connect(relay)
    client.sendall(_PUT[:-1])
    eventually(lambda: len(peer.got) == len(_PUT) - 1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert peer.ended.wait(LIMIT)


def test_clear_forgets_ended_connections(relay: Recorder) -> None:
    with _connect(relay) as client:
        client.sendall(_PUT)
        client.recv(65536)
        relay.clear()
        assert relay.requests() == []
        client.sendall(_CHUNKED)
        client.recv(65536)
        assert [request.body for request in relay.requests()] == [b"abcde"]

    def forgotten() -> bool:
        relay.clear()
        return relay.connections() == []

    eventually(forgotten)


def test_clear_forgets_a_request_that_is_still_coming_in(relay: Recorder) -> None:
    with _connect(relay) as client:
        client.sendall(_PUT[:-1])
        eventually(lambda: bool(relay.requests()))
        relay.clear()
        assert relay.requests() == []
        client.sendall(_PUT[-1:])
        client.recv(65536)
        assert relay.requests() == []
        client.sendall(_CHUNKED)
        client.recv(65536)
        assert [request.body for request in relay.requests()] == [b"abcde"]


def test_what_is_no_request_fails_the_test_that_asks(relay: Recorder) -> None:
    with _connect(relay) as client:
        client.sendall(b"GET / HTTP/1.1\nHost: h\r\n\r\n")
        eventually(lambda: bool(relay.connections()) and relay.connections()[0].fault is not None)
    with pytest.raises(WireError, match="request line"):
        relay.requests()


def test_a_backend_that_is_down_looks_down(relay: Recorder, peer: _Peer) -> None:
    peer.close()
    with _connect(relay) as client, contextlib.suppress(OSError):
        client.sendall(_PUT)
        assert client.recv(1) == b""


def test_it_is_behind_until_it_has_read_an_end(relay: Recorder) -> None:
    """Of a connection, and of one that nobody has been told of: a plain one never ends its TLS handshake."""
    with _connect(relay) as client:
        client.sendall(_PUT)
        client.recv(65536)
        assert not relay.is_behind()
    with _held(relay), socket.create_connection(("127.0.0.1", relay.port)):
        assert relay.is_behind()
    eventually(lambda: not relay.is_behind())


def test_what_has_come_is_kept_whatever_comes_after_it(relay: Recorder, peer: _Peer) -> None:
    """A reset that comes with it, too."""
    with _connect(relay) as client:
        client.sendall(_PUT)
        client.recv(65536)
        with _held(relay):
            client.sendall(_CHUNKED)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
    eventually(lambda: not relay.is_behind())
    (connection,) = relay.connections()
    assert bytes(connection.sent) == _PUT + _CHUNKED
    assert peer.ended.wait(LIMIT)


def test_nothing_is_left_open(peer: _Peer, certs: Certs) -> None:
    """At whatever moment of a connection's life it is closed."""
    with _no_warnings():
        for moment in range(60):
            with Recorder(peer, certs) as relay, _connect(relay) as client:
                if moment % 3:
                    client.sendall(_PUT)
                    client.recv(65536)
                if moment % 3 != 1:
                    client.close()
                time.sleep(moment / 60_000)
            del relay


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02\x00\x01"], ids=["nothing", "half a hello"])
def test_a_connection_that_says_nothing_is_not_waited_for(peer: _Peer, certs: Certs, said: bytes) -> None:
    """Nor left open: one in its TLS handshake, and one that has just been accepted."""
    with _no_warnings():
        for moment in range(20):
            with contextlib.ExitStack() as silent:
                with Recorder(peer, certs) as relay:
                    client = silent.enter_context(socket.create_connection(("127.0.0.1", relay.port), timeout=LIMIT))
                    client.sendall(said)
                    time.sleep(moment / 20_000)
                with contextlib.suppress(ConnectionError):
                    assert client.recv(1) == b""
            del relay


@contextlib.contextmanager
def _no_warnings() -> Iterator[None]:
    gc.collect()  # earlier tests' affairs
    with warnings.catch_warnings(record=True, action="always") as heard:
        yield
        gc.collect()
    assert [str(warning.message) for warning in heard] == []


@contextlib.contextmanager
def _held(relay: Recorder) -> Iterator[None]:
    """Keep the recorder from reading anything."""
    go = threading.Event()
    relay._loop.call_soon_threadsafe(go.wait)
    yield
    go.set()
