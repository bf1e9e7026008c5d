"""What the client may have of an answer: the table of its cases, and each decision by itself."""

import base64
import gzip
import zlib
from collections.abc import Iterator
from itertools import product

import pytest

from s3gateway.answer import Hold, Pass, Watch, judged, returned, unframed
from s3gateway.answer_watch import MAX_DOCUMENT, Refuse, Released
from s3gateway.config.model import Config
from s3gateway.rules.answer_head import AnswerHead
from s3gateway.sigv4.model import Headers, RequestHead
from tests import awsanswers
from tests.admission import CONFIG, SIGNER, TEMPORARY, admitted, configured, forwarded, outgoing_head
from tests.awsanswers import assert_nothing_quoted, document, quoting
from tests.sigv4.aws import authorized

KEY = b"a-key-of-a-rule-with-32-bytes-&<"
PLAIN_KEY, ODD_KEY = "/bucket/k", "/bucket/%FF"
METHODS = ("GET", "PUT", "HEAD", "DELETE")
FRAMINGS = ("length", "long", "chunked", "gzip")
CODES = {403: "SignatureDoesNotMatch", 400: "ExpiredToken", 200: "InternalError"}

ROWS = list(product(METHODS, (PLAIN_KEY, ODD_KEY), FRAMINGS, CODES, ("token", "sse-c")))


