#!/bin/sh
# Flink 2.3.0's own S3 file system (flink-s3-fs-native) does not find a file of 0 bytes that it has just written.
#
# The object is stored, and its HEAD answers 200 with Content-Length 0. Yet exists() says no, and open() throws
# FileNotFoundException. A file of one byte is found. So markers such as _SUCCESS and empty results are there for every
# other client, and not for Flink.
#
#   findings/flink-s3-native-does-not-find-an-empty-file.sh     needs Python >= 3.11, Java >= 17 and Maven; 80 MB of
#                                                               downloads
#
# Seen: 0 bytes: 1 PUT, exists false, FileNotFoundException; 1 byte: 1 PUT, exists true, 1 byte read.
# Exit status 0 while it is so, 1 when it has changed.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/pom.xml" <<'POM'
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>finding</groupId><artifactId>finding</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.flink</groupId><artifactId>flink-s3-fs-native</artifactId><version>2.3.0</version></dependency>
    <dependency><groupId>org.apache.flink</groupId><artifactId>flink-core</artifactId><version>2.3.0</version></dependency>
  </dependencies>
</project>
POM
mvn -q -B -f "$folder/pom.xml" dependency:copy-dependencies -DoutputDirectory="$folder/jars"

cat >"$folder/Finding.java" <<'JAVA'
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.FileSystem;
import org.apache.flink.core.fs.Path;

public class Finding {
    public static void main(String[] arguments) throws Exception {
        Configuration conf = new Configuration();
        conf.setString("s3.endpoint", arguments[0]);
        conf.setString("s3.region", "us-east-1");
        conf.setString("s3.path-style-access", "true");
        conf.setString("s3.access-key", "finding");
        conf.setString("s3.secret-key", "finding-secret");
        conf.setString("io.tmp.dirs", arguments[1]);
        FileSystem.initialize(conf, null);
        FileSystem files = FileSystem.get(URI.create("s3://finding/"));
        for (int size = 0; size <= 1; size++) {
            FSDataOutputStream out = files.create(new Path("s3://finding/of-" + size), FileSystem.WriteMode.OVERWRITE);
            out.write(new byte[size]);
            out.close();
            Path path = new Path("s3://finding/of-" + size);
            String read;
            try (InputStream in = files.open(path)) {
                read = in.readAllBytes().length + " bytes read";
            } catch (IOException error) {
                read = error.getClass().getSimpleName();
            }
            System.out.println(size + " exists=" + files.exists(path) + " " + read);
        }
        System.exit(0);
    }
}
JAVA

cat >"$folder/finding.py" <<'PYTHON'
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

folder = sys.argv[1]
stored = {}
ETAG = '"0123456789abcdef0123456789abcdef"'


class Store(BaseHTTPRequestHandler):
    """As much of S3 as writing and reading a file takes."""

    protocol_version = "HTTP/1.1"

    def _answer(self, status, body=b"", **fields):
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self):
        data = stored.get(self.path)
        self.send_response(404 if data is None else 200)
        if data is not None:
            self.send_header("ETag", ETAG)
            self.send_header("Last-Modified", "Sun, 29 Nov 2026 00:00:00 GMT")
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()

    def do_GET(self):
        data = stored.get(self.path.partition("?")[0])
        if data is None:
            data = b"<ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>"
        self._answer(200, data, ETag=ETAG)

    def do_PUT(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        size = int(self.headers.get("x-amz-decoded-content-length", len(body)))
        stored[self.path.partition("?")[0]] = b"x" * size
        self._answer(200, ETag=ETAG)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
server.handle_error = lambda *_: None  # the client resets connections when it ends
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
told = subprocess.run(
    ["java", "-cp", f"{folder}/jars/*", f"{folder}/Finding.java", url, folder],
    check=True, stdout=subprocess.PIPE, text=True,
).stdout.splitlines()
server.shutdown()
print("stored:", {path: len(data) for path, data in stored.items()})
print(*told, sep="\n")
is_stored = stored == {"/finding/of-0": b"", "/finding/of-1": b"x"}
is_so = told == ["0 exists=false FileNotFoundException", "1 exists=true 1 bytes read"]
sys.exit(0 if is_stored and is_so else 1)
PYTHON
"${PYTHON:-python3}" "$folder/finding.py" "$folder"
