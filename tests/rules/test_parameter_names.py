"""Parameters that no server knows are left out where S3 ignores them; anything else stays a refusal."""

from collections.abc import Iterator

import pytest
from botocore.loaders import Loader

from s3gateway.observed.capture import Head
from s3gateway.observed.expected_changes import Context, of_target
from s3gateway.rules.parameter_names import AWS
from tests.admission import forwarded
from tests.rules.targets import operation, refused
from tests.sigv4.aws import authorized, presigned

IGNORED = """
GET    /bucket/key?a=1                          GetObject
HEAD   /bucket/key?a=1                          HeadObject
HEAD   /bucket?a=1                              HeadBucket
PUT    /bucket/key?a=1                          PutObject
PUT    /bucket/key?partNumber=1&Version=2&uploadId=a UploadPart
GET    /bucket/key?uploadId=a&a=1               ListParts
GET    /?Version=2006-03-01                     ListBuckets
GET    /bucket?Version=2006-03-01               ListObjects
GET    /bucket?list-type=2&a=%0A&a=2            ListObjectsV2
GET    /bucket?versions&a=1                     ListObjectVersions
GET    /bucket?uploads&a=1                      ListMultipartUploads
"""

REFUSED = """
PUT    /bucket/key?renameObject                 400 InvalidArgument
PUT    /bucket/key?renameObject=1               400 InvalidArgument
PUT    /bucket/key?unknown                      400 InvalidArgument
PUT    /bucket/key?unknown=                     400 InvalidArgument
GET    /bucket/key?unknown                      400 InvalidArgument
DELETE /bucket?unknown                          400 InvalidArgument
DELETE /bucket?unknown=1                        400 InvalidArgument
DELETE /bucket/key?unknown                      400 InvalidArgument
DELETE /bucket/key?unknown=1                    400 InvalidArgument
POST   /bucket?delete&unknown=1                 400 InvalidArgument
POST   /bucket/key?uploads&unknown=1            400 InvalidArgument
POST   /bucket/key?uploadId=a&unknown=1         400 InvalidArgument
PUT    /bucket?unknown=1                        400 InvalidArgument
GET    /bucket?policy&unknown=1                 400 InvalidArgument
GET    /bucket?session=1                        400 InvalidArgument
GET    /bucket/key?annotationName=a             400 InvalidArgument
PUT    /bucket/key?id=1                         400 InvalidArgument
PUT    /bucket/key?content-type=text/html       400 InvalidArgument
PUT    /bucket/key?Content-Type=text/html       400 InvalidArgument
GET    /bucket/key?PREFIX=1                     400 InvalidArgument
GET    /bucket/key?warehouse=1                  400 InvalidArgument
GET    /bucket/key?=1                           400 InvalidArgument
PUT    /bucket/key?x-amz-unknown=1              400 InvalidArgument
"""


def _in_model() -> Iterator[str]:
    model = Loader().load_service_model("s3", "service-2")
    for each in model["operations"].values():
        yield from (
            piece.partition("=")[0] for piece in each["http"]["requestUri"].partition("?")[2].split("&") if piece
        )
        members = model["shapes"][each["input"]["shape"]]["members"] if "input" in each else {}
        yield from (member["locationName"] for member in members.values() if member.get("location") == "querystring")


def test_the_table_is_botocores() -> None:
    """A new release of it may bring a sub-resource: it must be in the table before it is installed."""
    assert sorted(name.decode() for name in AWS) == sorted(set(_in_model()))


@pytest.mark.parametrize("row", [tuple(line.split()) for line in IGNORED.strip().splitlines()], ids=" ".join)
def test_ignored(row: tuple[str, str, str]) -> None:
    """On reads, writes and listings, with a value."""
    method, target, name = row
    found = operation(method, target)
    assert (found.name, found.ignores) == (name, True)


@pytest.mark.parametrize("row", [tuple(line.split()) for line in REFUSED.strip().splitlines()], ids=" ".join)
def test_refused(row: tuple[str, str, str, str]) -> None:
    """It could be a sub-resource, or somebody's parameter, or it could make something else of the request."""
    method, target, status, code = row
    assert refused(method, target) == (int(status), code)


def test_copies() -> None:
    """They write, and they are no plain writes."""
    source = (b"x-amz-copy-source", b"bucket/other")
    for target in ("/bucket/key?a=1", "/bucket/key?partNumber=1&uploadId=a&a=1"):
        assert refused("PUT", target, source) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/bucket/key?a=1", "/bucket/key"),
        ("/bucket/key?a=1&versionId=1&b=2", "/bucket/key?versionId=1"),
        ("/bucket?list-type=2&prefix=a%2Fb&Version=2006-03-01", "/bucket?list-type=2&prefix=a%2Fb"),
        ("/bucket/key?a=1&x-user=me", "/bucket/key?x-user=me"),
    ],
)
@pytest.mark.parametrize("is_presigned", [False, True])
def test_they_do_not_travel(target: str, expected: str, *, is_presigned: bool) -> None:
    """What is left stays byte for byte, and a diff says what became of the others."""
    head = (presigned if is_presigned else authorized)("GET", target)
    out = forwarded(head)
    assert out.target == expected.encode()
    before, after = (Head("GET", each.target.decode(), ()) for each in (head, out))
    told = of_target(Context(before, after))
    assert told.endswith("query parameters that S3 does not know are left out")
    assert told.startswith("the presigned parameters became") == is_presigned


def test_a_lost_parameter_is_still_told() -> None:
    """A diff excuses no more than that."""
    before, after = (Head("GET", target, ()) for target in ("/bucket/key?versionId=1&a=1", "/bucket/key"))
    assert of_target(Context(before, after)) == ""
