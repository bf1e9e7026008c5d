"""rclone, told that a rule encrypts where its ETag is no MD5 (README)."""

import json
import os
from pathlib import Path

import case
from case import BUCKET, FILE, LARGE, LISTING, ODD, SMALL, WORK

PROGRAM = max(Path(os.environ["CLIENT_FOLDER"]).rglob("rclone"), key=lambda path: path.stat().st_size)
more = {"kms": "server_side_encryption = aws:kms\n", "sse-c": "use_multipart_etag = false\n"}
(WORK / "rclone.conf").write_text(
    f"[at]\ntype = s3\nprovider = Minio\nendpoint = {case.ENDPOINT}\naccess_key_id = {case.KEY}\n"
    f"secret_access_key = {case.SECRET}\nregion = {case.REGION}\n{more.get(case.LANE.partition('+')[2], '')}"
)
(WORK / "small").write_bytes(SMALL)
(WORK / "nothing").write_bytes(b"")


def rclone(*arguments, stdin=None):
    options = ["--config", "rclone.conf", "--retries", "1", "--low-level-retries", "1"]
    options += ["--ca-cert", case.CA] if case.TLS else []
    options += ["--ignore-checksum"] if case.SSE_C else []
    return case.command(PROGRAM, *options, *arguments, stdin=stdin)


def get(key):
    return rclone("cat", f"at:{BUCKET}/{key}")


def put(key, path, data, *more):
    rclone("copyto", *more, path, f"at:{BUCKET}/{key}")
    case.same(get(key), data)


def stream():
    rclone("rcat", f"at:{BUCKET}/stream", stdin=LARGE)
    case.same(get("stream"), LARGE)


def listing():
    found = json.loads(rclone("lsjson", "--recursive", "--files-only", f"at:{LISTING}"))
    case.listed((one["Path"] for one in found), in_order=False)


def ranges():
    case.same(rclone("cat", "--offset", "70000", "--count", "70000", f"at:{BUCKET}/file"), LARGE[70000:140000])


def copy():
    put(ODD, "small", SMALL)
    rclone("copyto", f"at:{BUCKET}/{ODD}", f"at:{BUCKET}/copy")
    case.same(get("copy"), SMALL)


def delete_many():
    for number in range(3):
        put(f"many/{number} é+", "small", SMALL)
    rclone("purge", f"at:{BUCKET}/many")


def linked():
    return rclone("link", "--expire", "10m", f"at:{BUCKET}/{ODD}").decode().strip()


def metadata():
    rclone("copyto", "--metadata", "--metadata-set", "a=b c", "small", f"at:{BUCKET}/metadata")
    (found,) = json.loads(rclone("lsjson", "--metadata", f"at:{BUCKET}/metadata"))
    assert found["Metadata"]["a"] == "b c", found


case.run(
    {
        "put-empty": lambda: put("empty", "nothing", b""),
        "put-small": lambda: put("small", "small", SMALL),
        "put-file": lambda: put("file", FILE, LARGE),
        "put-stream": stream,
        "multipart": lambda: put("multipart", FILE, LARGE, "--s3-upload-cutoff", "5M", "--s3-chunk-size", "5M"),
        "get": lambda: case.same(get("file"), LARGE),
        "ranges": ranges,
        "list": listing,
        "copy": copy,
        "delete-many": delete_many,
        "presign-get": lambda: case.same(case.fetch(linked()), SMALL),
        "metadata": metadata,
    }
)
