"""Pages of other origins on the wire: preflights that no backend sees, and what other answers say to a browser."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from lab.certs import Certs
from tests.real.rawhttp import Answer
from tests.real.waiting import eventually
from tests.refusing import Made, auth, url
from tests.sigv4 import aws
from tests.wire.front import body_bytes, head_bytes, now, on_wire
from tests.wire.inprocess import Answering, Keeping, Wire, ok
from tests.wire.scripted import Exchange
from tests.wire.test_own_wire import added

APP = "https://app.example.com"
VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
RULES = [
    {
        "bucket": "buck*",
        "origins": [APP],
        "methods": ["GET", "PUT"],
        "headers": ["*"],
        "expose": ["ETag"],
        "max_age": 60,
    }
]
DOCUMENT = (
    f"<CORSConfiguration><CORSRule><AllowedOrigin>{APP}</AllowedOrigin><AllowedMethod>PUT</AllowedMethod>"
    f"<AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"
).encode()
OTHER = DOCUMENT.replace(b"app.", b"other.")
ALLOWED = {
    "Access-Control-Allow-Origin": APP,
    "Access-Control-Allow-Methods": "GET, PUT",
    "Access-Control-Expose-Headers": "ETag",
    "Access-Control-Max-Age": "60",
    "Access-Control-Allow-Credentials": "true",
    "Vary": VARY,
}
ORIGIN = (b"Origin", APP.encode())
MINIOS = (
    b"Access-Control-Allow-Credentials: true\r\nAccess-Control-Allow-Origin: https://app.example.com\r\n"
    b"Access-Control-Expose-Headers: Date, Etag, Server\r\nVary: Origin\r\nVary: Accept-Encoding\r\n"
)
"""What MinIO answers to any origin."""

GET = auth("GET", "/bucket/key")
WRONG = auth("GET", "/bucket/key", who={"secret": "wrong"})
PUT = auth("PUT", "/bucket/key", payload=aws.UNSIGNED, body=b"x" * 100)


@pytest.fixture(scope="module")
def keeping(certs: Certs) -> Iterator[Keeping]:
    with Keeping(certs) as backend:
        yield backend


@pytest.fixture
def wire(keeping: Keeping, certs: Certs) -> Iterator[Wire]:
    keeping.begin(minio)
    with Wire(keeping, certs, cors=RULES) as running:
        yield running


def minio(exchange: Exchange, request: bytes) -> None:
    body = b"" if request.startswith(b"HEAD") else b"hello"
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: x\r\n" + MINIOS + b"\r\n" + body)


def preflight(
    target: str = "/bucket/key", *more: str, origin: str = APP, method: str = "PUT", version: str = "1.1"
) -> bytes:
    lines = [f"OPTIONS {target} HTTP/{version}", "Host: gateway.example:8000"]
    lines += [f"Origin: {origin}"] if origin else []
    lines += [f"Access-Control-Request-Method: {method}"] if method else []
    return "\r\n".join([*lines, *more, "", ""]).encode()


def told(answer: Answer) -> dict[str, str]:
    """What it says to a browser; no field twice."""
    found = [
        (name, value)
        for name, value in answer.headers
        if name.lower().startswith("access-control-") or name.lower() == "vary"
    ]
    assert len({name.lower() for name, _ in found}) == len(found), found
    return dict(found)


def ask(wire: Wire, request: bytes, method: str = "OPTIONS") -> Answer:
    with wire.connect() as raw:
        return raw.ask(request, method)


# Preflights.


def test_a_preflight_and_its_upload_share_a_connection(wire: Wire, keeping: Keeping) -> None:
    """The gateway answers it by itself, empty, and goes on: the backend sees the upload and nothing else."""
    with wire.connect() as raw:
        answer = raw.ask(preflight("/bucket/key", "Access-Control-Request-Headers: content-type"), "OPTIONS")
        assert (answer.status, answer.body, answer.header("Content-Length")) == (200, b"", "0")
        assert told(answer) == ALLOWED | {"Access-Control-Allow-Headers": "content-type"}
        assert answer.header("Connection") is None
        assert len(answer.header("x-amz-request-id") or "") == 16
        assert raw.ask(on_wire(added(PUT, ORIGIN)), "PUT").status == 200
    assert keeping.requests() == [b"PUT /bucket/key"]


def test_the_log_knows_what_was_asked(wire: Wire) -> None:
    """A line for each, with the key that a presigned URL names; nobody is proven by it."""
    target = url("PUT", "/bucket/a%20b")(now()).head.target.decode()
    assert ask(wire, preflight(target)).status == 200
    assert ask(wire, preflight(origin="https://evil.test")).status == 403
    eventually(lambda: len(wire.books.ended) == 2, "the books are not closed")
    records = [transaction.record for transaction in wire.books.ended]
    assert [(record.operation, record.bucket, record.key, record.status) for record in records] == [
        ("Preflight", "bucket", "a b", 200),
        ("Preflight", "bucket", "key", 403),
    ]
    assert [(record.client, record.refusal) for record in records] == [("spark?", ""), ("", "AccessForbidden")]


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (preflight(origin="https://evil.test"), 403, "AccessForbidden"),
        (preflight(method="DELETE"), 403, "AccessForbidden"),
        (preflight("/other/key"), 403, "AccessForbidden"),
        (preflight("/"), 403, "AccessForbidden"),
        (preflight(origin="null"), 403, "AccessForbidden"),
        (preflight("/bucket/key", f"Origin: {APP}"), 403, "AccessForbidden"),
        (preflight(origin=""), 400, "BadRequest"),
        (preflight(method=""), 400, "BadRequest"),
        (preflight(method="PATCH"), 400, "BadRequest"),
        (preflight("/bucket/key", "Access-Control-Request-Headers: a b"), 400, "BadRequest"),
        (preflight("/bucket/key", "X: a\x01"), 400, "InvalidRequest"),
        (preflight("/bucket/../key"), 400, "InvalidURI"),
        (preflight("/b/key"), 400, "InvalidBucketName"),
        (preflight("/minio/admin"), 403, "AccessDenied"),
        (preflight("*"), 400, "InvalidURI"),
        (preflight("/bucket/" + "k" * 20000), 400, "RequestHeaderSectionTooLarge"),
        (preflight("/bucket/key", "X: " + "x" * 20000), 400, "RequestHeaderSectionTooLarge"),
        (preflight("/bucket/key", *["X: x"] * 200), 400, "RequestHeaderSectionTooLarge"),
        (
            preflight("/bucket/key", "Access-Control-Request-Headers: " + ",".join(map(str, range(201)))),
            400,
            "RequestHeaderSectionTooLarge",
        ),
    ],
    ids=str,
)
def test_refused_preflights(wire: Wire, keeping: Keeping, request_bytes: bytes, status: int, code: str) -> None:
    """Limits and targets hold for them as for all; nothing in the answer lets a page read it."""
    answer = ask(wire, request_bytes)
    assert (answer.status, answer.code, told(answer)) == (status, code, {})
    assert keeping.exchanges == []


def test_aws_words(wire: Wire) -> None:
    assert ask(wire, preflight("/other/key")).error.items() >= {
        ("Message", "CORSResponse: CORS is not enabled for this bucket."),
        ("Method", "PUT"),
        ("ResourceType", "BUCKET"),
        ("Resource", "/other/key"),
    }


def test_a_hundred_headers(wire: Wire) -> None:
    names = ", ".join(f"x-amz-meta-{number}" for number in range(100))
    answer = ask(wire, preflight("/bucket/key", f"Access-Control-Request-Headers: {names}"))
    assert (answer.status, answer.header("Access-Control-Allow-Headers")) == (200, names)


def test_preflights_with_a_body_and_of_http_1_0(wire: Wire, keeping: Keeping) -> None:
    """A body is not read, and ends the connection, as with every answer that does not wait for it."""
    for request in (preflight("/bucket/key", "Content-Length: 5") + b"hello", preflight(version="1.0")):
        with wire.connect() as raw:
            answer = raw.ask(request, "OPTIONS")
            assert (answer.status, answer.header("Connection")) == (200, "close")
            assert raw.is_closed()
    assert keeping.exchanges == []


def test_the_bucket_may_be_in_the_host(keeping: Keeping, certs: Certs) -> None:
    keeping.begin(ok)
    with Wire(keeping, certs, cors=RULES, domains=["s3.test"]) as wire:
        request = preflight("/key").replace(b"gateway.example:8000", b"bucket.s3.test")
        assert ask(wire, request).status == 200


# Every other answer.


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
def test_the_backends_words_are_replaced(wire: Wire, method: str) -> None:
    """Browsers refuse an answer that says them twice. What else it varies by stays."""
    made = {"GET": GET, "PUT": PUT, "HEAD": auth("HEAD", "/bucket/key")}[method]
    with wire.connect() as raw:
        answer = raw.ask(on_wire(added(made, ORIGIN)), method)
    varies = [value for name, value in answer.headers if name == "Vary"]
    fields = {name: value for name, value in answer.headers if name.startswith("Access-Control-")}
    assert answer.status == 200
    if method == "HEAD":  # which no rule allows
        assert (fields, varies) == ({}, ["Accept-Encoding", VARY])
    else:
        assert (fields | {"Vary": VARY}, varies) == (ALLOWED, ["Accept-Encoding", VARY])


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (WRONG, "SignatureDoesNotMatch"),
        (auth("GET", "/bucket/key?unknown"), "InvalidArgument"),
        (auth("GET", "/bucket/key", who={"access_key_id": "nobody"}), "InvalidAccessKeyId"),
        (auth("PUT", "/bucket/key", who={"secret": "wrong"}, payload=aws.UNSIGNED, body=b"x"), "SignatureDoesNotMatch"),
        (auth("PUT", "/bucket/key", payload="ab" * 32, body=b"x"), "XAmzContentSHA256Mismatch"),
    ],
)
def test_a_page_can_read_why_it_is_refused(wire: Wire, made: Made, code: str) -> None:
    """Before the body and after it."""
    request = added(made, ORIGIN)
    answer = ask(wire, on_wire(request), "GET")
    assert (answer.code, told(answer)) == (code, ALLOWED)
    assert told(ask(wire, on_wire(added(made, (b"Origin", b"https://evil.test"))), "GET")) == {"Vary": VARY}


def test_a_page_can_read_that_the_backend_is_away(keeping: Keeping, wire: Wire) -> None:
    keeping.answer = lambda exchange, _: exchange.reset()
    answer = ask(wire, on_wire(added(GET, ORIGIN)), "GET")
    assert (answer.status, told(answer)) == (503, ALLOWED)


def test_an_error_document_of_the_backend(keeping: Keeping, wire: Wire) -> None:
    document = b"<Error><Code>NoSuchKey</Code><Message>gone</Message></Error>"
    head = b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n" % len(document)
    keeping.answer = lambda exchange, _: exchange.send(head + b"Vary: Origin\r\n\r\n" + document)
    answer = ask(wire, on_wire(added(GET, ORIGIN)), "GET")
    assert (answer.code, told(answer)) == ("NoSuchKey", ALLOWED)


def test_answers_to_nobodys_page(wire: Wire) -> None:
    """They vary where there are rules; a bucket without has the backend's words taken off all the same."""
    assert told(ask(wire, on_wire(WRONG(now())), "GET")) == {"Vary": VARY}
    for target in ("/other/key", "/"):
        answer = ask(wire, on_wire(added(auth("GET", target), ORIGIN)), "GET")
        assert (answer.status, told(answer)) == (200, {"Vary": "Accept-Encoding"})
    assert told(ask(wire, b"GET /bucket/../x HTTP/1.1\r\nHost: h\r\nOrigin: x\r\n\r\n", "GET")) == {}


