"""What two servers could read in two ways, and odd HTTP: refused or cut, or forwarded exactly as it was verified."""

import contextlib
import re
import socket
import ssl
from collections.abc import Callable

import pytest

from s3gateway.sigv4 import canonical
from s3gateway.sigv4.model import RequestHead
from tests.admission import edited
from tests.real import memory
from tests.real.rawhttp import Raw
from tests.refusing import GOOD, UPLOADS, Made, Request, auth, stream, then, url
from tests.sigv4 import aws
from tests.wire.front import BUCKET, Front, body_bytes, head_bytes, now, on_wire

OTHER = auth("DELETE", "/bucket/old")
"""A request that is good by itself: the one that is to be smuggled in."""


def refused_or_cut(raw: Raw, data: bytes) -> bytes:
    """Send, and read to the end of the connection, which must come; give what was read: no success is in it."""
    with contextlib.suppress(ConnectionError):
        raw.send(data)
    read = b""
    with contextlib.suppress(ConnectionError):
        while more := raw.socket.recv(1 << 16):
            read += more
    assert all(400 <= int(status) < 600 for status in re.findall(rb"HTTP/1\.1 ([0-9]+)", read)), read
    return read


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5\r\nContent-Length: 5\r\n",
        b"Content-Length: 5, 5\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: -5\r\n",
        b"Content-Length: 0x5\r\n",
        b"Content-Length: 05\r\n",
        b"Content-Length:\r\n",
        b"Content-Length : 5\r\n",
        b"Content-Length: 1\r\n 5\r\n",
        b"Content_Length: 5\r\nContent-Length: 99999999999999999999\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b" Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: gzip\r\n",
        b"Transfer-Encoding:\r\n chunked\r\n",
        b"Transfer-Encoding: \x00chunked\r\n",
        b"Transfer-Encoding: ch\xfcnked\r\n",
        b"Transfer-Encoding:\r\n",
        b": 5\r\n",
        b"no colon\r\n",
        b"x(y): 5\r\n",
    ],
)
def test_an_unclear_framing_reaches_nobody(front: Front, framing: bytes) -> None:
    """Two framings, twice the same, or one that is not plain: one refusal at most, and the bytes behind are nothing."""
    head = head_bytes(UPLOADS[aws.UNSIGNED](now())).replace(b"Content-Length: 1\r\n", framing)
    before = front.stored()
    with front.connect() as raw:
        refused_or_cut(raw, head + b"5\r\nhello\r\n0\r\n\r\n" + on_wire(OTHER(now())))
    assert front.recorder.requests() == []
    assert front.stored() == before


def chunked(data: bytes) -> Made:
    """A good upload of this data in HTTP chunks, of which the test writes the body itself."""
    fields = [("Transfer-Encoding", "chunked"), ("x-amz-decoded-content-length", str(len(data)))]
    return stream(aws.STREAMING_UNSIGNED_TRAILER, (data,), headers=fields[:1])


@pytest.mark.parametrize(
    "spoilt",
    [
        lambda body: b"g" + body,
        lambda body: b"0x" + body,
        lambda body: b"+" + body,
        lambda body: b"-" + body,
        lambda body: b"f" * 21 + body,
        lambda body: body.replace(b"\r\n", b"\n", 1),
        lambda body: body.replace(b"\r\n", b" x\r\n", 1),
        lambda body: body[: body.rindex(b"0\r\n")].removesuffix(b"\r\n") + b"x\r\n0\r\n\r\n",
        lambda body: body[: body.rindex(b"0\r\n")].removesuffix(b"\r\n") + b"0\r\n\r\n",
        lambda body: b"1;" + b"a" * 1_000_000 + b"\r\n" + body,
        lambda body: b"g\r\n" + body + b"x" * 1_000_000,
    ],
)
def test_a_broken_http_chunk_ends_the_connection(front: Front, spoilt: Callable[[bytes], bytes]) -> None:
    """However much lies behind it, nothing of that is a request, the upload commits nothing, and nobody waits."""
    request, before = chunked(b"data")(now()), front.stored()
    with front.connect() as raw:
        refused_or_cut(raw, head_bytes(request) + spoilt(body_bytes(request)) + on_wire(OTHER(now())))
    assert all((sent.method, sent.complete) == ("PUT", False) for sent in front.recorder.requests())
    assert front.stored() == before


