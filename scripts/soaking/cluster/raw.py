"""Clients without an SDK: each request once, on a kept connection; what is not a whole good answer is counted."""

import hashlib
import http.client
import random
import socket
import threading
from contextlib import suppress
from typing import Final, NamedTuple

from showcase.sigv4 import STREAMING
from soaking.cluster.lane import Lane
from soaking.ledger import Finding, Outcome
from soaking.wire import STREAMING_TRAILER, UNSIGNED_TRAILER, Request

SMALL_KEYS: Final = 20
SMALL: Final = 20_000  # bytes
LARGE: Final = 8 * 1024 * 1024
_PUT_LARGE: Final = 5_000_000
_SECONDS: Final = 60.0
_PAUSE: Final = 0.08  # between two requests of one client: the rate is bounded, so that a request that hangs shows
_OK, _NO_CONTENT = 200, 204
_ERROR: Final = 400


class Answer(NamedTuple):
    """A whole answer."""

    status: int
    body: bytes


def standing(lane: Lane) -> dict[str, bytes]:
    """The objects that are only read, the same bytes in each run."""
    chance = random.Random(lane.bucket)  # noqa: S311 - bytes, not secrets
    objects = {f"standing/{number}": chance.randbytes(SMALL) for number in range(SMALL_KEYS)}
    return objects | {"standing/large": chance.randbytes(LARGE)}


class Raw:
    """One client in a thread of its own."""

    def __init__(self, lane: Lane, chance: random.Random, name: str) -> None:
        self._lane, self._chance, self._name = lane, chance, name
        self._socket: socket.socket | None = None
        self._objects = standing(lane)
        self._count = 0

    def read(self, stop: threading.Event) -> None:
        """Read until stopped: objects, now and then a large one, heads, listings."""
        bucket = f"/{self._lane.bucket}"
        while not stop.wait(_PAUSE):
            (kind,) = self._chance.choices(("small", "large", "head", "list"), (12, 1, 4, 3))
            key = "standing/large" if kind == "large" else f"standing/{self._chance.randrange(SMALL_KEYS)}"
            if kind == "list":
                self._read("ListObjectsV2", "GET", f"{bucket}?list-type=2&prefix=standing%2F", None)
            elif kind == "head":
                self._read("HeadObject", "HEAD", f"{bucket}/{key}", b"")
            else:
                self._read("GetObject", "GET", f"{bucket}/{key}", self._objects[key])
        self._close()

    def write(self, stop: threading.Event) -> None:
        """Write until stopped: objects, now and then a large one, deletions; and read back what was acknowledged."""
        while not stop.wait(_PAUSE):
            self._count += 1
            key = f"objects/{self._name}-{self._chance.randrange(30)}"
            if self._count % 9 == 0:
                self._delete(key)
            else:
                self._put(key, _PUT_LARGE if self._count % 16 == 0 else self._chance.choice((0, 1000, 60_000, 200_000)))
        self._close()

    def _read(self, operation: str, method: str, target: str, expected: bytes | None) -> None:
        answer = self._ask(operation, self._lane.writer.request(method, target)[0])
        if answer is not None and expected is not None and answer.body != expected:
            self._lane.tally.give_up(self._name, f"{operation} {target}: the bytes are not the object's")

    def _put(self, key: str, size: int) -> None:
        data = (self._chance.randbytes(16) + b"%d" % self._count).ljust(size, b".")
        mode = self._chance.choice((STREAMING, STREAMING_TRAILER, UNSIGNED_TRAILER))
        attempt = self._lane.ledger.begin(key, hashlib.sha256(data).hexdigest())
        answer = self._ask("PutObject", self._lane.writer.upload(f"/{self._lane.bucket}/{key}", data, mode))
        if answer is not None and answer.status == _OK:
            self._lane.ledger.close(attempt, Outcome.ACKNOWLEDGED)
            self._read_back(key)

    def _read_back(self, key: str) -> None:
        answer = self._ask("GetObject", self._lane.writer.get(f"/{self._lane.bucket}/{key}"))
        if answer is not None:
            found = self._lane.ledger.find(key, hashlib.sha256(answer.body).hexdigest())
            if found is not Finding.INTACT:
                self._lane.tally.give_up(self._name, f"GetObject {key}: {found.value} after it was acknowledged")

    def _delete(self, key: str) -> None:
        attempt = self._lane.ledger.begin(key, None)
        answer = self._ask("DeleteObject", self._lane.writer.request("DELETE", f"/{self._lane.bucket}/{key}")[0])
        if answer is not None and answer.status == _NO_CONTENT:
            self._lane.ledger.close(attempt, Outcome.ACKNOWLEDGED)

    def _ask(self, operation: str, request: Request) -> Answer | None:
        """Send it once; None where that failed, which is counted."""
        tally = self._lane.tally
        tally.ask(operation)
        try:
            answer = self._exchange(request)
        except (OSError, http.client.HTTPException) as error:
            self._close()
            tally.fail(self._name, operation, f"{type(error).__name__}: {error}", tries_again=False)
            return None
        if answer.status >= _ERROR:
            why = f"{answer.status} {answer.body.partition(b'<Code>')[2].partition(b'<')[0].decode()}"
            tally.fail(self._name, operation, why, tries_again=False)
            return None
        return answer

    def _exchange(self, request: Request) -> Answer:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._lane.port), timeout=_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before the end: the answer may be there
            self._socket.sendall(request.whole)
        response = http.client.HTTPResponse(self._socket, method=request.method)
        try:
            response.begin()
            answer = Answer(response.status, response.read())
            closes = response.will_close
        finally:
            response.close()
        if closes:
            self._close()
        return answer

    def _close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
