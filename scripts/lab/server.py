"""What MinIO, moto and the gateway have in common: a process with a folder and a port, for a `with` block."""

import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from lab.certs import Certs
from lab.process import Process


class Server(ABC):
    """A process named `name` on a loopback port, with a folder that goes when the block ends."""

    def __init__(self, name: str, port: int) -> None:
        self.name: Final = name
        self.port: Final = port
        self._temporary = tempfile.TemporaryDirectory(prefix=f"s3gw-{name}-")
        self._process: Process | None = None
        self.folder: Final = Path(self._temporary.name)
        self.log_path: Final = self.folder / f"{name}.log"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._temporary.cleanup()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self.stop()
        finally:
            self._temporary.cleanup()

    @abstractmethod
    def start(self) -> None:
        """Start, on the same port each time; return when it serves."""

    def stop(self) -> None:
        """Stop; what is in the folder stays for the next `start`."""
        if self._process is not None:
            self._process.stop()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._running().pid

    def log(self) -> str:
        """Standard output and standard error so far."""
        return self._running().log()

    def _running(self) -> Process:
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process


class TlsServer(Server):
    """One that serves with the backend's certificate of `certs`."""

    def __init__(self, name: str, port: int, certs: Certs) -> None:
        super().__init__(name, port)
        self._certs = certs

    @property
    def endpoint(self) -> str:
        """`https://127.0.0.1:port`."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def ca_file(self) -> Path:
        """The CA that signed the server's certificate."""
        return self._certs.ca
