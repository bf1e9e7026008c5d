"""Nessie, an Iceberg catalogue that vends credentials: one process, for as long as a `with` block.

Who loads a table with `X-Iceberg-Access-Delegation: vended-credentials` is given a session that Nessie gets by
AssumeRole, with a policy for that table. Its own files of metadata it writes with its own key. The jar is Maven's.
"""

import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lab import MissingPartError, fetching
from lab.backends import REGION
from lab.cache import cache_dir, locked
from lab.java import find_java, trust_options
from lab.ports import free_port
from lab.process import Command, start
from lab.server import Server

VERSION: Final = "0.99.0"
MEGABYTES: Final = 245
_ARTIFACT: Final = f"org.projectnessie.nessie:nessie-quarkus:{VERSION}:jar:runner"
_COPY: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy"
_S3: Final = "nessie.catalog.service.s3.default-options"
_JAVA: Final = range(21, 100)
_SECONDS: Final = 1800


@dataclass(frozen=True, slots=True)
class Storage:
    """Where tables are, and how they are reached: the S3 and STS server `endpoint`, and the address for clients."""

    endpoint: str
    clients_endpoint: str
    ca_file: Path
    access_key: str
    secret_key: str = field(repr=False)
    role_arn: str
    location: str


class Nessie(Server):
    """The catalogue on a free loopback port, with the warehouse `lab`; what it knows is in memory."""

    def __init__(self, storage: Storage, *, jar: Path | None = None) -> None:
        super().__init__("nessie", free_port())
        self._storage = storage
        self._jar = jar or nessie_jar()

    @property
    def url(self) -> str:
        """The Iceberg REST catalogue's address."""
        return f"http://127.0.0.1:{self.port}/iceberg"

    def start(self) -> None:
        """Start; return when it answers clients."""
        folder = self.folder / "config"  # where Quarkus looks, below its working directory
        folder.mkdir(mode=0o700, exist_ok=True)
        text = "".join(f"{name}={value}\n" for name, value in self._properties().items())
        (folder / "application.properties").write_text(text, encoding="utf-8")
        trust = trust_options(self._storage.ca_file, self.folder).split()
        arguments = [
            *(str(_java_home() / "bin" / "java"), "-Xmx512m", "-XX:TieredStopAtLevel=1", *trust),
            *("-jar", str(self._jar)),
        ]
        command = Command("nessie", arguments, self.log_path, {"HOME": str(self.folder)}, self.folder)
        self._process = start(command, self._answers)

    def _properties(self) -> Mapping[str, str]:
        storage = self._storage
        return {
            "quarkus.http.host": "127.0.0.1",
            "quarkus.http.port": str(self.port),
            "quarkus.management.host": "127.0.0.1",
            "quarkus.management.port": str(free_port()),
            "quarkus.otel.sdk.disabled": "true",
            "nessie.version.store.type": "IN_MEMORY",
            "nessie.catalog.default-warehouse": "lab",
            "nessie.catalog.warehouses.lab.location": storage.location,
            "nessie.catalog.object-stores.health-check.enabled": "false",
            "lab-key.name": storage.access_key,
            "lab-key.secret": storage.secret_key,
            f"{_S3}.access-key": "urn:nessie-secret:quarkus:lab-key",
            f"{_S3}.endpoint": storage.endpoint,
            f"{_S3}.external-endpoint": storage.clients_endpoint,
            f"{_S3}.sts-endpoint": storage.endpoint,
            f"{_S3}.region": REGION,
            f"{_S3}.path-style-access": "true",
            f"{_S3}.request-signing-enabled": "false",
            f"{_S3}.client-iam.enabled": "true",
            f"{_S3}.client-iam.assume-role": storage.role_arn,
            f"{_S3}.client-iam.session-duration": "PT15M",
        }

    def _answers(self) -> bool:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            opener.open(f"{self.url}/v1/config", timeout=10).close()
        except (OSError, urllib.error.URLError):
            return False
        return True


def _java_home() -> Path:
    home = find_java(_JAVA)
    if home is None:
        raise MissingPartError(f"Nessie needs Java {_JAVA.start} or later on PATH, in JAVA_HOME or in /usr/lib/jvm")
    return home


def nessie_jar() -> Path:
    """The jar that `java -jar` runs. `MissingPartError` if it, or a Java for it, is not there and cannot be had."""
    _java_home()
    jar = cache_dir("bin") / f"nessie-{VERSION}.jar"
    with locked("nessie"):
        if not jar.exists():
            maven = shutil.which("mvn")
            if maven is None:
                raise MissingPartError("no Nessie in the cache, and no mvn to fetch it with: install Maven")
            sys.stderr.write(f"fetching Nessie {VERSION} ({MEGABYTES} MB, once)\n")
            sys.stderr.flush()
            with tempfile.TemporaryDirectory(dir=cache_dir("bin")) as folder:
                _fetch(maven, folder)
                (found,) = Path(folder).glob("*.jar")
                found.replace(jar)
    return jar


def _fetch(maven: str, folder: str) -> None:
    """Into `folder`; Maven's own repository, where it would stay a second time, is there, too."""
    command = [maven, "-q", "-B", f"-Dmaven.repo.local={folder}/repository", _COPY]
    command += [f"-Dartifact={_ARTIFACT}", f"-DoutputDirectory={folder}"]
    fetching.run(command, Path(folder), _SECONDS)
