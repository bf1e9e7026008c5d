"""The servers and clients that tests, demo and bench run against.

MinIO, moto, Spark, mc, a wire recorder, a backend of fixed answers, the gateway and its peers.

Each module is one part. A part that the machine lacks raises `MissingPartError`: one line, with the remedy.
Import with `scripts/` on the path: `from lab.minio import Minio`.
"""

from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).resolve().parents[2]


class MissingPartError(Exception):
    """A real part cannot be had on this machine; the text says which, why, and what to install, in one line."""
