"""What a canary must find, and how it is told. Pure.

A canary is a bird that a miner takes along: it fails first. Here it is a small object that goes the whole way, signed
in each way that S3 knows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from s3gateway.rules.encryption import EncryptionRule, Sse, SseC, SseKms, SseS3
from s3gateway.sigv4.model import PayloadMode

_SSE = b"x-amz-server-side-encryption"
_KEY_ID = _SSE + b"-aws-kms-key-id"
_CUSTOMER = _SSE + b"-customer-algorithm"


class Mode(Enum):
    """A way to sign an upload; the value is its name in sentences."""

    HASH = "with a hash"
    UNSIGNED = "with an unsigned payload"
    PRESIGNED = "presigned"
    CHUNKS = "in signed chunks"
    SIGNED_TRAILER = "in signed chunks with a trailer"
    UNSIGNED_TRAILER = "in unsigned chunks with a trailer"

    @property
    def payload(self) -> PayloadMode:
        """What ``x-amz-content-sha256`` says."""
        return _PAYLOADS[self]


_PAYLOADS = {
    Mode.HASH: PayloadMode.SHA256,
    Mode.UNSIGNED: PayloadMode.UNSIGNED,
    Mode.PRESIGNED: PayloadMode.UNSIGNED,
    Mode.CHUNKS: PayloadMode.STREAMING,
    Mode.SIGNED_TRAILER: PayloadMode.STREAMING_TRAILER,
    Mode.UNSIGNED_TRAILER: PayloadMode.STREAMING_UNSIGNED_TRAILER,
}


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong on the way of one upload: at which ``step`` (an operation's name), and why, in words."""

    mode: Mode
    step: str
    why: str


def rule_of(rules: Sequence[EncryptionRule], bucket: str, key: str, client: str) -> tuple[int | None, Sse]:
    """Give the number of the rule that decides, from 0, and what it applies."""
    return next(((i, rule.sse) for i, rule in enumerate(rules) if rule.matches(bucket, key, client)), (None, None))


def label_of(sse: Sse) -> str:
    """What an upload under this rule is called in the log; empty for none."""
    return sse.label if sse is not None else ""


def wrong_encryption(rule: int | None, sse: Sse, headers: Mapping[bytes, bytes]) -> str:
    """Say what a HEAD should have told of an object's encryption, and did not; empty where it did.

    ``headers`` have names in lower case. Over plain HTTP HEAD names no KMS key.
    """
    match sse:
        case SseKms(key_id):
            wanted, found = "aws:kms", headers.get(_SSE, b"")
            named = headers.get(_KEY_ID, key_id.encode()).decode("latin-1")
            if found == b"aws:kms" and not _is_key(named, key_id):
                return f"encryption[{rule}] asks for the KMS key {key_id}, and the object has {named}"
        case SseS3():
            wanted, found = "AES256", headers.get(_SSE, b"")
        case SseC():
            wanted, found = "AES256 with a customer's key", headers.get(_CUSTOMER, b"")
            found = found + b" with a customer's key" if found else b""
        case _:
            return ""
    told = found.decode("latin-1") or "none"
    return "" if told == wanted else f"encryption[{rule}] asks for {wanted}, and HEAD tells of {told}"


def _is_key(named: str, key_id: str) -> bool:
    """Whether an answer names this key: by its id, or by an ARN that ends with it."""
    return named == key_id or (named.startswith("arn:") and named.endswith((f"/{key_id}", f":{key_id}")))


def sentence(failures: Sequence[Failure]) -> str:
    """Tell of failures in one sentence, each reason once, with the ways that it concerns unless these are all."""
    by_reason: dict[tuple[str, str], list[Mode]] = {}
    for failure in failures:
        by_reason.setdefault((failure.step, failure.why), []).append(failure.mode)
    parts = []
    for (step, why), modes in by_reason.items():
        which = "" if len(modes) == len(Mode) else " " + ", ".join(mode.value for mode in modes)
        parts.append(f"{step}{which}: {why}")
    return "; ".join(parts)
