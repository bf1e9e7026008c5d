"""Targets that are no S3 request, or could be read in two ways."""

import pytest

from tests.rules.targets import refused

REFUSED = """
GET    /minio                                   403 AccessDenied
GET    /minio/                                  403 AccessDenied
GET    /minio/admin/v3/info                     403 AccessDenied
GET    /minio/health/live                       403 AccessDenied
GET    /%6dinio/admin/v3/info                   403 AccessDenied
GET    /minio%2Fadmin                           400 InvalidBucketName
GET    /bucket/../minio/admin                   400 InvalidURI
GET    /bucket/..                               400 InvalidURI
GET    /bucket/.                                400 InvalidURI
GET    /bucket/%2e%2e/minio                     400 InvalidURI
GET    /bucket/%2E./minio                       400 InvalidURI
GET    /bucket/a%2F..%2Fb                       400 InvalidURI
GET    /../bucket                               400 InvalidURI
GET    /bucket/a%00b                            400 InvalidURI
GET    /bucket/a%                               400 InvalidURI
GET    /bucket/a%2                              400 InvalidURI
GET    /bucket/a%zz                             400 InvalidURI
GET    /bucket?prefix=%zz                       400 InvalidURI
GET    /bucket/a#b                              400 InvalidURI
GET    bucket/key                               400 InvalidURI
GET    http://other/bucket/key                  400 InvalidURI
GET    *                                        400 InvalidURI
GET    //bucket/key                             400 InvalidBucketName
GET    //                                       400 InvalidBucketName
GET    /a                                       400 InvalidBucketName
GET    /-bucket/key                             400 InvalidBucketName
GET    /.minio.sys/config                       400 InvalidBucketName
GET    /bucket%2Fkey                            400 InvalidBucketName
GET    /buck%20et/key                           400 InvalidBucketName
GET    /b%C3%BCcket                             400 InvalidBucketName
GET    /bucket*                                 400 InvalidBucketName
POST   /                                        405 MethodNotAllowed
POST   /?Action=AssumeRole                      501 NotImplemented
GET    /?Action=AssumeRole                      501 NotImplemented
POST   /bucket?Action=AssumeRole                501 NotImplemented
GET    /bucket/key?Action=GetCallerIdentity     501 NotImplemented
POST   /?%41ction=AssumeRole                    501 NotImplemented
POST   /bucket                                  405 MethodNotAllowed
POST   /bucket/key                              405 MethodNotAllowed
PUT    /                                        405 MethodNotAllowed
DELETE /                                        405 MethodNotAllowed
HEAD   /                                        405 MethodNotAllowed
PATCH  /bucket/key                              405 MethodNotAllowed
OPTIONS /bucket/key                             405 MethodNotAllowed
CONNECT /bucket/key                             405 MethodNotAllowed
get    /bucket/key                              405 MethodNotAllowed
"""


@pytest.mark.parametrize("row", [tuple(line.split()) for line in REFUSED.strip().splitlines()], ids=" ".join)
def test_refused_targets(row: tuple[str, ...]) -> None:
    """What is no S3 request, or could be read in two ways, is refused."""
    method, target, status, code = row
    assert refused(method, target) == (int(status), code)


@pytest.mark.parametrize("target", ["/bucket/a b", "/bucket/a\tb", "/bucket/a\r\nb", "/bucket/a\0b", "/bucket/a\x7f"])
def test_control_characters(target: str) -> None:
    """Control characters and spaces in a target are refused."""
    assert refused("GET", target) == (400, "InvalidURI")


@pytest.mark.parametrize(
    "name", [b"x-minio-source-etag", b"X-Minio-Replication-Server-Side-Encryption-Iv", b"x-minio-"]
)
def test_headers_of_the_backend(name: bytes) -> None:
    """Clients cannot speak to MinIO's internals."""
    assert refused("PUT", "/bucket/key", (name, b"1")) == (403, "AccessDenied")
