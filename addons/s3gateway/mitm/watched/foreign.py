"""A flow of S3 that has not passed the gateway, as one of a plain mitmproxy's flow file: read, and explained.

Nothing is put on the flow. A search for a cause takes up to a fifth of a second, so the last ones are kept.
"""

import re
from collections.abc import Callable, Hashable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from mitmproxy import http

from s3gateway.config.model import Config
from s3gateway.explain.judge import Judge
from s3gateway.observed.capture import METADATA_KEY, Exchange, Explanation
from s3gateway.observed.redaction import captured_response, time_text
from s3gateway.reading.draft import plain_exchange
from s3gateway.reading.model import Found
from s3gateway.sigv4.model import RequestHead

_SIGNED: Final = re.compile(rb"AWS4-|AWS [^:]+:")
_PRESIGNED: Final = re.compile(rb"[?&](X-Amz-Algorithm|X-Amz-Signature|AWSAccessKeyId)=")
_OF_S3: Final = ("x-amz-request-id", "x-amz-id-2", "x-minio-error-code")
_KEPT: Final = 64


class Foreign:
    """Reads such flows, with the configuration that is in force."""

    def __init__(self, config: Callable[[], Config]) -> None:
        self._config = config
        self._kept: dict[Hashable, Explanation] = {}

    def exchange(self, flow: http.HTTPFlow) -> Exchange:
        """Give the exchange that a flow of S3 would carry, redacted and explained."""
        found = _found(flow)
        if not found.failed:
            return found.exchange
        config = self._config()
        key = found.raw, found.status, found.at, id(config)
        explanation = self._kept.get(key) or Judge(config, (), None).judge(found).explanation
        self._kept.pop(key, None)
        self._kept[key] = explanation
        if len(self._kept) > _KEPT:
            del self._kept[next(iter(self._kept))]
        return replace(found.exchange, explanation=explanation)


def is_foreign(flow: object) -> bool:
    """Whether it is a flow of S3 that the gateway has not seen, and that is over."""
    if not isinstance(flow, http.HTTPFlow) or flow.live or METADATA_KEY in flow.metadata:
        return False
    data, answer = flow.request.data, flow.response
    signed = any(name.lower() == b"authorization" and _SIGNED.match(value) for name, value in data.headers.fields)
    return signed or bool(_PRESIGNED.search(data.path)) or any(name in answer.headers for name in _OF_S3 if answer)


def _found(flow: http.HTTPFlow) -> Found:
    data, answer = flow.request.data, flow.response
    head = RequestHead(data.method, data.path, data.headers.fields)
    began = flow.request.timestamp_start
    exchange = plain_exchange(head, number=flow.id, time=time_text(began), tls=flow.client_conn.tls)
    body = b""
    if answer is not None:
        body = answer.get_content(strict=False) or b""
        response = captured_response(answer.status_code, answer.headers.fields)
        code = answer.headers.get("x-minio-error-code", "")
        exchange = replace(exchange, response=response, backend_error=code)
    return Found(exchange, "flows", raw=head, body=data.content, answer=body, at=datetime.fromtimestamp(began, UTC))
