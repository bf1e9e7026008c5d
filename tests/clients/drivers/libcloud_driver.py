"""Apache libcloud's S3 driver, told of an endpoint of its own and of the region it signs for."""

import io

import case
import libcloud.security
from case import BUCKET, FILE, LARGE, LISTING, ODD, SMALL
from libcloud.storage.drivers.s3 import S3SignatureV4Connection, S3StorageDriver

if case.TLS:
    libcloud.security.CA_CERTS_PATH = case.CA
host, _, port = case.HOST.partition(":")


class Connection(S3SignatureV4Connection):
    host = host


class Driver(S3StorageDriver):
    connectionCls = Connection  # noqa: N815 - libcloud's name


s3 = Driver(case.KEY, case.SECRET, secure=case.TLS, host=host, port=int(port), region=case.REGION)
bucket = s3.get_container(BUCKET)


def get(key):
    return b"".join(s3.get_object(BUCKET, key).as_stream())


def put(key, data):
    s3.upload_object_via_stream(io.BytesIO(data), bucket, key)
    case.same(get(key), data)


def put_file():
    s3.upload_object(str(FILE), bucket, "file", verify_hash=not case.LANE.endswith(("kms", "sse-c")))
    case.same(get("file"), LARGE)


def ranges():
    found = s3.download_object_range_as_stream(s3.get_object(BUCKET, "stream"), 70000, 140000)
    case.same(b"".join(found), LARGE[70000:140000])


def listing():
    case.listed((one.name for one in s3.get_container(LISTING).list_objects()), in_order=True)


def remove():
    put("gone", b"x")
    assert s3.get_object(BUCKET, "gone").delete()


def metadata():
    s3.upload_object_via_stream(io.BytesIO(SMALL), bucket, "metadata", extra={"meta_data": {"a": "b c"}})
    assert s3.get_object(BUCKET, "metadata").meta_data == {"a": "b c"}


case.run(
    {
        "put-empty": lambda: put("empty", b""),
        "put-small": lambda: put(ODD, SMALL),
        "put-file": put_file,
        "put-stream": lambda: put("stream", LARGE),
        "get": lambda: case.same(get("stream"), LARGE),
        "ranges": ranges,
        "list": listing,
        "delete-many": remove,
        "presign-get": lambda: case.same(case.fetch(s3.get_object_cdn_url(s3.get_object(BUCKET, ODD))), SMALL),
        "metadata": metadata,
    }
)
