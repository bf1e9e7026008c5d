"""A key that the backend refuses while a request is under way: what the client has of it."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest

from lab.certs import Certs
from tests.real.waiting import eventually
from tests.refusing import CLIENTS, Made, auth
from tests.sigv4 import aws
from tests.wire.front import body_bytes, head_bytes, now, on_wire
from tests.wire.inprocess import GET, Answering, Keeping, Wire, ok
from tests.wire.scripted import Exchange

SECOND = {"access_key_id": "SECOND", "secret_access_key": "second-secret-of-the-lab"}
HEAD = auth("HEAD", "/bucket/key")
PUT = auth("PUT", "/bucket/key", payload=aws.UNSIGNED, body=b"x" * 100)
LARGE = auth("PUT", "/bucket/key", payload=aws.UNSIGNED, body=b"x" * 300_000)


def refusing(code: str, also: str = "none") -> Answering:
    """Refuse the first key by this code, in a header as well, as MinIO does, and oblige the second."""

    def answer(exchange: Exchange, request: bytes) -> None:
        if b"Credential=SECOND/" in request and also != "SECOND":
            ok(exchange, request)
            return
        body = b"" if request.startswith(b"HEAD") else b"<Error><Code>%b</Code></Error>" % code.encode()
        head = b"HTTP/1.1 403 Forbidden\r\nX-Minio-Error-Code: %b\r\nContent-Length: %d\r\n\r\n"
        exchange.send(head % (code.encode(), len(body)) + body)

    return answer


@pytest.fixture
def rotating(keeping: Keeping, certs: Certs) -> Iterator[Wire]:
    """A gateway with two keys at its backend."""
    with Wire(keeping, certs, own_keys=[SECOND]) as wire:
        yield wire


@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "InvalidTokenId", "ExpiredToken", "SignatureDoesNotMatch"])
@pytest.mark.parametrize("made", [GET, HEAD], ids=["GET", "HEAD"])
def test_a_request_without_a_body_is_sent_again(rotating: Wire, keeping: Keeping, code: str, made: Made) -> None:
    """Its client sees nothing of it, and the next one is signed with the other key at once."""
    keeping.begin(refusing(code))
    request = made(now())
    with rotating.connect() as raw:
        method = request.head.method.decode()
        assert raw.ask(on_wire(request), method).status == 200
        assert raw.ask(on_wire(made(now())), method).status == 200
    asked = [b"Credential=SECOND/" in one for _, one in keeping.seen]
    assert asked == [False, False, True, True, True]  # refused, its key tried, the other tried, again, and the next
    assert [line.partition(b" ")[0].decode() for line in keeping.requests()] == [method, "GET", "GET", method, method]
    eventually(lambda: [one.record.status for one in rotating.books.ended] == [200, 200])
    assert rotating.books.ended[0].record.backend_error == ""


@pytest.mark.parametrize("made", [PUT, LARGE], ids=["small", "large"])
def test_one_whose_body_has_left_is_to_be_sent_again_by_its_client(
    rotating: Wire, keeping: Keeping, made: Made
) -> None:
    """SDKs do, for 503 SlowDown; the second time it is stored."""
    keeping.begin(refusing("InvalidAccessKeyId"))
    for expected in ((503, "SlowDown"), (200, "")):
        request = made(now())
        with rotating.connect() as raw:
            raw.send(head_bytes(request) + body_bytes(request))
            answer = raw.read("PUT")
        assert (answer.status, answer.code if answer.status != 200 else "") == expected


def test_when_no_key_works(rotating: Wire, keeping: Keeping) -> None:
    """It is the gateway's own fault, as ever: 503, and nothing is sent again."""
    keeping.begin(refusing("InvalidAccessKeyId", also="SECOND"))
    for _ in range(3):
        with rotating.connect() as raw:
            answer = raw.ask(on_wire(GET(now())))
        assert (answer.status, answer.code) == (503, "ServiceUnavailable")
    trials = [line for line in keeping.requests() if line == b"GET /"]
    assert len(trials) == 2


@pytest.mark.parametrize("code", ["RequestTimeTooSkewed", "AuthorizationHeaderMalformed"])
def test_what_no_key_can_mend(rotating: Wire, keeping: Keeping, code: str) -> None:
    """A clock, a region: no key is tried."""
    keeping.begin(refusing(code))
    with rotating.connect() as raw:
        assert raw.ask(on_wire(GET(now()))).status == 503
    assert len(keeping.seen) == 1


