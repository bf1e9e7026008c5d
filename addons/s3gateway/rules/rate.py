"""How often one access key may ask: a token bucket for each, charged once its signature is proven.

A stranger who knows a key's id but not its secret charges nothing, so nobody can use up somebody else's bucket, and
there are never more buckets than configured keys.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from s3gateway import errors


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Shared(Protocol):
    """Buckets that several processes share."""

    def take(self, key: str, rate: float, burst: float) -> bool:
        """Take a token, of which ``rate`` come back a second up to ``burst``; False if there is none."""


class Rates:
    """The buckets. A bucket holds what one second brings, at least one, and is full at first.

    With ``shared`` they are those, and none are kept here.
    """

    def __init__(self, shared: Shared | None = None) -> None:
        self._buckets: dict[str, _Bucket] = {}
        self._shared = shared

    def charge(self, access_key_id: str, rate: float, now: datetime) -> None:
        """Take a token, of which ``rate`` come back a second, or refuse with SlowDown.

        The rate is that of this moment, so a reloaded one counts at once. A clock that goes back brings none.
        """
        at, most = now.timestamp(), max(rate, 1.0)
        if self._shared is not None:
            if not self._shared.take(access_key_id, rate, most):
                raise errors.slow_down()
            return
        bucket = self._buckets.get(access_key_id)
        if bucket is None:
            bucket = self._buckets[access_key_id] = _Bucket(most, at)
        bucket.tokens = min(most, bucket.tokens + max(0.0, at - bucket.at) * rate)
        bucket.at = at
        if bucket.tokens < 1:
            raise errors.slow_down()
        bucket.tokens -= 1
