"""The table of refusals through a real mitmdump, before MinIO: the answer, and nothing at the backend."""

from collections.abc import Iterator

import pytest

from lab.certs import Certs
from lab.gateway import gateway_config
from tests.admission import edited
from tests.conftest import GatewayFactory
from tests.real.rawhttp import Raw
from tests.refusals import ROWS
from tests.refusing import CLIENTS, UPLOADS, Request, Row, auth, claimed, then
from tests.wire.front import Front, head_bytes, now, on_wire

IN_THE_BODY = (
    "r20 another body",
    "r20 presigned",
    "r31",
    "r32",
    "r33",
    "r34",
    "r35",
    "r36 another announced",
    "r36 not announced STREAMING-UNSIGNED",
    "r36 its",
    "r36 missing",
    "r36 one more",
    "r36 twice",
    "r38",
    "r46 a document",
    "r46 pii POST",
)
"""Rows of which the head is good: only the body tells, so the backend may see a beginning, and never an end."""

BEFORE_THE_SIGNATURE = {*(f"r{number:02}" for number in range(1, 17)), *(f"r{number}" for number in range(22, 29))}


def told_by_the_head(row: Row) -> bool:
    """Whether the head alone shows the fault; an empty body has no beginning either."""
    return not row.name.startswith(IN_THE_BODY) or row.name.startswith("r32 nothing at all")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_refused(front: Front, row: Row) -> None:
    """Status, code, words and extra fields are the table's; at the backend nothing has come or nothing has changed."""
    before = {} if told_by_the_head(row) else front.stored()
    answer = front.ask(row.make(now(row.late)), tls=row.tls)
    assert answer.status == row.status
    if row.make(now()).head.method == b"HEAD":
        assert (answer.body, front.untouched()) == (b"", True)
        return
    error = answer.error
    assert error["Code"] == row.code
    assert row.message in error["Message"]
    assert set(row.fields) <= set(error.items())
    assert {name for name in row.names if not error.get(name)} == set()
    assert answer.header("Content-Type") == "application/xml"
    assert error["RequestId"] == answer.header("x-amz-request-id")
    if told_by_the_head(row):
        assert front.untouched()
    else:
        assert len(front.recorder.requests()) <= 1
        assert front.stored() == before


def _heads() -> Iterator[Row]:
    """Give the first GET of each situation whose answer does not depend on the signature."""
    seen: set[str] = set()
    for row in ROWS:
        situation = row.name[:3]
        if situation in BEFORE_THE_SIGNATURE - seen and row.make(now(row.late)).head.method == b"GET":
            seen.add(situation)
            yield row


@pytest.mark.parametrize("row", list(_heads()), ids=lambda row: row.name)
def test_head(front: Front, row: Row) -> None:
    """HEAD gets the same status and no body: what is read next on the connection is the next request's answer."""
    request = row.make(now(row.late))
    head = Request(edited(request.head, method=b"HEAD"))
    with front.connect() as raw:
        answer = raw.ask(head_bytes(head), "HEAD")
        assert (answer.status, answer.body) == (row.status, b"")
        assert answer.header("Content-Length") in {None, "0"}
        if answer.status < 500:
            assert raw.ask(on_wire(request)).code == row.code
        else:
            assert raw.is_closed()
    assert front.untouched()


def test_a_refusal_that_waits_for_its_explanation_arrives(front: Front, certs: Certs, gateway: GatewayFactory) -> None:
    """Where flows are written, a refusal waits to be explained: the connection lingers from then on, not before."""
    config = gateway_config(front.recorder, clients=CLIENTS, certificate=certs.gateway, limits={"refusal_linger": 0.1})
    port = gateway(config).port
    for mode, made in UPLOADS.items():
        forged = then(made, claimed(b"Signature=[0-9a-f]{64}", b"Signature=" + b"f" * 64))
        with Raw(port) as raw:
            assert raw.ask(on_wire(forged(now()))).code == "SignatureDoesNotMatch", mode
            assert raw.is_closed()
    assert front.untouched()


def test_rdma_is_refused_where_its_clients_look(front: Front) -> None:
    """In the head, for an upload and for a read."""
    for made in (
        auth("PUT", "/bucket/key", [("x-amz-rdma-token", "t")]),
        auth("GET", "/bucket/old", [("x-amz-rdma-token", "t")]),
    ):
        answer = front.ask(made(now()))
        assert (answer.status, answer.header("x-amz-rdma-reply")) == (501, "501")
    assert front.untouched()
