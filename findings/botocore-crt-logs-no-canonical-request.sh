#!/bin/sh
# botocore 1.44.5 logs neither canonical request nor string to sign at DEBUG once awscrt is installed beside it.
#
# `boto3.set_stream_logger("")`, or `aws --debug`, is where people look when a signature does not match: botocore's own
# signers write `CanonicalRequest` and `StringToSign` there. With awscrt 0.38.1, which `pip install 'boto3[crt]'` brings,
# S3 requests are signed by botocore.crt.auth, which writes neither, and no message says so. Remedy: the environment
# variable BOTO_DISABLE_CRT=true, which brings both back for the same request.
#
#   findings/botocore-crt-logs-no-canonical-request.sh     needs Python >= 3.12 with venv, and PyPI; about a minute
#
# Exit status 0 while it is so, 1 when it has changed.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet botocore==1.44.5

# Presigns nothing and sends nothing: the request is stopped when it is signed.
cat >"$folder/ask.py" <<'PY'
import logging, sys
import botocore.session

logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
session = botocore.session.get_session()
session.set_credentials("AKIDEXAMPLE", "example-secret")
s3 = session.create_client("s3", region_name="us-east-1", endpoint_url="http://127.0.0.1:9")


class Stop(Exception):
    pass


def stop(**kwargs):
    raise Stop


s3.meta.events.register("before-send.s3", stop)
try:
    s3.list_buckets()
except Stop:
    print("signed")
PY

# Prints how many of the two texts the log has.
texts() {
  said=$(AWS_EC2_METADATA_DISABLED=true "$@" "$folder/venv/bin/python" "$folder/ask.py")
  case $said in *signed*) ;; *) echo "changed: the request was not signed" >&2; exit 1 ;; esac
  printf '%s\n' "$said" | grep -c -E 'CanonicalRequest:|StringToSign:' || true
}

alone=$(texts env)
"$folder/venv/bin/pip" install --quiet awscrt==0.38.1
beside=$(texts env)
disabled=$(texts env BOTO_DISABLE_CRT=true)
echo "texts in the log: botocore alone $alone, with awscrt $beside, with BOTO_DISABLE_CRT=true $disabled"
[ "$alone" = 2 ] && [ "$beside" = 0 ] && [ "$disabled" = 2 ] && { echo "as described"; exit 0; }
echo "changed"
exit 1
