"""lancedb: a Lance table, with conditional puts for its commits."""

import os

import case

if case.TLS:
    os.environ["SSL_CERT_FILE"] = case.CA
import lancedb

OPTIONS = {
    "aws_access_key_id": case.KEY, "aws_secret_access_key": case.SECRET, "region": case.REGION,
    "endpoint": case.ENDPOINT, "allow_http": "true",
}  # fmt: skip
db = lancedb.connect(f"s3://{case.BUCKET}/lance", storage_options=OPTIONS)


def rows(count):
    return [{"id": number, "vector": [float(number), float(number * 2)]} for number in range(count)]


def grow():
    table = db.open_table("t")
    table.add(rows(200_000))
    assert table.count_rows() == 200_010


def search():
    found = db.open_table("t").search([3.0, 6.0]).limit(1).to_list()
    assert found[0]["id"] == 3


def drop():
    db.open_table("t").delete("id < 5")
    db.drop_table("t")
    assert "t" not in db.table_names()


case.run(
    {
        "put-small": lambda: db.create_table("t", rows(10)),
        "put-stream": grow,
        "ranges": search,
        "list": db.table_names,
        "delete-many": drop,
    }
)
