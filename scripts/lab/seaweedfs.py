"""SeaweedFS: a second real backend, which keeps CORS rules of buckets. One process, for as long as a `with` block.

Its program comes from WEED_BINARY, from PATH, from the cache, or is built into the cache, which takes some minutes.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from lab import MissingPartError
from lab.backends import REGION, s3_client
from lab.cache import cache_dir, locked
from lab.certs import Certs
from lab.ports import free_port
from lab.process import Command, start
from lab.server import TlsServer

if TYPE_CHECKING:
    from botocore.config import Config
    from mypy_boto3_s3 import S3Client

_MODULE: Final = "github.com/seaweedfs/seaweedfs@v0.0.0-20261109003541-7506e5f91cd6"
_KEK: Final = bytes(range(32)).hex()


class SeaweedFS(TlsServer):
    """SeaweedFS's S3 server over TLS on a free loopback port, with a KMS key of its own. A `lab.backends.Backend`."""

    access_key: Final = "seaweed"
    secret_key: Final = "seaweed-secret-of-the-lab"
    region: Final = REGION

    def __init__(self, certs: Certs, *, program: Path | None = None) -> None:
        super().__init__("seaweedfs", free_port(), certs)
        self._program = program or weed()

    def client(self, config: "Config | None" = None) -> "S3Client":
        """A boto3 client straight to the server, with its administrator's keys."""
        return s3_client(
            self.endpoint, self.access_key, self.secret_key, region=self.region, ca_file=self.ca_file, config=config
        )

    def start(self) -> None:
        """Start, on the port and data that it had before; return when it stores an object."""
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        configuration = self.folder / "s3.json"
        configuration.write_text(json.dumps(self._configuration()), encoding="utf-8")
        ports = [f"-{part}.port={free_port()}" for part in ("master", "volume", "filer", "s3")]
        arguments = [
            *("server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-dir={data}", "-volume.max=200"),
            *("-master.volumeSizeLimitMB=64", "-s3", *ports, f"-s3.port.https={self.port}"),
            *(f"-s3.cert.file={self._certs.backend_certificate}", f"-s3.key.file={self._certs.backend_key}"),
            f"-s3.config={configuration}",
        ]
        env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.folder), "WEED_S3_SSE_KEK": _KEK}
        command = Command("weed", [str(self._program), *arguments], self.log_path, env)
        self._process = start(command, self._serves)

    def _configuration(self) -> dict[str, Any]:
        keys = {"accessKey": self.access_key, "secretKey": self.secret_key}
        local = {"type": "local", "enableOnDemandCreate": True}
        return {
            "identities": [{"name": "admin", "credentials": [keys], "actions": ["Admin"]}],
            "kms": {"default_provider": "local-dev", "providers": {"local-dev": local}},
        }

    def _serves(self) -> bool:
        """Whether it has volumes to store in: until then an upload is a 500."""
        try:
            s3 = self.client()
            s3.create_bucket(Bucket="is-it-there")
            s3.put_object(Bucket="is-it-there", Key="yes", Body=b"x")
            s3.delete_object(Bucket="is-it-there", Key="yes")
            s3.delete_bucket(Bucket="is-it-there")
        except (OSError, BotoCoreError, ClientError):
            return False
        return True


def weed() -> Path:
    """SeaweedFS's program. `MissingPartError` if there is none and no Go to build it."""
    named = os.environ.get("WEED_BINARY") or shutil.which("weed")
    if named:
        return Path(named)
    cached = cache_dir("bin") / f"weed-{_MODULE.rpartition('-')[2]}"
    with locked("weed"):
        if not cached.exists():
            _build(cached)
    return cached


def _build(into: Path) -> None:
    """Build from the module's own folder: `go install` refuses a module whose go.mod replaces others."""
    go = shutil.which("go")
    if go is None:
        raise MissingPartError("no weed on PATH or in WEED_BINARY, and no go to build it with: install one of the two")
    sys.stderr.write(f"building {_MODULE} with {go} (about 5 minutes, once)\n")
    with tempfile.TemporaryDirectory(dir=cache_dir("bin")) as folder:
        source = Path(folder) / "source"
        try:
            told = _run([go, "mod", "download", "-json", _MODULE], Path(folder))
            shutil.copytree(json.loads(told)["Dir"], source, copy_function=shutil.copyfile)
            for path in (source, *source.rglob("*")):
                path.chmod(0o755 if path.is_dir() else 0o644)
            _run([go, "build", "-o", f"{folder}/weed", "."], source / "weed")
        except subprocess.CalledProcessError as failed:
            raise MissingPartError(f"{_MODULE} cannot be built: {failed.stderr.strip()[-300:]}") from None
        (Path(folder) / "weed").replace(into)


def _run(command: list[str], folder: Path) -> str:
    env = os.environ | {"GOFLAGS": "-mod=mod"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=True).stdout
