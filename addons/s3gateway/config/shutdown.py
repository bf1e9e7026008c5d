"""``shutdown:`` of the configuration: how long a gateway that is to end goes on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shutdown:
    """Seconds. ``delay`` is until it listens no more, ``grace`` from then on until what still runs is cut."""

    delay: float
    grace: float
