"""A client that writes bytes to a socket and reads HTTP answers: what it sends is what it says."""

import socket
import ssl
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.canary import CANARY
from tests.real.twoway import TwoWaySocket
from tests.sent import SENT

SECONDS = 120
"""For one read or write: more than anything here takes on a machine that is very busy."""


@dataclass(frozen=True)
class Answer:
    """A whole answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key.lower() == name.lower()]
        assert len(found) <= 1, found
        return found[0] if found else None

    @property
    def error(self) -> dict[str, str]:
        """The elements of an S3 error document."""
        root = ET.fromstring(self.body)
        assert root.tag == "Error"
        return {element.tag: element.text or "" for element in root}

    @property
    def code(self) -> str:
        return self.error["Code"]


class Raw:
    """One connection to the gateway; ``ca_file`` for TLS, ``source`` is the client's address.

    ``before`` is sent first, outside of TLS.
    """

    def __init__(
        self,
        port: int,
        ca_file: Path | None = None,
        *,
        server_name: str = "127.0.0.1",
        source: str = "127.0.0.1",
        before: bytes = b"",
    ) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=SECONDS, source_address=(source, 0))
        self.socket.sendall(before)
        if ca_file is not None:
            context = ssl.create_default_context(cafile=ca_file)
            context.check_hostname = server_name == "127.0.0.1"
            context.sslsocket_class = TwoWaySocket
            secured = context.wrap_socket(self.socket, server_hostname=server_name)
            assert isinstance(secured, TwoWaySocket)
            secured.begin()
            self.socket = secured
        self._file = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def send(self, data: bytes) -> None:
        CANARY.watch_wire(data)
        SENT.note(data)
        self.socket.sendall(data)

    def read(self, method: str = "GET") -> Answer:
        """Read one answer; a ``100 Continue`` is one. ``ConnectionError`` if it is cut short."""
        answer = self.read_head()
        if answer.status >= 400:
            CANARY.check({"the answer's headers": str(answer.headers).encode()}, answer=True)
        length, coding = answer.header("content-length"), answer.header("transfer-encoding")
        if method == "HEAD" or answer.status in {100, 204, 304}:
            return answer
        if coding:
            assert coding == "chunked"
            return Answer(answer.status, answer.headers, b"".join(iter(self._chunk, b"")))
        assert length is not None, answer
        body = self.read_exactly(int(length))
        if answer.status >= 400:
            CANARY.check({"the answer": body}, answer=True)
        return Answer(answer.status, answer.headers, body)

    def read_head(self) -> Answer:
        """Read status line and headers."""
        status = self._line()
        assert status.startswith("HTTP/1.1 "), status
        lines = list(iter(self._line, ""))
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        return Answer(int(status.split(" ")[1]), headers, b"")

    def read_exactly(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) < size:
            message = f"{len(data)} of {size} bytes"
            raise ConnectionError(message)
        return data

    def _chunk(self) -> bytes:
        size = int(self._line(), 16)
        data = self.read_exactly(size)
        assert self._line() == ""
        return data

    def _line(self) -> str:
        line = self._file.readline()
        if not line.endswith(b"\n"):
            message = f"ended with {line!r}"
            raise ConnectionError(message)
        return line.rstrip(b"\r\n").decode("latin-1")

    def ask(self, data: bytes, method: str = "GET") -> Answer:
        self.send(data)
        return self.read(method)

    def is_closed(self) -> bool:
        """Wait for the end of the connection; False if anything else comes first."""
        try:
            return self._file.read(1) == b""
        except ConnectionError:
            return True
