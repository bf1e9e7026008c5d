"""What is kept of an exchange to look at later: both heads as they were on the wire, redacted, and what was decided.

One documented, versioned schema for every tool: the gateway writes it, a flow file of a plain mitmproxy is read into
it, and diff, replay and explanation start from it. As JSON::

    {"schema": "s3-header-capture/1",
     "exchanges": [{
       "id": "5F0C...", "time": "2026-01-31T12:00:00.000Z", "tls": false,
       "incoming": {"method": "PUT", "target": "/bucket/key", "headers": [["Host", "gw:8000"], ...],
                    "signed_headers": ["host", ...], "canonical_request": "...", "string_to_sign": "..."},
       "outgoing": {... the same for the backend's side, or null ...},
       "verdict": "admitted" | "refused" | "unknown", "code": "", "message": "",
       "operation": "PutObject", "bucket": "bucket", "key": "key", "identity": "spark",
       "payload": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "sse": "SSE-KMS", "rule": "encryption[0]",
       "chunks": {"count": 4, "bytes": 262145, "first_bad": null,
                  "runs": [[131072, 2], [1, 1], [0, 1]]} | null,
       "response": {"status": 200, "headers": [["ETag", "..."], ...]} | null, "backend_error": "",
       "timings": {"verified": 0.0004, "signed": 0.0006, "answered": 0.012, "ended": 0.0121},
       "explanation": {"cause": "host-port", "sentence": "...", "expected": "...", "received": "...",
                       "certainty": "certain" | "likely" | "possible" | "", "others": [["cause", "sentence"], ...],
                       "lines": [["scope", "as signed", "as received"], ...]} | null,
       "endpoint": "https://minio2:9000", "retried": "https://minio1:9000: not connected: ..."}]}

Header lists keep wire order, case and duplicates. Bytes that are not UTF-8 are lone surrogates (``surrogateescape``),
which JSON escapes. Timings are seconds since the head arrived. Signatures, tokens and SSE-C keys are ``<redacted>``;
nothing that is redacted can be got back. ``code`` and ``message`` say why it was refused, or what else went wrong
(``ServiceUnavailable``, the client gone). ``chunks`` counts what was verified, the final empty one included, as the
log line does; its ``runs`` are sizes and how many of that size came in a row, the first 32 of them. ``identity`` ends
in ``?`` where nothing proves it; a preflight is admitted where a rule allows it, whoever asks. ``endpoint`` is the one
of several backends that served, ``retried`` says of those tried before it why they did not. Several exchanges may also
stand one on a line (JSON Lines), each with its own ``schema``: a live gateway appends such lines, and a flow carries
one (:data:`METADATA_KEY`).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

SCHEMA = "s3-header-capture/1"
VERDICTS = ("admitted", "refused", "unknown")

METADATA_KEY = "s3gateway"
"""Where a mitmproxy flow carries its exchange: :func:`dump_line`'s text in ``flow.metadata``."""

Pairs = tuple[tuple[str, str], ...]


class CaptureError(ValueError):
    """A document that is no capture: one line that says where and what."""


@dataclass(frozen=True, slots=True)
class Head:
    """One side's request head. The canonical texts are empty where nobody computed them."""

    method: str
    target: str
    headers: Pairs
    signed_headers: tuple[str, ...] = ()
    canonical_request: str = ""
    string_to_sign: str = ""


@dataclass(frozen=True, slots=True)
class Chunks:
    """An upload's chunk chain: verified chunks, their bytes of data, and which one (from 1) was the first bad one.

    ``runs`` are (bytes, how many of that size in a row), in order; they may tell of fewer chunks than ``count``.
    """

    count: int
    bytes: int
    first_bad: int | None = None
    runs: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Response:
    """What was answered: status and header list."""

    status: int
    headers: Pairs


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a signature did not match: a slug, one sentence, and the canonical request expected against received.

    ``certainty`` is empty where nobody said, ``others`` are (slug, sentence) of causes that would fit as well, and
    ``lines`` are (what, as signed, as received) of what differs outside the canonical request.
    """

    cause: str
    sentence: str
    expected: str = ""
    received: str = ""
    certainty: str = ""
    others: Pairs = ()
    lines: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request, what became of it, and the answer. Every field but the first four may be unknown."""

    id: str
    time: str
    tls: bool
    incoming: Head
    outgoing: Head | None = None
    verdict: str = "unknown"
    code: str = ""
    message: str = ""
    operation: str = ""
    bucket: str = ""
    key: str = ""
    identity: str = ""
    payload: str = ""
    sse: str = ""
    rule: str = ""
    chunks: Chunks | None = None
    response: Response | None = None
    backend_error: str = ""
    timings: Mapping[str, float] = field(default_factory=dict)
    explanation: Explanation | None = None
    endpoint: str = ""
    retried: str = ""


def to_document(exchange: Exchange) -> dict[str, Any]:
    """Give plain JSON values, lists for tuples."""
    return {name: _plain(getattr(exchange, name)) for name in Exchange.__dataclass_fields__}


def dump(exchanges: Iterable[Exchange]) -> str:
    """Write one capture document, indented, ASCII only."""
    document = {"schema": SCHEMA, "exchanges": [to_document(exchange) for exchange in exchanges]}
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def dump_line(exchange: Exchange) -> str:
    """Write one exchange as one line of JSON Lines."""
    fields = {name: getattr(exchange, name) for name in Exchange.__dataclass_fields__}
    return _LINE.encode({"schema": SCHEMA, **fields}) + "\n"


