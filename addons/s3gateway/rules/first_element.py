"""What does a document begin with? Answers are recognised by it before the rest of them is there.

Blanks and the XML declaration in front of the first element may pass to the client as they come: a backend that works
for long keeps its client waiting with them. Nothing here decodes or decompresses.
"""

import re
from enum import Enum
from typing import Final

MAX_BEGINNING: Final = 1024
"""Bytes in which the first element's name must be complete. Comments in front of it count, blanks do not."""

BLANKS: Final = b" \t\r\n"
_DECLARATION: Final = (
    rb"<\?xml(?:[ \t\r\n]+(?:version|encoding|standalone)[ \t\r\n]*=[ \t\r\n]*(?:\"[\w.-]*\"|'[\w.-]*'))+[ \t\r\n]*\?>"
)
_PROLOG: Final = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*(?:" + _DECLARATION + rb")?[ \t\r\n]*")
_SKIPPED: Final = re.compile(rb"(?:[ \t\r\n]+|<!--.*?-->|<\?.*?\?>)*", re.DOTALL)
_NAME: Final = re.compile(rb"<(?:[^\s<>/!?&=:]+:)?([^\s<>/!?&=:]+)[\s/>]")
_OPEN: Final = re.compile(rb"<(?:|[^\s<>/!?&=]+|!(?:-(?:-.*)?)?|\?.*)", re.DOTALL)
_MARK: Final = b"\xef\xbb\xbf"
_NO_TEXT: Final = frozenset((*range(32), 0xEF, 0xFE, 0xFF))
"""First bytes of UTF-16, UTF-32 and gzip, of a byte order mark that is not in front, and of no text at all.

Such a document cannot be told from an error document by its bytes."""


class First(Enum):
    """What the beginning says. ``UNCLEAR`` is treated as an error document, ``MORE`` asks for more bytes."""

    ERROR = "Error"
    OTHER = "other"
    UNCLEAR = "unclear"
    MORE = "more"


def prolog_end(document: bytes) -> int:
    """Give the length of the byte order mark, blanks and XML declaration in front."""
    match = _PROLOG.match(document)
    return match.end() if match else 0


def first_element(document: bytes) -> First:
    """Tell what a document begins with; ``MORE`` while this cannot be told, for at most :data:`MAX_BEGINNING` bytes."""
    if _MARK.startswith(document):
        return First.MORE
    skipped = _SKIPPED.match(document)
    rest = document[skipped.end() if skipped else 0 :]
    if rest and not rest.startswith(b"<"):
        is_text = len(rest) == len(document) and rest[0] not in _NO_TEXT
        return First.OTHER if is_text and b"\x00" not in rest[:4] else First.UNCLEAR
    if name := _NAME.match(rest):
        return First.ERROR if name[1].lower() == b"error" else First.OTHER
    is_open = not rest or _OPEN.fullmatch(rest)
    return First.MORE if is_open and len(document) <= MAX_BEGINNING else First.UNCLEAR
