"""The AWS CLI 1: `aws s3` and `aws s3api`."""

import json
import os
import sys

import case
from case import BUCKET, FILE, LARGE, LISTING, ODD, SMALL, WORK

(WORK / "config").write_text(
    "[default]\nmax_attempts = 1\ns3 =\n  addressing_style = path\n  signature_version = s3v4\n"
)
ENV = {
    "AWS_ACCESS_KEY_ID": case.KEY, "AWS_SECRET_ACCESS_KEY": case.SECRET, "AWS_DEFAULT_REGION": case.REGION,
    "AWS_CONFIG_FILE": str(WORK / "config"), "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "",
} | ({"AWS_CA_BUNDLE": case.CA} if case.TLS else {})  # fmt: skip
START = "import sys; from awscli.clidriver import main; sys.exit(main())"
(WORK / "small").write_bytes(SMALL)
(WORK / "nothing").write_bytes(b"")


def aws(*arguments, stdin=None):
    return case.command(sys.executable, "-c", START, "--endpoint-url", case.ENDPOINT, *arguments, env=ENV, stdin=stdin)


def get(key):
    aws("s3", "cp", f"s3://{BUCKET}/{key}", "got")
    return (WORK / "got").read_bytes()


def put(key, path, data):
    aws("s3api", "put-object", "--bucket", BUCKET, "--key", key, "--body", path)
    case.same(get(key), data)


def stream():
    aws("s3", "cp", "-", f"s3://{BUCKET}/stream", stdin=LARGE)
    case.same(get("stream"), LARGE)


def multipart():
    aws("s3", "cp", FILE, f"s3://{BUCKET}/multipart")
    case.same(get("multipart"), LARGE)


def ranges():
    aws("s3api", "get-object", "--bucket", BUCKET, "--key", "bytes", "--range", "bytes=70000-139999", "got")
    case.same((WORK / "got").read_bytes(), LARGE[70000:140000])


def listing():
    found = json.loads(aws("s3api", "list-objects-v2", "--bucket", LISTING, "--output", "json"))
    case.listed(one["Key"] for one in found["Contents"])


def copy():
    aws("s3", "cp", "small", f"s3://{BUCKET}/{ODD}")
    aws("s3", "cp", f"s3://{BUCKET}/{ODD}", f"s3://{BUCKET}/copy")
    case.same(get("copy"), SMALL)


def delete_many():
    for number in range(3):
        aws("s3", "cp", "small", f"s3://{BUCKET}/many/{number} é+")
    objects = {"Objects": [{"Key": f"many/{number} é+"} for number in range(3)]}
    aws("s3api", "delete-objects", "--bucket", BUCKET, "--delete", json.dumps(objects))


def presigned():
    return aws("s3", "presign", f"s3://{BUCKET}/{ODD}").decode().strip()


def conditional():
    def once():
        aws("s3api", "put-object", "--bucket", BUCKET, "--key", "once", "--body", "small", "--if-none-match", "*")

    once()
    case.refused(once, "PreconditionFailed")


def checksums():
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        aws("s3", "cp", "small", f"s3://{BUCKET}/{algorithm}", "--checksum-algorithm", algorithm)
        aws("s3", "cp", f"s3://{BUCKET}/{algorithm}", "got", "--checksum-mode", "ENABLED")


def metadata():
    aws("s3", "cp", "small", f"s3://{BUCKET}/metadata", "--metadata", "a=b c", "--content-type", "text/plain")
    head = json.loads(aws("s3api", "head-object", "--bucket", BUCKET, "--key", "metadata", "--output", "json"))
    assert (head["Metadata"], head["ContentType"]) == ({"a": "b c"}, "text/plain")


os.chdir(WORK)
case.run(
    {
        "put-empty": lambda: put("empty", "nothing", b""),
        "put-small": lambda: put("small", "small", SMALL),
        "put-file": lambda: put("bytes", FILE, LARGE),
        "put-stream": stream,
        "multipart": multipart,
        "get": lambda: case.same(get("bytes"), LARGE),
        "ranges": ranges,
        "list": listing,
        "copy": copy,
        "delete-many": delete_many,
        "presign-get": lambda: case.same(case.fetch(presigned()), SMALL),
        "if-none-match": conditional,
        "checksums": checksums,
        "metadata": metadata,
    }
)
