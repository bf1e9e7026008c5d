"""S3's error document: what the server says it computed is the best evidence there is.

AWS and those who answer like it put ``StringToSign`` and ``CanonicalRequest`` into it, as text and as hex; MinIO has
neither. A document may stand on one line or be indented, be escaped as Python or JSON has it, or be cut.
"""

import re
from html import unescape
from typing import Final

from s3gateway.reading import canonical
from s3gateway.reading.draft import SIGNED, Draft

LARGEST: Final = 256 << 10
"""Bytes of a document that are kept."""

_ELEMENT = re.compile(rb"<([A-Za-z]+)>([^<]*)</\1>")
_CODE = re.compile(rb"<Code>[^<]{1,200}</Code>")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}[ \n]?)+")
_END = b"</Error>"
_BEGINS = (b"<Error>", b"<Error ")

_NO_TEXTS = (
    "the error document has no canonical request (MinIO gives none): it says that the server refused, not what it "
    "computed"
)
_ONLY_SIGNED = "the error document has what the server computed: headers that are not signed are not known"


class Document:
    """Collects one document, line by line."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    @property
    def open(self) -> bool:
        """Whether one has begun and has not ended."""
        return bool(self._pieces)

    @staticmethod
    def starts(line: bytes) -> bool:
        """Whether one begins on this line."""
        return any(mark in line for mark in _BEGINS)

    def feed(self, line: bytes) -> bytes:
        """Take a line; give the document when it is whole, or as large as it may be."""
        piece = line
        if not self._pieces:
            piece = line[min(at for mark in _BEGINS if (at := line.find(mark)) >= 0) :]
        self._pieces.append(piece)
        self._size += len(piece)
        if _END in piece:
            self._pieces[-1] = piece[: piece.find(_END) + len(_END)]
        elif self._size < LARGEST:
            return b""
        return self.take()

    def take(self) -> bytes:
        """Give what is there of a document, and begin anew."""
        text, self._pieces, self._size = b"\n".join(self._pieces), [], 0
        if b"\\n" in text or b"\\x" in text or b"\\u" in text:
            text = _unescaped(text)
        return text if _CODE.search(text) else b""


def elements(document: bytes) -> dict[bytes, bytes]:
    """The document's fields; of texts that are there as hex too, the hex counts: XML folds no line end in it."""
    fields = {name: _plain(value) for name, value in _ELEMENT.findall(document)}
    for name in (b"StringToSign", b"CanonicalRequest"):
        spelled = fields.get(name + b"Bytes", b"").strip()
        if _HEX.fullmatch(spelled):
            fields[name] = bytes.fromhex(spelled.decode("ascii"))
    return fields


def attach(draft: Draft, document: bytes) -> None:
    """Put a document to the request that it answers."""
    fields = elements(document)
    draft.answer = document
    draft.server_request = fields.get(b"CanonicalRequest", b"")
    draft.server_to_sign = fields.get(b"StringToSign", b"")


def signature_of(document: bytes) -> bytes:
    """The signature that was sent, as the server repeats it."""
    return elements(document).get(b"SignatureProvided", b"").strip().lower()


def alone(document: bytes, number: int) -> Draft:
    """A request of which only the answer is known."""
    fields = elements(document)
    text = fields.get(b"CanonicalRequest", b"")
    parts = canonical.read(text)
    if parts is None:
        draft = Draft("error", number, b"", _resource(fields), grade=SIGNED, complete=False)
        draft.missing.append(_NO_TEXTS)
    else:
        draft = Draft("error", number, parts.method, parts.target, list(parts.fields), SIGNED, complete=False)
        draft.missing.append(_ONLY_SIGNED)
        key, signature = fields.get(b"AWSAccessKeyId", b""), signature_of(document)
        canonical.authorize(draft, key, fields.get(b"StringToSign", b""), parts.signed, signature)
    attach(draft, document)
    return draft


def _resource(fields: dict[bytes, bytes]) -> bytes:
    resource = fields.get(b"Resource", b"/").replace(b" ", b"%20")
    return resource if resource.startswith(b"/") else b"/"


def _plain(value: bytes) -> bytes:
    return unescape(value.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _unescaped(text: bytes) -> bytes:
    """Undo what ``repr`` or JSON did to a text of one line."""
    return re.sub(rb"\\(?:x([0-9a-fA-F]{2})|u00([0-9a-fA-F]{2})|([nrt\"'\\/]))", _character, text)


def _character(found: re.Match[bytes]) -> bytes:
    if code := found[1] or found[2]:
        return bytes.fromhex(code.decode("ascii"))
    return {b"n": b"\n", b"r": b"\r", b"t": b"\t"}.get(found[3], found[3])
