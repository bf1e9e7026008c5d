"""A gateway as many are first written, for `mitmdump -s`: it signs what the client sent, then drops hop-by-hop headers.

It is the incident that this project began with, and what scripts/diff_headers is shown on. It verifies nothing: never
put it in front of anything but a test. Keys and the backend's `host:port` come from the environment.
"""

import os
from typing import Any

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from mitmproxy import http

_HOP_BY_HOP = ("connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade")
_NOT_SIGNED = ("authorization", "expect", "content-length", "transfer-encoding")


class _EveryHeader(S3SigV4Auth):
    def headers_to_sign(self, request: Any) -> Any:
        """As botocore did for years: whatever is there."""
        chosen = http.Headers()
        for name, value in request.headers.items():
            if name.lower() not in _NOT_SIGNED:
                chosen[name.lower()] = value
        return chosen


class SignsThenDrops:
    """The fault is the order of the last two steps."""

    def __init__(self) -> None:
        keys = Credentials(os.environ["NAIVE_ACCESS_KEY"], os.environ["NAIVE_SECRET_KEY"])
        self._auth = _EveryHeader(keys, "s3", os.environ.get("NAIVE_REGION", "us-east-1"))
        self._backend = os.environ["NAIVE_BACKEND"]

    def request(self, flow: http.HTTPFlow) -> None:
        """Sign for the backend, then drop."""
        headers = flow.request.headers
        headers["host"] = self._backend
        for name in ("authorization", "x-amz-date", "x-amz-content-sha256"):
            headers.pop(name, None)
        url = f"https://{self._backend}{flow.request.path}"
        request = AWSRequest(flow.request.method, url, headers=dict(headers), data=flow.request.raw_content)
        self._auth.add_auth(request)
        for name in ("Authorization", "X-Amz-Date", "X-Amz-Content-SHA256"):
            headers[name] = request.headers[name]
        for name in _HOP_BY_HOP:
            headers.pop(name, None)


addons = [SignsThenDrops()]
