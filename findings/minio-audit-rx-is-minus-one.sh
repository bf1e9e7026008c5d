#!/bin/sh
# MinIO's last release (2026-02-12) writes "rx": -1 into its audit log for an upload whose body comes in HTTP chunks.
#
# S3 takes a streamed upload (aws-chunked, x-amz-decoded-content-length) in HTTP chunks as well as with a Content-Length,
# and clients behind a proxy that does not buffer send it so. `api.rx` of the audit entry is what was received; it is the
# request's Content-Length, which is unknown here, and not the bytes that were read. The same upload with a Content-Length
# has its size. So sums of rx by user or bucket shrink by a byte for each such upload, and miss all that it brought.
#
#   findings/minio-audit-rx-is-minus-one.sh     needs Python >= 3.12 with venv, PyPI, and Go >= 1.24; five minutes, most of
#                                               them Go's
#
# Seen: 100 kB in HTTP chunks: rx -1; the same with Content-Length: rx 100045.
# Exit status 0 while it is so, 1 when it has changed.
set -eu

folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; wait; chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet botocore==1.44.5
GOBIN=$folder/bin go install github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c

mkdir "$folder/data"
cat >"$folder/finding.py" <<'PYTHON'
import base64
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, HTTPServer

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

DATA = b"x" * 100_000
KEYS = Credentials("finding", "finding-secret")
entries = {}


class Signer(S3SigV4Auth):
    """Signs for a body that is streamed, with a checksum at its end."""

    def payload(self, request):
        return "STREAMING-UNSIGNED-PAYLOAD-TRAILER" if "X-Amz-Trailer" in request.headers else super().payload(request)


class Collector(BaseHTTPRequestHandler):
    """What MinIO's audit log is posted to."""

    def do_POST(self):
        entry = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        entries[entry.get("api", {}).get("object")] = entry["api"].get("rx")
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


collector = HTTPServer(("127.0.0.1", 0), Collector)
threading.Thread(target=collector.serve_forever, daemon=True).start()
port = free_port()
folder = os.environ["FOLDER"]
server = subprocess.Popen(
    [f"{folder}/bin/minio", "server", "--quiet", "--address", f"127.0.0.1:{port}", f"{folder}/data"],
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
    env=os.environ | {
        "HOME": folder,
        "MINIO_ROOT_USER": "finding",
        "MINIO_ROOT_PASSWORD": "finding-secret",
        "MINIO_BROWSER": "off",
        "MINIO_AUDIT_WEBHOOK_ENABLE_here": "on",
        "MINIO_AUDIT_WEBHOOK_ENDPOINT_here": f"http://127.0.0.1:{collector.server_port}/",
    },
)


def ask(method, path, body=b"", headers=None, http_chunks=False):
    """Send one signed request; give the status."""
    url = f"http://127.0.0.1:{port}{path}"
    request = AWSRequest(method, url, data=b"", headers=headers or {})
    Signer(KEYS, "s3", "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", port)
    fields = dict(request.headers.items())
    if http_chunks:
        connection.request(method, path, iter([body]), fields | {"Transfer-Encoding": "chunked"}, encode_chunked=True)
    else:
        connection.request(method, path, body, fields)
    return connection.getresponse().status


try:
    for _ in range(100):
        try:
            if ask("PUT", "/bucket") == 200:
                break
        except OSError:
            pass
        time.sleep(0.2)
    streamed = {
        "X-Amz-Decoded-Content-Length": str(len(DATA)),
        "Content-Encoding": "aws-chunked",
        "X-Amz-Trailer": "x-amz-checksum-crc32",
    }
    crc = base64.b64encode(zlib.crc32(DATA).to_bytes(4, "big"))
    framed = b"%x\r\n%s\r\n0\r\nx-amz-checksum-crc32:%s\r\n\r\n" % (len(DATA), DATA, crc)
    done = [ask("PUT", "/bucket/chunks", framed, streamed, True), ask("PUT", "/bucket/length", framed, streamed)]
    for _ in range(50):
        if {"chunks", "length"} <= entries.keys():
            break
        time.sleep(0.2)
finally:
    server.kill()
print("rx of 100 kB in HTTP chunks:", entries.get("chunks"))
print("rx of the same with Content-Length:", entries.get("length"), "of", len(framed))
sys.exit(done != [200, 200] or entries.get("chunks") != -1 or entries.get("length") != len(framed))
PYTHON
FOLDER=$folder "$folder/venv/bin/python" "$folder/finding.py"
