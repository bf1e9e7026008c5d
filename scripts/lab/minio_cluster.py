"""Several MinIO servers as one cluster over TLS, in a network of their own (`lab.network`), for a `with` block.

Each server listens on all addresses at a port of its own. Its peers reach it at `INSIDE` and everybody else at an
address that is its own: so what is between a server and its clients can be cut, and the cluster stays whole.
"""

import base64
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from botocore.exceptions import BotoCoreError, ClientError

from lab import MissingPartError, network, tools
from lab.backends import REGION, s3_client, verified_opener
from lab.certs import Certs
from lab.minio import Minio
from lab.ports import accepts
from lab.process import PATIENCE, Command, Process

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

INSIDE: Final = "10.99.0.1"
SERVERS: Final = 4
OUTSIDE: Final = tuple(f"10.99.0.{number + 2}" for number in range(SERVERS))
ADDRESSES: Final = (INSIDE, *OUTSIDE)
_FIRST_PORT: Final = 9001
_KMS_KEY_BYTES: Final = base64.b64encode(bytes(range(32))).decode()


class MinioCluster:
    """`SERVERS` of one drive each; `certs` name all `ADDRESSES`. A `lab.backends.Backend` at its first server."""

    access_key: Final = Minio.access_key
    secret_key: Final = Minio.secret_key
    region: Final = REGION
    kms_key_id: Final = Minio.kms_key_id

    def __init__(self, certs: Certs) -> None:
        self._certs = certs
        self._program = tools.minio()
        self._cutter = _ss()
        self._temporary = tempfile.TemporaryDirectory(prefix="s3gw-cluster-")
        self._folder = Path(self._temporary.name)
        self.ports: Final = tuple(range(_FIRST_PORT, _FIRST_PORT + SERVERS))
        self._processes: dict[int, Process] = {}

    def __enter__(self) -> Self:
        try:
            for number in range(len(self.ports)):
                self.start(number)
            for number in range(len(self.ports)):
                self._processes[number].wait_ready(lambda number=number: self.stores(number), PATIENCE)  # type: ignore[misc]
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in self._processes.values():
            process.kill()  # a cluster whose servers end one by one waits for the others
        self._temporary.cleanup()

    @property
    def endpoints(self) -> list[str]:
        """One of each server, as its clients reach it."""
        return [f"https://{address}:{port}" for address, port in zip(OUTSIDE, self.ports, strict=True)]

    @property
    def endpoint(self) -> str:
        """The first server's."""
        return self.endpoints[0]

    @property
    def ca_file(self) -> Path:
        """The CA that signed the servers' certificate."""
        return self._certs.ca

    def client(self, number: int = 0) -> "S3Client":
        """A boto3 client straight to one of the servers, with the administrator's keys."""
        return s3_client(self.endpoints[number], self.access_key, self.secret_key, ca_file=self.ca_file)

    def start(self, number: int) -> None:
        """Start a server, on the data that it had; whether it serves shows later (`stores`)."""
        urls = [f"https://{INSIDE}:{port}{self._folder}/drive{at}" for at, port in enumerate(self.ports)]
        arguments = ["server", "--quiet", "--address", f":{self.ports[number]}"]
        arguments += ["--certs-dir", str(self._certs.backend), *urls]
        env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._folder),  # not the user's ~/.minio
            "MINIO_ROOT_USER": self.access_key,
            "MINIO_ROOT_PASSWORD": self.secret_key,
            "MINIO_KMS_SECRET_KEY": f"{self.kms_key_id}:{_KMS_KEY_BYTES}",
            "MINIO_SITE_REGION": self.region,
            "MINIO_CI_CD": "1",  # it would not have several servers on one disk
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
        }
        log = self._folder / f"minio{number}.log"
        self._processes[number] = Process(Command(f"minio{number}", [str(self._program), *arguments], log, env))

    def stores(self, number: int) -> bool:
        """Whether it takes requests now, and sees a cluster that does."""
        if not accepts(self.ports[number], OUTSIDE[number]):
            return False
        url = f"{self.endpoints[number]}/minio/health/cluster"
        try:
            with verified_opener(self.ca_file).open(url, timeout=10):
                self.client(number).list_buckets()
        except (OSError, BotoCoreError, ClientError):
            return False
        return True

    def kill(self, number: int) -> None:
        """End it without a word to anyone (SIGKILL)."""
        self._processes[number].kill()

    def halt(self, number: int) -> None:
        """Have it stand still (SIGSTOP): its system still takes connections for it."""
        os.killpg(self._processes[number].pid, signal.SIGSTOP)

    def go_on(self, number: int) -> None:
        """Have it go on (SIGCONT)."""
        os.killpg(self._processes[number].pid, signal.SIGCONT)

    def cut(self, number: int) -> None:
        """Reset (RST) the connections between it and its clients, and let none be made."""
        address = OUTSIDE[number]
        self._end_connections(f"src {address}")
        network.remove(address)
        self._end_connections(f"src {address} or dst {address}")  # that were made in between

    def mend(self, number: int) -> None:
        """Let its clients reach it again."""
        network.add(OUTSIDE[number])

    def _end_connections(self, which: str) -> None:
        command = [self._cutter, "-K", "-H", "-n", "-t", which]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    def log(self, number: int) -> str:
        """What it said."""
        return self._processes[number].log()


def _ss() -> str:
    found = shutil.which("ss") or shutil.which("ss", path="/usr/sbin:/sbin:/bin")
    if found is None:
        raise MissingPartError("no ss on PATH: install iproute2")
    return found
