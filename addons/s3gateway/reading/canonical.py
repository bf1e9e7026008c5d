"""What a client logs, or a server answers, of a signature: the canonical request and the string to sign, as text.

Four SDKs write them in as many ways, all on lines of their own (botocore ``CanonicalRequest:``, Java ``AWS4 Canonical
Request: '"PUT``, Go ``---[ CANONICAL STRING``), so one grammar reads them: the AWS text's own. A request that only
left these behind is built from them, as far as they go.
"""

import re
from dataclasses import dataclass
from typing import Final

from s3gateway.reading.draft import SIGNED, Draft

_METHOD = re.compile(rb"(?:GET|PUT|POST|HEAD|DELETE|OPTIONS|PATCH)$")
_REQUEST_MARK = re.compile(
    rb"(?P<botocore>CanonicalRequest:)|(?P<java>AWS4 Canonical Request: (?P<v1>'\")?)|(?P<go>---\[ CANONICAL STRING)"
)
_TO_SIGN_MARK = re.compile(rb"StringToSign:|AWS4 String to [Ss]ign: (?:'\")?|---\[ STRING TO SIGN")
_SIGNATURE_MARK = re.compile(rb"(?<!Request )\bSignature:$")
_HEX = re.compile(rb"[0-9a-f]{64}$")
_FIELD = re.compile(rb"([a-z0-9!#$%&'*+.^_`|~-]+):(.*)$")
_PARTS_TO_SIGN: Final = 4
_MOST_LINES = 20_000

_ONLY_SIGNED = (
    "the log has what was signed, not what was sent: headers that are not signed, and the signature, are not known"
)


@dataclass(frozen=True, slots=True)
class Canonical:
    """A canonical request in its parts."""

    method: bytes
    path: bytes
    query: bytes
    fields: tuple[tuple[bytes, bytes], ...]
    signed: bytes
    payload: bytes

    def value(self, name: bytes) -> bytes:
        """A signed header's value; empty where there is none."""
        return next((value for each, value in self.fields if each == name), b"")

    @property
    def target(self) -> bytes:
        """The request's target, encoded as it was signed."""
        return self.path + (b"?" + self.query if self.query else b"")


def read(text: bytes) -> Canonical | None:
    """Take a canonical request apart; None if it is none."""
    lines = text.split(b"\n")
    if len(lines) < 6 or not _METHOD.match(lines[0]) or lines[-3] != b"":  # noqa: PLR2004 - the AWS text's own count
        return None
    fields = tuple((found[1], found[2]) for found in map(_FIELD.match, lines[3:-3]) if found)
    return Canonical(lines[0], lines[1], lines[2], fields, lines[-2], lines[-1])


def draft_of(text: bytes, form: str, number: int) -> Draft | None:
    """A request of which only the canonical form is known."""
    parts = read(text)
    if parts is None:
        return None
    draft = Draft(form, number, parts.method, parts.target, list(parts.fields), SIGNED, complete=False)
    draft.client_request = text
    draft.missing.append(_ONLY_SIGNED)
    return draft


def authorize(draft: Draft, access_key: bytes, to_sign: bytes, signed: bytes, signature: bytes) -> None:
    """Give a draft the ``Authorization``, or the presigned signature, that belongs to what was signed."""
    lines = to_sign.split(b"\n")
    if len(lines) != _PARTS_TO_SIGN or not _HEX.match(signature):
        return
    if b"X-Amz-Credential=" in draft.target:
        draft.target += b"&X-Amz-Signature=" + signature
        return
    credential = b"Credential=" + access_key + b"/" + lines[2]
    value = b", ".join((credential, b"SignedHeaders=" + signed, b"Signature=" + signature))
    draft.fields.append((b"Authorization", lines[0] + b" " + value))


class Signing:
    """Reads the texts off lines as they come. What :meth:`feed` gives is (kind, text, format), or nothing yet.

    The kinds are ``request``, ``to-sign`` and ``signature``.
    """

    def __init__(self) -> None:
        self._kind = ""
        self._format = ""
        self._lines: list[bytes] = []

    @property
    def open(self) -> bool:
        """Whether a text has begun and has not ended."""
        return bool(self._kind)

    def starts(self, line: bytes) -> bool:
        """Whether a text begins on this line or the next one."""
        if mark := _REQUEST_MARK.search(line):
            self._kind = "request"
            self._format = "botocore" if mark["botocore"] else "go-v2" if mark["go"] else _java(mark)
        elif mark := _TO_SIGN_MARK.search(line):
            self._kind = "to-sign"
        elif mark := _SIGNATURE_MARK.search(line):
            self._kind = "signature"
        else:
            return False
        rest = b"" if b"---[" in mark[0] else line[mark.end() :]
        self._lines = [rest] if rest.strip() else []
        return True

    def feed(self, line: bytes) -> tuple[str, bytes, str] | None:
        """Take the next line; give the text when it is whole."""
        self._lines.append(line)
        lines, kind = self._lines, self._kind
        if not self._fits():
            self._kind = ""
            return None
        if not self._whole():
            return None
        self._kind = ""
        last = lines[-1].removesuffix(b'"') if kind != "request" or self._format == "java-v1" else lines[-1]
        return kind, b"\n".join((*lines[:-1], last)), self._format

    def _fits(self) -> bool:
        lines = self._lines
        if self._kind == "signature":
            return bool(_HEX.match(lines[0]))
        if self._kind == "request":
            return bool(_METHOD.match(lines[0])) and len(lines) < _MOST_LINES
        return lines[0].startswith(b"AWS4-") and len(lines) <= _PARTS_TO_SIGN

    def _whole(self) -> bool:
        if self._kind == "signature":
            return True
        if self._kind == "to-sign":
            return len(self._lines) == _PARTS_TO_SIGN
        return len(self._lines) > 5 and self._lines[-3] == b""  # noqa: PLR2004 - two lines after the empty one


def _java(mark: re.Match[bytes]) -> str:
    return "java-v1" if mark["v1"] else "java-v2"
