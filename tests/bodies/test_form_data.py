"""multipart/form-data: read whole, byte by byte, cut anywhere, and followed by anything, it is the same form."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gateway.bodies.form_data import MOST_BEFORE_FILE, FormReader, boundary_of
from s3gateway.errors import S3Error
from tests.forms import BOUNDARY, body_of, part

DATA = (b"abc\r\n--" + BOUNDARY + b"x\r\n--" + BOUNDARY[:-1] + b"\r\n-\r\r\n--\r\n") * 3
"""A file full of what begins as a boundary does."""

FORM = body_of([("Key", "k"), ("empty", ""), ("two", "1\r\n2")], DATA, after=[("submit", "go"), ("file", "other")])


def read(pieces: Iterable[bytes]) -> tuple[bytes, FormReader]:
    reader = FormReader(BOUNDARY)
    data = b"".join(b"".join(reader.feed(piece)) for piece in pieces)
    reader.finish()
    return data, reader


def code(body: bytes) -> str:
    with pytest.raises(S3Error) as raised:
        read([body])
    with pytest.raises(S3Error) as in_bytes:
        read(body[at : at + 1] for at in range(len(body)))
    assert (raised.value.status, raised.value.code) == (400, in_bytes.value.code)
    return raised.value.code


def check(pieces: Iterable[bytes]) -> None:
    data, reader = read(pieces)
    assert data == DATA
    assert reader.fields == {"key": b"k", "empty": b"", "two": b"1\r\n2"}
    assert (reader.file_name, reader.has_file, reader.file_has_ended, reader.is_closed) == (b"a.txt", True, True, True)
    assert FORM[reader.before_file :].startswith(DATA)


def test_whole_and_in_pieces() -> None:
    """The data is the file's, to the byte, and fields behind it do not count."""
    check([FORM])
    for size in (1, 2, 3, 7, 64, 4096):
        check(FORM[at : at + size] for at in range(0, len(FORM), size))


@pytest.mark.parametrize("at", range(0, len(FORM), 5))
def test_cut_anywhere(at: int) -> None:
    """Two reads, wherever the first ends."""
    check([FORM[:at], FORM[at:]])


@pytest.mark.parametrize("more", [b"", b"\r\n", b"junk", b"\r\n--" + BOUNDARY + b"\r\n", FORM])
def test_what_follows_the_end_is_no_form(more: bytes) -> None:
    """An epilogue is dropped, whatever it looks like; and so is a preamble."""
    check([FORM + more])
    check([*(bytes([each]) for each in FORM), more])
    data, reader = read([b"preamble\r\n" + FORM])
    assert (data, reader.before_file) == (DATA, read([FORM])[1].before_file + len(b"preamble\r\n"))


@given(st.binary(max_size=300), st.lists(st.integers(1, 40), max_size=40))
def test_any_data_in_any_reads(data: bytes, sizes: list[int]) -> None:
    """Whatever the file holds, it comes out as it went in."""
    body, pieces, at = body_of([("key", "k")], data), [], 0
    for size in sizes:
        pieces.append(body[at : at + size])
        at += size
    assert read([*pieces, body[at:]])[0] == data


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (b'filename="C:\\dir\\a.txt"', b"C:\\dir\\a.txt"),
        (b'filename="a\\"b.txt"', b'a"b.txt'),
        (b'filename="a;b=c.txt"', b"a;b=c.txt"),
        ('filename="ü é.txt"'.encode(), "ü é.txt".encode()),
        (b"filename=a.txt", b"a.txt"),
        (b'filename=""', b""),
        (b"", b""),
        (b"filename=a.txt; filename*=UTF-8''b.txt", b"a.txt"),
    ],
)
def test_file_names(disposition: bytes, name: bytes) -> None:
    """As browsers and curl write them; the extended form is not of forms (RFC 7578 §4.2)."""
    start = b"--%b\r\nCONTENT-disposition:form-data;  name=file%b" % (
        BOUNDARY,
        b"; " + disposition if disposition else b"",
    )
    assert read([start + b"\r\nX: y\r\n\r\ndata\r\n--%b--" % BOUNDARY])[1].file_name == name


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"key=k",
        b"--" + BOUNDARY,
        b"--%b\r\n\r\n\r\n\r\n--%b--\r\n" % (BOUNDARY, BOUNDARY),
        b"--%b\nContent-Disposition: form-data; name=key\n\nk\n--%b--\n" % (BOUNDARY, BOUNDARY),
        part("key", b"k"),
        body_of([("key", "k")], b"data", end=b"\r\n"),
        body_of([("key", "k")], b"data", end=b"-"),
        body_of([("key", "k")], b"data").replace(b"form-data", b"attachment"),
        body_of([("key", "k")], b"data").replace(b'name="key"', b'name="key"; name="other"'),
        body_of([("key", "k")], b"data").replace(b'name="key"', b'name="key'),
        body_of([("key", "k")], b"data").replace(b'name="key"', b'name=""'),
        body_of([("key", "k")], b"data").replace(b"\r\n\r\nk", b"\r\nContent-Disposition: form-data; name=a\r\n\r\nk"),
    ],
)
def test_what_is_no_form(body: bytes) -> None:
    """Cut, without a closing boundary, with bare line feeds, or with a part that has no name or two."""
    assert code(body) == "MalformedPOSTRequest"


def test_a_field_counts_once() -> None:
    """In whatever letters its name is written."""
    assert code(body_of([("key", "k"), ("KEY", "l")], b"")) == "InvalidArgument"


def test_no_more_than_twenty_kilobytes_before_the_file() -> None:
    """AWS's limit, framing included; what is held of a stranger's form is bounded by it and one read."""
    room = MOST_BEFORE_FILE - len(body_of([("a", "")], b"")) + len(b"\r\n--" + BOUNDARY + b"--\r\n")
    assert read([body_of([("a", "x" * room)], DATA)])[1].before_file == MOST_BEFORE_FILE
    assert code(body_of([("a", "x" * (room + 1))], DATA)) == "MaxPostPreDataLengthExceeded"
    assert code(b"x" * (MOST_BEFORE_FILE + 1)) == "MaxPostPreDataLengthExceeded"
    assert code(part("a", b"x" * MOST_BEFORE_FILE)) == "MaxPostPreDataLengthExceeded"


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        (b"multipart/form-data; boundary=abc", b"abc"),
        (b'Multipart/Form-Data;charset=utf-8 ; BOUNDARY="a b"', b"a b"),
        (b"multipart/form-data; boundary=" + b"x" * 70, b"x" * 70),
    ],
)
def test_boundaries(content_type: bytes, boundary: bytes) -> None:
    """Quoted or not, beside other parameters (RFC 2046 §5.1.1)."""
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize(
    "parameters", [b"", b"; boundary", b"; boundary=", b'; boundary=""', b'; boundary="a', b"; boundary=a\x80",
                   b"; boundary=a; boundary=a", b"; boundary=" + b"x" * 71, b'; boundary="a "', b"; boundary=a@b"],
)  # fmt: skip
def test_no_boundary(parameters: bytes) -> None:
    """None, two, too long, or with characters that no boundary has."""
    with pytest.raises(S3Error, match="MalformedPOSTRequest"):
        boundary_of(b"multipart/form-data" + parameters)
