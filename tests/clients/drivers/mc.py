"""MinIO's client, mc."""

import json
import os
import shutil

import case
from case import BUCKET, FILE, LARGE, LISTING, ODD, SMALL, WORK

PROGRAM = os.environ["PROGRAM"]
CONFIG = WORK / "mc"
(CONFIG / "certs" / "CAs").mkdir(parents=True)
if case.TLS:
    shutil.copy(case.CA, CONFIG / "certs" / "CAs" / "ca.crt")
(WORK / "small").write_bytes(SMALL)
(WORK / "nothing").write_bytes(b"")


def mc(*arguments, stdin=None):
    return case.command(PROGRAM, "--config-dir", CONFIG, "--json", *arguments, stdin=stdin)


def get(key):
    return case.command(PROGRAM, "--config-dir", CONFIG, "cat", f"at/{BUCKET}/{key}")


def put(key, path, data, *more):
    mc("put", *more, path, f"at/{BUCKET}/{key}")
    case.same(get(key), data)


def stream():
    case.command(PROGRAM, "--config-dir", CONFIG, "pipe", f"at/{BUCKET}/stream", stdin=LARGE)
    case.same(get("stream"), LARGE)


def listing():
    lines = mc("ls", "--recursive", f"at/{LISTING}").splitlines()
    case.listed(json.loads(line)["key"] for line in lines)


def ranges():
    found = case.command(PROGRAM, "--config-dir", CONFIG, "cat", "--offset", "70000", f"at/{BUCKET}/file")
    case.same(found, LARGE[70000:])


def copy():
    mc("cp", "small", f"at/{BUCKET}/{ODD}")
    mc("cp", f"at/{BUCKET}/{ODD}", f"at/{BUCKET}/copy")
    case.same(get("copy"), SMALL)


def delete_many():
    for number in range(3):
        mc("cp", "small", f"at/{BUCKET}/many/{number} é+")
    mc("rm", "--recursive", "--force", f"at/{BUCKET}/many/")


def shared():
    return json.loads(mc("share", "download", f"at/{BUCKET}/{ODD}").splitlines()[0])["share"]


def checksums():
    for algorithm in ("CRC32", "CRC32C", "SHA1", "SHA256", "CRC64NVME"):
        mc("put", "--checksum", algorithm, "small", f"at/{BUCKET}/{algorithm}")


def metadata():
    mc("cp", "--attr", "a=b c;Content-Type=text/plain", "small", f"at/{BUCKET}/metadata")
    found = json.loads(mc("stat", f"at/{BUCKET}/metadata").splitlines()[0])
    assert found["metadata"]["X-Amz-Meta-A"] == "b c", found


mc("alias", "set", "at", case.ENDPOINT, case.KEY, case.SECRET)
case.run(
    {
        "put-empty": lambda: put("empty", "nothing", b""),
        "put-small": lambda: put("small", "small", SMALL),
        "put-file": lambda: put("file", FILE, LARGE, "--part-size", "64MiB"),
        "put-stream": stream,
        "multipart": lambda: put("multipart", FILE, LARGE, "--part-size", "5MiB"),
        "get": lambda: case.same(get("file"), LARGE),
        "ranges": ranges,
        "list": listing,
        "copy": copy,
        "delete-many": delete_many,
        "presign-get": lambda: case.same(case.fetch(shared()), SMALL),
        "checksums": checksums,
        "metadata": metadata,
    }
)
