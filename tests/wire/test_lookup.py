"""Keys that somebody else knows: asked for once, within the bound, and remembered while nobody answers."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lab.certs import Certs
from tests.forms import form
from tests.real.rawhttp import Answer
from tests.real.waiting import eventually
from tests.refusing import CLIENTS, Made, auth, url
from tests.wire.front import now, on_wire
from tests.wire.inprocess import Keeping, Wire, ok
from tests.wire.portal import Portal, key, portal

SECRET = "secret-that-the-portal-knows"
TOKEN = "token-of-the-lab-for-the-portal"
RIGHTS = [
    {"users": ["alice"], "buckets": ["bucket"]},
    {"groups": ["readers"], "buckets": ["*"], "read_only": True},
]


@pytest.fixture
def desk(certs: Certs) -> Iterator[Portal]:
    with portal(certs) as running:
        running.keys["ALICEKEY"] = key("ALICEKEY", SECRET)
        yield running


Start = Callable[..., Wire]


@pytest.fixture
def start(keeping: Keeping, certs: Certs, desk: Portal, tmp_path: Path) -> Iterator[Start]:
    """Start a gateway with ``lookup``."""
    (tmp_path / "headers").write_text(f"Authorization: Bearer {TOKEN}\n")
    keeping.begin(ok)
    running: list[Wire] = []

    def begin(clients: Any = (), sections: Any = None, **settings: Any) -> Wire:
        lookup = {
            "url": desk.url, "ca_file": str(certs.ca), "headers_file": str(tmp_path / "headers"), "rights": RIGHTS,
        } | settings  # fmt: skip
        wire = Wire(keeping, certs, clients=list(clients), lookup=lookup, sections=sections)
        running.append(wire)
        return wire.__enter__()

    yield begin
    for wire in running:
        wire.__exit__(None, None, None)


def get(access_key_id: str = "ALICEKEY", secret: str = SECRET, target: str = "/bucket/key") -> Made:
    return auth("GET", target, who={"access_key_id": access_key_id, "secret": secret})


def ask(wire: Wire, made: Made | None = None) -> Answer:
    with wire.connect() as raw:
        return raw.ask(on_wire((made or get())(now())))


def told(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.code if answer.status != 200 else ""


def test_a_key_that_the_portal_knows(start: Start, desk: Portal, keeping: Keeping) -> None:
    """Its user is the client, in the log and for rules; what the portal is told is the key id, and the header."""
    wire = start()
    assert [told(ask(wire)) for _ in range(3)] == [(200, "")] * 3
    assert desk.asked == ["ALICEKEY"]
    assert desk.headers[0]["Authorization"] == f"Bearer {TOKEN}"
    eventually(lambda: [one.record.client for one in wire.books.ended] == ["alice"] * 3)
    assert len(keeping.seen) == 3


def test_the_secret_must_be_right(start: Start) -> None:
    """A look-up proves nobody."""
    wire = start()
    assert told(ask(wire, get(secret="wrong"))) == (403, "SignatureDoesNotMatch")
    eventually(lambda: [one.record.client for one in wire.books.ended] == ["alice?"])


@pytest.mark.parametrize(
    ("user", "groups", "target", "expected"),
    [
        ("alice", (), "/other/key", (403, "AccessDenied")),
        ("bob", ("readers",), "/other/key", (200, "")),
        ("bob", ("writers",), "/bucket/key", (403, "AccessDenied")),
        ("alice", ("readers",), "/other/key", (403, "AccessDenied")),
    ],
)
def test_the_first_right_that_fits_decides(
    start: Start, desk: Portal, user: str, groups: tuple[str, ...], target: str, expected: tuple[int, str]
) -> None:
    desk.keys["K"] = key("K", SECRET, user, *groups)
    assert told(ask(start(), get("K", target=target))) == expected


def test_presigned(start: Start) -> None:
    wire = start()
    made = url("GET", "/bucket/key", who={"access_key_id": "ALICEKEY", "secret": SECRET})
    assert told(ask(wire, made)) == (200, "")


def test_a_key_that_nobody_has(start: Start, desk: Portal) -> None:
    """404 is remembered, too."""
    wire = start()
    assert [told(ask(wire, get("NOBODY"))) for _ in range(3)] == [(403, "InvalidAccessKeyId")] * 3
    assert desk.asked == ["NOBODY"]


BROKEN = {
    "HTML": (200, b"<!DOCTYPE html><title>Please log in</title>"),
    "a redirect": (302, b""),
    "an error": (500, b"{}"),
    "not allowed": (401, b"{}"),
    "nothing": (200, b""),
    "no secret": (200, json.dumps({"emulated": {"accessKey": "ALICEKEY"}, "identity": {"user": "alice"}}).encode()),
    "a list": (200, b"[]"),
    "deep": (200, b"[" * 60_000),
    "another key": key("OTHERKEY", SECRET),
    "a session": key("ALICEKEY", SECRET, session="token"),
    "no user": key("ALICEKEY", SECRET, ""),
    "an odd user": key("ALICEKEY", SECRET, "a\r\nb"),
    "an odd secret": key("ALICEKEY", "a\nb"),
    "too much": (200, b" " * 100_000),
}


@pytest.mark.parametrize("what", BROKEN)
def test_an_answer_that_cannot_be_used(start: Start, desk: Portal, caplog: pytest.LogCaptureFixture, what: str) -> None:
    """503, told once, and never taken for one that nobody has; a key that was named before goes on to count."""
    wire = start(cache=60, last_good=600)
    desk.keys["BOBKEY"] = key("BOBKEY", SECRET, "bob", "readers")
    assert told(ask(wire, get("BOBKEY"))) == (200, "")
    desk.keys.clear()
    desk.otherwise = BROKEN[what]
    wire.later(61)
    assert [told(ask(wire)) for _ in range(2)] == [(503, "ServiceUnavailable")] * 2
    assert told(ask(wire, get("BOBKEY"))) == (200, "")
    (line,) = [record.getMessage() for record in caplog.records if "lookup at" in record.getMessage()]
    assert line.startswith(f"lookup at {desk.url.removesuffix('/v1/keys')} fails: ")
    assert "keys that it named within 600 s still count" in line
    assert SECRET not in caplog.text
    wire.later(600)
    assert told(ask(wire, get("BOBKEY"))) == (503, "ServiceUnavailable")


def test_a_portal_that_is_down(start: Start, desk: Portal, caplog: pytest.LogCaptureFixture) -> None:
    """It is told from an odd answer: nobody else asks for a while."""
    wire = start(cache=60)
    assert told(ask(wire)) == (200, "")
    wire.later(61)
    desk.is_up = False
    assert told(ask(wire)) == (200, "")
    asked = len(desk.asked)
    assert asked <= 1 + 2  # once more over a fresh connection
    assert [told(ask(wire, get("NEWKEY"))) for _ in range(2)] == [(503, "ServiceUnavailable")] * 2
    assert len(desk.asked) == asked
    assert f"lookup at {desk.url.removesuffix('/v1/keys')} fails: " in caplog.text


def test_a_flood_of_random_keys(start: Start, desk: Portal) -> None:
    """Is told to slow down where the bound is reached, and which setting that is."""
    wire = start(per_second=1)
    flood = [told(ask(wire, get(f"RANDOM{number}"))) for number in range(5)]
    assert set(flood) == {(403, "InvalidAccessKeyId"), (503, "SlowDown")}
    assert len(desk.asked) == flood.count((403, "InvalidAccessKeyId"))
    eventually(lambda: any("lookup.per_second" in str(one.refusal and one.refusal.reason) for one in wire.books.ended))


@pytest.mark.parametrize("access_key_id", ["K" * 129, "\u00e4", "a,b"])
def test_what_cannot_be_a_key_is_not_asked_for(start: Start, desk: Portal, access_key_id: str) -> None:
    wire = start()
    assert told(ask(wire, get(access_key_id)))[0] in (400, 403)
    assert desk.asked == []


def test_what_is_refused_anyway_is_not_asked_for(start: Start, desk: Portal) -> None:
    """Another region, a session token, no S3 at all."""
    wire = start()
    who = {"access_key_id": "ALICEKEY", "secret": SECRET}
    for made, status in (
        (auth("GET", "/bucket/key", who=who | {"region": "eu-nowhere-1"}), 400),
        (auth("GET", "/bucket/key", [("x-amz-security-token", "t0k3n")], who=who), 403),
        (auth("GET", "/bucket/../key", who=who), 400),
    ):
        assert ask(wire, made).status == status
    assert desk.asked == []


@pytest.mark.parametrize("size", [4, 3 << 20], ids=["small", "large"])
def test_a_form(start: Start, desk: Portal, keeping: Keeping, size: int) -> None:
    """Its key stands in its fields: they are read, then the portal is asked, then the file goes on its way."""
    wire = start()
    for _ in range(2):
        request = form(file=b"x" * size, bucket="bucket", who={"access_key_id": "ALICEKEY", "secret": SECRET})(now())
        with wire.connect() as raw:
            assert raw.ask(on_wire(request), "POST").status == 204
    stranger = form(file=b"x" * size, bucket="bucket", who={"access_key_id": "NOBODY", "secret": SECRET})(now())
    with wire.connect() as raw:
        raw.send(on_wire(stranger))
        assert raw.read("POST").code == "InvalidAccessKeyId"
    assert desk.asked == ["ALICEKEY", "NOBODY"]
    assert len(keeping.seen) == 2


def test_clients_come_first(start: Start, desk: Portal) -> None:
    """A key of the configuration is its own."""
    own = {"name": "own", "access_key_id": "ALICEKEY", "secret_access_key": "of-the-configuration", "buckets": ["*"]}
    wire = start(clients=[own])
    assert told(ask(wire, get(secret="of-the-configuration"))) == (200, "")
    assert told(ask(wire)) == (403, "SignatureDoesNotMatch")
    assert desk.asked == []


def sts(wire: Wire) -> Any:
    return boto3.client("sts", endpoint_url=f"http://127.0.0.1:{wire.port}", region_name="us-east-1",
                        aws_access_key_id="ALICEKEY", aws_secret_access_key=SECRET)  # fmt: skip


def test_sts_knows_it_as_well(start: Start, desk: Portal) -> None:
    """It is asked whose key it is; a role is for clients of the configuration, whose names a user may have."""
    role = {"name": "all", "clients": ["*"], "buckets": ["*"]}
    for wire in (start(sections={"sts": {}}), start(sections={"sts": {}, "roles": [role]}, clients=CLIENTS)):
        told_of = sts(wire).get_caller_identity()
        assert told_of["Arn"] == "arn:aws:iam::000000000000:user/alice"
        with pytest.raises(ClientError, match="AccessDenied"):
            sts(wire).assume_role(
                RoleArn="arn:aws:iam::000000000000:role/all", RoleSessionName="job", DurationSeconds=900
            )
    assert desk.asked == ["ALICEKEY"] * 2
