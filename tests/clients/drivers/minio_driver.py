"""minio-py."""

import io

import case
import urllib3
from case import BUCKET, FILE, LARGE, LISTING, ODD, PART, SMALL
from minio import Minio
from minio.commonconfig import CopySource
from minio.deleteobjects import DeleteObject

http = urllib3.PoolManager(ca_certs=case.CA, retries=False) if case.TLS else urllib3.PoolManager(retries=False)
NAMED = {"access_key": case.KEY, "secret_key": case.SECRET, "region": case.REGION, "secure": case.TLS}
client = Minio(endpoint=case.HOST, http_client=http, **NAMED)


def get(key, **more):
    answer = client.get_object(bucket_name=BUCKET, object_name=key, **more)
    try:
        return answer.read()
    finally:
        answer.close()
        answer.release_conn()


def put(key, data, **more):
    client.put_object(bucket_name=BUCKET, object_name=key, data=io.BytesIO(data), length=len(data), **more)
    case.same(get(key), data)


def put_file():
    client.fput_object(bucket_name=BUCKET, object_name="file", file_path=str(FILE))
    case.same(get("file"), LARGE)


def put_stream():
    client.put_object(bucket_name=BUCKET, object_name="stream", data=io.BytesIO(LARGE), length=-1, part_size=PART)
    case.same(get("stream"), LARGE)


def ranges():
    case.same(get("bytes", offset=70000, length=70000), LARGE[70000:140000])


def listing():
    case.listed(one.object_name for one in client.list_objects(bucket_name=LISTING, recursive=True))
    old = client.list_objects(bucket_name=LISTING, recursive=True, use_api_v1=True)
    case.listed(one.object_name for one in old)


def copy():
    put(ODD, SMALL)
    source = CopySource(bucket_name=BUCKET, object_name=ODD)
    client.copy_object(bucket_name=BUCKET, object_name="copy", source=source)
    case.same(get("copy"), SMALL)


def delete_many():
    keys = [f"many/{number} é+" for number in range(10)]
    for key in keys:
        put(key, b"x")
    errors = list(client.remove_objects(bucket_name=BUCKET, delete_object_list=[DeleteObject(key) for key in keys]))
    assert not errors, errors


def presign_put():
    case.fetch(client.presigned_put_object(bucket_name=BUCKET, object_name="signed"), "PUT", SMALL)
    case.same(get("signed"), SMALL)


def metadata():
    put("metadata", SMALL, metadata={"a": "b c"}, content_type="text/plain")
    found = client.stat_object(bucket_name=BUCKET, object_name="metadata")
    assert (found.metadata["x-amz-meta-a"], found.content_type) == ("b c", "text/plain")


case.run(
    {
        "put-empty": lambda: put("empty", b""),
        "put-small": lambda: put("small", SMALL),
        "put-bytes": lambda: put("bytes", LARGE),
        "put-file": put_file,
        "put-stream": put_stream,
        "multipart": lambda: put("multipart", LARGE, part_size=PART),
        "get": lambda: case.same(get("bytes"), LARGE),
        "ranges": ranges,
        "list": listing,
        "copy": copy,
        "delete-many": delete_many,
        "presign-get": lambda: case.same(
            case.fetch(client.presigned_get_object(bucket_name=BUCKET, object_name=ODD)), SMALL
        ),
        "presign-put": presign_put,
        "metadata": metadata,
    }
)
