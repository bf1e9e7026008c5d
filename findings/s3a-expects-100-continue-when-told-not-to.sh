#!/bin/sh
# Hadoop 3.5.0's S3A sends `Expect: 100-continue` with each upload, whatever fs.s3a.connection.expect.continue says.
#
# The setting is for stores and proxies that do not answer 100 Continue, where each upload waits a while for one. S3A
# hands it to the HTTP client of AWS's SDK 2, and the SDK adds the header to a PUT with a body all the same.
#
#   findings/s3a-expects-100-continue-when-told-not-to.sh     needs Python >= 3.11 with venv, PyPI, Maven Central and
#                                                             Java >= 17; 1.2 GB of downloads
#
# Seen: pyspark 4.2.1 with hadoop-aws 3.5.0: 2 of 2 uploads expect 100 Continue with true, 2 of 2 with false.
# Exit status 0 while it is so, 1 when it has changed.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pyspark==4.2.1

cat >"$folder/finding.py" <<'PYTHON'
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pyspark.sql import SparkSession

uploads = []


class Store(BaseHTTPRequestHandler):
    """As much of S3 as writing a file takes. Nothing is kept; http.server answers 100 Continue itself."""

    protocol_version = "HTTP/1.1"

    def _answer(self, status, body=b"", **fields):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self):
        self._answer(404)

    def do_GET(self):
        self._answer(200, b"<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>")

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._answer(200, b"<DeleteResult></DeleteResult>")

    def do_DELETE(self):
        self._answer(204)

    def do_PUT(self):
        size = int(self.headers.get("Content-Length", 0))
        self.rfile.read(size)
        if size and not self.path.endswith("/"):
            uploads.append(self.headers.get("Expect"))
        self._answer(200, ETag='"0123456789abcdef0123456789abcdef"')

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
threading.Thread(target=server.serve_forever, daemon=True).start()
spark = (
    SparkSession.builder.master("local[1]")
    .config("spark.jars.packages", "org.apache.hadoop:hadoop-aws:3.5.0")
    .config("spark.jars.ivy", sys.argv[1])
    .config("spark.ui.enabled", "false")
    .getOrCreate()
)
seen = {}
for value in ("true", "false"):
    conf = spark._jvm.org.apache.hadoop.conf.Configuration(spark._jsc.hadoopConfiguration())
    for name, setting in {
        "endpoint": f"http://127.0.0.1:{server.server_port}",
        "endpoint.region": "us-east-1",
        "path.style.access": "true",
        "access.key": "finding",
        "secret.key": "finding-secret",
        "connection.expect.continue": value,
        "impl.disable.cache": "true",
    }.items():
        conf.set(f"fs.s3a.{name}", setting)
    path = spark._jvm.org.apache.hadoop.fs.Path("s3a://finding/")
    files = path.getFileSystem(conf)
    for number in range(2):
        out = files.create(spark._jvm.org.apache.hadoop.fs.Path(f"s3a://finding/{value}-{number}"))
        out.write(bytearray(b"x" * 100_000))
        out.close()
    files.close()
    seen[value] = uploads.copy()
    uploads.clear()
spark.stop()
server.shutdown()
for value, expects in seen.items():
    count = expects.count("100-continue")
    print(f"fs.s3a.connection.expect.continue={value}: {count} of {len(expects)} uploads expect 100 Continue")
sys.exit(0 if seen == {"true": ["100-continue"] * 2, "false": ["100-continue"] * 2} else 1)
PYTHON
"$folder/venv/bin/python" "$folder/finding.py" "$folder/ivy"
