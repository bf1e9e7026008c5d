"""Answers that name the backend speak of the client's address instead."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gateway.rules.responses import MAX_XML_HELD, Addresses, LocationRewriter, addresses

PATH_STYLE = addresses(
    backend_authority=b"minio:9000", client_scheme=b"http", client_host=b"gateway:8000", virtual_bucket=b""
)
VIRTUAL_HOST = addresses(
    backend_authority=b"minio:9000",
    client_scheme=b"https",
    client_host=b"bucket.s3.example.com",
    virtual_bucket=b"bucket",
)
# A port of 443 is not in the backend's Host, and both may be called alike, inside a network and outside.
SAME_NAME = addresses(
    backend_authority=b"s3.lan", client_scheme=b"http", client_host=b"s3.lan:8000", virtual_bucket=b""
)
# As MinIO writes it: white space while it works, then the document.
START = (
    b' \n <?xml version="1.0" encoding="UTF-8"?>\n'
    b'<CompleteMultipartUploadResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Location>'
)
END = b"</Location><Bucket>bucket</Bucket><Key>dir/key</Key><ETag>&#34;x-2&#34;</ETag></CompleteMultipartUploadResult>"
LONG = b"<Error>" + b"x" * (2 * MAX_XML_HELD) + b"</Error>"


@pytest.mark.parametrize(
    ("pair", "location", "expected"),
    [
        (PATH_STYLE, b"https://minio:9000/bucket/dir/key", b"http://gateway:8000/bucket/dir/key"),
        (VIRTUAL_HOST, b"https://minio:9000/bucket/dir/key", b"https://bucket.s3.example.com/dir/key"),
        (PATH_STYLE, b"http://minio:9000/bucket/dir/key", b"http://gateway:8000/bucket/dir/key"),
        (VIRTUAL_HOST, b"http://minio:9000/bucket/dir/key", b"https://bucket.s3.example.com/dir/key"),
        (PATH_STYLE, b"/bucket", b"/bucket"),
        (PATH_STYLE, b"https://elsewhere/bucket/dir/key", b"https://elsewhere/bucket/dir/key"),
        (VIRTUAL_HOST, b"https://minio:9000/other/key", b"https://minio:9000/other/key"),
        (VIRTUAL_HOST, b"https://minio:9000/bucket2/key", b"https://minio:9000/bucket2/key"),
        (VIRTUAL_HOST, b"https://minio:9000/bucket", b"https://bucket.s3.example.com"),
        (SAME_NAME, b"https://s3.lan/bucket/dir/key", b"http://s3.lan:8000/bucket/dir/key"),
        (SAME_NAME, b"https://s3.lan:9000/bucket/dir/key", b"https://s3.lan:9000/bucket/dir/key"),
        (SAME_NAME, b"https://s3.lan.example.com/key", b"https://s3.lan.example.com/key"),
    ],
)
class TestLocation:
    """The header and the element."""

    def test_header(self, pair: Addresses, location: bytes, expected: bytes) -> None:
        """The Location header changes, and nothing else does."""
        headers = ((b"ETag", location), (b"LOCATION", location), (b"x", b"y"))
        assert pair.in_headers(headers) == ((b"ETag", location), (b"LOCATION", expected), (b"x", b"y"))

    def test_element(self, pair: Addresses, location: bytes, expected: bytes) -> None:
        """The Location element changes, and nothing else does."""
        assert pair.in_xml(START + location + END) == START + expected + END

    def test_every_split(self, pair: Addresses, location: bytes, expected: bytes) -> None:
        """The element changes wherever two reads meet, and single bytes too."""
        document = START + location + END
        for at in range(len(document) + 1):
            rewriter = LocationRewriter(pair)
            out = rewriter.feed(document[:at]) + rewriter.feed(document[at:]) + rewriter.finish()
            assert out == START + expected + END
        rewriter = LocationRewriter(pair)
        out = b"".join(rewriter.feed(document[at : at + 1]) for at in range(len(document)))
        assert out + rewriter.finish() == START + expected + END


def test_only_the_first_element_changes() -> None:
    """A key may look like an element; the real one comes first."""
    fake = b"<Location>https://minio:9000/x</Location>"
    assert PATH_STYLE.in_xml(fake + fake) == b"<Location>http://gateway:8000/x</Location>" + fake


def test_white_space_passes_at_once() -> None:
    """It keeps the client's connection alive while the backend works."""
    rewriter = LocationRewriter(PATH_STYLE)
    assert (rewriter.feed(b" "), rewriter.feed(b" \n"), rewriter.feed(b" <"), rewriter.feed(b" ")) == (
        b" ",
        b" \n",
        b"",
        b"",
    )


@given(st.lists(st.integers(0, len(LONG)), max_size=5))
def test_a_long_answer_is_not_held(cuts: list[int]) -> None:
    """Invariant: without a Location everything arrives unchanged, and little more than the limit is held."""
    rewriter = LocationRewriter(PATH_STYLE)
    points = [0, *sorted(cuts), len(LONG)]
    out = b""
    for start, end in pairwise(points):
        out += rewriter.feed(LONG[start:end])
        assert end - len(out) <= MAX_XML_HELD
    assert out + rewriter.finish() == LONG
