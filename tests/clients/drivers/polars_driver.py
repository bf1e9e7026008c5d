"""polars: parquet, written and scanned with Rust's object_store."""

import case
import polars as pl
from case import BUCKET

if case.TLS:
    import os

    os.environ["SSL_CERT_FILE"] = case.CA
OPTIONS = {
    "aws_access_key_id": case.KEY, "aws_secret_access_key": case.SECRET, "aws_region": case.REGION,
    "aws_endpoint_url": case.ENDPOINT, "aws_allow_http": "true",
}  # fmt: skip
SMALL = pl.DataFrame({"a": range(100)})
LARGE = pl.DataFrame({"a": range(2_000_000), "b": [str(number * 7919) for number in range(2_000_000)]})


def put(key, frame, **more):
    frame.write_parquet(f"s3://{BUCKET}/{key}", storage_options=OPTIONS, compression="uncompressed", **more)
    assert pl.read_parquet(f"s3://{BUCKET}/{key}", storage_options=OPTIONS).equals(frame)


def streamed():
    LARGE.lazy().sink_parquet(f"s3://{BUCKET}/sunk", storage_options=OPTIONS)
    assert pl.read_parquet(f"s3://{BUCKET}/sunk", storage_options=OPTIONS).height == LARGE.height


def ranges():
    found = pl.scan_parquet(f"s3://{BUCKET}/large", storage_options=OPTIONS).filter(pl.col("a") > 1_999_998)
    assert found.collect().height == 1


def listing():
    for number in range(3):
        put(f"dir x+y/part={number}/é.parquet", SMALL)
    found = pl.scan_parquet(f"s3://{BUCKET}/dir x+y/", storage_options=OPTIONS, hive_partitioning=True)
    assert found.collect().height == 300


case.run(
    {
        "put-small": lambda: put("small", SMALL),
        "put-bytes": lambda: put("large", LARGE),
        "put-stream": streamed,
        "ranges": ranges,
        "list": listing,
    }
)
