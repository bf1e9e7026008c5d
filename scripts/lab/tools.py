"""Programs that are built with Go: `minio`, `mc` and `versitygw`.

Each comes from the variable NAME_BINARY, from PATH, from the cache, or is built into the cache. MinIO's two are AGPL:
they are run, never vendored.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab import MissingPartError
from lab.cache import cache_dir, locked


@dataclass(frozen=True, slots=True)
class _Tool:
    name: str
    module: str
    version: str
    takes: str
    says: str = "MinIO"  # what `--version` prints: `mc` is Midnight Commander's name too

    @property
    def variable(self) -> str:
        return f"{self.name.upper()}_BINARY"


_MINIO: Final = _Tool("minio", "github.com/minio/minio", "v0.0.0-20260212201848-7aac2a2c5b7c", "about 3 minutes")
MC_VERSION: Final = "v0.0.0-20250313080218-cf909e1063a9"
_MC: Final = _Tool("mc", "github.com/minio/mc", MC_VERSION, "about a minute")
VERSITYGW_VERSION: Final = "v1.8.0"
_VERSITYGW: Final = _Tool(
    "versitygw", "github.com/versity/versitygw/cmd/versitygw", VERSITYGW_VERSION, "about 2 minutes", "BuildTime"
)


def minio() -> Path:
    """The MinIO server. `MissingPartError` if there is none and no Go to build it."""
    return _find(_MINIO)


def mc() -> Path:
    """The MinIO client. `MissingPartError` as for `minio`."""
    return _find(_MC)


def versitygw() -> Path:
    """Versity's S3 gateway, a peer in the benchmark. `MissingPartError` as for `minio`."""
    return _find(_VERSITYGW)


def find_minio() -> Path | None:
    """The MinIO server if it can be had at once, without building it."""
    return _present(_MINIO)


def _find(tool: _Tool) -> Path:
    found = _present(tool)
    if found is None:
        with locked(tool.name):
            found = _present(tool) or _build(tool)
    return found


def _present(tool: _Tool) -> Path | None:
    named = os.environ.get(tool.variable)
    if named:
        if not _is_tool(tool, Path(named)):
            message = f"{tool.variable}={named} is not {'MinIO' if tool.says == 'MinIO' else 'Versity'}'s {tool.name}"
            raise MissingPartError(message)
        return Path(named)
    on_path = shutil.which(tool.name)
    for candidate in (on_path, _cached(tool)):
        if candidate is not None and _is_tool(tool, Path(candidate)):
            return Path(candidate)
    return None


def _cached(tool: _Tool) -> Path:
    return cache_dir("bin") / f"{tool.name}-{tool.version}"


def _is_tool(tool: _Tool, program: Path) -> bool:
    """Whether it runs and says what this tool says of itself."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=120, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return said.returncode == 0 and tool.says in said.stdout


def _build(tool: _Tool) -> Path:
    go = shutil.which("go")
    if go is None:
        message = f"no {tool.name} on PATH or in {tool.variable}, and no go to build it with: install one of the two"
        raise MissingPartError(message)
    target = f"{tool.module}@{tool.version}"
    sys.stderr.write(f"building {target} with {go} ({tool.takes}, once)\n")
    sys.stderr.flush()
    with tempfile.TemporaryDirectory(dir=cache_dir("bin")) as folder:
        env = os.environ | {"GOBIN": folder, "GOFLAGS": ""}
        built = subprocess.run(
            [go, "install", target], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if built.returncode != 0:
            reasons = [line for line in built.stderr.splitlines() if not line.startswith("go: downloading")]
            message = f"go install {target} failed: {' | '.join(reasons[-3:])}"
            raise MissingPartError(message)
        (Path(folder) / tool.name).replace(_cached(tool))
    return _cached(tool)