@pytest.fixture(scope="module")
def ruled(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A gateway with an SSE-C rule for all that it writes and reads."""
    key = tmp_path_factory.mktemp("rule") / "key"
    key.write_bytes(KEY)
    return configured(encryption=[{"sse-c": str(key)}])


class Exchange:
    """One request that was admitted and sent."""

    def __init__(self, method: str, target: str, config: Config = CONFIG, *, temporary: bool = True) -> None:
        head = authorized(method, target)
        self.config = config
        self.admitted = admitted(head, config=config)
        self.outgoing = forwarded(head, config=config, signer=TEMPORARY if temporary else SIGNER)
        self.sent = outgoing_head(method.encode(), self.outgoing)

    def returned(self, status: int, *headers: tuple[bytes, bytes]) -> Pass | Watch | Hold | Refuse:
        return returned(AnswerHead(status, headers), self.admitted, self.outgoing, self.config)

    def judged(self, body: bytes, status: int, *headers: tuple[bytes, bytes]) -> Released | Refuse:
        return judged(body, AnswerHead(status, headers), self.admitted, self.outgoing, self.config)

    def client_gets(self, status: int, body: bytes, *headers: tuple[bytes, bytes], step: int = 1 << 20) -> "Got":
        """Run a whole answer through, as a shell does that lets the head leave with the first byte of the body."""
        decision = self.returned(status, *headers)
        if isinstance(decision, Refuse):
            return Got(decision.error.status, (), b"", decision)
        if isinstance(decision, Pass):
            return Got(status, decision.headers, body, None)
        watch = decision.watch
        out = b"".join([watch.feed(body[at : at + step]) for at in range(0, len(body), step)])
        if watch.verdict is None:
            out += watch.finish()
        given = decision.answer.headers if isinstance(decision, Hold) else decision.headers
        match watch.verdict:
            case Refuse() as verdict:
                return Got(status if watch.has_begun else verdict.error.status, (), out, verdict)
            case Released() as verdict if not watch.has_begun:
                return Got(verdict.status, verdict.headers, verdict.body, verdict)
        return Got(status, given, out, watch.verdict)


def _verdict(decision: Watch | Hold) -> Released | Refuse | None:
    """Read it anew: a type checker takes it for what it was."""
    return decision.watch.verdict


class Got:
    """What a client got: status, headers, body; and the verdict behind it."""

    def __init__(self, status: int, headers: Headers, body: bytes, verdict: Released | Refuse | None) -> None:
        self.status, self.headers, self.body, self.verdict = status, headers, body, verdict

    @property
    def code(self) -> str:
        """The code that the client reads."""
        if isinstance(self.verdict, Refuse):
            return self.verdict.error.code
        plain = gzip.decompress(self.body) if self.body.startswith(b"\x1f\x8b") else self.body
        return plain.partition(b"<Code>")[2].partition(b"</Code>")[0].decode()

    def all(self, sent: RequestHead) -> None:
        """Fail if anything of it quotes the request."""
        assert_nothing_quoted(self.body, sent)
        assert_nothing_quoted(b"".join(name + value for name, value in self.headers), sent)
        if isinstance(self.verdict, Refuse):
            assert_nothing_quoted(self.verdict.error.to_xml("/", ""), sent)
            assert_nothing_quoted((self.verdict.why + repr(self.verdict)).replace("GATEWAYKEY", "").encode(), sent)


def framings(body: bytes, framing: str) -> tuple[bytes, Headers]:
    """Frame a document as a backend may."""
    if framing == "long":
        body = body.replace(b"</Error>", b"<x>" + b"x" * MAX_DOCUMENT + b"</x></Error>")
    if framing == "gzip":
        body = gzip.compress(body)
    length = (b"Content-Length", str(len(body)).encode())
    coding = ((b"Content-Encoding", b"gzip"),) if framing == "gzip" else ()
    return body, (*coding, (b"Transfer-Encoding", b"chunked") if framing == "chunked" else length)


@pytest.mark.parametrize(("method", "key", "framing", "status", "secret"), ROWS)
def test_what_a_backend_quotes_stays_here(
    ruled: Config, method: str, key: str, framing: str, status: int, secret: str
) -> None:
    """In each row: what AWS quotes of the gateway's request does not come out, and what the client needs does."""
    target = "/bucket" if (method, status) == ("GET", 200) else key  # a 200 to a GetObject is a client's data
    asked = Exchange(method, target, ruled if secret == "sse-c" else CONFIG, temporary=secret == "token")
    body, headers = framings(quoting(CODES[status], asked.sent), framing)
    assert set(awsanswers.secrets_of(asked.sent)) > {"signature"}
    for step in (1 << 20, 1):
        if framing == "long" and step == 1:
            continue
        got = asked.client_gets(status, b"" if method == "HEAD" else body, *headers, step=step)
        got.all(asked.sent)
        if method == "HEAD":
            assert (got.status, got.body) == (status, b"")
        elif framing == "long" or status == 400 or (status == 403 and key == PLAIN_KEY):
            assert isinstance(got.verdict, Refuse)
            assert got.code == "ServiceUnavailable"
        else:
            assert (got.status, got.code) == (status, CODES[status])
            assert b"Please try again" in got.body or b"Check your key" in got.body


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize(
    "code",
    ["InvalidAccessKeyId", "InvalidToken", "ExpiredToken", "RequestTimeTooSkewed", "AuthorizationHeaderMalformed"],
)
def test_a_refusal_of_the_gateways_own_key_is_told_as_that(code: str, framing: str) -> None:
    """503 in every framing and for every head, and one line says what was refused. A long one is 503 as well."""
    for key in (PLAIN_KEY, ODD_KEY):
        asked = Exchange("GET", key)
        body, headers = framings(document(code), framing)
        got = asked.client_gets(403, body, *headers)
        assert isinstance(got.verdict, Refuse)
        assert (got.verdict.error.status, got.code) == (503, "ServiceUnavailable")
        if framing != "long":
            assert got.verdict.code == code
            assert f"own key is refused at backend https://minio.example:9000: the backend answered 403 {code}" in (
                got.verdict.why
            )


@pytest.mark.parametrize("framing", ["length", "chunked", "gzip"])
def test_a_clean_document_passes_byte_for_byte(framing: str) -> None:
    """With its coding, and a length."""
    asked = Exchange("GET", "/bucket/k")
    body, headers = framings(document("NoSuchKey", ("Key", "k")), framing)
    got = asked.client_gets(404, body, *headers, (b"x-amz-request-id", b"TX1"))
    assert (got.status, got.body) == (404, body)
    coding = [(b"Content-Encoding", b"gzip")] if framing == "gzip" else []
    assert [*got.headers] == [*coding, *_framed(got.headers, body, framing)]
    assert isinstance(got.verdict, Released)
    assert (got.verdict.code, got.verdict.why) == ("NoSuchKey", "")


def _framed(headers: Headers, body: bytes, framing: str) -> Iterator[tuple[bytes, bytes]]:
    pairs = [(b"Content-Length", str(len(body)).encode()), (b"x-amz-request-id", b"TX1")]
    yield from reversed(pairs) if framing == "chunked" else pairs


def hidden(name: str) -> bytes:
    """The rule's key in base64, written another way."""
    key = base64.b64encode(KEY)
    return {
        "plain": KEY.replace(b"&", b"&amp;").replace(b"<", b"&lt;"),
        "base64": key,
        "unpadded": key.rstrip(b"="),
        "hex": KEY.hex().encode(),
        "HEX": KEY.hex().upper().encode(),
        "hex of base64": key.rstrip(b"=").hex(" ").encode(),
        "references": b"".join(b"&#%d;" % byte for byte in key),
        "CDATA": b"<![CDATA[" + key[:9] + b"]]>" + key[9:],
        "escaped": key.replace(b"=", b"%3d").replace(b"/", b"%2F").replace(b"+", b"%2B"),
        "comment": b"<!--" + key + b"-->",
    }[name]


FORMS = ("plain", "base64", "unpadded", "hex", "HEX", "hex of base64", "references", "CDATA", "escaped", "comment")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("place", ["element", "attribute", "Message"])
def test_the_second_wall(ruled: Config, form: str, place: str) -> None:
    """What no element's name gives away is found by its value; in code or message it costs the whole document."""
    asked, written = Exchange("PUT", "/bucket/k", ruled), hidden(form)
    if place == "attribute" and form in {"CDATA", "comment"}:
        place = "element"  # no attribute holds one
    new = {
        "element": b"<ArgumentValue>" + written + b"</ArgumentValue></Error>",
        "attribute": b'<Argument value="' + written + b'"/></Error>',
        "Message": b"</Error>",
    }[place]
    body = document("NoSuchKey").replace(b"</Error>", new)
    if place == "Message":
        body = body.replace(b"The specified", written)
    verdict = asked.judged(body, 400)
    if place == "Message" and form != "comment":
        assert isinstance(verdict, Refuse)
        assert "quotes a secret" in verdict.why
        assert KEY.decode() not in verdict.why
    else:
        assert isinstance(verdict, Released)
        assert (verdict.status, verdict.code) == (400, "NoSuchKey")
        assert written not in verdict.body
        assert b"<Code>NoSuchKey</Code>" in verdict.body


@pytest.mark.parametrize(
    "element",
    [
        *("AWSAccessKeyId", "StringToSign", "StringToSignBytes", "SignatureProvided", "CanonicalRequest"),
        *("CanonicalRequestBytes", "Token-0", "Token-12", "aws:Token-0"),
    ],
)
def test_the_first_wall(element: str) -> None:
    """What quotes the request goes by its element's name, whatever stands in it; code and message stay."""
    body = document("NoSuchKey", (element, "a word"))
    verdict = Exchange("GET", "/bucket/k").judged(body, 404, (b"x-amz-request-id", b"TX1"), (b"ETag", b"x"))
    assert isinstance(verdict, Released)
    assert verdict.body == awsanswers.DECLARATION + (
        b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message>"
        b"<Resource>/bucket/k</Resource><RequestId>TX1</RequestId></Error>"
    )
    assert verdict.headers == (
        (b"x-amz-request-id", b"TX1"),
        (b"Content-Type", b"application/xml"),
        (b"Content-Length", str(len(verdict.body)).encode()),
    )


def test_a_key_id_is_no_secret_by_itself() -> None:
    """It may be an ordinary word: it is taken out by element, never searched for."""
    asked = Exchange("GET", "/bucket/k")
    body = document("NoSuchKey", ("Key", "GATEWAYKEY"))
    assert asked.judged(body, 404) == Released(404, ((b"Content-Length", b"%d" % len(body)),), body, "NoSuchKey")


def test_headers_are_searched_as_well() -> None:
    """A field of a refusal that quotes the token goes, and the others stay."""
    asked = Exchange("HEAD", "/bucket/k")
    fields = ((b"x-a", b"1"), (b"x-quoted", b"<temporary-token>"), (b"x-b", b"2"))
    assert asked.returned(400, *fields) == Pass(((b"x-a", b"1"), (b"x-b", b"2")))


def test_a_head_tells_of_the_gateways_key_by_minios_header() -> None:
    """There is no document; MinIO names the code in a header."""
    decision = Exchange("HEAD", "/bucket/k").returned(403, (b"X-Minio-Error-Code", b"InvalidAccessKeyId"))
    assert isinstance(decision, Refuse)
    assert (decision.error.status, decision.code) == (503, "InvalidAccessKeyId")
    assert Exchange("HEAD", "/bucket/k").returned(404, (b"x-minio-error-code", b"NoSuchKey")) == Pass(
        ((b"x-minio-error-code", b"NoSuchKey"),), "NoSuchKey"
    )


DOCTYPE = b'<!DOCTYPE Error [<!ENTITY a "aaaa">]><Error><Code>&a;</Code></Error>'
BOMB = gzip.compress(document("NoSuchKey").replace(b"</Error>", b" " * 10_000_000 + b"</Error>"))


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (b"<html><br>Bad Gateway</html>", b""),
        (b'{"Code": "NoSuchKey"}', b""),
        (document("NoSuchKey")[:-3], b""),
        (DOCTYPE, b""),
        (document("NoSuchKey"), b"gzip"),
        (gzip.compress(document("NoSuchKey"))[:-9], b"gzip"),
        (gzip.compress(document("NoSuchKey")) * 2, b"gzip"),
        (BOMB, b"gzip"),
        (document("NoSuchKey"), b"br"),
        (document("NoSuchKey"), b"gzip, gzip"),
        (document("NoSuchKey").decode().encode("utf-16"), b"identity"),
    ],
)
def test_what_cannot_be_read_is_not_passed_on(body: bytes, coding: bytes) -> None:
    """No XML, cut, with a document type, or in a coding that is broken, double, unknown or a bomb: 503."""
    fields = ((b"Content-Encoding", coding),) if coding else ()
    got = Exchange("DELETE", "/bucket/k").client_gets(404, body, *fields, (b"Transfer-Encoding", b"chunked"))
    assert isinstance(got.verdict, Refuse)
    assert (got.status, got.body == b"" or got.body.startswith(b"<?xml")) == (503, True)
    assert got.verdict.why.startswith("an error document of backend https://minio.example:9000 ")


