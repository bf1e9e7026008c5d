"""Forms that a browser or a person makes, of requests that botocore signed: each verifies as what was signed."""

import base64
import json
import shlex
from typing import Any

import pytest

from s3gateway.reading.model import Found
from s3gateway.sigv4.claim import read_claim
from s3gateway.sigv4.model import RequestHead, Secret
from s3gateway.sigv4.verify import signed_at, verify
from tests.explain.clients import Keys, botocore, sets
from tests.reading.samples import read, text
from tests.sigv4.aws import CLIENT

URL = "https://storage.example:8443"
ERROR = b"<Error><Code>SignatureDoesNotMatch</Code><Message>no</Message></Error>"


def signed(method: str = "PUT", *headers: tuple[str, str]) -> RequestHead:
    return botocore(Keys(), method, "/bucket/dir%20x/%C3%A9?tagging=", list(headers), at=URL)


def pairs(head: RequestHead) -> list[tuple[str, str]]:
    return [(name.decode(), value.decode()) for name, value in head.headers]


def verifies(found: Found) -> None:
    assert found.raw is not None
    claim = read_claim(found.raw)
    verify(claim, found.raw, Secret(CLIENT.secret), signed_at(claim))


def har(head: RequestHead, *, http2: bool, **answer: Any) -> dict[str, Any]:
    """A HAR entry as Chromium exports it."""
    fields = [(name.lower(), value) if http2 else (name, value) for name, value in pairs(head)]
    if http2:
        fields = [(name, value) for name, value in fields if name != "host"]
        target = head.target.decode()
        fields = [(":authority", "storage.example:8443"), (":method", "PUT"), (":path", target), *fields]
    request = {
        "method": head.method.decode(),
        "url": URL + head.target.decode(),
        "httpVersion": "h2" if http2 else "http/1.1",
        "headers": [{"name": name, "value": value} for name, value in fields],
    }
    content = {"size": len(ERROR), "mimeType": "application/xml", "text": base64.b64encode(ERROR).decode()}
    response = {"status": 403, "headers": [], "content": content | {"encoding": "base64"}} | answer
    return {"startedDateTime": "2026-11-29T07:42:18.123Z", "time": 12.5, "request": request, "response": response}


def document(*entries: dict[str, Any]) -> bytes:
    return json.dumps({"log": {"version": "1.2", "pages": [], "entries": entries}}, indent=2).encode()


@pytest.mark.parametrize("http2", [False, True])
def test_har(http2: bool) -> None:
    """Signature, status and error document are there; HTTP/2's :authority is what was signed as host."""
    entry = har(signed(), http2=http2)
    entry["request"]["url"] = entry["request"]["url"].replace("storage.example", "alias.example")  # of a service worker
    (one,) = read(document(entry), block=100)
    verifies(one)
    assert (one.format, one.status, one.error_code, one.answer) == ("har", 403, "SignatureDoesNotMatch", ERROR)
    assert one.exchange.tls
    assert one.has_signature


def test_har_of_what_a_browser_asks_by_itself() -> None:
    """A preflight has no signature, a blocked request no answer, and neither is an error of the file."""
    preflight = har(
        RequestHead(b"OPTIONS", b"/bucket/key", ((b"Origin", b"https://app.example"),)), http2=False, status=200
    )
    blocked = har(signed(), http2=True, status=0, headers=[], content={})
    found = read(document(preflight, blocked))
    assert [(one.exchange.incoming.method, one.status) for one in found] == [("OPTIONS", 200), ("PUT", 0)]
    assert not found[0].has_signature
    assert any("no signature" in clause for clause in found[0].missing)
    verifies(found[1])


BASH = """curl {url} \\
  -X 'PUT' \\
{headers} \\
  --data-raw 'it'\\''s $5' \\
  --compressed"""
CMD = 'curl ^"{url}^" ^\n  -X ^"PUT^" ^\n{headers} ^\n  --data-raw ^"hello^"'


def _bash(head: RequestHead) -> str:
    fields = " \\\n".join(f"  -H {shlex.quote(f'{name}: {value}')}" for name, value in pairs(head))
    return BASH.format(url=shlex.quote(URL + head.target.decode()), headers=fields)


def _ansi_c(head: RequestHead) -> str:
    """Chromium writes a value with an exclamation mark so."""
    return _bash(head).replace("-X 'PUT'", "-X $'\\u0050UT'")


def _cmd(head: RequestHead) -> str:
    fields = " ^\n".join(f'  -H ^"{name}: {value}^"' for name, value in pairs(head))
    return CMD.format(url=(URL + head.target.decode()).replace("%", "^%").replace("&", "^&"), headers=fields)


@pytest.mark.parametrize("copied", [_bash, _ansi_c, _cmd])
def test_copy_as_curl(copied: Any) -> None:
    """As Chromium and Firefox copy it for a shell, and for Windows; in a terminal with what came of it."""
    around = "the request:\n$ {}\n\nHTTP 403\n"
    (one,) = read(around.format(copied(signed())).encode())
    assert (one.format, one.line, one.exchange.incoming.method) == ("curl", 2, "PUT")
    verifies(one)


