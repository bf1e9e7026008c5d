"""Which secret of an access key counts when. Several count at a time while a key rotates. Sans-IO.

A key that is out of its term is answered as AWS answers one that was made inactive: InvalidAccessKeyId (403).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from s3gateway import errors
from s3gateway.sigv4.model import Secret


@dataclass(frozen=True, slots=True)
class Term:
    """From when to when a key counts, both moments included and timezone-aware; None leaves that end open."""

    not_before: datetime | None = None
    not_after: datetime | None = None

    def has_begun(self, now: datetime) -> bool:
        """Whether it began before ``now``."""
        return self.not_before is None or self.not_before <= now

    def is_over(self, now: datetime) -> bool:
        """Whether it ended before ``now``."""
        return self.not_after is not None and now > self.not_after

    def holds(self, now: datetime) -> bool:
        """Whether ``now`` is in it."""
        return self.has_begun(now) and not self.is_over(now)

    def told(self, now: datetime) -> str:
        """Say why a key does not count now."""
        if self.is_over(now):
            return f"ended at {self.not_after:%Y-%m-%dT%H:%M:%SZ}"
        return f"counts from {self.not_before:%Y-%m-%dT%H:%M:%SZ} on"


OPEN = Term()
"""The term of a key that has none."""


@dataclass(frozen=True, slots=True)
class DatedSecret:
    """One secret of an access key. ``number`` is its place among them, from 1, in the order of the file."""

    secret: Secret
    term: Term = OPEN
    number: int = 1


def proven_by[V](
    access_key_id: str, secrets: Iterable[DatedSecret], now: datetime, check: Callable[[Secret], V]
) -> tuple[DatedSecret, V]:
    """Check with each secret that counts now; give the first that ``check`` does not refuse, and what it gave.

    Raises what ``check`` raises: at once where it is anything but SignatureDoesNotMatch, else that of the first secret.
    Without a secret that counts it is InvalidAccessKeyId.
    """
    mismatch: errors.S3Error | None = None
    out_of_term = ""
    for dated in secrets:
        if not dated.term.holds(now):
            out_of_term = dated.term.told(now)
            continue
        try:
            return dated, check(dated.secret)
        except errors.S3Error as error:
            if error.code != "SignatureDoesNotMatch":
                raise
            mismatch = mismatch or error
    if mismatch is None:
        raise errors.unknown_access_key(access_key_id, reason=f"the access key {out_of_term}" if out_of_term else "")
    raise mismatch
