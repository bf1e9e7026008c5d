"""64 MiB up and down, through the gateway's HTTP front against straight to the backend, in one run."""

import statistics
import sys
from collections.abc import Sequence
from typing import Final

from lab import MissingPartError
from matrix.catalogue import Client
from matrix.stage import Stage

CLIENTS: Final = ("boto3", "hadoop-3.4.2", "aws-sdk-go-v2", "object-store")
TARGET: Final = 0.8
_WAYS: Final = ("put", "get")


def measure(stage: Stage, clients: Sequence[Client]) -> int:
    """Print each client's medians and ratios; status 1 if one is below the target.

    A driver's case `speed` prints the seconds of each round, `{"put": ..., "get": ...}`; the first round warms up.
    """
    slow = False
    for client in clients:
        try:
            rounds = stage.speed(client.name, client.install())
        except MissingPartError as missing:
            sys.stdout.write(f"{client.name}: did not run: {missing}\n")
            continue
        for way in _WAYS:
            direct, through = (statistics.median(one[way] for one in rounds[lane][1:]) for lane in ("direct", "http"))
            ratio = direct / through
            slow = slow or ratio < TARGET
            told = f"direct {direct:.3f} s, through the gateway {through:.3f} s, ratio {ratio:.2f}"
            sys.stdout.write(f"{client.name} {way} 64 MiB: {told}\n")
            sys.stdout.flush()
    return int(slow)
