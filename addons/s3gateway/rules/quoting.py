"""What an error document quotes of the gateway's own request, and what it says besides.

AWS repeats the request that it refuses: the access key id, the string to sign, the signature, the canonical request,
the session token. Behind the gateway these are the gateway's own, and an SSE-C key of a rule stands in the canonical
request. There are two walls. The first takes out what is quoted by the name of its element, because a key id may be an
ordinary word. The second searches the text for the values that no ordinary text holds.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote_to_bytes
from xml.parsers import expat

from s3gateway.sigv4.model import Headers

_QUOTES: Final = re.compile(
    r"(?:aws)?access-?key(?:-?id)?|string-?to-?sign(?:bytes)?|signature(?:provided)?|canonical-?request(?:bytes)?|"
    r"(?:session-?|security-?|x-amz-security-)?token(?:-\d+)?|authorization|credential|x-amz-credential|x-amz-signature",
    re.IGNORECASE,
)
"""Elements whose text is the request's signature, or what it was made from."""

_CUSTOMER_KEY: Final = b"server-side-encryption-customer-key"
_SIGNATURE: Final = re.compile(rb"Signature=([0-9a-f]{64})")


class UnreadableError(Exception):
    """A document that is no XML, or one with a document type: its entities could hide and multiply text."""


@dataclass(frozen=True, slots=True)
class ErrorDocument:
    """An error document: its root's name, its code and message, and whether an element quotes the request.

    ``text`` is all its text and attributes, with references resolved.
    """

    root: str
    code: str = field(repr=False)
    message: str = field(repr=False)
    quotes: bool
    text: str = field(repr=False)


def read_document(document: bytes) -> ErrorDocument:
    """Read a document of bounded length. Raises :class:`UnreadableError`."""
    reader = _Reader()
    try:
        reader.parser.Parse(document.lstrip(b" \t\r\n"), True)  # noqa: FBT003 - expat's signature
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise UnreadableError from error
    return ErrorDocument(
        reader.names[0],
        reader.first("Code"),
        reader.first("Message"),
        any(_QUOTES.fullmatch(name) for name in reader.names),
        "\n".join((*reader.attributes, *map("".join, reader.texts))),
    )


class _Reader:
    """Collects names and texts of elements in their order. Prefixes of namespaces are left out."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.texts: list[list[str]] = []
        self.attributes: list[str] = []
        self._open: list[int] = []
        self.parser = expat.ParserCreate()
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._data

    def first(self, name: str) -> str:
        """Give the text of the first element with this name."""
        return next(("".join(text) for found, text in zip(self.names, self.texts, strict=True) if found == name), "")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._open.append(len(self.names))
        self.names.append(name.rpartition(":")[2])
        self.texts.append([])
        self.attributes.extend(attributes.values())

    def _end(self, name: str) -> None:
        del name
        self._open.pop()

    def _data(self, data: str) -> None:
        self.texts[self._open[-1]].append(data)

    def _refuse(self, *doctype: object) -> None:
        del doctype
        raise ValueError


def quotes_secret(data: bytes | str, sent: Headers) -> bool:
    """Whether ``data`` holds a secret of the request with these outgoing headers, in any form of writing.

    The secrets are its signature, its session token and its SSE-C keys.
    """
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    for text in (raw, unquote_to_bytes(raw)) if b"%" in raw else (raw,):
        lower = text.lower()
        for secret in _secrets(sent):
            if secret in text or secret.hex().encode() in lower or secret.hex(" ").encode() in lower:
                return True
    return False


def _secrets(sent: Headers) -> Iterator[bytes]:
    for name, value in sent:
        lower = name.lower()
        if lower == b"authorization":
            yield from _SIGNATURE.findall(value)
        elif lower == b"x-amz-security-token":
            yield value
        elif lower.endswith(_CUSTOMER_KEY):
            yield value.rstrip(b"=")
            with suppress(binascii.Error):
                yield base64.b64decode(value)
