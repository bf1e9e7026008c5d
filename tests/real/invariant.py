"""What must hold for every request on the wire behind the gateway, as the recorder saw it.

The client's side is what it sent, which the tests know from their own sockets, from a tap, or from boto3's events.
"""

from collections.abc import Iterable, Sequence

from lab.wire import RecordedRequest

Pairs = Sequence[tuple[bytes, bytes]]

HOP_BY_HOP = {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"upgrade", b"expect"}
"""RFC 9110 section 7.6.1, and ``Expect``, which mitmproxy answers itself."""

REPLACED = {b"host", b"authorization", b"x-amz-date"}
"""The gateway's own values, in the client's place."""

_ADDED = {b"x-amz-security-token", b"x-amz-date"}
"""The gateway's own as well, and a client may have neither: some sign ``Date``."""


def check_signed_names(request: RecordedRequest) -> None:
    """Each name in the outgoing SignedHeaders is on the outgoing wire, and every ``x-amz-*`` on the wire is signed."""
    names = {name.lower().decode() for name, _ in request.headers}
    signed = request.signed_headers()
    assert signed, request.target
    assert set(signed) <= names
    assert {name for name in names if name.startswith("x-amz-")} <= set(signed)
    assert not names & {name.decode() for name in HOP_BY_HOP}


def check_headers_kept(sent: Pairs, request: RecordedRequest, *, presigned: bool = False) -> None:
    """Each end-to-end header of the client is on the wire behind the gateway with value, order, case and number."""
    sent = _with_checksum(sent, request)
    expected = [_comparable(pair) for pair in sent if pair[0].lower() not in HOP_BY_HOP]
    known = {name.lower() for name, _ in sent}
    added = (_ADDED | {b"authorization", b"x-amz-content-sha256"}) if presigned else _ADDED
    actual = [_comparable(pair) for pair in request.headers if pair[0].lower() in known]
    assert actual == expected
    extra = {name.lower() for name, _ in request.headers} - known - added
    assert all(name.startswith(b"x-amz-") and b"server-side-encryption" in name for name in extra), extra


def _with_checksum(sent: Pairs, request: RecordedRequest) -> Pairs:
    """An upload in a trailer mode without a trailer gets the one that AWS would compute, and other chunks."""
    if request.header("x-amz-trailer") is None or any(name.lower() == b"x-amz-trailer" for name, _ in sent):
        return sent
    length = request.header("content-length") or b""  # that it is whole, the recorder sees
    longer = [(name, length if name.lower() == b"content-length" else value) for name, value in sent]
    return [*longer, (b"X-Amz-Trailer", b"x-amz-checksum-crc64nvme")]


def check_all(requests: Iterable[RecordedRequest]) -> None:
    """Check :func:`check_signed_names` on all."""
    for request in requests:
        check_signed_names(request)


def _comparable(pair: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    name, value = pair
    return name, b"" if name.lower() in REPLACED else value.strip(b" \t")


def invocation(headers: Pairs) -> bytes | None:
    """The id that AWS SDKs give each request; it must arrive, so it tells which request is which."""
    return next((value for name, value in headers if name.lower() == b"amz-sdk-invocation-id"), None)