def test_an_error_document_without_end_is_refused_at_the_bound() -> None:
    """While it still comes; and nothing more is kept."""
    decision = Exchange("GET", "/bucket/k").returned(400, (b"Transfer-Encoding", b"chunked"))
    assert isinstance(decision, Hold)
    assert decision.watch.feed(b"<Error>" + b"x" * (MAX_DOCUMENT - 7)) == b""
    assert not _verdict(decision)
    assert decision.watch.feed(b"x") == b""
    assert isinstance(decision.watch.verdict, Refuse)
    assert (decision.watch.feed(b"x" * 1000), decision.watch.finish()) == (b"", b"")


@pytest.mark.parametrize(
    ("method", "target", "status", "headers"),
    [
        ("GET", "/bucket/k", 200, ((b"Transfer-Encoding", b"chunked"),)),
        ("GET", "/bucket/k", 206, ((b"Content-Length", b"7"), (b"Content-Encoding", b"br"))),
        ("POST", "/bucket/k?select&select-type=2", 200, ((b"Transfer-Encoding", b"chunked"),)),
        ("GET", "/bucket/k", 304, ()),
        ("HEAD", "/bucket/k", 200, ((b"Content-Length", b"1000000"),)),
        ("PUT", "/bucket/k", 200, ((b"Content-Length", b"0"),)),
        ("DELETE", "/bucket/k", 204, ()),
        ("DELETE", "/bucket/k", 404, ((b"Content-Length", b"0"),)),
    ],
)
def test_what_is_never_held(method: str, target: str, status: int, headers: Headers) -> None:
    """Object data, and answers without a body."""
    assert Exchange(method, target).returned(status, *headers) == Pass(headers)


