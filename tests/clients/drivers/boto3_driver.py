"""boto3: the client, its transfers, its presigned URLs."""

import io

import boto3
import case
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from case import BUCKET, FILE, LARGE, LISTING, ODD, PART, SMALL

SETTINGS = Config(
    signature_version="s3v4",
    s3={"addressing_style": "path"},
    retries={"total_max_attempts": 1},
)
s3 = boto3.client(
    "s3", endpoint_url=case.ENDPOINT, region_name=case.REGION, aws_access_key_id=case.KEY,
    aws_secret_access_key=case.SECRET, verify=case.CA or None, config=SETTINGS,
)  # fmt: skip


def get(key: str, **more: str) -> bytes:
    return s3.get_object(Bucket=BUCKET, Key=key, **more)["Body"].read()


def put(key: str, body: object, **more: object) -> None:
    s3.put_object(Bucket=BUCKET, Key=key, Body=body, **more)


def put_file() -> None:
    with FILE.open("rb") as file:
        put("file", file)
    s3.upload_file(str(FILE), BUCKET, "uploaded")
    case.same(get("file"), LARGE)
    case.same(get("uploaded"), LARGE)


def multipart() -> None:
    settings = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
    s3.upload_file(str(FILE), BUCKET, "multipart", Config=settings)
    case.same(get("multipart"), LARGE)


def ranges() -> None:
    case.same(get("bytes", Range="bytes=0-0"), LARGE[:1])
    case.same(get("bytes", Range="bytes=70000-139999"), LARGE[70000:140000])
    case.same(get("bytes", Range="bytes=-5"), LARGE[-5:])


def listing() -> None:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=LISTING)
    case.listed(one["Key"] for page in pages for one in page["Contents"])
    pages = s3.get_paginator("list_objects").paginate(Bucket=LISTING)
    case.listed(one["Key"] for page in pages for one in page["Contents"])


def copy() -> None:
    put(ODD, SMALL)
    s3.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": ODD})
    case.same(get("copy"), SMALL)
    settings = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
    s3.copy({"Bucket": BUCKET, "Key": "multipart"}, BUCKET, "large copy", Config=settings)
    case.same(get("large copy"), LARGE)


def delete_many() -> None:
    keys = [f"many/{number} é+" for number in range(10)]
    for key in keys:
        put(key, b"x")
    answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in keys]})
    assert len(answer["Deleted"]) == len(keys)


def presign_get() -> None:
    url = s3.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": ODD})
    case.same(case.fetch(url), SMALL)


def presign_put() -> None:
    url = s3.generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": "presigned é"})
    case.fetch(url, "PUT", SMALL)
    case.same(get("presigned é"), SMALL)


def conditional() -> None:
    put("once", b"1", IfNoneMatch="*")
    case.refused(lambda: put("once", b"2", IfNoneMatch="*"), "PreconditionFailed")
    case.same(get("once"), b"1")


def checksums() -> None:
    for algorithm in ("CRC32", "CRC32C", "SHA1", "SHA256", "CRC64NVME"):
        put(algorithm, SMALL, ChecksumAlgorithm=algorithm)
        answer = s3.get_object(Bucket=BUCKET, Key=algorithm, ChecksumMode="ENABLED")
        case.same(answer["Body"].read(), SMALL)
        assert answer[f"Checksum{algorithm}"]


def metadata() -> None:
    put("metadata", SMALL, Metadata={"a": "b  c", "d": "x=y"}, ContentType="text/plain", CacheControl="no-cache")
    head = s3.head_object(Bucket=BUCKET, Key="metadata")
    # runs of blanks fold in signatures and may fold on the way, directly as well
    assert {name: " ".join(value.split()) for name, value in head["Metadata"].items()} == {"a": "b c", "d": "x=y"}
    assert head["ContentType"] == "text/plain"


case.speed(lambda data: s3.upload_fileobj(io.BytesIO(data), BUCKET, "speed"), lambda: get("speed"))
case.run(
    {
        "put-empty": lambda: (put("empty", b""), case.same(get("empty"), b"")),
        "put-small": lambda: (put("small", SMALL), case.same(get("small"), SMALL)),
        "put-bytes": lambda: (put("bytes", LARGE), case.same(get("bytes"), LARGE)),
        "put-file": put_file,
        "put-stream": lambda: (
            s3.upload_fileobj(io.BufferedReader(io.BytesIO(LARGE)), BUCKET, "stream"),
            case.same(get("stream"), LARGE),
        ),
        "multipart": multipart,
        "get": lambda: (
            s3.download_file(BUCKET, "bytes", str(case.WORK / "got")),
            case.same((case.WORK / "got").read_bytes(), LARGE),
        ),
        "ranges": ranges,
        "list": listing,
        "copy": copy,
        "delete-many": delete_many,
        "presign-get": presign_get,
        "presign-put": presign_put,
        "if-none-match": conditional,
        "checksums": checksums,
        "metadata": metadata,
    }
)
