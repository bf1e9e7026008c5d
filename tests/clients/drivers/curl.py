"""curl --aws-sigv4, with the payload hash that curl before 8 does not send of itself (README)."""

import hashlib
from urllib.parse import quote

import case
from case import BUCKET, LARGE, SMALL, WORK

EMPTY = hashlib.sha256(b"").hexdigest()
(WORK / "small").write_bytes(SMALL)


def curl(key, *arguments, payload=EMPTY, query=""):
    command = ["curl", "--silent", "--show-error", "--fail-with-body", "--noproxy", "*", "--aws-sigv4",
               f"aws:amz:{case.REGION}:s3", "--user", f"{case.KEY}:{case.SECRET}", "--header",
               f"x-amz-content-sha256: {payload}", *arguments]  # fmt: skip
    command += ["--cacert", case.CA] if case.TLS else []
    return case.command(*command, f"{case.ENDPOINT}/{BUCKET}/{quote(key, safe='/~')}{query}")


def put(key, data, *more, payload=None):
    (WORK / "body").write_bytes(data)
    named = payload or hashlib.sha256(data).hexdigest()
    curl(key, "--upload-file", "body", *more, payload=named)
    case.same(curl(key), data)


def copy():
    put("source", SMALL)
    curl("copy", "--request", "PUT", "--header", f"x-amz-copy-source: /{BUCKET}/source")
    case.same(curl("copy"), SMALL)


def metadata():
    put("metadata", SMALL, "--header", "x-amz-meta-a: b", "--header", "Content-Type: text/plain")
    assert b"x-amz-meta-a: b" in curl("metadata", "--head").lower()


def conditional():
    put("once", b"1", "--header", "If-None-Match: *")
    case.refused(lambda: put("once", b"2", "--header", "If-None-Match: *"), "error: 412")


case.run(
    {
        "put-empty": lambda: put("empty", b""),
        "put-small": lambda: put("plain", SMALL),
        "put-file": lambda: put("file", LARGE),
        "put-bytes": lambda: put("unsigned", LARGE, payload="UNSIGNED-PAYLOAD"),
        "get": lambda: case.same(curl("file"), LARGE),
        "ranges": lambda: case.same(curl("file", "--range", "70000-139999"), LARGE[70000:140000]),
        "copy": copy,
        "if-none-match": conditional,
        "metadata": metadata,
    }
)