def test_much_behind_a_broken_http_chunk_leaves_no_connection_open(front: Front) -> None:
    """mitmproxy forgets one now and then, when more reads wait than it has handled: each has to end all the same."""
    request = auth("PUT", "/bucket/key", [("Transfer-Encoding", "chunked")], payload=aws.UNSIGNED)(now())
    for _ in range(20):
        with front.connect() as raw:
            raw.send(head_bytes(request) + b"1\r\nx\r\n")
            refused_or_cut(raw, b"g\r\n" + b"a" * 1_000_000)


@pytest.mark.parametrize(
    "spelled",
    [
        lambda body: body.replace(b"\r\n", b";name=value\x00\r\n", 1),
        lambda body: body.replace(b"\r\n", b';a="b"\r\n', 1),
        lambda body: b"000" + body,
        lambda body: body.removesuffix(b"\r\n") + b"X-Amz-Acl: public-read\r\nContent-Length: 3\r\n\r\n",
    ],
    ids=["extension", "quoted extension", "zeros", "trailer"],
)
def test_what_http_chunks_carry_besides_data_goes_no_further(front: Front, spelled: Callable[[bytes], bytes]) -> None:
    """Extensions and HTTP trailers are nobody's signed word: the data is stored, they are not sent on."""
    request = chunked(b"data")(now())
    with front.connect() as raw:
        raw.send(head_bytes(request) + spelled(body_bytes(request)))
        assert raw.read().status == 200
        assert raw.ask(on_wire(GOOD_OLD(now()))).body == b"old"
    wire = b"".join(bytes(connection.sent) for connection in front.recorder.connections())
    assert not any(extra in wire.lower() for extra in (b"name=value", b'a="b"', b"x-amz-acl", b"\r\n000"))
    s3 = front.s3
    assert s3.get_object(Bucket=BUCKET, Key="key")["Body"].read() == b"data"
    s3.delete_object(Bucket=BUCKET, Key="key")


GOOD_OLD = auth("GET", "/bucket/old")


def test_endless_lines_cost_no_memory(front: Front) -> None:
    """A chunk header that never ends, behind a request that is refused: what was sent is not kept."""
    anonymous = b"PUT /bucket/key HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;"
    before = memory.reset_peak(front.gateway.pid)
    with front.connect() as raw, contextlib.suppress(ConnectionError):
        raw.send(anonymous)
        for _ in range(64):
            raw.send(b"a" * memory.MIB)
    assert memory.peak(front.gateway.pid) - before < 24 * memory.MIB
    assert front.untouched()


