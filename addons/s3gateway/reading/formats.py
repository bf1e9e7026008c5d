"""The names of what can be read: what ``--from`` takes, and :attr:`Found.format` has."""

from typing import Final

FORMATS: Final = {
    "capture": "capture of this gateway (log.capture, scripts/capture_headers)",
    "flows": "mitmproxy flow file",
    "har": "HAR file",
    "http": "raw HTTP head",
    "follow": "Wireshark's follow-stream",
    "tcpdump": "tcpdump -A",
    "curl-verbose": "curl -v",
    "curl": "curl command (copy as cURL)",
    "botocore": "debug log of botocore or the AWS CLI",
    "mc": "mc --debug",
    "minio-trace": "trace of minio-py or minio-go",
    "minio-admin-trace": "mc admin trace -v",
    "httpclient": "log of Apache HttpClient (wire or headers)",
    "java-v1": "log of the AWS SDK for Java 1",
    "java-v2": "log of the AWS SDK for Java 2",
    "js-v3": "request that the AWS SDK for JavaScript 3 logs",
    "go-v2": "log of the AWS SDK for Go 2",
    "error": "S3 error document",
    "url": "presigned URL",
    "access-log": "access log line (nginx, HAProxy)",
}
"""Name -> the words for it."""
