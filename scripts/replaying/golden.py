"""A golden header set: a capture whose outgoing side is what the gateway is expected to send.

It is a capture document (schema of :mod:`s3gateway.observed.capture`; every tool that reads captures reads it) with
two keys more: `gateway`, the part of a gateway.yaml that it holds for, and `client`, who sent it. So one file is
capture, configuration and expectation.
"""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from s3gateway.observed.capture import SCHEMA, CaptureError, Exchange, load, to_document

_PAIR: Final = re.compile(r'\[\s+("(?:[^"\\]|\\.)*"),\s+("(?:[^"\\]|\\.)*")\s+\]')
_OPTIONAL: Final = frozenset(("signed_headers", "canonical_request", "string_to_sign", "first_bad", "runs"))
_WORDS: Final = re.compile(r'("signed_headers": \[)\s+([^]]*?)\s+(\])')


@dataclass(frozen=True, slots=True)
class Golden:
    """Expected exchanges, the configuration document that they hold for, and the ``client`` that sent them."""

    exchanges: tuple[Exchange, ...]
    gateway: dict[str, Any]
    client: str = ""


def read_golden(path: Path) -> Golden | None:
    """Read one; None if the file is not there, or is a capture without `gateway`. Raises `CaptureError`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        document = json.loads(text)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CaptureError(f"{path}: {error.strerror}; name a readable file") from None
    except (ValueError, RecursionError):
        return None  # a flow file, or JSON Lines
    if not isinstance(document, dict) or not isinstance(document.get("gateway"), dict):
        return None
    return Golden(load(text), document["gateway"], str(document.get("client", "")))


def write_golden(path: Path, golden: Golden) -> None:
    """Write it whole or not at all, one header a line, leaving out what a golden does not hold for."""
    exchanges = [_document(exchange) for exchange in golden.exchanges]
    document = {"schema": SCHEMA, "client": golden.client, "gateway": golden.gateway, "exchanges": exchanges}
    text = _PAIR.sub(r"[\1, \2]", json.dumps(document, indent=1, ensure_ascii=True))
    text = _WORDS.sub(lambda match: match[1] + " ".join(match[2].split()) + match[3], text)
    part = path.with_name(path.name + ".part")
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(path)


def expected(exchange: Exchange) -> Exchange:
    """What of a replayed exchange a golden keeps: nothing that can be computed again, no time taken."""
    return replace(
        exchange,
        incoming=replace(exchange.incoming, canonical_request="", string_to_sign=""),
        outgoing=exchange.outgoing and replace(exchange.outgoing, canonical_request="", string_to_sign=""),
        chunks=exchange.chunks and replace(exchange.chunks, runs=()),
        backend_error="",
        timings={},
        explanation=None,
    )


def _document(exchange: Exchange) -> dict[str, Any]:
    return {name: _filled(value) for name, value in to_document(exchange).items() if value not in ("", None, {}, [])}


def _filled(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: part for name, part in value.items() if part or name not in _OPTIONAL}
    return value