def test_a_curl_command_of_ones_own() -> None:
    """curl signs by itself: there is no signature, and the secret in it is nobody's business."""
    command = f"curl -sS --aws-sigv4 aws:amz:us-east-1:s3 --user KEY:{CLIENT.secret} -T file {URL}/bucket/key"
    (one,) = read(command.encode())
    assert (one.exchange.incoming.method, one.exchange.incoming.target) == ("PUT", "/bucket/key")
    assert not one.has_signature
    assert any("--aws-sigv4" in clause for clause in one.missing)
    assert CLIENT.secret not in repr(one) + str(one.exchange)


def raw(head: RequestHead, before: str = "", end: str = "\n") -> bytes:
    lines = [f"{head.method.decode()} {head.target.decode()} HTTP/1.1", *(f"{n}: {v}" for n, v in pairs(head)), ""]
    return "".join(before + line + end for line in lines).encode()


@pytest.mark.parametrize(
    "before",
    [
        "",
        "minio-1  | ",
        "2026-11-29T07:42:18.123456789Z stdout F ",
        "Nov 29 07:42:18 host proxy[812]: ",
        "> ",
        "26/11/29 07:41:49 DEBUG headers: http-outgoing-7 >> ",
        "[main] DEBUG org.apache.http.headers - http-outgoing-0000000003 >> ",
    ],
)
def test_what_logs_put_before_each_line(before: str) -> None:
    """Times and numbers in it may differ from line to line."""
    lines = raw(signed(), before).split(b"\n")
    for at in range(len(lines)):
        lines[at] = lines[at].replace(b"07:42:18", b"07:42:%02d" % at)
    (one,) = read(b"noise\n" + b"\n".join(lines) + b"\nmore noise\n")
    verifies(one)
    assert one.line == 2


def test_two_logs_mixed() -> None:
    """Line by line: each head is put together again."""
    heads = [signed("GET", ("x-amz-meta-a", "1")), signed("PUT", ("x-amz-meta-a", "1"))]
    one, two = (raw(head, f"executor-{i} | ").splitlines() for i, head in enumerate(heads))
    wire = [raw(head, f"DEBUG headers: http-outgoing-{i} >> ").splitlines() for i, head in enumerate(heads)]
    mixed = [line for both in zip(*wire, strict=True) for line in both]
    found = read(b"\n".join(mixed) + b"\n")
    assert sorted(each.exchange.incoming.method for each in found) == ["GET", "PUT"]
    for each in found:
        verifies(each)
    noise = [line for each in one for line in (each, b"executor-9 | nothing to see: here")]
    (first,) = read(b"\n".join(noise) + b"\n")
    verifies(first)
    assert two


def test_a_head_that_is_cut() -> None:
    """What is there of it is read; an absent header says nothing then."""
    whole = raw(signed("PUT", ("x-amz-meta-a", "1")))
    for cut in range(30, len(whole) - 2, 37):
        for one in read(whole[:cut]):
            assert one.raw is not None
            assert len(one.raw.headers) <= 9
    (one,) = read(whole[: whole.index(b"Authorization")] + b"---- 8< ----\n")
    assert not one.complete
    assert "breaks off at line" in one.missing[0]


def test_a_redacted_signature() -> None:
    """The claim can be read all the same; the signature that stands in for it is none."""
    head = signed()
    hidden = sets(head, "Authorization", dict(pairs(head))["Authorization"].rpartition("=")[0] + "=<redacted>")
    (one,) = read(raw(hidden))
    assert one.raw is not None
    assert read_claim(one.raw).access_key_id == CLIENT.access_key_id
    assert not one.has_signature
    assert one.exchange.incoming.canonical_request
    assert "the secret cannot be checked" in one.missing[0]


def test_a_captured_exchange_between_other_lines() -> None:
    """As a container's log has it, where log.capture writes to standard output."""
    (known,) = read(raw(signed()))
    from s3gateway.observed.capture import dump_line  # noqa: PLC0415

    (one,) = read(b"gateway-1 | started\ngateway-1 | " + dump_line(known.exchange).encode())
    assert (one.format, one.line, one.exchange) == ("capture", 2, known.exchange)


def test_utf_16() -> None:
    """What PowerShell writes with >."""
    (one,) = read(raw(signed()).decode().encode("utf-16"))
    verifies(one)


@pytest.mark.parametrize("key", ["log", "msg", "message"])
def test_json_logs(key: str) -> None:
    """Docker's log files, Spark's structured log: a message a line, or several lines in one."""
    lines = [
        json.dumps({"time": "2026-11-29T07:42:18Z", key: line + "\n"}) for line in raw(signed()).decode().split("\n")
    ]
    (one,) = read("\n".join(lines).encode())
    verifies(one)
    (whole,) = read(json.dumps({key: raw(signed()).decode(), "level": "DEBUG"}).encode())
    verifies(whole)
    name = text("java-v2").decode().splitlines()
    spark = "\n".join(json.dumps({"ts": "2026-11-29T07:42:18.000Z", "level": "DEBUG", key: line}) for line in name)
    assert [each.status for each in read(spark.encode())] == [403, 403, 403]


def test_har_in_the_middle_of_other_text() -> None:
    """What stands around it is read too."""
    around = (raw(signed("HEAD")) + b"\nSee this:\n", b"\n```\n" + raw(signed("GET")) + b"\n")
    for before in (around[0] + b"```json\n", around[0]):
        found = read(before + document(har(signed(), http2=True)) + around[1])
        assert [one.exchange.incoming.method for one in found] == ["HEAD", "PUT", "GET"]
        for one in found:
            verifies(one)
