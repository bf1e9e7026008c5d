"""Health as a table of events: what a real cluster does, what a sick server says, and what follows from it."""

from itertools import pairwise

import pytest

from s3gateway.rules.balance import Need, fit
from s3gateway.rules.health import (
    Ask,
    Broke,
    Checked,
    Event,
    Health,
    Reach,
    RefusedWrite,
    Unreachable,
    after,
    changes,
    judged,
    share,
)

LIVE = Checked(Ask.LIVE)
MUTE = Checked(Ask.LIVE, "no answer within 1 s", is_silent=True)
REFUSED = Unreachable("connection refused")
READ, WRITE, KMS = (Checked(ask) for ask in (Ask.READ, Ask.WRITE, Ask.KMS))
NO_READ = Checked(Ask.READ, "no read quorum")
NO_WRITE = Checked(Ask.WRITE, "no write quorum")
NO_KMS = Checked(Ask.KMS, "its KMS makes no keys")
UNKNOWN = (Checked(Ask.READ, "late", is_silent=True), Checked(Ask.WRITE, "late", is_silent=True))
WELL = (LIVE, READ, WRITE, KMS)


def seen(*events: Event, health: Health | None = None, begin: float = 0.0, step: float = 1.0) -> Health:
    """What is known after one event each ``step`` seconds."""
    health = health or Health(begin)
    for i, event in enumerate(events):
        health = after(health, event, begin + i * step)
    return health


# Four MinIO processes as one cluster, as measured: what each of them answers, and who may be given a read, or a write.
CLUSTER = [
    ("all well", [WELL] * 4, [0, 1, 2, 3], [0, 1, 2, 3]),
    ("one killed", [(REFUSED,), WELL, WELL, WELL], [1, 2, 3], [1, 2, 3]),
    ("two killed", [(REFUSED,), (REFUSED,), (LIVE, READ, NO_WRITE), (LIVE, READ, NO_WRITE)], [2, 3], []),
    ("three killed", [(REFUSED,), (REFUSED,), (REFUSED,), (LIVE, NO_READ, NO_WRITE)], [], []),
    ("started again", [(REFUSED, *WELL)] * 4, [0, 1, 2, 3], [0, 1, 2, 3]),
    ("one stopped, at first", [(*WELL, MUTE), *[(*WELL, LIVE, *UNKNOWN)] * 3], [1, 2, 3], [1, 2, 3]),
    ("one stopped, after 8 s", [(*WELL, MUTE, MUTE, MUTE, MUTE), WELL, WELL, WELL], [1, 2, 3], [1, 2, 3]),
    ("continued", [(*WELL, MUTE, LIVE), WELL, WELL, WELL], [0, 1, 2, 3], [0, 1, 2, 3]),
    ("continued after it was down", [(*WELL, MUTE, MUTE, MUTE, LIVE), WELL, WELL, WELL], [0, 1, 2, 3], [0, 1, 2, 3]),
    ("all mute for a moment", [(*WELL, MUTE)] * 4, [0, 1, 2, 3], [0, 1, 2, 3]),
    ("all mute", [(*WELL, MUTE, MUTE, MUTE)] * 4, [], []),
    ("the KMS is away", [(LIVE, READ, WRITE, NO_KMS)] * 4, [0, 1, 2, 3], []),
]


@pytest.mark.parametrize(("state", "events", "read", "written"), CLUSTER, ids=[row[0] for row in CLUSTER])
def test_a_cluster(state: str, events: list[tuple[Event, ...]], read: list[int], written: list[int]) -> None:
    """A check of the quorum that is late takes nobody down; a cluster without quorum is not waited for."""
    site = (True, [seen(*of_one) for of_one in events])
    assert [i for _, i in fit([site], Need.READ, kms=True)] == read, state
    assert [i for _, i in fit([site], Need.WRITE, kms=True)] == written, state


def test_writes_that_need_no_key_go_on_without_the_kms() -> None:
    """Only where an encryption rule needs it the KMS decides."""
    site = (True, [seen(LIVE, READ, WRITE, NO_KMS)])
    assert fit([site], Need.WRITE, kms=False) == [(0, 0)]


def test_who_refused_a_write_is_given_one_where_no_other_takes_it() -> None:
    """Until its quorum was checked, ten seconds later at least; it is not down, and reads go on."""
    refused = seen(*WELL, RefusedWrite())
    assert (refused.reach, refused.no_write) == (Reach.UP, "")
    assert [i for _, i in fit([(True, [refused, Health(0.0)])], Need.WRITE, kms=False)] == [1]
    assert [i for _, i in fit([(True, [refused, Health(0.0)])], Need.READ, kms=False)] == [0, 1]
    assert [i for _, i in fit([(True, [refused, refused])], Need.WRITE, kms=False)] == [0, 1]
    assert [i for _, i in fit([(True, [refused, seen(MUTE)])], Need.WRITE, kms=False)] == [0]
    assert refused.refused_at == 4
    assert seen(WRITE, health=refused, begin=13.9).refuses_writes
    assert seen(RefusedWrite(), *[WRITE] * 9, health=refused, begin=12).refuses_writes
    assert not seen(UNKNOWN[1], WRITE, health=refused, begin=13).refuses_writes
    assert seen(LIVE, READ, UNKNOWN[1], health=refused, begin=14).refuses_writes


