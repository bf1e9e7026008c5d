"""Rust's object_store, by its Python binding obstore."""

import io

import case
import obstore
from case import BUCKET, FILE, LARGE, LISTING, ODD, PART, SMALL
from obstore.store import S3Store

OPTIONS = {"allow_http": True, "connect_timeout": "20s", "timeout": "300s"}


def store(bucket):
    return S3Store(
        bucket, endpoint=case.ENDPOINT, access_key_id=case.KEY, secret_access_key=case.SECRET, region=case.REGION,
        virtual_hosted_style_request=False, client_options=OPTIONS, retry_config={"max_retries": 0},
    )  # fmt: skip


if case.TLS:
    import os

    os.environ["SSL_CERT_FILE"] = case.CA
s3 = store(BUCKET)


def get(key):
    return bytes(obstore.get(s3, key).bytes())


def put(key, data, **more):
    obstore.put(s3, key, data, **more)
    case.same(get(key), data)


def put_file():
    obstore.put(s3, "file", FILE, chunk_size=PART)
    case.same(get("file"), LARGE)


def put_stream():
    with obstore.open_writer(s3, "stream", buffer_size=PART) as writer:
        for at in range(0, len(LARGE), 1 << 20):
            writer.write(LARGE[at : at + (1 << 20)])
    case.same(get("stream"), LARGE)


def ranges():
    case.same(obstore.get_range(s3, "bytes", start=70000, length=70000), LARGE[70000:140000])
    first, second = obstore.get_ranges(s3, "bytes", starts=[0, 9_000_000], lengths=[1, 10])
    case.same(bytes(first) + bytes(second), LARGE[:1] + LARGE[9_000_000:9_000_010])


def listing():
    case.listed((one["path"] for page in obstore.list(store(LISTING)) for one in page), in_order=False)


def copy():
    put(ODD, SMALL)
    obstore.copy(s3, ODD, "copy")
    obstore.rename(s3, "copy", "renamed")
    case.same(get("renamed"), SMALL)


def delete_many():
    keys = [f"many/{number} é+" for number in range(10)]
    for key in keys:
        put(key, b"x")
    obstore.delete(s3, keys)
    assert not [one for page in obstore.list(s3, prefix="many") for one in page]


def presign_put():
    from datetime import timedelta

    case.fetch(obstore.sign(s3, "PUT", "signed", timedelta(minutes=5)), "PUT", SMALL)
    case.same(get("signed"), SMALL)


def presign_get():
    from datetime import timedelta

    case.same(case.fetch(obstore.sign(s3, "GET", ODD, timedelta(minutes=5))), SMALL)


def conditional():
    put("once", b"1", mode="create")
    case.refused(lambda: put("once", b"2", mode="create"), "AlreadyExists")


def metadata():
    put("metadata", SMALL, attributes={"Content-Type": "text/plain", "a": "b c"})
    found = obstore.get(s3, "metadata").attributes
    assert (found["Content-Type"], found["a"]) == ("text/plain", "b c")


case.speed(lambda data: obstore.put(s3, "speed", data), lambda: get("speed"))
case.run(
    {
        "put-empty": lambda: put("empty", b""),
        "put-small": lambda: put("small", SMALL),
        "put-bytes": lambda: put("bytes", LARGE, use_multipart=False),
        "put-file": put_file,
        "put-stream": put_stream,
        "multipart": lambda: put("multipart", io.BytesIO(LARGE).getvalue(), use_multipart=True, chunk_size=PART),
        "get": lambda: case.same(get("bytes"), LARGE),
        "ranges": ranges,
        "list": listing,
        "copy": copy,
        "delete-many": delete_many,
        "presign-get": presign_get,
        "presign-put": presign_put,
        "if-none-match": conditional,
        "metadata": metadata,
    }
)
