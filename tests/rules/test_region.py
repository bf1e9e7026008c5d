"""The region that an answer tells is one for which clients may sign here."""

import pytest

from s3gateway.errors import S3Error
from s3gateway.rules.answer_head import AnswerHead
from s3gateway.rules.region import in_location, of_answer, of_refusal

TOLD = (b"x-amz-bucket-region", b"us-east-1")
OTHER = (b"X-Amz-Bucket-Region", b"eu-central-1")
XMLNS = b' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'


@pytest.mark.parametrize(
    ("operation", "status", "given", "expected"),
    [
        ("HeadBucket", 200, (), (TOLD,)),
        ("HeadBucket", 403, (), (TOLD,)),
        ("HeadBucket", 404, (), ()),
        ("GetBucketLocation", 200, (), (TOLD,)),
        ("GetObject", 200, (), ()),
        ("GetObject", 200, (OTHER,), ((b"X-Amz-Bucket-Region", b"us-east-1"),)),
        ("HeadBucket", 404, (OTHER,), ((b"X-Amz-Bucket-Region", b"us-east-1"),)),
    ],
)
def test_answers(operation: str, status: int, given: tuple[tuple[bytes, bytes], ...], expected: object) -> None:
    """Who asks for a bucket is told, unless it is not there; where a backend tells its own, that is replaced."""
    assert of_answer(AnswerHead(status, given), operation, "us-east-1").headers == expected


def test_refusals() -> None:
    """One that names a region in its document names it in its head, once; the questions for a bucket are told it."""
    wrong_region = S3Error(400, "AuthorizationHeaderMalformed", "wrong", (("Region", "us-east-1"),))
    assert of_refusal(wrong_region.headers, "HeadBucket", "us-east-1") == (TOLD,)
    assert of_refusal(wrong_region.headers, "", "us-east-1") == (TOLD,)
    denied = S3Error(403, "AccessDenied", "Access Denied.")
    assert of_refusal(denied.headers, "HeadBucket", "us-east-1") == (TOLD,)
    assert of_refusal(denied.headers, "GetObject", "us-east-1") == ()


def _location(element: bytes) -> bytes:
    return DECLARATION + element


@pytest.mark.parametrize(
    ("accepted", "named", "document", "expected"),
    [
        # As MinIO and AWS write it for us-east-1, and for other regions.
        (("us-east-1",), "us-east-1", b"<LocationConstraint%b></LocationConstraint>" % XMLNS, None),
        (("us-*",), "us-east-1", b"<LocationConstraint%b/>" % XMLNS, None),
        (("eu-*", "us-west-2"), "us-west-2", b"<LocationConstraint%b>eu-west-1</LocationConstraint>" % XMLNS, None),
        (("us-west-2",), "us-west-2", b"<LocationConstraint%b></LocationConstraint>" % XMLNS, b"us-west-2"),
        (("us-west-2",), "us-west-2", b"<LocationConstraint%b/>" % XMLNS, b"us-west-2"),
        (("us-west-2",), "us-west-2", b"<LocationConstraint%b>eu-west-1</LocationConstraint>" % XMLNS, b"us-west-2"),
        (("us-west-2",), "us-west-2", b"<LocationConstraint>\n eu-west-1\n</LocationConstraint>", b"us-west-2"),
        (("us-west-2",), "us-west-2", b"<Other/>", None),
    ],
)
def test_locations(accepted: tuple[str, ...], named: str, document: bytes, expected: bytes | None) -> None:
    """The document stays as it is where its region is one of the gateway's; no region means us-east-1."""
    changed = in_location(_location(document), accepted, named)
    if expected is None:
        assert changed == _location(document)
    else:
        assert changed == _location(b"<LocationConstraint%b>%b</LocationConstraint>" % (XMLNS, expected))
