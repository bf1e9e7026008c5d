"""What a client logs, or a server answers, of a signature: the canonical request and the string to sign, as text.

Four SDKs write them in as many ways, all on lines of their own (botocore ``CanonicalRequest:``, Java ``AWS4 Canonical
Request: '"PUT``, Go ``---[ CANONICAL STRING``), so one grammar reads them: the AWS text's own. A request that only
left these behind is built from them, as far as they go.
"""

import re
from dataclasses import dataclass, field
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
_WORD = re.compile(rb"\S+$")
_REQUEST = (_METHOD, re.compile(rb"/\S*$"), re.compile(rb"\S*$"))
_TO_SIGN = (
    re.compile(rb"AWS4-\S+$"),
    re.compile(rb"\d{8}T\d{6}Z$"),
    re.compile(rb"\d{8}/\S+/aws4_request$"),
    re.compile(rb"[0-9a-f]{64}\"?$"),
)
_BEFORE_HEADERS: Final = 3
_PARTS_TO_SIGN: Final = 4
_PATIENCE = 60
"""Lines of other writers that may stand inside a text."""

_MOST_LINES = 20_000

_ONLY_SIGNED = (
    "the log has what was signed, not what was sent: headers that are not signed, and the signature, are not known"
)


@dataclass(frozen=True, slots=True)
class Canonical:
    """A canonical request in its parts."""

    method: bytes
    path: bytes
    query: bytes = field(repr=False)  # a session token, as SDKs presign
    fields: tuple[tuple[bytes, bytes], ...] = field(repr=False)  # the same, and SSE-C keys
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
    if b";".join(name for name, _ in fields) != lines[-2]:
        return None  # lines of two texts, mixed
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
    """Reads the texts off lines as they come. :meth:`whole` gives (kind, text, format) in the end.

    The kinds are ``request``, ``to-sign`` and ``signature``. Lines of other writers may stand between.
    """

    def __init__(self) -> None:
        self._kind = ""
        self._format = ""
        self._lines: list[bytes] = []
        self._strange = 0
        self._headers = False

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
        self._lines, self._strange, self._headers = [], 0, True
        rest = b"" if b"---[" in mark[0] else line[mark.end() :]
        if rest.strip():
            self.takes(rest)
        return True

    def takes(self, line: bytes) -> bool:
        """Take the next line, if it can be the text's."""
        fits = self._fits(line, len(self._lines))
        if fits:
            self._lines.append(line)
            self._headers = self._headers and not (line == b"" and len(self._lines) > _BEFORE_HEADERS)
        else:
            self._strange += 1
            if self._strange > _PATIENCE or len(self._lines) > _MOST_LINES:
                self._kind = ""
        return fits

    def whole(self) -> tuple[str, bytes, str] | None:
        """Give the text when it is whole."""
        lines, kind = self._lines, self._kind
        if not kind or not self._complete():
            return None
        self._kind = ""
        quoted = kind != "request" or self._format == "java-v1"
        last = lines[-1].removesuffix(b'"') if quoted else lines[-1]
        return kind, b"\n".join((*lines[:-1], last)), self._format

    def _fits(self, line: bytes, at: int) -> bool:
        if self._kind == "signature":
            return bool(_HEX.match(line))
        if self._kind == "to-sign":
            return bool(_TO_SIGN[at].match(line))
        if at < _BEFORE_HEADERS:
            return bool(_REQUEST[at].match(line))
        if self._headers:
            return not line or bool(_FIELD.match(line))
        return bool(_WORD.match(line))

    def _complete(self) -> bool:
        if self._kind == "signature":
            return bool(self._lines)
        if self._kind == "to-sign":
            return len(self._lines) == _PARTS_TO_SIGN
        return not self._headers and self._lines[-3] == b""


def _java(mark: re.Match[bytes]) -> str:
    return "java-v1" if mark["v1"] else "java-v2"
