"""Where built binaries, Spark's environments and its jars are kept between runs and between clones of this repository.

`S3_GATEWAY_CACHE` names the folder; else it is `s3-gateway` in the user's cache folder.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_dir(*parts: str) -> Path:
    """The cache folder, or the folder `parts` in it; made if it is not there."""
    named = os.environ.get("S3_GATEWAY_CACHE")
    base = Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "s3-gateway"
    folder = base.joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the cache's lock `name` across processes (pytest's workers, a demo). The system frees it if we die."""
    with (cache_dir("locks") / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
