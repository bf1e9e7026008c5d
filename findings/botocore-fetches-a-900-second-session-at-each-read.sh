#!/bin/sh
# botocore 1.44.5 fetches a session of 900 seconds, the shortest that AssumeRole gives, anew for every request.
#
# A profile with role_arn and duration_seconds = 900 is valid, and so is what STS answers. But botocore renews a session in
# the last 15 minutes of its life, which for this one are its whole life: each time that the credentials are read, for each
# request at least, it calls AssumeRole again before it signs. With 1800 seconds one session serves all requests. So who
# shortens sessions for safety's sake doubles the requests, and meets STS's rate limit; nothing is logged above DEBUG.
#
#   findings/botocore-fetches-a-900-second-session-at-each-read.sh     needs Python >= 3.12 with venv, PyPI, and Go >= 1.24;
#                                                                      five minutes, most of them Go's
#
# Seen with MinIO's last release as the STS: 5 ListBuckets used 5 sessions of 900 s, and 1 session of 1800 s.
# Exit status 0 while it is so, 1 when it has changed.
set -eu

folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; wait; chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet botocore==1.44.5
GOBIN=$folder/bin go install github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c

mkdir "$folder/data"
port=$("$folder/venv/bin/python" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
HOME=$folder MINIO_ROOT_USER=finding MINIO_ROOT_PASSWORD=finding-secret MINIO_BROWSER=off \
  "$folder/bin/minio" server --quiet --address "127.0.0.1:$port" "$folder/data" >/dev/null 2>&1 &
server=$!

cat >"$folder/config" <<CONFIG
[profile short]
role_arn = arn:aws:iam::000000000000:role/any
source_profile = user
duration_seconds = 900

[profile long]
role_arn = arn:aws:iam::000000000000:role/any
source_profile = user
duration_seconds = 1800

[profile user]
aws_access_key_id = somebody
aws_secret_access_key = somebodys-secret
CONFIG

# AssumeRole is for users; MinIO's administrator may not call it. mc makes one.
GOBIN=$folder/bin go install github.com/minio/mc@v0.0.0-20250313080218-cf909e1063a9
mc() { HOME=$folder MC_HOST_here="http://finding:finding-secret@127.0.0.1:$port" "$folder/bin/mc" --quiet "$@"; }
tries=0
until mc admin user add here somebody somebodys-secret >/dev/null 2>&1; do
  tries=$((tries + 1)) && [ "$tries" -lt 100 ] && sleep 0.3
done
mc admin policy attach here readwrite --user somebody >/dev/null

AWS_CONFIG_FILE=$folder/config AWS_SHARED_CREDENTIALS_FILE=$folder/none AWS_ENDPOINT_URL=http://127.0.0.1:$port \
  AWS_DEFAULT_REGION=us-east-1 "$folder/venv/bin/python" - <<'PYTHON'
import sys

import botocore
from botocore.config import Config
from botocore.session import Session

REQUESTS = 5


def sessions(profile: str) -> int:
    """How many sessions so many requests were signed with."""
    used = set()
    s3 = Session(profile=profile).create_client("s3", config=Config(s3={"addressing_style": "path"}))

    def note(request, **_):
        used.add(request.headers["X-Amz-Security-Token"])

    s3.meta.events.register("before-send.s3", note)
    for _ in range(REQUESTS):
        s3.list_buckets()
    return len(used)


found = {seconds: sessions(profile) for profile, seconds in (("short", 900), ("long", 1800))}
for seconds, count in found.items():
    print(f"botocore {botocore.__version__}: {REQUESTS} requests with sessions of {seconds} s: {count} sessions")
sys.exit(found != {900: REQUESTS, 1800: 1})
PYTHON
