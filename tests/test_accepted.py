"""The table of good requests against the pure core: all are admitted, and go out validly signed."""

import pytest

from s3gateway.sigv4.model import RequestHead
from tests.accepted import BODIES, HEADS
from tests.admission import SIGNER, assert_outgoing, forwarded, with_header
from tests.receiving import passage
from tests.refusing import Wire
from tests.sigv4 import streams
from tests.sigv4.aws import GATEWAY, authorized
from tests.sigv4.streams import check, reads


@pytest.mark.parametrize("name", HEADS)
def test_heads(name: str) -> None:
    """The request is admitted, goes out with its target byte for byte, and verifies under the gateway's key."""
    head = HEADS[name](Wire()).head
    out = forwarded(head)
    if "presigned" not in name:
        assert (head.method, head.target) == (head.method, out.target)
        assert_outgoing(head, out)


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("size", [1000, 1 << 22])
def test_bodies(name: str, size: int) -> None:
    """The upload goes out whole, as long as it came in, under the gateway's signatures; Content-Encoding as it was."""
    request = BODIES[name].made(Wire())
    out = forwarded(request.head, signer=SIGNER)
    assert out.body is not None
    assert request.body is not None
    result = passage(out.body, reads(request.body, size))
    sent = result.released + result.finished
    assert result.fault is None
    if name.startswith("no trailer"):  # the gateway's own chunks, and its trailer
        assert (b"X-Amz-Trailer", b"x-amz-checksum-crc64nvme") in out.headers
        length = str(len(sent)).encode()
    else:
        length = str(len(request.body)).encode()
        assert len(sent) == len(request.body)
    assert RequestHead(b"", b"", out.headers).all(b"content-length") in ([], [length])
    seed = (dict(out.headers)[b"Authorization"])[-64:].decode()
    check(sent, BODIES[name].mode, GATEWAY, seed)
    assert RequestHead(b"", b"", out.headers).all(b"content-encoding") == request.head.all(b"content-encoding")


def test_a_date_instead_of_x_amz_date() -> None:
    """tests/sigv4/test_time.py has the forms of Date; beside X-Amz-Date, Date has no say."""
    head = with_header(authorized("GET", "/bucket/key"), b"date", b"Thu, 01 Jan 1970 00:00:00 GMT")
    assert_outgoing(head, forwarded(head))


def test_minio_gos_trailer_is_among_the_vectors() -> None:
    """tests/bodies/test_bodies.py passes each of these through every split of its reads."""
    assert {"signed-trailer-minio-go", "unsigned-minio-go"} <= {stream.name for stream in streams.VECTORS}
