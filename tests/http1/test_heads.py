"""Requests out of what a connection brings."""

from collections.abc import Callable

import pytest

from s3gateway.errors import S3Error
from s3gateway.http1.heads import Heads

GET = b"GET /bucket/key HTTP/1.1\r\nHost: h\r\n\r\n"
PUT = b"PUT /bucket/key HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n"
LIMIT = 1000


def whole(data: bytes) -> list[bytes]:
    return [data]


def byte_by_byte(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


@pytest.mark.parametrize("pieces", [whole, byte_by_byte])
@pytest.mark.parametrize("before", [b"", b"\r\n", b"\n\r\n\r\n"], ids=["none", "one", "three"])
def test_requests_come_in_order(pieces: Callable[[bytes], list[bytes]], before: bytes) -> None:
    """Empty lines before each are no part of it; what is not whole yet is not given."""
    heads = Heads()
    seen = []
    for piece in pieces(before + GET + before + GET + GET[:-1]):
        heads.add(piece)
        while (request := heads.take(LIMIT)) is not None:
            seen.append(request.head.target)
    assert seen == [b"/bucket/key"] * 2
    assert len(heads) == len(GET) - 1


def test_a_body_is_not_looked_at() -> None:
    """What is behind a head is taken as it is; what is behind the body comes back before all that came later."""
    heads = Heads()
    heads.add(PUT + b"\r\n\r\nGET")
    request = heads.take(LIMIT)
    assert request is not None
    assert request.length == 4
    body = heads.take_all()
    assert body == b"\r\n\r\nGET"
    heads.add(GET[4:])
    heads.put_back(body[4:] + b" ")
    following = heads.take(LIMIT)
    assert following is not None
    assert following.head.method == b"GET"
    assert len(heads) == 0


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_head_above_the_limit(is_whole: bool) -> None:
    """Is refused, whether its end has come or not."""
    heads = Heads()
    heads.add(GET if is_whole else GET[:-2])
    with pytest.raises(S3Error) as raised:
        heads.take(20)
    assert raised.value.code == "RequestHeaderSectionTooLarge"


def test_nothing_is_searched_twice() -> None:
    """The end of a head may lie across what was searched before."""
    for cut in range(1, len(GET)):
        heads = Heads()
        heads.add(GET[:cut])
        assert heads.take(LIMIT) is None
        heads.add(GET[cut:])
        assert heads.take(LIMIT) is not None
