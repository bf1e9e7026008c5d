"""By how much a client's clock is off, which way, and what that looks like."""

from datetime import datetime, timedelta

from s3gateway.explain.cause import Certainty
from s3gateway.observed.capture import Explanation
from s3gateway.sigv4.verify import MAX_SKEW

_HOUR = timedelta(hours=1)
_BETWEEN = tuple(
    timedelta(hours=hours, minutes=minutes)
    for minutes, zones in ((30, (2, 3, 4, 5, 6, 9, 10)), (45, (5, 8, 12, 13)))
    for hours in zones
)
"""The time zones that are no whole hours off UTC: India, Iran, Afghanistan, Nepal, the middle of Australia and more."""

_NEAR = timedelta(minutes=2)
_MOST_ZONES = timedelta(hours=14)
_DAY = timedelta(days=1)


def wrong(signed_at: datetime, now: datetime, expires: int | None) -> Explanation | None:
    """Say what is wrong with the time of a request; None if nothing is. ``expires`` (seconds) for a presigned URL."""
    ahead = signed_at - now
    if expires is not None and -ahead > timedelta(seconds=expires):
        life = timedelta(seconds=expires)
        return Explanation(
            "presigned-expired",
            f"the presigned URL expired {duration(-ahead - life)} ago: it was signed at {_text(signed_at)} for "
            f"{duration(life)}; presign a new one{_if_clock(-ahead)}",
            certainty=Certainty.CERTAIN.value,
        )
    if ahead > MAX_SKEW or (expires is None and -ahead > MAX_SKEW):
        return Explanation("clock", _sentence(ahead, signed_at, now), certainty=Certainty.CERTAIN.value)
    return None


def _sentence(ahead: timedelta, signed_at: datetime, now: datetime) -> str:
    off, way = abs(ahead), "ahead of" if ahead > timedelta() else "behind"
    said = (
        f"the client's clock is {duration(off)} {way} this gateway's: it signed at {_text(signed_at)}, the request "
        f"came at {_text(now)}, and 15 min are allowed"
    )
    if _is_a_time_zone(off):
        return said + "; a time zone is that far off: the client writes local time as if it were UTC, so let it use UTC"
    if ahead < timedelta() and off > _DAY:
        return said + "; set the client's clock (NTP), unless this is an old request sent again"
    return said + "; set the client's clock, or this machine's if others fail too (NTP)"


def _is_a_time_zone(off: timedelta) -> bool:
    whole = off <= _MOST_ZONES and min(off % _HOUR, _HOUR - off % _HOUR) <= _NEAR
    return whole or any(abs(off - zone) <= _NEAR for zone in _BETWEEN)


def _if_clock(age: timedelta) -> str:
    return ", and compare the clocks" if _is_a_time_zone(age) else ""


def duration(length: timedelta) -> str:
    """``2 h 3 min``: the two largest units, rounded."""
    seconds = round(length.total_seconds())
    if seconds >= _HOUR.total_seconds():
        seconds = round(seconds / 60) * 60
    parts = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
