"""pyiceberg: an Iceberg table in a SQLite catalogue, its files by pyarrow's file system."""

import case
import pyarrow as pa
from case import BUCKET, WORK
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.io.pyarrow import PyArrowFileIO

settings = {
    "uri": f"sqlite:///{WORK}/catalog.db", "warehouse": f"s3://{BUCKET}/warehouse", "s3.endpoint": case.ENDPOINT,
    "s3.access-key-id": case.KEY, "s3.secret-access-key": case.SECRET, "s3.region": case.REGION,
}  # fmt: skip
if case.TLS:
    import pyarrow.fs

    pyarrow.fs.initialize_s3()
    # pyiceberg has no property for a CA of one's own: it is given to what its file system is made with
    made = pyarrow.fs.S3FileSystem
    pyarrow.fs.S3FileSystem = lambda **more: made(**more | {"tls_ca_file_path": case.CA})
catalog = SqlCatalog("lab", **settings)
SMALL, LARGE = pa.table({"a": range(100)}), pa.table({"a": range(4_000_000)})


def create():
    catalog.create_namespace("n")
    catalog.create_table("n.t", SMALL.schema).append(SMALL)
    assert table().scan().to_arrow().num_rows == 100


def table():
    return catalog.load_table("n.t")


def grow():
    table().append(LARGE)
    assert table().scan().to_arrow().num_rows == 4_000_100


def overwrite():
    table().overwrite(SMALL)
    assert table().scan().to_arrow().num_rows == 100


def copied():
    io = PyArrowFileIO(settings)
    with io.new_output(f"s3://{BUCKET}/bytes").create() as stream:
        stream.write(case.LARGE)
    with io.new_input(f"s3://{BUCKET}/bytes").open() as stream:
        case.same(stream.read(), case.LARGE)
    io.delete(f"s3://{BUCKET}/bytes")


case.run(
    {
        "put-small": create,
        "put-bytes": copied,
        "put-stream": grow,
        "ranges": lambda: table().scan(row_filter="a > 99").to_arrow(),
        "delete-many": overwrite,
    }
)
