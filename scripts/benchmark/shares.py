"""How much of the requests each of several endpoints was given, by the gateway's own log."""

import re
from collections import Counter
from pathlib import Path
from typing import Final

_ENDPOINT: Final = re.compile(r'"endpoint": "([^"]+)"')


def shares(log: Path) -> dict[str, float]:
    """Give the share of each endpoint that the log names, from 0 to 1."""
    with log.open(encoding="utf-8", errors="replace") as lines:
        given = Counter(found[1] for line in lines if (found := _ENDPOINT.search(line)))
    return {endpoint: count / given.total() for endpoint, count in sorted(given.items())}
