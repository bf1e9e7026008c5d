"""Which copies are copies onto themselves, and which of these the headers of a rule would make another request."""

import pytest

from s3gateway.errors import S3Error
from s3gateway.rules.onto_itself import check
from s3gateway.rules.operations import read_operation
from s3gateway.sigv4.model import Headers, RequestHead

S3: Headers = ((b"x-amz-server-side-encryption", b"AES256"),)
C: Headers = ((b"x-amz-server-side-encryption-customer-key", b"k"),)
C_SOURCE: Headers = ((b"x-amz-copy-source-server-side-encryption-customer-key", b"k"),)
REPLACE: Headers = ((b"x-amz-metadata-directive", b"REPLACE"),)


def refused(
    source: str, added: Headers, *headers: tuple[bytes, bytes], target: bytes = b"/bucket/a/b", by: int = 2
) -> str:
    head = RequestHead(b"PUT", target, ((b"x-amz-copy-source", source.encode()), *headers))
    try:
        check(read_operation(head, ()), head, added, by)
    except S3Error as error:
        told = f"{error.status} {error}"
    else:
        return ""
    assert told.startswith("400 InvalidRequest: ")
    assert f"the rule encryption[{by}] " in told
    return told


@pytest.mark.parametrize("source", ["bucket/a/b", "/bucket/a/b", "/bucket/%61%2Fb", "bucket%2Fa%2Fb", "bucket/a//b"])
def test_however_the_source_is_written(source: str) -> None:
    """It is the same object, to a backend that takes several slashes for one as well."""
    assert "trying to copy an object to itself" in refused(source, S3)
    assert "key rotation" in refused(source, C + C_SOURCE, *REPLACE)


@pytest.mark.parametrize("source", ["bucket/a/B", "other/a/b", "bucket/a/b/", "bucket/a", "bucket/a/b?versionId=1"])
def test_another_object(source: str) -> None:
    """Nothing is refused: another key, another bucket, another version."""
    assert refused(source, S3) == ""


def test_parts_and_what_no_rule_touches() -> None:
    """Parts of an upload are no copies onto themselves, and without headers of a rule the backend decides."""
    assert refused("bucket/a/b", C + C_SOURCE, target=b"/bucket/a/b?partNumber=1&uploadId=u") == ""
    assert refused("bucket/a/b", ()) == ""


@pytest.mark.parametrize(
    ("added", "of_client", "expected"),
    [
        (S3, REPLACE, ""),
        (S3, ((b"x-amz-metadata-directive", b"replace"),), "to itself"),  # no directive, and MinIO says so
        (S3, ((b"x-amz-tagging-directive", b"REPLACE"),), ""),
        (S3, ((b"x-amz-storage-class", b"STANDARD"),), ""),
        (S3, ((b"x-amz-website-redirect-location", b"/x"),), ""),
        (S3, ((b"x-amz-meta-a", b"1"),), "to itself"),
        (C_SOURCE, C, "key rotation"),
        (C, C_SOURCE, "key rotation"),
        (C_SOURCE, S3, ""),  # decrypted, and encrypted anew
    ],
)
def test_what_is_changed(added: Headers, of_client: Headers, expected: str) -> None:
    """As S3 counts changes; and two customer keys are a rotation, whoever gave them."""
    message = refused("bucket/a/b", added, *of_client)
    assert (expected in message, bool(message)) == (True, bool(expected))
