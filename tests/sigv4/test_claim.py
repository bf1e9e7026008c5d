"""Reading the claim: any request gives a claim or one refusal, and white space around commas is free."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gateway.errors import S3Error
from s3gateway.sigv4.claim import read_claim
from s3gateway.sigv4.model import RequestHead
from tests.admission import admitted, edited, with_header
from tests.sigv4.aws import CLIENT, authorized, presigned

GOOD = authorized("GET", "/bucket/key")
PRESIGNED = presigned("GET", "/bucket/key")
VALUE = GOOD.first(b"authorization") or b""


@pytest.mark.parametrize("comma", [b",", b", ", b" , ", b",\t", b",    "])
def test_white_space(comma: bytes) -> None:
    """AWS's own examples have no space after the comma, SDKs have one."""
    assert admitted(with_header(GOOD, b"authorization", VALUE.replace(b", ", comma))).client.name == "spark"


def test_components_in_any_order() -> None:
    """The three components are named, so their order is free."""
    algorithm, _, rest = VALUE.partition(b" ")
    value = algorithm + b" " + b", ".join(reversed(rest.split(b", ")))
    assert read_claim(with_header(GOOD, b"authorization", value)).access_key_id == CLIENT.access_key_id


def test_what_a_claim_says() -> None:
    """Header and query say the same things."""
    header, query = read_claim(GOOD), read_claim(PRESIGNED)
    assert (header.presigned, query.presigned) == (False, True)
    assert (header.scope, header.access_key_id) == (query.scope, query.access_key_id) == (CLIENT.scope, "SPARKKEY")
    assert (header.expires, query.expires) == (None, 600)
    assert (header.signed_headers, query.signed_headers) == (
        (b"host", b"x-amz-content-sha256", b"x-amz-date"),
        (b"host",),
    )


_bytes = st.binary(max_size=60).map(lambda data: data.replace(b"\r", b"").replace(b"\n", b""))
_names = st.sampled_from([b"Host", b"Authorization", b"X-Amz-Date", b"x-amz-content-sha256", b"Date", b"x-amz-\xe9"])


@given(
    st.sampled_from([b"GET", b"PUT", b"POST", b"\xff", b""]),
    st.one_of(_bytes, _bytes.map(lambda data: b"/" + data), _bytes.map(lambda data: PRESIGNED.target + data)),
    st.lists(st.tuples(st.one_of(_names, _bytes), st.one_of(_bytes, st.just(VALUE))), max_size=5),
)
def test_any_request_is_admitted_or_refused(method: bytes, target: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    """Invariant: whatever the bytes of a head, they lead to an admission or an S3Error."""
    with suppress(S3Error):
        admitted(RequestHead(method, target, tuple(headers)))
    with suppress(S3Error):
        admitted(edited(GOOD, headers=(*GOOD.headers, *headers)))


@given(st.integers(0, len(VALUE)), st.integers(0, 20), _bytes)
def test_any_authorization_is_admitted_or_refused(start: int, length: int, inserted: bytes) -> None:
    """Invariant: an Authorization header with any part replaced is refused, unless it still says the same."""
    value = VALUE[:start] + inserted + VALUE[start + length :]
    head = with_header(GOOD, b"authorization", value)
    with suppress(S3Error):
        assert read_claim(admitted(head).head).scope == CLIENT.scope


@given(st.integers(len("/bucket/key?"), len(PRESIGNED.target)), st.integers(0, 20), _bytes)
def test_any_presigned_url_is_admitted_or_refused(start: int, length: int, inserted: bytes) -> None:
    """Invariant: a presigned URL with any part replaced is refused, unless it still says the same."""
    head = edited(PRESIGNED, target=PRESIGNED.target[:start] + inserted + PRESIGNED.target[start + length :])
    with suppress(S3Error):
        assert read_claim(admitted(head).head).expires == 600