@pytest.mark.parametrize(
    ("status", "headers"),
    [(101, ()), (199, ()), (200, ((b"a b", b"1"),)), (403, ((b"", b"1"),)), (200, ((b"\xe9", b""),))],
)
def test_what_is_no_http(status: int, headers: Headers) -> None:
    """A name that is none, and an answer that is not final."""
    decision = Exchange("GET", "/bucket/k").returned(status, *headers)
    assert isinstance(decision, Refuse)
    assert decision.why == "the answer of backend https://minio.example:9000 is no HTTP"


def test_an_answer_whose_end_cannot_be_seen() -> None:
    """The words of the refusal; who reads the framing decides."""
    refused = unframed(CONFIG.backend)
    assert (refused.error.status, "has no length" in refused.why) == (503, True)


LISTING = b"<ListBucketResult>" + b"<Contents/>" * 20_000 + b"</ListBucketResult>"


@pytest.mark.parametrize("step", [1, 7, 100_000])
@pytest.mark.parametrize(
    ("body", "target"),
    [
        (LISTING, "/bucket"),
        (awsanswers.DECLARATION + LISTING, "/bucket"),
        (b'{"Version": "2012-10-17"}' * 4000, "/bucket?policy"),
        (b"", "/bucket"),
        (b" \n ", "/bucket"),
        (b"<x:ErrorList/>", "/bucket"),
        (b"\xef\xbb\xbf" + LISTING, "/bucket"),
        (b"<!-- a list --><ListBucketResult/>", "/bucket"),
    ],
)
def test_any_other_2xx_streams_on(body: bytes, target: str, step: int) -> None:
    """Whatever its size, and little of it is ever held; compressed, it stays so."""
    asked = Exchange("GET", target)
    got = asked.client_gets(200, body, (b"Transfer-Encoding", b"chunked"), step=step)
    assert (got.status, got.body, got.verdict) == (200, body, None)
    packed = gzip.compress(body)
    chunked = ((b"Content-Encoding", b"gzip"), (b"Transfer-Encoding", b"chunked"))
    got = asked.client_gets(200, packed, *chunked, step=step)
    assert (got.status, got.headers, got.body, got.verdict) == (200, chunked, packed, None)


