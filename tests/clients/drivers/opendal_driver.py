"""Apache OpenDAL, by its Python binding."""

import os

import case
from case import BUCKET, LARGE, LISTING, ODD, PART, SMALL

if case.TLS:
    os.environ["SSL_CERT_FILE"] = case.CA
import opendal


def operator(bucket):
    return opendal.Operator(
        "s3", bucket=bucket, endpoint=case.ENDPOINT, region=case.REGION, access_key_id=case.KEY,
        secret_access_key=case.SECRET, disable_config_load="true", disable_ec2_metadata="true",
    )  # fmt: skip


s3 = operator(BUCKET)


def put(key, data, **more):
    s3.write(key, data, **more)
    case.same(s3.read(key), data)


def put_stream():
    with s3.open("stream", "wb") as file:
        for at in range(0, len(LARGE), 1 << 20):
            file.write(LARGE[at : at + (1 << 20)])
    case.same(s3.read("stream"), LARGE)


def ranges():
    with s3.open("bytes", "rb") as file:
        file.seek(70000)
        found = b""
        while len(found) < 70000:  # a read may give less
            found += file.read(70000 - len(found))
        case.same(found, LARGE[70000:140000])


def listing():
    found = (one.path for one in operator(LISTING).scan(""))
    case.listed((path for path in found if not path.endswith("/")), in_order=False)


def copy():
    put(ODD, SMALL)
    s3.copy(ODD, "copy")
    case.same(s3.read("copy"), SMALL)


def delete_many():
    for number in range(10):
        put(f"many/{number} é+", b"x")
    s3.remove_all("many/")
    assert not s3.exists("many/1 é+")


def conditional():
    put("once", b"1", if_not_exists=True)
    case.refused(lambda: put("once", b"2", if_not_exists=True), "ConditionNotMatch", "condition")


case.run(
    {
        "put-empty": lambda: put("empty", b""),
        "put-small": lambda: put("small", SMALL),
        "put-bytes": lambda: put("bytes", LARGE),
        "put-stream": put_stream,
        "multipart": lambda: put("multipart", LARGE, chunk=PART),
        "ranges": ranges,
        "list": listing,
        "copy": copy,
        "delete-many": delete_many,
        "if-none-match": conditional,
        "metadata": lambda: put("metadata", SMALL, content_type="text/plain"),
    }
)