def load(text: str) -> tuple[Exchange, ...]:
    """Read what :func:`dump` or :func:`dump_line` wrote. Raises :class:`CaptureError`."""
    try:
        documents = [json.loads(text)]
    except (ValueError, RecursionError):
        documents = []
        for number, line in enumerate(text.splitlines(), 1):
            try:
                documents += [json.loads(line)] if line.strip() else []
            except (ValueError, RecursionError):
                raise CaptureError(f"line {number} is not JSON") from None
    found: list[Exchange] = []
    for document in documents:
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            raise CaptureError(f"not a capture: its schema is not {SCHEMA}")
        many = document.get("exchanges", [document])
        if not isinstance(many, list):
            raise CaptureError("exchanges is not a list")
        found += [from_document(one, f"exchange {len(found) + i}") for i, one in enumerate(many, 1)]
    return tuple(found)


def from_document(document: object, where: str = "exchange") -> Exchange:
    """Read one exchange from plain JSON values; an unknown key is ignored, a wrong type is not."""
    values = _mapping(document, where)
    try:
        return Exchange(
            id=_text(values, "id"),
            time=_text(values, "time"),
            tls=bool(values["tls"]),
            incoming=_head(values["incoming"]),
            outgoing=_head(values["outgoing"]) if values.get("outgoing") else None,
            verdict=_text(values, "verdict", "unknown"),
            **{name: _text(values, name, "") for name in _TEXTS},
            chunks=_chunks(values["chunks"]) if values.get("chunks") else None,
            response=_response(values["response"]) if values.get("response") else None,
            timings={str(name): float(value) for name, value in (values.get("timings") or {}).items()},
            explanation=_explanation(values["explanation"]) if values.get("explanation") else None,
        )
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise CaptureError(
            f"{where}: {error if isinstance(error, CaptureError) else f'not in the schema ({error})'}"
        ) from None


_TEXTS = ("code", "message", "operation", "bucket", "key", "identity", "payload", "sse", "rule", "backend_error",
          "endpoint", "retried")  # fmt: skip


def _plain(value: object) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    return dict(value) if isinstance(value, Mapping) else value


def _fields(value: object) -> dict[str, Any]:
    """Give to the encoder what it cannot write itself; tuples it can, which saves most of the time."""
    if isinstance(value, Mapping):
        return dict(value)
    names: Iterable[str] = value.__dataclass_fields__  # type: ignore[attr-defined]  # nothing else is in an exchange
    return {name: getattr(value, name) for name in names}


_LINE = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), default=_fields)


def _mapping(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise CaptureError(f"{where} is not a mapping")
    return value


def _text(values: dict[str, Any], name: str, default: str | None = None) -> str:
    value = values[name] if default is None else values.get(name, default)
    if not isinstance(value, str):
        raise CaptureError(f"{name} is not text")
    return _of_bytes(value)


def _of_bytes(text: str) -> str:
    """Refuse, with a ``UnicodeEncodeError``, surrogates that stand for no byte."""
    text.encode("utf-8", "surrogateescape")
    return text


def _pairs(value: Any) -> Pairs:
    if not all(isinstance(pair, list) and len(pair) == 2 and all(isinstance(x, str) for x in pair) for pair in value):  # noqa: PLR2004
        raise CaptureError("headers are not a list of [name, value]")
    return tuple((_of_bytes(name), _of_bytes(text)) for name, text in value)


def _words(values: dict[str, Any], name: str) -> tuple[str, ...]:
    value = values.get(name, [])
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise CaptureError(f"{name} is not a list of text")
    return tuple(map(_of_bytes, value))


def _head(value: object) -> Head:
    values = _mapping(value, "head")
    return Head(
        method=_text(values, "method"),
        target=_text(values, "target"),
        headers=_pairs(values["headers"]),
        signed_headers=_words(values, "signed_headers"),
        canonical_request=_text(values, "canonical_request", ""),
        string_to_sign=_text(values, "string_to_sign", ""),
    )


def _chunks(value: object) -> Chunks:
    values = _mapping(value, "chunks")
    first_bad = values.get("first_bad")
    runs = tuple((int(size), int(times)) for size, times in values.get("runs", ()))
    return Chunks(int(values["count"]), int(values["bytes"]), None if first_bad is None else int(first_bad), runs)


def _response(value: object) -> Response:
    values = _mapping(value, "response")
    return Response(int(values["status"]), _pairs(values["headers"]))


def _explanation(value: object) -> Explanation:
    values = _mapping(value, "explanation")
    names = ("cause", "sentence", "expected", "received", "certainty")
    cause, sentence, expected, received, certainty = (_text(values, name, "") for name in names)
    others = _pairs(values.get("others", []))
    return Explanation(cause, sentence, expected, received, certainty, others, _lines(values.get("lines", [])))


def _lines(value: Any) -> tuple[tuple[str, str, str], ...]:
    if not all(isinstance(line, list) and len(line) == 3 and all(isinstance(x, str) for x in line) for line in value):  # noqa: PLR2004
        raise CaptureError("lines are not a list of [what, as signed, as received]")
    return tuple((_of_bytes(what), _of_bytes(signed), _of_bytes(received)) for what, signed, received in value)
