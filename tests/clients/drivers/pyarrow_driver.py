"""pyarrow's S3FileSystem: the AWS SDK for C++."""

import case
import pyarrow as pa
import pyarrow.parquet as pq
from case import BUCKET, LARGE, LISTING, ODD, SMALL
from pyarrow import fs

s3 = fs.S3FileSystem(
    access_key=case.KEY, secret_key=case.SECRET, region=case.REGION, endpoint_override=case.HOST,
    scheme="https" if case.TLS else "http", retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=1),
    **({"tls_ca_file_path": case.CA} if case.TLS else {}),
)  # fmt: skip


def get(key):
    with s3.open_input_stream(f"{BUCKET}/{key}") as stream:
        return stream.read()


def put(key, data, **more):
    with s3.open_output_stream(f"{BUCKET}/{key}", **more) as stream:
        for at in range(0, len(data), 1 << 20):
            stream.write(data[at : at + (1 << 20)])
    case.same(get(key), data)


def ranges():
    with s3.open_input_file(f"{BUCKET}/bytes") as file:
        case.same(file.read_at(70000, 70000), LARGE[70000:140000])
        case.same(file.read_at(5, len(LARGE) - 5), LARGE[-5:])


def listing():
    found = s3.get_file_info(fs.FileSelector(LISTING, recursive=True))
    case.listed((one.path.partition("/")[2] for one in found if one.type == fs.FileType.File), in_order=False)


def copy():
    put(ODD, SMALL)
    s3.copy_file(f"{BUCKET}/{ODD}", f"{BUCKET}/copy")
    case.same(get("copy"), SMALL)


def delete_many():
    for number in range(10):
        put(f"many/{number} é+", b"x")
    s3.delete_dir_contents(f"{BUCKET}/many")
    assert not s3.get_file_info(fs.FileSelector(f"{BUCKET}/many", allow_not_found=True))


def metadata():
    put("metadata", SMALL, metadata={"Content-Type": "text/plain"})
    with s3.open_input_stream(f"{BUCKET}/metadata") as stream:
        found = stream.metadata()
    assert found.get("Content-Type") == b"text/plain", found


def tables():
    table = pa.table({"a": list(range(100_000))})
    pq.write_table(table, f"{BUCKET}/table x+y/part=1/é.parquet", filesystem=s3)
    assert pq.read_table(f"{BUCKET}/table x+y/part=1/é.parquet", filesystem=s3).num_rows == 100_000


case.run(
    {
        "put-empty": lambda: put("empty", b""),
        "put-small": lambda: put("small", SMALL),
        "put-bytes": lambda: put("bytes", LARGE),
        "put-stream": tables,
        "multipart": lambda: put("multipart", LARGE, buffer_size=1 << 20),
        "get": lambda: case.same(get("bytes"), LARGE),
        "ranges": ranges,
        "list": listing,
        "copy": copy,
        "delete-many": delete_many,
        "metadata": metadata,
    }
)
