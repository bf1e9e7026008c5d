"""s3fs: fsspec's file system on aiobotocore, as pandas and dask use it."""

import case
import s3fs
from case import BUCKET, FILE, LARGE, LISTING, SMALL

ODD = "dir x+y=1/é ~'().txt"  # no *: it would be a pattern

client = {"endpoint_url": case.ENDPOINT, "region_name": case.REGION, "verify": case.CA or None}
s3 = s3fs.S3FileSystem(key=case.KEY, secret=case.SECRET, client_kwargs=client, use_listings_cache=False,
                       config_kwargs={"signature_version": "s3v4"})  # fmt: skip


def put(key, data):
    with s3.open(f"{BUCKET}/{key}", "wb") as file:
        file.write(data)
    case.same(s3.cat_file(f"{BUCKET}/{key}"), data)


def put_file():
    s3.put_file(str(FILE), f"{BUCKET}/file")
    case.same(s3.cat_file(f"{BUCKET}/file"), LARGE)


def ranges():
    case.same(s3.cat_file(f"{BUCKET}/bytes", start=70000, end=140000), LARGE[70000:140000])


def listing():
    case.listed((name.partition("/")[2] for name in s3.find(LISTING)), in_order=False)


def copy():
    put(ODD, SMALL)
    s3.copy(f"{BUCKET}/{ODD}", f"{BUCKET}/copy")
    case.same(s3.cat_file(f"{BUCKET}/copy"), SMALL)


def delete_many():
    for number in range(10):
        put(f"many/{number} é+", b"x")
    s3.rm(f"{BUCKET}/many", recursive=True)
    assert not s3.exists(f"{BUCKET}/many/1 é+")


def metadata():
    s3.pipe_file(f"{BUCKET}/metadata", SMALL, ContentType="text/plain", Metadata={"a": "b c"})
    assert s3.metadata(f"{BUCKET}/metadata") == {"a": "b c"}


case.run(
    {
        "put-empty": lambda: put("empty", b""),
        "put-small": lambda: put("small", SMALL),
        "put-bytes": lambda: (
            s3.pipe_file(f"{BUCKET}/bytes", LARGE),
            case.same(s3.cat_file(f"{BUCKET}/bytes"), LARGE),
        ),
        "put-file": put_file,
        "put-stream": lambda: put("stream", LARGE),
        "ranges": ranges,
        "list": listing,
        "copy": copy,
        "delete-many": delete_many,
        "presign-get": lambda: case.same(case.fetch(s3.sign(f"{BUCKET}/{ODD}")), SMALL),
        "metadata": metadata,
    }
)
