"""64 MiB up and down, through the gateway's fronts against straight to the backend over the same scheme, in one run."""

import statistics
import sys
from collections.abc import Sequence
from typing import Final

from lab import MissingPartError
from matrix.catalogue import Client
from matrix.stage import Server, Stage

CLIENTS: Final = ("boto3", "hadoop-3.4.2", "aws-sdk-go-v2", "object-store")
TARGET: Final = 0.8
_WAYS: Final = ("put", "get")
_PAIRS: Final = (("http", "direct http"), ("tls", "direct"))


def measure(stage: Stage, clients: Sequence[Client], plain: Server) -> int:
    """Print each client's medians and ratios; status 1 if one of the HTTP front is below the target.

    A client hashes a body before it signs it over HTTP, and not over TLS. So each front is held against the backend
    itself over the same scheme; `plain` is one that speaks HTTP.

    A driver's case `speed` prints the seconds of each round, `{"put": ..., "get": ...}`; the first round warms up.
    """
    slow = False
    for client in clients:
        try:
            rounds = stage.speed(client.name, client.install(), plain)
        except MissingPartError as missing:
            sys.stdout.write(f"{client.name}: did not run: {missing}\n")
            continue
        for way in _WAYS:
            for front, straight in _PAIRS:
                through, direct = (
                    statistics.median(one[way] for one in rounds[lane][1:]) for lane in (front, straight)
                )
                ratio = direct / through
                slow = slow or (front == "http" and ratio < TARGET)
                told = f"direct {direct:.3f} s, through the gateway {through:.3f} s, ratio {ratio:.2f}"
                sys.stdout.write(f"{client.name} {way} 64 MiB over {front}: {told}\n")
                sys.stdout.flush()
    return int(slow)