SESSION = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>SESSION{0}</AccessKeyId><SecretAccessKey>secret-of-session-{0}</SecretAccessKey>
<SessionToken>token-of-session-{0}</SessionToken><Expiration>{1:%Y-%m-%dT%H:%M:%SZ}</Expiration>
</Credentials></AssumeRoleResult></AssumeRoleResponse>"""


class Sts:
    """A backend with an STS; S3 there knows the sessions in ``good`` alone."""

    def __init__(self, *good: int, lifetime: timedelta = timedelta(hours=1)) -> None:
        self.good = good
        self.lifetime = lifetime
        self.forms: list[dict[str, list[str]]] = []

    def __call__(self, exchange: Exchange, request: bytes) -> None:
        if request.startswith(b"POST / "):
            self.forms.append(parse_qs(request.partition(b"\r\n\r\n")[2].decode()))
            body = SESSION.format(len(self.forms), datetime.now(UTC) + self.lifetime).encode()
            exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        elif any(b"Credential=SESSION%d/" % number in request for number in self.good):
            ok(exchange, request)
        else:
            refusing("InvalidAccessKeyId")(exchange, request)


@pytest.fixture
def acting(keeping: Keeping, certs: Certs) -> Iterator[Wire]:
    """A gateway whose clients have sessions of their own."""
    clients = [dict(client) | {"backend_identity": "session"} for client in CLIENTS[:1]]
    with Wire(keeping, certs, clients=clients) as wire:
        yield wire


def test_a_session_is_made_once(acting: Wire, keeping: Keeping) -> None:
    """For all who wait for it, with the client's rules; nothing is sent under the gateway's own key but that."""
    sts = Sts(1)
    keeping.begin(sts)
    with ThreadPoolExecutor(6) as pool:
        answers = [pool.submit(lambda: ask(acting, GET)) for _ in range(6)]
        assert {answer.result() for answer in answers} == {200}
    (form,) = sts.forms
    assert (form["Action"], form["RoleSessionName"]) == (["AssumeRole"], ["spark"])
    assert json.loads(form["Policy"][0])["Statement"][0]["Resource"] == ["arn:aws:s3:::*"]
    asked = [request for _, request in keeping.seen if b"Credential=backend-key/" in request]
    assert len(asked) == 1


def test_a_session_that_is_refused_is_made_anew(acting: Wire, keeping: Keeping) -> None:
    """Once; the request goes out again under the new one."""
    sts = Sts(2)
    keeping.begin(sts)
    assert [ask(acting, made) for made in (GET, HEAD)] == [200, 200]
    assert len(sts.forms) == 2
    sts.good = ()
    assert ask(acting, GET) == 503
    assert len(sts.forms) == 3


def test_a_session_is_renewed_while_requests_go_on(acting: Wire, keeping: Keeping) -> None:
    """Ahead of its end, under the old one meanwhile."""
    sts = Sts(1, 2, lifetime=timedelta(seconds=20))
    keeping.begin(sts)
    deadline = time.monotonic() + 60
    while len(sts.forms) < 2:
        assert ask(acting, GET) == 200
        assert time.monotonic() < deadline


def ask(wire: Wire, made: Made) -> int:
    request = made(now())
    with wire.connect() as raw:
        return raw.ask(on_wire(request), request.head.method.decode()).status


def healthy(answer: Answering) -> Answering:
    """Answer checks of health as well."""
    return lambda exchange, request: (ok if b" /minio/health/" in request.partition(b"\r\n")[0] else answer)(
        exchange, request
    )


def test_with_several_backends(keeping: Keeping, certs: Certs) -> None:
    """A refused key is left, and a session made, whichever backend is chosen."""
    health = {"interval": 3600}
    several = {"endpoints": [keeping.endpoint]}
    keeping.begin(healthy(refusing("InvalidAccessKeyId")))
    with Wire(keeping, certs, own_keys=[SECOND], several=several, health=health) as wire:
        assert [ask(wire, made) for made in (GET, HEAD)] == [200, 200]
    sts = Sts(2)
    keeping.begin(healthy(sts))
    clients = [dict(client) | {"backend_identity": "session"} for client in CLIENTS[:1]]
    with Wire(keeping, certs, clients=clients, several=several, health=health) as wire:
        assert [ask(wire, made) for made in (GET, HEAD)] == [200, 200]
    assert len(sts.forms) == 2
