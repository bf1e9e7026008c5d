"""AIStor's own requests: what passes to AIStor alone, and what nobody can have."""

import pytest

from s3gateway.errors import S3Error
from tests.admission import configured, forwarded
from tests.rules.targets import operation
from tests.sigv4.aws import UNSIGNED, authorized

OFFSET = "x-amz-write-offset-bytes"
AISTOR = configured(
    backend={
        "endpoint": "https://minio.example:9000",
        "type": "aistor",
        "credentials": {"access_key_id": "K", "secret_access_key": "s"},
    }
)


@pytest.mark.parametrize("offset", ["0", "7", "900000000000000000"])
def test_an_append_passes_to_aistor(offset: str) -> None:
    """With its header, signed."""
    out = forwarded(authorized("PUT", "/bucket/key", [(OFFSET, offset)], payload=UNSIGNED), config=AISTOR)
    assert dict(out.headers)[OFFSET.encode()] == offset.encode()
    assert OFFSET.encode() in out.signed_headers


@pytest.mark.parametrize("offset", ["-1", "", "1.5", "0x1", "1,2", "9" * 19])
def test_an_append_without_a_place(offset: str) -> None:
    """Is refused here: what a backend makes of such an offset nobody knows."""
    with pytest.raises(S3Error) as raised:
        forwarded(authorized("PUT", "/bucket/key", [(OFFSET, offset)], payload=UNSIGNED), config=AISTOR)
    assert (raised.value.status, raised.value.code) == (400, "InvalidArgument")
    assert dict(raised.value.fields) == {"ArgumentName": OFFSET, "ArgumentValue": offset}


def test_two_offsets() -> None:
    """Which of them counts differs between servers."""
    headers = [(OFFSET, "1"), (OFFSET, "2")]
    with pytest.raises(S3Error, match="InvalidArgument"):
        forwarded(authorized("PUT", "/bucket/key", headers, payload=UNSIGNED), config=AISTOR)


def test_rdma_is_told_so_in_the_head() -> None:
    """AIStor's clients look there, and send the payload with the request then; with any backend."""
    for config in (AISTOR, configured()):
        with pytest.raises(S3Error) as raised:
            forwarded(authorized("PUT", "/bucket/key", [("x-amz-rdma-token", "t")], payload=UNSIGNED), config=config)
        assert (raised.value.status, raised.value.headers) == (501, ((b"x-amz-rdma-reply", b"501"),))
        assert raised.value.detached().headers == raised.value.headers


def test_a_bucket_may_be_called_nearly_so() -> None:
    """Only that path is the catalog's, and no bucket begins with a line."""
    assert operation("GET", "/iceberg/key").bucket == "iceberg"
    assert operation("GET", "/bucket/_iceberg/v1").key == "_iceberg/v1"
