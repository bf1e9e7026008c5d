"""duckdb with its httpfs extension, which the package brings along."""

import os
from pathlib import Path

import case
import duckdb
from case import BUCKET

db = duckdb.connect(config={"allow_unsigned_extensions": "true"})
(extension,) = map(str, Path(os.environ["CLIENT_FOLDER"]).rglob("httpfs.duckdb_extension*"))
if extension.endswith(".gz"):
    import gzip

    unpacked = case.WORK / "httpfs.duckdb_extension"
    unpacked.write_bytes(gzip.open(extension).read())
    extension = str(unpacked)
db.execute(f"LOAD '{extension}'")
if case.TLS:
    db.execute(f"SET ca_cert_file='{case.CA}'")
    db.execute("SET enable_server_cert_verification=true")
db.execute("SET http_retries=0")
db.execute(
    f"CREATE SECRET (TYPE s3, KEY_ID '{case.KEY}', SECRET '{case.SECRET}', REGION '{case.REGION}', "
    f"ENDPOINT '{case.HOST}', URL_STYLE 'path', USE_SSL {str(case.TLS).lower()})"
)


def write(name, rows):
    db.execute(f"COPY (SELECT range AS a, md5(range::VARCHAR) AS b FROM range({rows})) TO 's3://{BUCKET}/{name}'")
    assert db.execute(f"SELECT count(*) FROM 's3://{BUCKET}/{name}'").fetchone() == (rows,)


def ranges():
    assert db.execute(f"SELECT count(*) FROM 's3://{BUCKET}/large.parquet' WHERE a > 499998").fetchone() == (1,)


def partitions():
    db.execute(
        f"COPY (SELECT range AS a, range % 3 AS p FROM range(99)) TO 's3://{BUCKET}/dir x' "
        "(FORMAT parquet, PARTITION_BY (p))"
    )
    assert db.execute(f"SELECT count(*) FROM 's3://{BUCKET}/dir x/*/*.parquet'").fetchone() == (99,)


case.run(
    {
        "put-small": lambda: write("small.csv", 10),
        "put-bytes": lambda: write("large.parquet", 500_000),
        "ranges": ranges,
        "list": partitions,
    }
)
