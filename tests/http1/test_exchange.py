"""The states of one exchange: the whole table of whom it waits for, and what may be done in each."""

from itertools import product

import pytest

from s3gateway.http1.exchange import Answer, Link, Progress, Upload
from s3gateway.rules.stalls import Waits
from tests.admission import configured

TIMES = {"head_timeout": 10, "keep_alive": 20, "body_timeout": 30, "connect_timeout": 5, "backend_timeout": 40}
LIMITS = configured(limits=TIMES).limits
COMING = {Upload.WAITING, Upload.READING}


def progress(upload: Upload = Upload.NONE, link: Link = Link.NONE, answer: Answer = Answer.NONE) -> Progress:
    one = Progress(100.0, has_body=upload is not Upload.NONE)
    one.upload, one.link, one.answer = upload, link, answer
    return one


def test_the_beginning() -> None:
    """Without a body there is nothing to wait for; nothing has been touched."""
    for has_body, upload in ((False, Upload.NONE), (True, Upload.WAITING)):
        one = Progress(7.0, has_body=has_body)
        assert (one.upload, one.link, one.answer) == (upload, Link.NONE, Answer.NONE)
        assert (one.moved, one.client_moved) == (7.0, 7.0)
        assert (one.was_reused, one.body_taken, one.is_held_open) == (False, False, False)
        assert (one.is_uploading, one.may_answer) == (has_body, True)


@pytest.mark.parametrize("upload", Upload)
def test_uploading(upload: Upload) -> None:
    """While more of the body is to come and somebody wants it."""
    assert progress(upload).is_uploading is (upload in COMING)


@pytest.mark.parametrize("answer", Answer)
def test_another_answer_may_be_given(answer: Answer) -> None:
    """Until the client has the first byte of one."""
    assert progress(answer=answer).may_answer is (answer in {Answer.NONE, Answer.HELD})


def expected(one: Progress, *, client: bool, backend: bool) -> Waits:
    """Whom an exchange waits for, row by row: the first that holds."""
    rows = (
        (one.is_held_open, Waits.OPERATOR),
        (client, Waits.TAKE),
        (one.link is Link.CONNECTING, Waits.CONNECT),
        (one.upload is Upload.DROPPED and one.answer is Answer.DONE, Waits.BODY),
        (one.upload in COMING and not backend, Waits.BODY),
        (True, Waits.BACKEND),
    )
    return next(waits for holds, waits in rows if holds)


def test_whom_it_waits_for() -> None:
    """In each state, with and without bytes that a peer has not taken, open in mitmweb or not."""
    seen = set()
    for upload, link, answer in product(Upload, Link, Answer):
        for held, client, backend in product((False, True), repeat=3):
            one = progress(upload, link, answer)
            one.is_held_open = held
            waits = one.waits(client_has_unsent=client, backend_has_unsent=backend)
            assert waits is expected(one, client=client, backend=backend)
            seen.add(waits)
    assert seen == {Waits.OPERATOR, Waits.TAKE, Waits.CONNECT, Waits.BODY, Waits.BACKEND}


@pytest.mark.parametrize(
    ("upload", "link", "answer", "unsent", "waits"),
    [
        (Upload.NONE, Link.CONNECTING, Answer.NONE, "", Waits.CONNECT),
        (Upload.WAITING, Link.CONNECTING, Answer.NONE, "", Waits.CONNECT),
        (Upload.NONE, Link.UP, Answer.NONE, "", Waits.BACKEND),
        (Upload.READING, Link.UP, Answer.NONE, "", Waits.BODY),
        (Upload.READING, Link.UP, Answer.NONE, "backend", Waits.BACKEND),
        (Upload.DONE, Link.UP, Answer.NONE, "backend", Waits.BACKEND),
        (Upload.DONE, Link.UP, Answer.HELD, "", Waits.BACKEND),
        (Upload.DONE, Link.UP, Answer.BEGUN, "", Waits.BACKEND),
        (Upload.DONE, Link.UP, Answer.BEGUN, "client", Waits.TAKE),
        (Upload.DROPPED, Link.UP, Answer.BEGUN, "", Waits.BACKEND),
        (Upload.DROPPED, Link.GONE, Answer.DONE, "", Waits.BODY),
    ],
)
def test_the_rows_of_a_life(upload: Upload, link: Link, answer: Answer, unsent: str, waits: Waits) -> None:
    """What an exchange goes through, and who is to blame if it stands still there."""
    one = progress(upload, link, answer)
    assert one.waits(client_has_unsent=unsent == "client", backend_has_unsent=unsent == "backend") is waits


@pytest.mark.parametrize("waits", Waits)
def test_when_it_is_over(waits: Waits) -> None:
    """Each wait has its own time since something moved; an operator may take any."""
    allowed = {"HEAD": 10, "NEXT": 20, "BODY": 30, "TAKE": 30, "CONNECT": 5, "BACKEND": 40}.get(waits.name)
    one = progress()
    if allowed is None:
        assert not one.is_over(waits, LIMITS, 1e9)
        return
    assert [one.is_over(waits, LIMITS, 100.0 + allowed + by) for by in (-0.1, 0, 1)] == [False, True, True]
    one.moved = 150.0
    assert [one.is_over(waits, LIMITS, 150.0 + allowed + by) for by in (-0.1, 0)] == [False, True]


@pytest.mark.parametrize("reused", [False, True])
@pytest.mark.parametrize("taken", [False, True])
@pytest.mark.parametrize("answer", Answer)
@pytest.mark.parametrize("repeatable", [False, True])
@pytest.mark.parametrize("handed_over", [False, True])
def test_what_may_be_sent_again(reused: bool, taken: bool, answer: Answer, repeatable: bool, handed_over: bool) -> None:
    """On a used connection, with no byte of an answer, none of the client's body taken, and what may run twice."""
    one = progress(Upload.READING, Link.GONE, answer)
    one.was_reused, one.body_taken = reused, taken
    may = one.may_send_again(is_repeatable=repeatable, was_handed_over=handed_over)
    if not reused or taken or answer is not Answer.NONE:
        assert not may
    else:
        assert may is (repeatable or not handed_over)