def test_without_cors_nothing_is_decided(keeping: Keeping, certs: Certs) -> None:
    """A preflight is refused, and what the backend says passes."""
    keeping.begin(minio)
    with Wire(keeping, certs) as wire:
        assert ask(wire, preflight()).code == "AccessForbidden"
        answer = ask(wire, on_wire(added(GET, ORIGIN)), "GET")
        assert (b"Access-Control-Allow-Origin: https://app.example.com" in MINIOS, told_raw(answer)) == (
            True,
            [tuple(line.split(": ")) for line in MINIOS.decode().strip().split("\r\n")],
        )
        assert told(ask(wire, on_wire(added(WRONG, ORIGIN)), "GET")) == {}


def told_raw(answer: Answer) -> list[tuple[str, ...]]:
    return [pair for pair in answer.headers if pair[0].startswith("Access-Control-") or pair[0] == "Vary"]


# The bucket's own rules.


class Store:
    """A backend that keeps a CORS document for some buckets, and answers all else as MinIO."""

    def __init__(self) -> None:
        self.documents = {"bucket": DOCUMENT}
        self.status = 404
        self.code = b"NoSuchCORSConfiguration"
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, exchange: Exchange, request: bytes) -> None:
        line = request.partition(b" HTTP/")[0].decode()
        if line.startswith("GET ") and line.endswith("?cors"):
            document = self.documents.get(line[5:-5])
            self.gate.wait(60)
            status = b"200 OK" if document is not None else b"%d No" % self.status
            body = b"<Error><Code>" + self.code + b"</Code></Error>" if document is None else document
            exchange.send(b"HTTP/1.1 " + status + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        else:
            minio(exchange, request)

    def asked(self, keeping: Keeping) -> list[str]:
        """The buckets that were asked about."""
        return [line.decode()[5:-5] for line in keeping.requests() if line.endswith(b"?cors")]


@pytest.fixture
def store(keeping: Keeping) -> Store:
    made = Store()
    keeping.begin(made)
    return made


@pytest.fixture
def own(store: Store, keeping: Keeping, certs: Certs) -> Iterator[Wire]:
    with Wire(keeping, certs, cors="bucket", connect_timeout=5) as running:
        yield running


def test_the_buckets_own_rules(own: Wire, store: Store, keeping: Keeping) -> None:
    """They are asked for once, signed, on a connection that serves the next request too."""
    answer = ask(own, preflight())
    assert (answer.status, answer.header("Access-Control-Allow-Methods")) == (200, "PUT, GET")
    assert ask(own, preflight(origin="https://evil.test")).status == 403
    answer = ask(own, on_wire(added(GET, ORIGIN)), "GET")
    assert answer.header("Access-Control-Allow-Origin") == APP
    assert ask(own, on_wire(added(WRONG, ORIGIN)), "GET").header("Access-Control-Allow-Origin") == APP
    assert keeping.requests() == [b"GET /bucket?cors", b"GET /bucket/key"]
    assert len(keeping.exchanges) == 1
    request = keeping.seen[0][1]
    assert b"\r\nAuthorization: AWS4-HMAC-SHA256 Credential=backend-key/" in request
    assert b"SignedHeaders=host;x-amz-content-sha256;x-amz-date, " in request


def test_an_upload_waits_for_the_rules(own: Wire, store: Store, keeping: Keeping) -> None:
    """Its body is not read before, whatever the client sends ahead; then it streams as any."""
    store.gate.clear()
    request = added(PUT, ORIGIN, (b"Expect", b"100-continue"))
    with own.connect() as raw:
        raw.send(head_bytes(request))
        eventually(lambda: bool(store.asked(keeping)), "nobody asks")
        raw.send(body_bytes(request))
        store.gate.set()
        assert raw.read().status == 100
        answer = raw.read("PUT")
    assert (answer.status, answer.header("Access-Control-Allow-Origin")) == (200, APP)
    assert keeping.seen[1][1].endswith(b"x" * 100)


def test_buckets_without_rules_are_remembered(own: Wire, store: Store, keeping: Keeping) -> None:
    """Those that do not exist get the same answer; what the backend says by itself is taken off."""
    del store.documents["bucket"]
    for code in (b"NoSuchCORSConfiguration", b"NoSuchBucket"):
        store.code = code
        for _ in range(2):
            error = ask(own, preflight()).error
            assert error["Message"] == "CORSResponse: CORS is not enabled for this bucket."
        assert told(ask(own, on_wire(added(GET, ORIGIN)), "GET")) == {"Vary": "Accept-Encoding"}
        own.later(61)
    assert store.asked(keeping) == ["bucket"] * 2


def test_without_an_origin_nobody_is_asked(own: Wire, store: Store, keeping: Keeping) -> None:
    """S3 clients pay nothing for it; a cache hears that the answer may differ."""
    answer = ask(own, on_wire(GET(now())), "GET")
    assert [value for name, value in answer.headers if name == "Vary"] == ["Accept-Encoding", VARY]
    assert ask(own, preflight(origin="a b")).status == 403
    assert ask(own, preflight("/")).status == 403
    assert told(ask(own, on_wire(added(auth("GET", "/"), ORIGIN)), "GET")) == {"Vary": "Accept-Encoding"}
    assert ask(own, preflight(method="")).status == 400
    assert store.asked(keeping) == []


def test_one_question_serves_all_who_wait(own: Wire, store: Store, keeping: Keeping) -> None:
    """Also when the first of them has gone."""
    store.gate.clear()
    with own.connect() as gone, own.connect() as one, own.connect() as two:
        gone.send(preflight())
        eventually(lambda: bool(store.asked(keeping)), "nobody asks")
        one.send(preflight())
        two.send(on_wire(added(GET, ORIGIN)))
        gone.close()
        eventually(lambda: len(own.clients) == 2, "it does not go")
        store.gate.set()
        assert one.read("OPTIONS").status == 200
        assert two.read().header("Access-Control-Allow-Origin") == APP
    assert store.asked(keeping) == ["bucket"]


@pytest.mark.parametrize(
    "change",
    [
        auth("PUT", "/bucket?cors", body=b"x", payload=aws.UNSIGNED),
        auth("DELETE", "/bucket?cors"),
        auth("PUT", "/bucket", payload=aws.UNSIGNED, body=b"x"),
    ],
    ids=["PutBucketCors", "DeleteBucketCors", "CreateBucket"],
)
def test_what_changes_here_counts_at_once(own: Wire, store: Store, keeping: Keeping, change: Made) -> None:
    assert ask(own, preflight()).status == 200
    store.documents["bucket"] = OTHER
    assert ask(own, preflight()).status == 200
    assert ask(own, on_wire(change(now())), "PUT").status == 200
    assert ask(own, preflight()).status == 403


def test_what_is_under_way_when_it_changes_is_not_kept(own: Wire, store: Store, keeping: Keeping) -> None:
    """Whoever waits has asked before the change, and nobody else gets the old answer."""
    store.gate.clear()
    with own.connect() as waiting:
        waiting.send(preflight())
        eventually(lambda: bool(store.asked(keeping)), "nobody asks")
        assert ask(own, on_wire(auth("DELETE", "/bucket?cors")(now())), "DELETE").status == 200
        del store.documents["bucket"]
        store.gate.set()
        assert waiting.read("OPTIONS").status == 200
    assert ask(own, preflight()).status == 403


def test_what_changes_elsewhere_counts_after_a_minute(own: Wire, store: Store) -> None:
    assert ask(own, preflight()).status == 200
    store.documents["bucket"] = OTHER
    own.later(59)
    assert ask(own, preflight()).status == 200
    own.later(2)
    assert ask(own, preflight()).status == 403


def cut(exchange: Exchange, _: bytes) -> None:
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n<CORS")
    exchange.reset()


def no_http(exchange: Exchange, _: bytes) -> None:
    exchange.send(b"SSH-2.0-x\r\n\r\n")


def answers(line: bytes, body: bytes = b"") -> Answering:
    return lambda exchange, _: exchange.send(line + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


UNKNOWN = {
    "cut": cut,
    "no HTTP": no_http,
    "reset": lambda exchange, _: exchange.reset(),
    "500": answers(b"HTTP/1.1 500 No", b"<Error><Code>InternalError</Code></Error>"),
    "503": answers(b"HTTP/1.1 503 No"),
    "301": answers(b"HTTP/1.1 301 No"),
    "too long": answers(b"HTTP/1.1 200 OK", DOCUMENT + b" " * 70000),
    "no length": lambda exchange, _: exchange.send(b"HTTP/1.1 200 OK\r\n\r\n" + DOCUMENT),
    "endless head": lambda exchange, _: exchange.send(b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 20000),
}


@pytest.mark.parametrize("answer", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_rules_that_cannot_be_learnt(
    own: Wire, keeping: Keeping, answer: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    """A preflight is 503 and asked again next time; a signed request goes on, and no page reads its answer."""

    def backend(exchange: Exchange, request: bytes) -> None:
        (answer if b"?cors HTTP" in request else minio)(exchange, request)

    keeping.begin(backend)
    refused = ask(own, preflight())
    assert (refused.status, refused.code, told(refused)) == (503, "ServiceUnavailable", {})
    got = ask(own, on_wire(added(GET, ORIGIN)), "GET")
    assert (got.status, told(got)) == (200, {"Vary": "Accept-Encoding"})
    assert keeping.requests() == [b"GET /bucket?cors"] * 2 + [b"GET /bucket/key"]
    told_why = [message for message in caplog.messages if message.startswith("CORS rules of bucket bucket: ")]
    assert len(told_why) == 2
    assert not any("no answer within" in message for message in told_why)
    keeping.begin(Store())
    assert ask(own, preflight()).status == 200


USELESS = {
    "no XML": answers(b"HTTP/1.1 200 OK", b"hello"),
    "another document": answers(b"HTTP/1.1 200 OK", b"<Error><Code>X</Code></Error>"),
    "a header that is two": answers(
        b"HTTP/1.1 200 OK", DOCUMENT.replace(b"</CORSRule>", b"<ExposeHeader>a&#10;b: c</ExposeHeader></CORSRule>")
    ),
    "forbidden": answers(b"HTTP/1.1 403 No", b"<Error><Code>AccessDenied</Code></Error>"),
    "not implemented": answers(b"HTTP/1.1 501 No", b"<Error><Code>NotImplemented</Code></Error>"),
}


@pytest.mark.parametrize("answer", USELESS.values(), ids=USELESS.keys())
def test_answers_that_are_no_rules(own: Wire, keeping: Keeping, answer: Answering) -> None:
    """They will be the same next time, so they are remembered: nobody may."""
    keeping.begin(answer)
    for _ in range(2):
        assert ask(own, preflight()).code == "AccessForbidden"
    assert len(keeping.seen) == 1


def test_the_log_tells_what_to_mend(own: Wire, keeping: Keeping, caplog: pytest.LogCaptureFixture) -> None:
    keeping.begin(answers(b"HTTP/1.1 403 No", b"<Error><Code>AccessDenied</Code></Error>"))
    ask(own, preflight())
    assert caplog.messages == [
        "CORS rules of bucket bucket: the backend answered 403 AccessDenied; allow the gateway's key s3:GetBucketCORS"
    ]


def test_a_backend_that_does_not_answer(own: Wire, store: Store, keeping: Keeping) -> None:
    """The question ends after `limits.connect_timeout`, and its connection with it."""
    store.gate.clear()
    with own.connect() as raw:
        raw.send(preflight())
        eventually(lambda: bool(store.asked(keeping)), "nobody asks")
        own.later(6)
        assert raw.read("OPTIONS").status == 503
    own.settle(0)
    store.gate.set()


def test_a_kept_connection_that_has_just_ended(own: Wire, store: Store, keeping: Keeping) -> None:
    """The question goes out once more, on a fresh one."""

    def silent(exchange: Exchange, request: bytes) -> None:
        if b"?cors HTTP" in request and len(keeping.exchanges) == 1:
            keeping.end(exchange)
        else:
            store(exchange, request)

    keeping.begin(silent)
    assert ask(own, on_wire(GET(now())), "GET").status == 200
    own.settle(1)
    assert ask(own, preflight()).status == 200
    assert len(keeping.exchanges) == 2


def test_a_flood_of_names(own: Wire, store: Store, keeping: Keeping, certs: Certs) -> None:
    """So many are asked about at a time; more are 503 SlowDown, but for buckets whose rules were known not long ago."""
    assert ask(own, preflight()).status == 200
    own.later(61)
    store.gate.clear()
    crowd = [own.connect() for _ in range(17)]
    for number, raw in enumerate(crowd):
        raw.send(preflight(f"/flood-{number}/key"))
    answered = crowd[16].read("OPTIONS")
    assert (answered.status, answered.code, told(answered)) == (503, "SlowDown", {})
    assert ask(own, preflight()).status == 200
    own.later(600)
    store.gate.set()
    for raw in crowd:
        raw.close()
    assert "bucket" not in store.asked(keeping)[1:]


def test_what_is_kept_is_bounded(own: Wire, store: Store, keeping: Keeping) -> None:
    """Names that nobody has push out each other, and no bucket with rules."""
    assert ask(own, preflight()).status == 200
    with own.connect() as raw:
        for number in range(1030):
            assert raw.ask(preflight(f"/flood-{number}/key"), "OPTIONS").status == 403
    kept = own._service.bucket_cors
    assert (list(kept._with), len(kept._without), kept._asking) == (["bucket"], 1024, {})
    assert ask(own, preflight()).status == 200
    assert store.asked(keeping).count("bucket") == 1


def test_buckets_that_no_client_may_use(keeping: Keeping, certs: Certs, store: Store) -> None:
    """Nobody is asked about them."""
    client: dict[str, Any] = {"name": "a", "access_key_id": "K", "secret_access_key": "s", "buckets": ["data-*"]}
    with Wire(keeping, certs, cors="bucket", clients=[client]) as wire:
        assert ask(wire, preflight()).code == "AccessForbidden"
        assert ask(wire, preflight("/data-1/key")).code == "AccessForbidden"
    assert store.asked(keeping) == ["data-1"]
