"""``encryption``: which objects are encrypted, and how."""

import base64
import binascii
from typing import Any, Final

from s3gateway.config.check import ConfigError, quoted
from s3gateway.config.files import Files
from s3gateway.config.header_words import check_field
from s3gateway.config.patterns import check_bucket, check_prefix
from s3gateway.rules.encryption import EncryptionRule, Sse, SseKms, SseS3, sse_c

_SSE_KEYS: Final = ("sse-kms", "sse-s3", "sse-c", "none")
_SSE_C_BYTES: Final = 32


def read_rule(key: str, values: dict[str, Any], files: Files) -> EncryptionRule:
    """Read one rule; ``key`` is its path."""
    chosen = [name for name in _SSE_KEYS if values.get(name)]
    if len(chosen) != 1:
        raise ConfigError(
            key,
            f"names {', '.join(chosen) or 'no encryption'}",
            "give each rule exactly one of sse-kms, sse-s3, sse-c, none",
        )
    return EncryptionRule(
        check_bucket(f"{key}.bucket", values["bucket"]),
        check_prefix(f"{key}.prefix", values["prefix"]),
        values["client"],
        _sse(key, chosen[0], values[chosen[0]], files),
        values["role"],
    )


def _sse(key: str, kind: str, value: Any, files: Files) -> Sse:
    match kind:
        case "sse-kms":
            return SseKms(check_field(f"{key}.sse-kms", value))
        case "sse-s3":
            return SseS3()
        case "sse-c":
            return sse_c(_sse_c_key(f"{key}.sse-c", value, files))
    return None


def _sse_c_key(key: str, name: str, files: Files) -> bytes:
    raw = files.bytes(key, name)
    if len(raw) != _SSE_C_BYTES:
        try:
            raw = base64.b64decode(raw.strip(), validate=True)
        except binascii.Error:
            raw = b""
    if len(raw) != _SSE_C_BYTES:
        raise ConfigError(key, f"{quoted(name)} holds no 256-bit key", "store 32 raw bytes, or their base64")
    return raw