def test_the_first_reason_stays() -> None:
    """What follows a fall is no news."""
    health = seen(REFUSED, Checked(Ask.LIVE, "answered 503"), MUTE, MUTE, MUTE, Broke("reset", 9))
    assert (health.reach, health.why) == (Reach.DOWN, "connection refused")


def test_breaks_count_by_rate() -> None:
    """Three in ten seconds, and half of what it was given; one reset under load is an accident."""
    assert seen(Broke("reset", 1), Broke("reset", 2), Broke("reset", 3)).why == "3 of 3 requests broke: reset"
    assert seen(Broke("reset", 1), Broke("reset", 3), Broke("reset", 6)).why == "3 of 6 requests broke: reset"
    assert seen(Broke("reset", 1), Broke("reset", 4), Broke("reset", 7)).reach is Reach.UP
    assert seen(*(Broke("reset", i) for i in (1, 2, 3)), step=10).reach is Reach.UP


def test_who_falls_often_must_prove_more() -> None:
    """One good check is enough at first, then two, four, up to sixteen; after a calm minute it begins anew."""
    health, now, proofs = Health(0.0), 0.0, []
    for _ in range(6):
        health = after(health, REFUSED, now)
        count = 0
        while health.reach is Reach.DOWN:
            now, count = now + 1, count + 1
            health = after(health, LIVE, now)
        proofs.append(count)
    assert proofs == [1, 2, 4, 8, 16, 16]
    health = after(health, LIVE, now + 60)
    assert seen(REFUSED, LIVE, health=health, begin=now + 61).reach is Reach.UP


@pytest.mark.parametrize("bad", [REFUSED, Checked(Ask.LIVE, "answered 503")])
def test_flapping_ten_times_a_second(bad: Event) -> None:
    """A server that comes and goes is given up, not followed: a handful of changes in a minute, each with a line."""
    health, states = Health(0.0), []
    for i in range(600):
        health = after(health, (bad, LIVE)[i % 2], i / 10)
        states.append(health.reach)
    assert sum(one is not other for one, other in pairwise(states)) <= 5
    assert states[-1] is Reach.DOWN


def test_a_slow_start() -> None:
    """Who comes back is given a tenth at first and all after ten seconds; who was never down all at once."""
    risen = seen(REFUSED, LIVE)
    assert [share(risen, 1 + second, 10) for second in (0, 5, 10)] == [0.1, 0.5, 1.0]
    assert share(Health(0.0), 0, 10) == 1.0
    assert share(seen(MUTE, LIVE), 1, 10) == 1.0


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ((REFUSED,), ["is down: connection refused"]),
        ((REFUSED, REFUSED), []),
        ((REFUSED, LIVE), ["is up again"]),
        ((MUTE,), ["is used no more while others are up: no answer within 1 s"]),
        ((MUTE, MUTE), []),
        ((MUTE, MUTE, MUTE), ["is down: no answer within 1 s"]),
        ((NO_WRITE,), ["takes no writes: no write quorum"]),
        ((NO_WRITE, NO_WRITE), []),
        ((NO_WRITE, UNKNOWN[1]), []),
        ((NO_WRITE, WRITE), ["takes writes again"]),
        ((NO_READ,), ["takes no reads: no read quorum"]),
        ((NO_KMS,), ["takes no writes that it would have to encrypt: its KMS makes no keys"]),
        ((LIVE,), []),
    ],
)
def test_each_change_is_told_once(events: tuple[Event, ...], told: list[str]) -> None:
    """Of the last event, what is news."""
    before = seen(*events[:-1])
    assert changes(before, seen(events[-1], health=before, begin=len(events))) == told


@pytest.mark.parametrize(
    ("ask", "status", "content_type", "why"),
    [
        (Ask.LIVE, 200, b"", ""),
        (Ask.LIVE, 200, b"text/plain", ""),
        (Ask.LIVE, 200, b"text/HTML; charset=utf-8", "/h answered a web page: is that the S3 server itself?"),
        (Ask.LIVE, 301, b"text/html", "/h answered 301: is that the S3 server itself?"),
        (Ask.LIVE, 307, b"", "/h answered 307: is that the S3 server itself?"),
        (Ask.LIVE, 503, b"", "/h answered 503: more requests wait than it can take"),
        (Ask.LIVE, 404, b"", "/h answered 404: is that MinIO? For another S3 server set health.bucket"),
        (Ask.READ, 503, b"", "/h answered 503: no read quorum"),
        (Ask.WRITE, 503, b"", "/h answered 503: no write quorum"),
        (Ask.WRITE, 412, b"", "/h answered 412: no write quorum"),
        (Ask.WRITE, 500, b"", "/h answered 500"),
        (Ask.KMS, 503, b"", "/h answered 503: its KMS makes no keys"),
        (Ask.LIVE, 403, b"application/xml", "/h answered 403: is that a gateway, or this one? Name the S3 servers"),
    ],
)
def test_answers_to_checks(ask: Ask, status: int, content_type: bytes, why: str) -> None:
    """200 and no web page; anything else is told in words."""
    assert judged(ask, "/h", status, content_type) == why


@pytest.mark.parametrize("status", [200, 503])
@pytest.mark.parametrize("server", [b"offline", b"iam-offline", b"bucket-metadata-offline"])
def test_minio_that_starts(status: int, server: bytes) -> None:
    """Its ``live`` is 200 before it serves; the header tells."""
    assert judged(Ask.LIVE, "/h", status, b"", server) == f"/h answered {status}: it is still starting"
    assert judged(Ask.LIVE, "/h", 200, b"", b"online") == ""
