"""A form's file: held while its length is unknown, then passed on; never more, and never all of what is at fault."""

import pytest

from s3gateway.bodies.form_file import MOST_HELD, Budget, FormFile, FormUpload
from s3gateway.errors import S3Error
from tests.forms import BOUNDARY, Pairs, body_of
from tests.receiving import Passage, passage

READ = 256 * 1024
LARGE = bytes(range(256)) * (MOST_HELD // 256 + 1024)


def streamed(body: bytes) -> tuple[FormFile, list[bytes]]:
    """Feed a form until its file is held enough; give what passes on the rest, and the rest."""
    upload, at = FormUpload(BOUNDARY, len(body), Budget()), 0
    while not upload.is_held_enough:
        assert at < len(body)
        upload.feed(body[at : at + READ])
        at += READ
    assert at <= MOST_HELD + 2 * READ
    return upload.streamed(), [body[a : a + READ] for a in range(at, len(body), READ)]


def passed(body: bytes) -> tuple[int, Passage]:
    file, reads = streamed(body)
    return file.length, passage(file, reads)


def test_a_long_file_passes() -> None:
    """Its length is known before its end, and the last read of it leaves at the end alone."""
    length, found = passed(body_of([("key", "k")], LARGE))
    assert length == len(LARGE)
    assert found.fault is None
    assert found.released + found.finished == LARGE
    assert 0 < len(found.finished) <= READ + 128


@pytest.mark.parametrize(
    ("after", "end"),
    [
        ([("submit", "go")], b"--\r\n"),
        ((), b"--"),
        ((), b"--\r\nepilogue"),
        ((), b"\r\n"),
        ((), b"\r\nxx"),
        ((), b"-"),
    ],
    ids=["a field", "no line end", "an epilogue", "not closed", "not closed, but as long", "cut"],
)
def test_what_follows_a_long_file(after: Pairs, end: bytes) -> None:
    """Then its length was wrong: the form is refused at its end, when less than announced has left."""
    length, found = passed(body_of([("key", "k")], LARGE, after=after, end=end))
    assert found.code == "MalformedPOSTRequest"
    assert len(found.released) < length
    assert found.finished == b""


@pytest.mark.parametrize("end", [b"--", b"-" * 100])
def test_no_more_leaves_than_was_announced(end: bytes) -> None:
    """However small the last reads are: the backend would store the object at its last byte."""
    file, reads = streamed(body_of([("key", "k")], LARGE, end=end))
    rest = b"".join(reads)
    found = passage(file, [rest[:-200], *(rest[at : at + 1] for at in range(len(rest) - 200, len(rest)))])
    assert found.code == "MalformedPOSTRequest"
    assert len(found.released) < file.length


def test_nothing_leaves_after_a_fault() -> None:
    """Whatever still comes, and whatever is still held."""
    file, reads = streamed(body_of([("key", "k")], LARGE, end=b"--"))
    passage(file, reads)
    file.drop()
    assert file.feed(b"more") == []
    with pytest.raises(S3Error):
        file.finish()


def test_a_short_file_is_exact() -> None:
    """Whatever follows it."""
    for after, end in (((), b"--"), ([("submit", "go")], b"--\r\nepilogue")):
        body = body_of([("key", "k")], b"data", after=after, end=end)
        upload = FormUpload(BOUNDARY, len(body), Budget())
        upload.feed(body)
        assert not upload.is_held_enough
        assert upload.whole() == b"data"


def test_a_long_tail_is_not_held() -> None:
    """What follows a file that has ended is dropped as it comes."""
    budget = Budget()
    upload = FormUpload(BOUNDARY, 0, budget)
    upload.feed(body_of([("key", "k")], b"data", end=b"\r\n"))
    for _ in range(64):
        upload.feed(b"x" * READ)
    assert budget.held == len(b"data")
    assert not upload.is_held_enough


def test_all_forms_hold_so_much_together() -> None:
    """Above that, what is held of a file goes on at once; what one lets go of, others may hold."""
    budget = Budget(most=1000)
    body = body_of([("key", "k")], b"x" * 2000)
    first, second = (FormUpload(BOUNDARY, len(body), budget) for _ in range(2))
    first.feed(body[:1000])
    assert not first.is_held_enough
    second.feed(body[:1000])
    assert (first.is_held_enough, second.is_held_enough) == (True, True)
    file = second.streamed()
    assert not first.is_held_enough
    found = passage(file, [body[1000:]])
    assert found.released + found.finished == b"x" * 2000
    first.drop()
    assert budget.held == 0
