"""POST policy forms on sockets, before MinIO behind the recorder: what is stored, and what is not.

The refusals are rows of the table (tests/forms.py, by tests/wire/test_refusals.py).
"""

import re
from collections.abc import Iterator
from hashlib import sha256

import pytest

from lab.certs import Certs
from lab.gateway import gateway_config
from s3gateway.bodies.form_file import MOST_HELD
from tests import forms
from tests.conftest import GatewayFactory
from tests.forms import BOUNDARY, Pairs, body_of, form
from tests.real.rawhttp import Raw
from tests.real.waiting import eventually
from tests.refusing import CLIENTS
from tests.wire.front import BUCKET, Front, head_bytes, now, on_wire

KEY = "form/ü"
LARGE = bytes(range(256)) * (MOST_HELD // 256 + 4096)
CREATED = [("success_action_status", "201")]


@pytest.fixture(autouse=True)
def _nothing_is_left(front: Front) -> Iterator[None]:
    yield
    front.s3.delete_object(Bucket=BUCKET, Key=KEY)


def stored(front: Front) -> bytes | None:
    """The object's bytes, if there is one."""
    if KEY not in front.stored():
        return None
    return front.s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read()


@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
@pytest.mark.parametrize("file", [b"", b"data", LARGE], ids=["empty", "small", "large"])
def test_stored(front: Front, file: bytes, *, tls: bool) -> None:
    """The file, whatever its size, with its fields as the object's; the backend sees a PutObject and no form."""
    fields: Pairs = [*CREATED, ("Content-Type", "text/x"), ("x-amz-meta-a", "1  ü"), ("acl", "private")]
    answer = front.ask(form(fields, file, key=KEY)(now()), tls=tls)
    assert answer.status == 201
    assert stored(front) == file
    found = front.s3.head_object(Bucket=BUCKET, Key=KEY)
    assert found["ContentType"] == "text/x"
    assert list(found["Metadata"]) == ["a"]
    assert (answer.header("ETag"), answer.header("Content-Type")) == (found["ETag"], "application/xml")
    location = f"http{'s' if tls else ''}://gateway.example:8000/bucket/form%2F%C3%BC"
    assert answer.header("Location") == location
    assert f"<Location>{location}</Location>".encode() in answer.body
    (sent,) = front.recorder.requests()
    assert (sent.method, sent.target, sent.body_sha256) == ("PUT", b"/bucket/form/%C3%BC", sha256(file).hexdigest())
    head = b"".join(name + value for name, value in sent.headers)
    assert not re.search(rb"(?i)policy|multipart|x-amz-signature", head)


def test_byte_by_byte(front: Front) -> None:
    """However a form is cut into reads, and the next request on the connection is served."""
    wire = on_wire(form(file=b"data", key=KEY, after=[("submit", "go")])(now()))
    with front.connect() as raw:
        for at in range(0, len(wire), 97):
            raw.socket.sendall(wire[at : at + 97])
        assert raw.read("POST").status == 204
        assert raw.ask(on_wire(form(file=b"again", key=KEY)(now())), "POST").status == 204
    assert stored(front) == b"again"


@pytest.mark.parametrize("file", [b"data", LARGE], ids=["small", "large"])
def test_one_continue(front: Front, file: bytes) -> None:
    """A client that waits for 100 Continue gets it once, before its fields are known."""
    request = form(file=file, key=KEY, headers=[(b"Expect", b"100-continue")])(now())
    with front.connect() as raw:
        raw.send(head_bytes(request))
        assert raw.read_head().status == 100
        raw.send(request.body or b"")
        assert raw.read("POST").status == 204
    assert stored(front) == file


def test_fields_behind_the_file(front: Front) -> None:
    """They do not count, of a file that is held; of a longer one they make the form one that is not as announced."""
    after: Pairs = [("key", "form/other"), ("acl", "nobody knows"), ("submit", "Upload"), ("file", "other")]
    assert front.ask(form(file=b"data", key=KEY, after=after)(now())).status == 204
    assert (stored(front), "form/other" in front.stored()) == (b"data", False)
    front.s3.delete_object(Bucket=BUCKET, Key=KEY)
    front.forget()
    answer = front.ask(form(file=LARGE, key=KEY, after=after)(now()))
    assert (answer.status, answer.code) == (400, "MalformedPOSTRequest")
    assert f"Behind a file of more than {MOST_HELD} bytes nothing" in answer.error["Message"]
    front.settle()
    assert all(not sent.complete for sent in front.recorder.requests())
    assert stored(front) is None


@pytest.mark.parametrize("left", [1, 5, len(BOUNDARY) + 8, 1000, len(LARGE) // 4])
def test_a_client_that_leaves(front: Front, left: int) -> None:
    """A form that is not whole stores nothing, wherever it ends."""
    wire = on_wire(form(file=LARGE, key=KEY)(now()))
    with front.connect() as raw:
        raw.send(wire[:-left])
    front.settle()
    assert stored(front) is None


def test_a_long_file_is_not_awaited(front: Front) -> None:
    """The backend gets its beginning before the client has sent its end."""
    wire = on_wire(form(file=LARGE * 2, key=KEY)(now()))
    with front.connect() as raw:
        raw.send(wire[: len(LARGE) + 100_000])
        eventually(lambda: any(c.sent for c in front.recorder.connections()), "nothing at the backend")
        raw.send(wire[len(LARGE) + 100_000 :])
        assert raw.read("POST").status == 204
    assert stored(front) == LARGE * 2


def test_a_long_file_that_is_too_long(front: Front) -> None:
    """It is refused before the backend hears of it, and before its end has come."""
    request = form(file=LARGE, key=KEY, policy=forms.conditions(["content-length-range", 0, 1000]))(now())
    wire = on_wire(request)
    with front.connect() as raw:
        raw.send(wire[: MOST_HELD + 600_000])
        answer = raw.read("POST")
    assert (answer.status, answer.code) == (400, "EntityTooLarge")
    assert answer.error["ProposedSize"] == str(len(LARGE))
    assert front.untouched()


def test_the_backends_refusal(front: Front) -> None:
    """It passes as it came: with the backend's code, and not as a success."""
    answer = front.ask(form(CREATED, bucket="nowhere", key=KEY)(now()))
    assert (answer.status, answer.code) == (404, "NoSuchBucket")
    answer = front.ask(form([*CREATED, ("x-amz-checksum-crc32", "AAAAAA==")], key=KEY)(now()))
    assert (answer.status, answer.code) == (400, "XAmzContentChecksumMismatch")
    assert stored(front) is None


def test_nobody_waits_for_fields(front: Front, certs: Certs, gateway: GatewayFactory) -> None:
    """Until somebody is proven, a form has as long as a head, however slowly it comes."""
    config = gateway_config(front.recorder, clients=CLIENTS, certificate=certs.gateway, limits={"head_timeout": 1})
    request = form(key=KEY)(now())
    with Raw(gateway(config).port) as raw:
        raw.send(head_bytes(request))
        raw.socket.settimeout(0.2)
        answer = b""
        for at in range(0, 1000, 4):
            raw.socket.sendall((request.body or b"")[at : at + 4])
            try:
                answer = raw.socket.recv(65536)
            except TimeoutError:
                continue
            break
    assert b"400 Bad Request" in answer
    assert b"<Code>RequestTimeout</Code>" in answer
    assert front.untouched()


def test_a_boundary_in_the_path_of_a_form(front: Front) -> None:
    """A part that begins like the boundary is data, in fields and in the file."""
    data = b"\r\n--" + BOUNDARY + b"x\r\n--" + BOUNDARY[:-1] + b"--"
    request = form([("x-ignore-a", f"--{BOUNDARY.decode()}x")], data, key=KEY)(now())
    assert request.body is not None
    assert data in request.body
    assert front.ask(request).status == 204
    assert stored(front) == data
    assert body_of((), data).count(BOUNDARY) == 3
