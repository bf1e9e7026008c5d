"""Bodies that are kept: no signature stays in them, and nothing else changes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gateway.sigv4.chunk_writer import masked
from tests.sigv4.streams import FRAMED, VECTORS, Stream

SIGNED = [stream for stream in (*VECTORS, *FRAMED) if b"chunk-signature=" in stream.body]


@pytest.mark.parametrize("stream", SIGNED, ids=lambda stream: stream.name)
def test_signatures_are_masked_and_nothing_else(stream: Stream) -> None:
    """Those of chunks and of the trailer; length, sizes, data and line ends are as they were."""
    expected = re.sub(rb"(signature[=:] *)[0-9a-f]{64}", rb"\g<1>" + b"0" * 64, stream.body)
    assert masked(stream.body) == expected


@given(st.binary(max_size=200))
def test_data_that_looks_like_a_signature_stays(data: bytes) -> None:
    """What stands inside a chunk is data; what is no frame is left alone."""
    inside = b";chunk-signature=" + b"a" * 64 + b"\r\n" + data
    body = b"%x;chunk-signature=%b\r\n%b\r\n" % (len(inside), b"f" * 64, inside)
    assert masked(body) == body.replace(b"f" * 64, b"0" * 64, 1)
    assert masked(b"-" + body) == b"-" + body
