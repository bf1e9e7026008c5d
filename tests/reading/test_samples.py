"""What real tools write is read as what was really sent: the signatures in it verify, and nothing is made up."""

import hashlib
import re

import pytest

from s3gateway.observed.redaction import received_request
from s3gateway.reading import reader
from s3gateway.reading.model import Found
from s3gateway.sigv4.claim import read_claim
from s3gateway.sigv4.model import Secret
from s3gateway.sigv4.verify import signed_at, verify
from tests.reading.samples import RECORDED, WRONG, Request, read, text

REDACTING = {"mc", "mc-coloured", "minio-go", "minio-py"}
"""Tools that take the signature out of what they print."""

SIGNING_LOGGED = {"boto3", "boto3-logging", "go-v2", "java-v1", "java-v2", "java-v2-httpclient5"}

FORMATS = {
    "awscli": "botocore",
    "boto3": "botocore",
    "boto3-logging": "botocore",
    "http-client": "botocore",
    "curl": "curl-verbose",
    "curl-trace-time": "curl-verbose",
    "curl-presigned": "curl-verbose",
    "java-v1": "httpclient",
    "java-v2": "httpclient",
    "java-v2-httpclient5": "httpclient",
    "java-v2-no-sdk-log": "httpclient",
    "mc-coloured": "mc",
    "mc-admin-trace": "minio-admin-trace",
    "minio-go": "minio-trace",
    "minio-py": "minio-trace",
}

NOT_LOGGED = {
    "awscli": {"accept-encoding"},
    "boto3": {"accept-encoding"},
    "boto3-logging": {"accept-encoding"},
    "js-v3": {"connection"},
    "minio-py": {"accept-encoding"},
}
"""What the tool's HTTP client adds when the log line is written already."""

INVENTED = {
    "mc-admin-trace": {"content-length"},  # Go's server sees 0 where the client sends none
    "minio-go": {"accept-encoding", "content-length"},  # of DumpRequestOut, which sends nothing
}


def _fields(found: Found) -> set[tuple[str, str]]:
    assert found.raw is not None
    return {(name.decode().lower(), value.decode()) for name, value in found.raw.headers}


def _verify(found: Found, secret: Secret) -> None:
    assert found.raw is not None
    claim = read_claim(found.raw)
    verify(claim, found.raw, secret, signed_at(claim))


def _heads(found: list[Found]) -> list[tuple[str, str, int]]:
    return [(one.exchange.incoming.method, one.raw.target.decode() if one.raw else "", one.status) for one in found]


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_every_request_is_read_as_it_was_sent(name: str) -> None:
    """Heads field by field, statuses, and the form; where the log has the signature it verifies."""
    secret, sent = RECORDED[name]
    found = read(text(name))
    assert {one.format for one in found} == {FORMATS.get(name, name)}
    assert [head[:2] for head in _heads(found)] == [(one.method, one.target) for one in sent]
    for one, request in zip(found, sent, strict=True):
        _check_head(name, one, request)
        assert one.has_signature == (name not in REDACTING)
        if one.has_signature:
            _verify(one, secret)
        else:
            assert any("the secret cannot be checked" in clause for clause in one.missing)
        if (name, request.method) != ("http-client", "PUT"):  # it prints no answer after Expect
            assert one.status == request.status


def _check_head(name: str, one: Found, request: Request) -> None:
    odd = {"authorization"} if name in REDACTING else set[str]()
    odd |= INVENTED.get(name, set())
    read_fields, sent = _fields(one), request.fields
    assert {pair for pair in read_fields - sent if pair[0] not in odd} == set()
    absent = {name for name, _ in sent} - {name for name, _ in read_fields}
    assert absent <= NOT_LOGGED.get(name, set())
    if absent:
        assert not one.complete
        assert one.missing


@pytest.mark.parametrize("name", sorted(SIGNING_LOGGED))
def test_what_the_client_says_that_it_signed(name: str) -> None:
    """The client's own canonical request joins its request, and is what it hashed."""
    for one in read(text(name)):
        assert one.raw is not None
        assert one.client_canonical_request == received_request(read_claim(one.raw), one.raw)
        digest = hashlib.sha256(one.client_canonical_request).hexdigest()
        assert one.client_string_to_sign.split(b"\n")[-1].decode() == digest


@pytest.mark.parametrize(
    "name", ["awscli", "boto3", "curl", "go-v2", "java-v1", "java-v2", "mc-admin-trace", "tcpdump"]
)
def test_what_the_server_answered(name: str) -> None:
    """The code of each refusal, of the document or of MinIO's header after a HEAD."""
    assert {one.error_code for one in read(text(name))} == {"SignatureDoesNotMatch"}
    assert any(one.answer.endswith(b"</Error>") for one in read(text(name)))


def _noisy(raw: bytes) -> bytes:
    lines = [
        b"26/11/29 07:41:48 INFO TaskSetManager: Starting task 0.0 in stage 1.0 (TID 7) (10.0.0.7, executor 1)"
    ] * 40
    return b"\n".join((*lines, raw, *lines, b""))


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_in_the_middle_of_other_text(name: str) -> None:
    """With a job's log around it, other line ends, a terminal's colours, and however it arrives."""
    plain = read(text(name))
    raw = text(name)
    coloured = re.sub(rb"(?m)^(.+)$", b"\x1b[32m\\1\x1b[0m", raw.replace(b"\r", b""))
    for changed in (_noisy(raw), raw.replace(b"\r", b"").replace(b"\n", b"\r\n"), coloured):
        assert _heads(read(changed)) == _heads(plain)
    assert [one.raw for one in read(raw, block=777)] == [one.raw for one in plain]


