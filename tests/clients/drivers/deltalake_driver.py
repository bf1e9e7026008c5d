"""delta-rs: a Delta table, whose log takes conditional puts."""

import os

import case

if case.TLS:
    os.environ["SSL_CERT_FILE"] = case.CA
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

OPTIONS = {
    "AWS_ACCESS_KEY_ID": case.KEY, "AWS_SECRET_ACCESS_KEY": case.SECRET, "AWS_REGION": case.REGION,
    "AWS_ENDPOINT_URL": case.ENDPOINT, "AWS_ALLOW_HTTP": "true", "aws_conditional_put": "etag",
}  # fmt: skip
URI = f"s3://{case.BUCKET}/delta x+y/é"


def table(rows):
    return pa.table({"a": pa.array(range(rows)), "p": pa.array([number % 3 for number in range(rows)])})


def write(rows, **more):
    write_deltalake(URI, table(rows), storage_options=OPTIONS, partition_by=["p"], **more)


def read():
    return DeltaTable(URI, storage_options=OPTIONS)


def rows(expected):
    found = read().to_pyarrow_table().num_rows
    assert found == expected, found


def compact():
    found = read()
    found.optimize.compact()
    found.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    found.create_checkpoint()
    rows(3_000_100)


case.run(
    {
        "put-small": lambda: (write(100), rows(100)),
        "put-stream": lambda: (write(3_000_000, mode="append"), rows(3_000_100)),
        "list": lambda: read().history(),
        "delete-many": compact,
        "if-none-match": lambda: case.refused(lambda: write(1, mode="error"), "already exists", "AlreadyExists"),
    }
)