@pytest.mark.parametrize(
    "line",
    [
        b"GET /bucket/key\r\nx-amz-acl:public-read HTTP/1.1",
        b"GET /bucket/key\rx HTTP/1.1",
        b"GET /bucket/ke\x00y HTTP/1.1",
        b"GET /bucket/ke y HTTP/1.1",
        b"GET /bucket/key%0d%0aX:1 HTTP/1.1",
        b"GET /bucket/ke\x7fy HTTP/1.1",
        b"GET /bucket/key#x HTTP/1.1",
        b"GET bucket/key HTTP/1.1",
        b"GET * HTTP/1.1",
        b"GET http://127.0.0.1:%d/bucket/key HTTP/1.1",
        b"GET https://127.0.0.1:%d/bucket/key HTTP/1.1",
        b"CONNECT 127.0.0.1:%d HTTP/1.1",
        b"GET //127.0.0.1:%d/bucket/key HTTP/1.1",
        b"GET /bucket/key",
        b"GET /bucket/key HTTP/2.0",
        b"GET /bucket/key HTTP/1.2",
        b"GET /bucket/key HTTP/1.11",
        b"GET /bucket/key http/1.1",
        b"GET /bucket/key HTTP/0.9",
        b"get /bucket/key HTTP/1.1",
        b"G\x00T /bucket/key HTTP/1.1",
        b"TRACE /bucket/key HTTP/1.1",
    ],
)
def test_an_odd_request_line_reaches_nobody(front: Front, line: bytes) -> None:
    """Refused or cut, whatever follows it, and whether the address in it is the backend's or another's."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(0.2)
        for port in (front.recorder.port, front.minio.port, front.gateway.port, other.getsockname()[1]):
            request = head_bytes(GOOD(now())).partition(b"\r\n")[2]
            with front.connect() as raw, contextlib.suppress(ConnectionError):
                raw.send(line.replace(b"%d", b"%d" % port) + b"\r\n" + request)
                answer = raw.read()
                assert 400 <= answer.status < 600
                if b"%d" not in line:
                    front.check_hidden(answer)
            if b"%d" not in line:
                break
        with pytest.raises(TimeoutError):
            other.accept()
    assert front.untouched()


@pytest.mark.parametrize(
    "pair",
    [
        ("X-Forwarded-Host", "other.example:1"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Scheme", "http"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("X-Forwarded-Port", "1"),
        ("X-Real-Ip", "10.0.0.1"),
        ("X-Original-Url", "/other"),
        ("X-Rewrite-Url", "/other"),
        ("X-Http-Method-Override", "DELETE"),
        ("Forwarded", "for=10.0.0.1;host=other.example:1;proto=http"),
        ("Via", "1.1 other"),
    ],
    ids=lambda pair: str(pair[0]),
)
def test_no_header_chooses_or_reveals_the_backend(front: Front, pair: tuple[str, str]) -> None:
    """Each goes on as a header and no more: the request arrives at the backend, which no answer names."""
    s3, changes = front.s3, auth("GET", "/bucket/old", [pair])
    assert front.ask(changes(now())).body == b"old"
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="key")["UploadId"]
    tag = s3.upload_part(Bucket=BUCKET, Key="key", UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    document = (
        f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{tag}</ETag></Part></CompleteMultipartUpload>"
    )
    complete = auth("POST", f"/bucket/key?uploadId={upload}", [pair], payload=aws.UNSIGNED, body=document.encode())
    answer = front.ask(complete(now()))
    assert b"<Location>http://gateway.example:8000/bucket/key</Location>" in answer.body
    s3.delete_object(Bucket=BUCKET, Key="key")
    authority = front.recorder.endpoint.removeprefix("https://").encode()
    assert [sent.values("host") for sent in front.recorder.requests()] == [[authority]] * 2
    assert [sent.values(pair[0]) for sent in front.recorder.requests()] == [[pair[1].encode()]] * 2


def test_no_answer_names_the_backend(front: Front) -> None:
    """Errors of the gateway and of MinIO, and successes of all kinds; ``Front.ask`` looks through each."""
    wanted: list[tuple[int, Made]] = [
        (200, auth("GET", "/")),
        (200, auth("GET", "/bucket")),
        (200, auth("GET", "/bucket?location")),
        (200, auth("GET", "/bucket?versions")),
        (200, auth("GET", "/bucket?uploads")),
        (200, auth("GET", "/bucket/old")),
        (200, auth("HEAD", "/bucket/old")),
        (200, auth("HEAD", "/bucket")),
        (404, auth("GET", "/bucket/nothing")),
        (404, auth("HEAD", "/bucket/nothing")),
        (404, auth("GET", "/no-such-bucket")),
        (404, auth("GET", "/bucket?policy")),
        (404, auth("GET", "/bucket/key?uploadId=x")),
        (409, auth("PUT", "/bucket", payload=aws.UNSIGNED, body=b"")),
        (416, auth("GET", "/bucket/old", [("Range", "bytes=9-")])),
        (412, auth("GET", "/bucket/old", [("If-Match", '"x"')])),
        (304, auth("GET", "/bucket/old", [("If-None-Match", '"149603e6c03516362a8da23f624db945"')])),
        (200, auth("PUT", "/bucket/copy", [("x-amz-copy-source", "/bucket/old")], body=b"")),
        (204, auth("DELETE", "/bucket/copy")),
        (403, auth("GET", "/bucket/old", who={"secret": "x"})),
        (400, auth("GET", "/x")),
    ]
    for status, made in wanted:
        assert front.ask(made(now())).status == status, made(now()).head.target


def test_a_valid_request_behind_another(front: Front) -> None:
    """Pipelined uploads and downloads are each verified, forwarded in order, and answered in order."""
    requests = [
        UPLOADS["SHA256"](now()),
        auth("GET", "/bucket/key")(now()),
        UPLOADS[aws.STREAMING](now()),
        auth("GET", "/bucket/key", who={"secret": "x"})(now()),
        UPLOADS[aws.STREAMING_UNSIGNED_TRAILER](now()),
        auth("GET", "/bucket/old")(now()),
        OTHER_KEY(now()),
    ]
    with front.connect() as raw:
        raw.send(b"".join(map(on_wire, requests)))
        answers = [raw.read() for _ in requests]
    assert [answer.status for answer in answers] == [200, 200, 200, 403, 200, 200, 204]
    assert [answers[1].body, answers[5].body] == [b"x", b"old"]
    sent = [(request.method, request.target, request.complete) for request in front.recorder.requests()]
    expected = [(r.head.method.decode(), r.head.target, True) for r in (*requests[:3], *requests[4:])]
    assert sent == expected


OTHER_KEY = auth("DELETE", "/bucket/key")


def test_what_follows_a_refused_upload_is_not_a_request(front: Front) -> None:
    """The connection ends with the refusal, so that a good request behind it is dropped."""
    for made in (
        then(UPLOADS[aws.STREAMING], lambda head: edited(head, target=b"/bucket/other")),
        stream(aws.STREAMING, (b"a" * 300,), edit=lambda body: body.replace(b"aaa", b"aab", 1)),
        stream(aws.STREAMING_UNSIGNED_TRAILER, (b"a" * 300,), tail=b"junk"),
    ):
        with front.connect() as raw:
            read = refused_or_cut(raw, on_wire(made(now())) + on_wire(OTHER(now())))
            assert read.count(b"HTTP/1.1 ") == 1
    assert all(not sent.complete or b"0" * 64 in sent.body for sent in front.recorder.requests())
    assert "old" in front.stored()


def test_http_1_0(front: Front) -> None:
    """It is answered, and the connection ends; the backend is asked in HTTP/1.1. Chunked it cannot be."""
    before, request = front.stored(), chunked(b"data")(now())
    with front.connect() as raw:
        raw.send(head_bytes(GOOD_OLD(now()), version=b"HTTP/1.0") + on_wire(OTHER(now())))
        line, _, rest = raw.socket.makefile("rb").read().partition(b"\r\n")
    assert (line, rest.rpartition(b"\r\n\r\n")[2]) == (b"HTTP/1.1 200 OK", b"old")
    assert [sent.target for sent in front.recorder.requests()] == [b"/bucket/old"]
    wire = b"".join(bytes(connection.sent) for connection in front.recorder.connections())
    assert re.findall(rb" HTTP/1\.[01]\r\n", wire) == [b" HTTP/1.1\r\n"]
    front.forget()
    with front.connect() as raw:
        assert refused_or_cut(raw, head_bytes(request, version=b"HTTP/1.0") + body_bytes(request))
    assert front.stored() == before
    assert front.untouched()


def test_http_2_is_not_offered(front: Front) -> None:
    """ALPN settles for HTTP/1.1; with h2 alone there is none, and a preface gets nowhere."""
    for offered, chosen in ((["h2", "http/1.1"], "http/1.1"), (["h2"], None)):
        context = ssl.create_default_context(cafile=front.ca_file)
        context.set_alpn_protocols(offered)
        plain = socket.create_connection(("127.0.0.1", front.gateway.port), timeout=120)
        with (
            contextlib.suppress(ssl.SSLError, ConnectionError),
            context.wrap_socket(plain, server_hostname="127.0.0.1") as tls,
        ):
            assert tls.selected_alpn_protocol() == chosen
            tls.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
            assert not tls.recv(1 << 16).startswith(b"\0")
    assert front.untouched()


TARGETS = [
    b"/bucket/a%2Fb",
    b"/bucket/a%2fb%C3%A9%c3%a9",
    b"/bucket/a+b%20c%2B",
    b"/bucket/\xc3\xa9 raw".replace(b" ", b"%20"),
    b"/bucket/\xff\xfe%ff",
    b"/bucket/~it's(1)*!&=@:,$",
    b"/bucket/%7e%41",
    b"/bucket/a...b/..c/c../.d",
    b"/bucket/old?",
    b"/bucket/old?x-id=GetObject&&x-a",
    b"/bucket?prefix=a+b%2B&delimiter=%2F",
    b"/bucket/?list-type=2&prefix=%ff\xff",
]


@pytest.mark.parametrize("target", TARGETS)
def test_the_path_that_was_verified_is_the_path_that_is_forwarded(front: Front, target: bytes) -> None:
    """Byte for byte, whatever the backend makes of it: MinIO cannot verify a key that is no UTF-8."""
    path, _, query = target.partition(b"?")
    made = auth("GET", "/x", uri=canonical.canonical_uri(path), query=canonical.canonical_query(query))
    request = then(made, lambda head: RequestHead(head.method, target, head.headers))(now())
    answer = front.ask(request)
    assert answer.status in ({400, 403} if b"\xff" in target else {200, 404}), answer
    assert [sent.target for sent in front.recorder.requests()] == [target]


@pytest.mark.parametrize(
    "value", [b"caf\xc3\xa9", b"\xff\xfe", b"a\tb", b"%0d%0aX:%201", b"\xe2\x80\xa8", b'a;b,c="d"']
)
def test_odd_metadata_arrives_as_it_is(front: Front, value: bytes) -> None:
    """No byte of it is changed, split or joined on the way to the backend."""
    request = auth("PUT", "/bucket/key", [("x-amz-meta-a", value)], payload=aws.UNSIGNED)(now())
    front.ask(request)
    (sent,) = front.recorder.requests()
    assert sent.values("x-amz-meta-a") == [value]
    front.s3.delete_object(Bucket=BUCKET, Key="key")


def test_a_folded_header_arrives_as_one_line(front: Front) -> None:
    """RFC 9112 section 5.2: a proxy may not pass line folding on."""
    request = auth("PUT", "/bucket/key", [("x-amz-meta-a", "1 2")], payload=aws.UNSIGNED)(now())
    wire = on_wire(request).replace(b"x-amz-meta-a: 1 2\r\n", b"x-amz-meta-a: 1 \r\n\t  2\r\n")
    assert front.ask(wire).status == 200
    (sent,) = front.recorder.requests()
    assert sent.values("x-amz-meta-a") == [b"1 2"]
    front.s3.delete_object(Bucket=BUCKET, Key="key")


def test_a_presigned_request_keeps_the_rest_of_its_query(front: Front) -> None:
    """Only the parameters of the signature go; the others stay byte for byte, whatever stands between them."""
    signed = url("GET", "/bucket/old?response-content-type=text%2Fplain&response-cache-control=a%20b")(now())
    target = signed.head.target.replace(b"text%2Fplain", b"text%2fplain").replace(b"a%20b", b"a+b")
    assert front.ask(Request(edited(signed.head, target=target))).body == b"old"
    (sent,) = front.recorder.requests()
    assert sent.target == b"/bucket/old?response-content-type=text%2fplain&response-cache-control=a+b"


def test_requests_may_be_larger_than_one_read(front: Front) -> None:
    """The head in pieces of one byte is the same head: verified and forwarded once."""
    wire = on_wire(GOOD_OLD(now()))
    with front.connect() as raw:
        raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in wire:
            raw.send(bytes([byte]))
        assert raw.read().body == b"old"
    assert len(front.recorder.requests()) == 1
