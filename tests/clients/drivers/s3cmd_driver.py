"""s3cmd."""

import os
import sys

import case
from case import BUCKET, FILE, LARGE, LISTING, ODD, SMALL, WORK

(WORK / "s3cfg").write_text(
    f"[default]\naccess_key = {case.KEY}\nsecret_key = {case.SECRET}\nhost_base = {case.HOST}\n"
    f"host_bucket = {case.HOST}\nbucket_location = {case.REGION}\nuse_https = {case.TLS}\nca_certs_file = {case.CA}\n"
    f"signature_v2 = False\nmax_retries = 1\nsignurl_use_https = {case.TLS}\n"
    "send_chunk = 65536\n"
)
(WORK / "small").write_bytes(SMALL)
(WORK / "nothing").write_bytes(b"")
PROGRAM = f"{os.environ['CLIENT_FOLDER']}/bin/s3cmd"


def s3cmd(*arguments):
    return case.command(sys.executable, PROGRAM, "-c", "s3cfg", "--no-progress", *arguments)


def get(key):
    s3cmd("get", "--force", f"s3://{BUCKET}/{key}", "got")
    return (WORK / "got").read_bytes()


def put(key, path, data, *more):
    s3cmd("put", *more, path, f"s3://{BUCKET}/{key}")
    case.same(get(key), data)


def listing():
    lines = s3cmd("ls", "--recursive", f"s3://{LISTING}").decode().splitlines()
    case.listed(line.partition(f"s3://{LISTING}/")[2] for line in lines)


def copy():
    put(ODD, "small", SMALL)
    s3cmd("cp", f"s3://{BUCKET}/{ODD}", f"s3://{BUCKET}/copy")
    case.same(get("copy"), SMALL)


def delete_many():
    for number in range(3):
        put(f"many/{number} é+", "small", SMALL)
    s3cmd("del", "--recursive", "--force", f"s3://{BUCKET}/many/")


def metadata():
    s3cmd("put", "--add-header=x-amz-meta-a:b", "--mime-type=text/plain", "small", f"s3://{BUCKET}/metadata")
    assert b"x-amz-meta-a: b" in s3cmd("info", f"s3://{BUCKET}/metadata")


case.run(
    {
        "put-empty": lambda: put("empty", "nothing", b""),
        "put-small": lambda: put("small", "small", SMALL),
        "put-file": lambda: put("file", FILE, LARGE, "--disable-multipart"),
        "multipart": lambda: put("multipart", FILE, LARGE, "--multipart-chunk-size-mb=5"),
        "list": listing,
        "copy": copy,
        "delete-many": delete_many,
        "presign-get": lambda: case.same(
            case.fetch(s3cmd("signurl", f"s3://{BUCKET}/{ODD}", "+600").decode().strip()), SMALL
        ),
        "metadata": metadata,
    }
)
