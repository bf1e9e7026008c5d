"""One structured line per request: the fields, as text for a terminal or as JSON for a collector.

A record holds nothing of an answer but its error's code and its request id, and no query, so nothing in it is secret.
"""

import json
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count
from json.encoder import encode_basestring_ascii
from secrets import randbits
from typing import Final

from s3gateway.errors import S3Error
from s3gateway.observed.printable import printable
from s3gateway.rules.operations import Operation

_SHOWN_ID = 80

EXPLAINED: Final = frozenset(("SignatureDoesNotMatch", "RequestTimeTooSkewed"))
"""The refusals that have more to them than they say."""


_ids = count(randbits(63))


def new_id() -> str:
    """Give a request's id: 16 hex digits, as S3's have. They count up from a random number: no process repeats one."""
    return f"{next(_ids) & 0xFFFF_FFFF_FFFF_FFFF:016X}"


@dataclass(slots=True)
class Record:
    """What is told of one request. Sizes in bytes on the client's side, ``duration`` in seconds.

    ``request_id`` is what a refused client was given, ``backend_request_id`` what any other got. Text has neither.
    ``endpoint`` is the one of several backends that answered, ``retried`` says of others why they did not.
    """

    time: float
    request_id: str
    client: str = ""
    operation: str = ""
    bucket: str = ""
    key: str = ""
    status: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    duration: float = 0.0
    chunks: int = 0
    sse: str = ""
    refusal: str = ""
    reason: str = ""
    backend_error: str = ""
    fault: str = ""
    address: str = ""
    backend_request_id: str = ""
    endpoint: str = ""
    retried: str = ""

    def to_json(self) -> str:
        """One JSON object; empty fields are left out, time is RFC 3339 in UTC."""
        parts = [f'{{"time": "{rfc3339(self.time)}"']  # by hand: json.dumps costs twice as much
        for name in _TOLD:
            value = getattr(self, name)
            if name == "duration":
                value = round(value, 6)
            if value or name == "status":
                parts.append(f'"{name}": {encode_basestring_ascii(value) if isinstance(value, str) else value}')
        return ", ".join(parts) + "}"

    def to_text(self) -> str:
        """``12:00:01 200 PutObject bucket/key spark in=1.5MiB out=0B 12ms SSE-KMS``."""
        where = f"{self.bucket}/{self.key}" if self.key else self.bucket or "-"
        parts = [
            _clock(self.time),
            str(self.status or "---"),
            self.operation or "-",
            printable(where),
            printable(self.client or "-"),
            f"in={size(self.bytes_in)}",
            f"out={size(self.bytes_out)}",
            f"{self.duration * 1000:.0f}ms",
        ]
        parts += [f"chunks={self.chunks}"] if self.chunks else []
        parts += [self.sse] if self.sse else []
        parts += [f"refused={self.refusal}"] if self.refusal else []
        parts += [f"({printable(self.reason)})"] if self.reason else []
        parts += [f"backend={self.backend_error}"] if self.backend_error else []
        parts += [f"endpoint={self.endpoint}"] if self.endpoint else []
        parts += [f"retried=({printable(self.retried)})"] if self.retried else []
        parts += [f"fault={printable(self.fault)}"] if self.fault else []
        return " ".join(parts)

    def describe(self, operation: Operation) -> None:
        """Note what the request asks for."""
        self.operation, self.bucket, self.key = operation.name, operation.bucket, operation.key

    def note_request_id(self, value: bytes | None) -> None:
        """Note the id that the backend gave the request."""
        self.backend_request_id = printable((value or b"").decode("utf-8", "replace"))[:_SHOWN_ID]

    def refuse(self, error: S3Error) -> None:
        """Note a refusal: its code, and why, unless ``fault`` or a line of its own (:class:`Explained`) says that."""
        self.refusal = error.code
        self.reason = error.reason or ("" if self.fault or error.code in EXPLAINED else error.message)


@dataclass(frozen=True, slots=True)
class Explained:
    """The second line of a refused request: why, in one sentence. ``dropped`` refusals before it were not explained.

    ``certainty`` is ``certain``, ``likely``, ``possible`` or empty; as text only what is not certain is said.
    """

    time: float
    request_id: str
    client: str
    cause: str
    sentence: str
    dropped: int = 0
    certainty: str = ""

    def to_json(self) -> str:
        """One JSON object with the request's id and time."""
        told: dict[str, object] = {
            "time": rfc3339(self.time),
            "request_id": self.request_id,
            "client": self.client,
            "explained": self.cause,
            "certainty": self.certainty,
            "sentence": self.sentence,
        }
        return json.dumps(told | ({"dropped": self.dropped} if self.dropped else {}), ensure_ascii=True)

    def to_text(self) -> str:
        """``12:00:01 explained host-port spark? the client signed Host ...``."""
        more = f" ({self.dropped} refusals before this one were not explained)" if self.dropped else ""
        who = printable(self.client or "-")
        sure = f" ({self.certainty})" if self.certainty not in {"", "certain"} else ""
        return f"{_clock(self.time)} explained {self.cause}{sure} {who} {printable(self.sentence)}{more}"


_TOLD = tuple(field.name for field in fields(Record) if field.name != "time")


def size(count: int) -> str:
    """Bytes in binary units, short."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":  # noqa: PLR2004
            return f"{value:.0f}{unit}" if value == int(value) else f"{value:.1f}{unit}"
        value /= 1024
    raise AssertionError


def rfc3339(seconds: float) -> str:
    """UTC, to the millisecond."""
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1000):03d}+00:00"


@lru_cache(maxsize=8)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%H:%M:%S")
