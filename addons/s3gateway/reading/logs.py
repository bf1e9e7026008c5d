"""Log lines that hold a whole request, or its answer's status: botocore, ``http.client``, the SDKs for Java."""

import ast
import re
import warnings
from collections.abc import Mapping
from urllib.parse import quote_from_bytes

from s3gateway.reading.draft import ANNOUNCED, Draft, address, host_of

_SENDING = re.compile(rb"<AWSPreparedRequest [^>]*?method=([A-Z]+), url=(\S+), headers=(\{.*\})>\s*$")
_PREPARED = b"<AWSPreparedRequest "
_ANSWERED = re.compile(rb"https?://[^ \"]+ \"([A-Z]+) (\S+) HTTP/[\d.]+\" (\d{3}) ")
_CALL = re.compile(rb"An error occurred \(([A-Z][A-Za-z]+)\) when calling the \w+ operation")
_HEADERS = re.compile(rb"Response headers: (\{.*\})\s*$")
_V1 = re.compile(
    rb"(?:Sending|Retrying) Request: ([A-Z]+) (https?)://(\S+) (/\S*) (?:Parameters: \((.*?)\) ?)??Headers: \((.*), \)"
)
_V2 = re.compile(
    rb"Sending Request: Default\w*HttpFullRequest\(httpMethod=([A-Z]+), protocol=(https?), host=([^,\s]+)"
    rb"(?:, port=(\d+))?, encodedPath=([^,\s]*), headers=\[([^]]*)\], queryParameters=\[([^]]*)\]"
)
_REFUSED = re.compile(
    rb"Received (?:failed|error|successful) response: (?:(\d{3})|.*?Status Code: (\d{3}); Error Code: ([^;]+);)"
)
_PLAIN_HTTP = ((b"http", b"80"), (b"https", b"443"))

_URLLIB3 = "headers that urllib3 adds after the log line, Accept-Encoding and Content-Length, are not in it"
_V1_LACKS = "the log has the request before it was signed: no signature, no date; log com.amazonaws.auth too"
_V2_LACKS = (
    "the log has names of headers and parameters only; log software.amazon.awssdk.http.auth.aws or "
    "org.apache.http.wire too"
)


def sending(line: bytes, number: int) -> Draft | None:
    """botocore's ``Sending http request``."""
    found = _SENDING.search(line) if _PREPARED in line else None
    headers = _literal(found[3]) if found else None
    if found is None or not isinstance(headers, Mapping):
        return None
    draft = Draft("botocore", number, found[1], b"/", complete=False, missing=[_URLLIB3])
    address(draft, found[2])
    draft.fields += [(_bytes(name), _bytes(value)) for name, value in headers.items()]
    if not draft.values(b"host"):
        draft.fields.insert(0, (b"Host", host_of(found[2])))
    return draft


def answered(line: bytes) -> tuple[bytes, bytes, int] | None:
    """Method, target and status of urllib3's line about an answer."""
    found = _ANSWERED.search(line)
    return (found[1], found[2], int(found[3])) if found else None


def answer_headers(line: bytes) -> list[tuple[bytes, bytes]]:
    """botocore's ``Response headers``."""
    found = _HEADERS.search(line) if b"Response headers: {" in line else None
    headers = _literal(found[1]) if found else None
    return [(_bytes(n), _bytes(v)) for n, v in headers.items()] if isinstance(headers, Mapping) else []


def spoken(line: bytes) -> bytes | None:
    """What ``http.client`` prints of what it sends or receives, as bytes: several lines of a head at once."""
    for mark, begin in ((b"send: b", 6), (b"reply: ", 7)):
        if line.startswith(mark):
            said = _literal(line[begin:])
            return (
                said if isinstance(said, bytes) else said.encode("latin-1").strip() if isinstance(said, str) else None
            )
    return line.removeprefix(b"header: ") if line.startswith(b"header: ") else None


def failed_call(line: bytes) -> str:
    """The code in botocore's ``ClientError``; empty where there is none, as after a HEAD."""
    found = _CALL.search(line)
    return found[1].decode("ascii") if found else ""


def announced(line: bytes, number: int) -> Draft | None:
    """What an SDK for Java is about to sign and send."""
    if found := _V1.search(line):
        draft = Draft("java-v1", number, found[1], found[4], grade=ANNOUNCED, complete=False)
        draft.tls = found[2] == b"https"
        draft.fields = [(b"Host", found[3]), *_pairs(found[6])]
        draft.target += _query(found[5])
        draft.missing.append(_V1_LACKS)
        return draft
    if found := _V2.search(line):
        draft = Draft("java-v2", number, found[1], found[5] or b"/", grade=ANNOUNCED, complete=False)
        draft.tls = found[2] == b"https"
        port = b"" if (found[2], found[4]) in _PLAIN_HTTP or not found[4] else b":" + found[4]
        draft.fields = [(b"Host", found[3] + port)]
        draft.missing.append(_V2_LACKS)
        return draft
    return None


def refused(line: bytes) -> tuple[int, str] | None:
    """Status and code of what an SDK for Java says of an answer."""
    found = _REFUSED.search(line) if b"Received " in line else None
    if found is None:
        return None
    code = (found[3] or b"").decode("utf-8", "replace")
    return int(found[1] or found[2]), "" if " " in code else code


def _query(parameters: bytes | None) -> bytes:
    """The parameters as v1 prints them, ``{"prefix":["dir x"],...}``, in its own encoding."""
    values = _literal(parameters) if parameters else None
    if not isinstance(values, Mapping):
        return b""
    quoted = [
        f"{quote_from_bytes(_bytes(name))}={quote_from_bytes(_bytes(value), safe='')}"
        for name, many in values.items()
        for value in (many if isinstance(many, list) else [many])
    ]
    return b"?" + "&".join(quoted).encode("ascii") if quoted else b""


def _pairs(text: bytes) -> list[tuple[bytes, bytes]]:
    """``Name: value, Name: value``: a comma inside a value is told by what follows it."""
    found = re.findall(rb"([A-Za-z][A-Za-z0-9-]*): (.*?)(?=, [A-Za-z][A-Za-z0-9-]*: |$)", text)
    return [(name, value) for name, value in found]


def _literal(text: bytes) -> object:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            return ast.literal_eval(text.decode("utf-8", "surrogateescape").strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError, UnicodeError):
        return None


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
