"""`python -m lab.parts`: have every real part ready, with what takes minutes in plain sight; say what is missing.

Status 1 if anything is. The tests get the same parts by the same calls, and find them in the cache.
"""

import sys
from collections.abc import Callable
from typing import Final

from lab import MissingPartError, tools
from lab.oidc import oidc_provider
from lab.slapd import slapd
from lab.spark import Spark


def _spark35() -> str:
    return f"{Spark.v35().home}"


def _spark4() -> str:
    return f"{Spark.v4().home}"


def _slapd() -> str:
    return f"{slapd().path}"


_PARTS: Final[dict[str, Callable[[], object]]] = {
    "minio": tools.minio,
    "mc": tools.mc,
    "slapd": _slapd,
    "OpenID provider": oidc_provider,
    "Spark 3.5": _spark35,
    "Spark 4": _spark4,
}


def main() -> int:
    """Make each part ready in turn."""
    status = 0
    for name, make in _PARTS.items():
        try:
            said = str(make())
        except MissingPartError as missing:
            said, status = f"missing: {missing}", 1
        sys.stdout.write(f"{name}: {said}\n")
        sys.stdout.flush()
    return status


if __name__ == "__main__":
    sys.exit(main())
