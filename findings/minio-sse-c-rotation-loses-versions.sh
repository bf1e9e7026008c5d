#!/bin/sh
# MinIO's last release (2026-02-12) loses an object whose SSE-C key is rotated by a copy onto itself, where the bucket keeps
# versions: it answers 200, and the new version, which is the newest one, can be read with neither key.
#
# CopyObject with the same source and target, the old key as the source's and another one as the target's, is how S3
# changes the key of an object. Without versions MinIO seals the object's own key anew, and all is well. With versions it
# makes a new version whose metadata says so, and whose data nobody wrote: GET breaks off or is refused. Only who names the
# old version by its id has the data. The same happens where both keys are one. An object of a few kilobytes is kept with
# its metadata and survives; the one here has 70 kB. A proxy that adds SSE-C headers to copies turns harmless requests
# into this one.
#
#   findings/minio-sse-c-rotation-loses-versions.sh     needs Python >= 3.12 with venv, PyPI, Go >= 1.24 and openssl;
#                                                       five minutes, most of them Go's
#
# Exit status 0 while it is so, 1 when it has changed.
set -eu

folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; wait; chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet boto3==1.44.5
GOBIN=$folder/bin go install github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c

mkdir -p "$folder/certs" "$folder/data"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 \
  -keyout "$folder/certs/private.key" -out "$folder/certs/public.crt" 2>/dev/null
port=$("$folder/venv/bin/python" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
HOME=$folder MINIO_ROOT_USER=finding MINIO_ROOT_PASSWORD=finding-secret MINIO_BROWSER=off \
  "$folder/bin/minio" server --quiet --address "127.0.0.1:$port" --certs-dir "$folder/certs" "$folder/data" >/dev/null 2>&1 &
server=$!

PORT=$port CA=$folder/certs/public.crt "$folder/venv/bin/python" - <<'PYTHON'
import os
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

s3 = boto3.client(
    "s3",
    endpoint_url=f"https://127.0.0.1:{os.environ['PORT']}",
    region_name="us-east-1",
    aws_access_key_id="finding",
    aws_secret_access_key="finding-secret",
    verify=os.environ["CA"],
    config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
)
for _ in range(100):
    try:
        s3.list_buckets()
        break
    except (BotoCoreError, ClientError):
        time.sleep(0.2)

OLD, NEW = b"o" * 32, b"n" * 32
DATA = os.urandom(70_000)


def sse(key, prefix=""):
    return {f"{prefix}SSECustomerAlgorithm": "AES256", f"{prefix}SSECustomerKey": key}


def read(bucket, key, **more):
    """What a GET with this key gives."""
    try:
        body = s3.get_object(Bucket=bucket, Key="object", **sse(key), **more)["Body"].read()
    except ClientError as error:
        return error.response["Error"]["Code"]
    except (BotoCoreError, HTTPError, AttributeError):
        return "breaks off"
    return "whole" if body == DATA else "other bytes"


rows = []
for versions in (False, True):
    for new in (NEW, OLD):
        bucket = f"rotation-{'with' if versions else 'without'}-{'another' if new == NEW else 'same'}"
        s3.create_bucket(Bucket=bucket)
        if versions:
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        first = s3.put_object(Bucket=bucket, Key="object", Body=DATA, **sse(OLD)).get("VersionId")
        copied = s3.copy_object(
            Bucket=bucket, Key="object", CopySource={"Bucket": bucket, "Key": "object"},
            **sse(OLD, "CopySource"), **sse(new),
        )
        now = {key: read(bucket, key) for key in {OLD, new}}
        told = " or ".join(sorted(set(now.values())))
        by_id = f"; the old version by its id: {read(bucket, OLD, VersionId=first)}" if versions else ""
        status = copied["ResponseMetadata"]["HTTPStatusCode"]
        print(f"{bucket}: the copy answers {status}; the newest version: {told}{by_id}")
        rows.append((versions, "whole" in now.values(), by_id))
as_described = all(readable is not versions for versions, readable, _ in rows) and all("whole" in by_id for v, _, by_id in rows if v)
print("as described: with versions the newest one is lost" if as_described else "changed")
sys.exit(not as_described)
PYTHON