def test_everything_in_one_text() -> None:
    """All of it, one after the other: nothing is lost, nothing is joined to what it does not belong to."""
    names = sorted(RECORDED)
    found = read(b"\n".join(text(name) + b"\nsomebody says something\n" for name in names))
    expected = [head for name in names for head in _heads(read(text(name)))]
    assert sorted(_heads(found)) == sorted(expected)
    assert sum(bool(one.client_canonical_request) for one in found) == sum(
        len(RECORDED[name][1]) for name in SIGNING_LOGGED
    )


@pytest.mark.parametrize("name", ["java-v1", "java-v2"])
def test_the_sdks_request_log_alone(name: str) -> None:
    """Without Apache's logs the canonical request is what is known: signed headers and the status, no signature."""
    alone = b"\n".join(line for line in text(name).split(b"\n") if b"http-outgoing" not in line)
    found = read(alone)
    assert [(one.format, one.status) for one in found] == [(name, one.status) for one in RECORDED[name][1]]
    for one in found:
        assert one.client_canonical_request
        assert not one.has_signature
        assert not one.complete
        assert "not what was sent" in one.missing[0]
    announced = b"\n".join(line for line in alone.split(b"\n") if b" Request: " in line and b"AWS4" not in line)
    first = read(announced)[0]
    assert (first.exchange.operation, first.complete, len(first.missing)) == ("PutObject", False, 1)


def test_an_error_document() -> None:
    """The server's canonical request is enough to check the secret; of MinIO's, which has none, that is said."""
    (one,) = read(text("error-document"))
    assert (one.format, one.error_code, one.exchange.incoming.method) == ("error", "SignatureDoesNotMatch", "GET")
    _verify(one, Secret(WRONG))
    assert (
        one.server_string_to_sign.split(b"\n")[-1].decode() == hashlib.sha256(one.server_canonical_request).hexdigest()
    )
    folded = text("error-document").replace(b"&#xA;", b" ")  # the hex beside it still tells
    assert read(folded)[0].server_canonical_request == one.server_canonical_request
    document = re.search(rb"<\?xml.*?</Error>", text("tcpdump"), re.DOTALL)
    assert document is not None
    (bare,) = read(document[0])
    assert (bare.error_code, bare.exchange.incoming.target) == ("SignatureDoesNotMatch", "/bucket/dir%20x+y=1/...txt")
    assert "no canonical request" in bare.missing[0]


def test_a_presigned_url() -> None:
    """Verifies as the GET that it is for; in a sentence, in JSON and in HTML too."""
    url = text("presigned-url").strip()
    for around in (b"%s", b"see <%s>, please", b'{"url": "%s"}', b'<a href="%s">', b"(%s)"):
        changed = url.replace(b"&", b"&amp;") if b"href" in around else url
        (one,) = read(around % changed)
        assert (one.format, one.exchange.incoming.method) == ("url", "GET")
        _verify(one, Secret("lab-secret-of-the-reader"))
        assert "GET is assumed" in one.missing[0]


@pytest.mark.parametrize(("name", "count"), [("nginx", 3), ("haproxy", 3)])
def test_access_logs(name: str, count: int) -> None:
    """Method, target and status of each line, and that headers are not there."""
    found = read(text(name))
    assert len(found) == count
    assert {one.status for one in found} == {403}
    assert {one.format for one in found} == {"access-log"}
    assert all("no headers" in one.missing[0] and not one.complete for one in found)
    assert found[0].raw is not None
    assert read_claim(found[0].raw).access_key_id == "LABKEYREADER"


@pytest.mark.parametrize("name", ["boto3", "java-v2", "mc-admin-trace"])
def test_wherever_a_block_ends(name: str) -> None:
    """A large log comes in blocks: what belongs together is found on both sides of their ends."""
    noise = b"26/11/29 07:41:48 INFO TaskSetManager: Starting task 0.0 in stage 1.0 (TID 7)\n" * 16_000
    raw = text(name)
    plain = [(one.raw, one.status, one.error_code, one.client_string_to_sign) for one in read(raw)]
    for cut in range(100, len(raw), len(raw) // 12):
        found = reader.find([noise + raw[:cut], raw[cut:] + noise, noise])
        assert [(one.raw, one.status, one.error_code, one.client_string_to_sign) for one in found] == plain


def test_an_error_document_names_its_request() -> None:
    """By the signature in it, where answers come in another order than requests."""
    document = text("error-document")
    heads = []
    for one in (read(document)[0], read(text("curl"))[0]):
        assert one.raw is not None
        lines = b"".join(b"> %s: %s\n" % field for field in one.raw.headers)
        heads.append(b"> %s %s HTTP/1.1\n%s> \n" % (one.raw.method, one.raw.target, lines))
    first, second = read(b"".join(heads) + document)
    assert first.server_canonical_request == read(document)[0].server_canonical_request
    assert not second.answer


def test_a_block_ends_before_the_last_line() -> None:
    """What a log says after all words that are searched for is read too."""
    noise = b"26/11/29 07:41:48 INFO TaskSetManager: Starting task 0.0 in stage 1.0 (TID 7)\n" * 16_000
    raw = text("boto3")
    cut = raw.index(b"Response headers", raw.index(b'"HEAD /bucket/absent'))
    line = raw.rindex(b"\n", 0, cut) + 1
    end = raw.index(b"\n", cut) + 1
    found = list(reader.find([noise + raw[:line], raw[line:end] + noise]))
    assert [(one.status, one.error_code) for one in found] == [(403, "SignatureDoesNotMatch")] * 2
