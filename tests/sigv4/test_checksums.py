"""The checksums of trailers: their check values, in any reads, and in both trailer modes."""

import base64
import hashlib
import zlib
from typing import Any

import botocore.session
import pytest

from s3gateway.errors import S3Error
from s3gateway.sigv4.checksums import Checksum
from tests.receiving import passage, transformer
from tests.sigv4 import streams
from tests.sigv4.streams import reads

NINE = b"123456789"
CHECKS = {
    # The catalogue's check values (reveng.sourceforge.io, CRC RevEng); hashlib is another implementation of its own.
    "crc32": bytes.fromhex("cbf43926"),
    "crc32c": bytes.fromhex("e3069283"),
    "crc64nvme": bytes.fromhex("ae8b14860a799888"),
    "md5": hashlib.md5(NINE).digest(),
    "sha1": hashlib.sha1(NINE).digest(),
    "sha256": hashlib.sha256(NINE).digest(),
    "sha512": hashlib.sha512(NINE).digest(),
    # As xxhsum prints them: Cyan4973's own library.
    "xxhash64": bytes.fromhex("8cb841db40e6ae83"),
    "xxhash3": bytes.fromhex("72dcb18b67a17dff"),
    "xxhash128": bytes.fromhex("33119477ede5dcd5e9716427681d5860"),
}


def field(name: str) -> tuple[bytes, bytes]:
    return f"x-amz-checksum-{name}".encode(), base64.b64encode(CHECKS[name])


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("size", [1, 2, 9])
def test_check_values(name: str, size: int) -> None:
    """Each algorithm gives its published value, whatever the reads; any other value is BadDigest."""
    header, value = field(name)
    checksum = Checksum(header)
    for data in reads(NINE, size):
        checksum.update(memoryview(data))
    checksum.check(value)
    with pytest.raises(S3Error) as raised:
        checksum.check(base64.b64encode(bytes(len(CHECKS[name]))))
    assert (raised.value.status, raised.value.code) == (400, "BadDigest")


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("eol", [b"\r\n", b"\n\r\n"])
@pytest.mark.parametrize("spelled", [str.lower, str.title])
def test_right_trailers_pass(name: str, eol: bytes, spelled: type[str]) -> None:
    """A right checksum passes in both trailer modes and with both line ends; an unsigned name in any letters."""
    for make in (streams.signed, streams.unsigned):
        stream = make("nine", (NINE,), trailer=(field(name),), eol=eol)
        body = stream.body
        if make is streams.unsigned:
            body = body.replace(field(name)[0], spelled(field(name)[0].decode()).encode())
        assert passage(transformer(stream), reads(body, 5)).fault is None


def test_data_is_checked_against_the_trailer() -> None:
    """In the unsigned mode the checksum is all that tells: every flipped bit of the data is found."""
    stream = streams.unsigned("nine", (NINE,), trailer=((b"x-amz-checksum-crc32", _crc32(NINE)),))
    begin = stream.body.index(NINE)
    for at in range(begin, begin + len(NINE)):
        for bit in range(8):
            body = bytearray(stream.body)
            body[at] ^= 1 << bit
            result = passage(transformer(stream), [bytes(body)])
            assert (result.code, result.finished) == ("BadDigest", b"")


def test_every_algorithm_of_the_sdk_is_known() -> None:
    """What boto3 can be told to send over TLS is a trailer; MinIO takes those that it does not know unread."""
    algorithm: Any = botocore.session.Session().get_service_model("s3").shape_for("ChecksumAlgorithm")
    assert {name.lower() for name in algorithm.enum} <= set(CHECKS)


def _crc32(data: bytes) -> bytes:
    return base64.b64encode(zlib.crc32(data).to_bytes(4))
