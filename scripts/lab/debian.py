"""Programs of Debian's packages, unpacked into the cache: nothing is installed into the system."""

import shutil
import tempfile
from pathlib import Path
from typing import Final

from lab import MissingPartError, fetching
from lab.cache import cache_dir, locked

_SECONDS: Final = 600


def program(package: str, path: str, name: str) -> Path:
    """`name` on PATH, else Debian's `package`, in which `path` leads to it. `MissingPartError` if neither is there."""
    found = shutil.which(name)
    if found is not None:
        return Path(found)
    folder = cache_dir("bin") / f"debian-{package}"
    with locked(f"debian-{package}"):
        if not (folder / path).exists():
            _unpack(package, folder)
    return folder / path


def _unpack(package: str, folder: Path) -> None:
    remedy = f"install {package}"
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise MissingPartError(f"no {package} on PATH or in the cache, and no {tool} to fetch it with: {remedy}")
    with tempfile.TemporaryDirectory(dir=cache_dir("bin")) as place:
        # apt downloads as a user of its own, who may not write here; it then falls back to ours, and warns.
        fetching.run(["apt-get", "-q", "download", package], Path(place), _SECONDS, remedy=remedy)
        (file,) = Path(place).glob(f"{package}_*.deb")
        fetching.run(["dpkg-deb", "-x", str(file), f"{place}/unpacked"], Path(place), _SECONDS, remedy=remedy)
        shutil.rmtree(folder, ignore_errors=True)
        Path(place, "unpacked").replace(folder)
