"""A few exchanges for the tests of tools that read captures."""

from dataclasses import replace

from s3gateway.observed.capture import Chunks, Exchange, Explanation, Head, Response

GET = Exchange(
    id="ID1",
    time="2026-01-31T12:00:00.000Z",
    tls=True,
    incoming=Head("GET", "/lake/a/1", (("Host", "gw:8000"), ("X-Other", "é\x1b[2J\udcff")), ("host",)),
    outgoing=Head("GET", "/lake/a/1", (("Host", "minio:9000"), ("X-Other", "é\x1b[2J\udcff")), ("host",)),
    verdict="admitted",
    operation="GetObject",
    bucket="lake",
    key="a/1",
    identity="spark",
    payload="UNSIGNED-PAYLOAD",
    sse="SSE-C",
    rule="encryption[2]",
    response=Response(200, (("ETag", '"x"'),)),
    timings={"verified": 0.0004, "ended": 0.0121},
)
PUT = replace(
    GET,
    id="ID2",
    incoming=replace(GET.incoming, method="PUT"),
    outgoing=None,
    verdict="refused",
    code="SignatureDoesNotMatch",
    message="The signature does not match.",
    operation="PutObject",
    key="b/2",
    identity="etl?",
    sse="",
    rule="",
    chunks=Chunks(1, 131072, 2, ((131072, 1),)),
    response=Response(403, ()),
    explanation=Explanation("other-secret", "Signed with the secret of client etl2."),
)
LIST = replace(GET, id="ID3", operation="ListObjectsV2", bucket="other", key="", verdict="unknown", response=None)
ALL = (GET, PUT, LIST)