def test_blanks_and_the_declaration_pass_as_they_come() -> None:
    """A backend that works for long keeps its client waiting by them; what follows is the gateway's to decide."""
    asked = Exchange("PUT", "/bucket/k")
    decision = asked.returned(200, (b"Transfer-Encoding", b"chunked"))
    assert isinstance(decision, Watch)
    watch, body = decision.watch, quoting("InternalError", asked.sent)
    assert (watch.feed(b"\n "), watch.feed(awsanswers.DECLARATION), watch.feed(b"  ")) == (
        b"\n ",
        awsanswers.DECLARATION,
        b"  ",
    )
    rest = body.removeprefix(awsanswers.DECLARATION)
    assert [watch.feed(rest[at : at + 50]) for at in range(0, len(rest), 50)] == [b""] * (len(rest) // 50 + 1)
    out = watch.finish()
    assert out.startswith(b"<Error><Code>InternalError</Code>")  # a second declaration would be no XML
    assert_nothing_quoted(out, asked.sent)
    assert isinstance(watch.verdict, Released)


@pytest.mark.parametrize(
    "prefix", [b"\xef\xbb\xbf", b" \xef\xbb\xbf", b"<!-- -->", b"<?a b?>\n", b"<?xml version='1.0'?><!-- > -->"]
)
@pytest.mark.parametrize("step", [1, 2, 100_000])
def test_an_error_document_is_found_behind(prefix: bytes, step: int) -> None:
    """A mark of byte order, comments and instructions, wherever two reads meet; with a prefix or in small letters."""
    asked = Exchange("PUT", "/bucket/k")
    body = quoting("InternalError", asked.sent).removeprefix(awsanswers.DECLARATION)
    for renamed in (b"Error", b"s3:Error xmlns:s3='x'", b"error"):
        name = renamed.partition(b" ")[0]
        written = prefix + body.replace(b"<Error>", b"<" + renamed + b">").replace(b"</Error>", b"</" + name + b">")
        got = asked.client_gets(200, written, (b"Transfer-Encoding", b"chunked"), step=step)
        assert got.code == "InternalError"
        got.all(asked.sent)


def test_a_clean_error_behind_blanks_is_the_backends_own() -> None:
    """As AWS and MinIO answer a copy that failed."""
    decision = Exchange("PUT", "/bucket/k").returned(200, (b"Transfer-Encoding", b"chunked"))
    assert isinstance(decision, Watch)
    body = document("InternalError")
    assert decision.watch.feed(awsanswers.DECLARATION[:-1]) == awsanswers.DECLARATION[:-1]
    assert decision.watch.feed(body[len(awsanswers.DECLARATION) - 1 :]) == b""
    assert decision.watch.finish() == body[len(awsanswers.DECLARATION) - 1 :]


def test_a_refusal_of_the_gateways_key_behind_blanks() -> None:
    """The status has left; the document says what it can."""
    decision = Exchange("PUT", "/bucket/k").returned(200, (b"Transfer-Encoding", b"chunked"))
    assert isinstance(decision, Watch)
    assert decision.watch.feed(b" ") == b" "
    assert decision.watch.feed(document("ExpiredToken")) == b""
    assert decision.watch.finish().startswith(b"<Error><Code>ServiceUnavailable</Code>")
    assert isinstance(decision.watch.verdict, Refuse)
    assert "own key is refused" in decision.watch.verdict.why


@pytest.mark.parametrize(
    "body",
    [
        b"<!--" + b"-" * 2 * MAX_DOCUMENT,
        b"<!DOCTYPE Error><Error/>",
        b"< Error/>",
        b"<Error",
        document("NoSuchKey").decode().encode("utf-16"),
        document("NoSuchKey").decode().encode("utf-16-be"),
        gzip.compress(document("NoSuchKey")),
        b"<!-- --> text",
        b"\x0b<Error><Code>x</Code></Error>",
    ],
)
@pytest.mark.parametrize("step", [1, 100_000])
def test_what_may_be_an_error_document_is_treated_as_one(body: bytes, step: int) -> None:
    """A beginning that cannot be told from one, in whatever encoding: it is not passed unread."""
    got = Exchange("GET", "/bucket").client_gets(200, body, (b"Transfer-Encoding", b"chunked"), step=step)
    assert isinstance(got.verdict, Refuse)
    assert got.status == 503


def test_compressed_blanks_without_end() -> None:
    """They are counted as they are on the wire, and their expansion is not kept."""
    decision = Exchange("GET", "/bucket").returned(200, (b"Content-Encoding", b"gzip"), (b"Content-Length", b"99999"))
    assert isinstance(decision, Watch)
    packed = zlib.compressobj(wbits=31)
    assert decision.watch.feed(packed.compress(b" " * 10_000_000) + packed.flush(zlib.Z_SYNC_FLUSH)) == b""
    assert not _verdict(decision)
    for _ in range(MAX_DOCUMENT // 5 + 2):
        assert decision.watch.feed(packed.flush(zlib.Z_SYNC_FLUSH) or b"\x00\x00\x00\xff\xff") == b""
    assert isinstance(decision.watch.verdict, Refuse)


RESULT = b"<CompleteMultipartUploadResult><Location>%b/bucket/k</Location></CompleteMultipartUploadResult>"
THEIRS = RESULT % b"https://minio.example:9000"
OURS = RESULT % b"https://gateway.example:8000"


class TestLocation:
    """The address in a completed upload is the client's, in each way to hold it."""

    @pytest.fixture
    def asked(self) -> Exchange:
        return Exchange("POST", "/bucket/k?uploadId=u")

    def test_with_a_length(self, asked: Exchange) -> None:
        got = asked.client_gets(200, THEIRS, (b"Content-Length", str(len(THEIRS)).encode()))
        assert (got.body, got.headers) == (OURS, ((b"Content-Length", str(len(OURS)).encode()),))

    def test_compressed_with_a_length(self, asked: Exchange) -> None:
        body = gzip.compress(THEIRS)
        got = asked.client_gets(200, body, (b"Content-Encoding", b"gzip"), (b"Content-Length", b"%d" % len(body)))
        assert gzip.decompress(got.body) == OURS
        assert dict(got.headers) == {b"Content-Encoding": b"gzip", b"Content-Length": b"%d" % len(got.body)}

    @pytest.mark.parametrize("step", [1, 50, 1000])
    def test_in_chunks(self, asked: Exchange, step: int) -> None:
        chunked = (b"Transfer-Encoding", b"chunked")
        body = b" " + awsanswers.DECLARATION + THEIRS
        assert asked.client_gets(200, body, chunked, step=step).body == b" " + awsanswers.DECLARATION + OURS
        got = asked.client_gets(200, gzip.compress(body), (b"Content-Encoding", b"gzip"), chunked, step=step)
        assert (got.headers, got.body) == ((chunked,), b" " + awsanswers.DECLARATION + OURS)

    def test_longer_than_any_that_is_held(self, asked: Exchange) -> None:
        body = THEIRS + b" " * MAX_DOCUMENT
        got = asked.client_gets(200, body, (b"Content-Length", b"%d" % len(body)))
        assert (got.headers, got.body) == (((b"Transfer-Encoding", b"chunked"),), OURS + b" " * MAX_DOCUMENT)

    def test_compressed_and_cut(self, asked: Exchange) -> None:
        fields = ((b"Content-Encoding", b"gzip"), (b"Transfer-Encoding", b"chunked"))
        got = asked.client_gets(200, gzip.compress(THEIRS)[:-4], *fields)
        assert isinstance(got.verdict, Refuse)

    def test_a_failure(self, asked: Exchange) -> None:
        body = quoting("InternalError", asked.sent)
        got = asked.client_gets(200, b" " + body, (b"Transfer-Encoding", b"chunked"), step=1)
        assert got.code == "InternalError"
        got.all(asked.sent)

    def test_header(self, asked: Exchange) -> None:
        decision = asked.returned(200, (b"Location", b"https://minio.example:9000/bucket/k"), (b"Content-Length", b"0"))
        assert decision == Pass(((b"Location", b"https://gateway.example:8000/bucket/k"), (b"Content-Length", b"0")))


def test_nothing_of_a_decision_shows_a_secret() -> None:
    """Not even the document that may pass: it is the client's."""
    asked = Exchange("PUT", "/bucket/k")
    for verdict in (
        asked.judged(quoting("InternalError", asked.sent), 500),
        asked.returned(200, (b"x", b"temporary-token")),
    ):
        assert "temporary-token" not in repr(verdict)
        assert "InternalError</Code>" not in repr(verdict)
