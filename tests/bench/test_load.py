"""The load generator against the backend of fixed answers; and what that backend answers."""

import socket
import threading
from collections.abc import Iterator

import pytest

from benchmark.lane import LoadError
from benchmark.load import Endpoint, Load
from benchmark.pace import Paced, percentile
from benchmark.signed import KIB, MIB, Content, Keys, Mode, Signed
from lab.backends import s3_client
from lab.certs import Certs
from lab.fixed import Fixed

KEYS = Keys("k", "s", "127.0.0.1")
REQUEST = Signed(b"GET / HTTP/1.1\r\n\r\n")


@pytest.fixture(scope="module")
def fixed(certs: Certs) -> Iterator[Fixed]:
    with Fixed(certs) as backend:
        yield backend


@pytest.fixture
def server(fixed: Fixed) -> Endpoint:
    return Endpoint(fixed.endpoint, fixed.ca_file)


@pytest.mark.parametrize("fresh", [False, True])
def test_it_counts_what_was_answered(server: Endpoint, fresh: bool) -> None:
    """At least as many as asked for, on all connections."""
    with Load(server, [KEYS.get("/b/1k")] * 4, fresh=fresh) as load:
        assert load.run(0, 10)[0] == 10
        count, seconds = load.run(0.05, 4)
        assert count >= 4
        assert seconds > 0


def test_large_bodies_both_ways(server: Endpoint) -> None:
    put = KEYS.put("/b/k", Content(bytes(MIB), 9), Mode.UNSIGNED)
    with Load(server, [put, KEYS.get("/b/9m"), put, KEYS.get("/b/9m")]) as load:
        assert load.run(0, 8)[0] == 8


@pytest.mark.parametrize(("key", "size"), [("1k", KIB), ("3m", 3 * MIB), ("other", KIB), ("3m.parquet", KIB)])
def test_the_fixed_backend_answers_as_many_bytes_as_the_key_says(fixed: Fixed, key: str, size: int) -> None:
    client = s3_client(fixed.endpoint, fixed.access_key, fixed.secret_key, ca_file=fixed.ca_file)
    assert len(client.get_object(Bucket="b", Key=key)["Body"].read()) == size
    assert client.put_object(Bucket="b", Key=key, Body=b"x" * 100)["ETag"]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 24\r\n\r\n<Code>AccessDenied</Code>", r"403 .*\(AccessDenied\)"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "an answer without a length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", "ended before the answer did"),
        (b"", "ended before the answer did"),
    ],
)
def test_what_is_no_good_answer_ends_the_run(answer: bytes, message: str) -> None:
    with (
        _Server([answer]) as port,
        Load(Endpoint(f"http://127.0.0.1:{port}"), [REQUEST]) as load,
        pytest.raises(LoadError, match=message),
    ):
        load.run(0)


def test_requests_at_a_rate(server: Endpoint) -> None:
    """Each has its latency, from when it was due."""
    with Paced(server, [KEYS.get("/b/1k")] * 2) as paced:
        latencies, failures = paced.run(100, 0.1)
    assert (len(latencies), failures) == (10, [])
    assert all(latency > 0 for latency in latencies)


def test_a_request_that_fails_is_counted_and_the_others_go_on() -> None:
    answers = [b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]
    with _Server(answers) as port, Paced(Endpoint(f"http://127.0.0.1:{port}"), [REQUEST]) as paced:
        latencies, failures = paced.run(1000, 0.002)
    assert (len(latencies), failures) == (1, ["HTTP/1.1 503 Slow Down"])


def test_percentiles() -> None:
    assert [percentile(range(1, 101), share) for share in (0.5, 0.99, 1)] == [51, 100, 100]


def test_an_answer_in_chunks_and_one_that_ends_the_connection() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    with _Server([chunked, chunked]) as port, Load(Endpoint(f"http://127.0.0.1:{port}"), [REQUEST]) as load:
        assert load.run(0, 2)[0] == 2


class _Server:
    """Answers one connection after another with these bytes, and closes each."""

    def __init__(self, answers: list[bytes]) -> None:
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> int:
        self._thread.start()
        return int(self._listener.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._thread.join(10)
        self._listener.close()

    def _run(self) -> None:
        for answer in self._answers:
            connection, _ = self._listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)
