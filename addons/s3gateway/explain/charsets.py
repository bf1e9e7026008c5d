"""Byte-level readings of a text: what it was, if a library or a hop wrote it down in another charset or escape.

HTTP's headers have no charset. Java's and .NET's clients, Python's ``http.client`` and Node.js write ISO-8859-1, their
signers hash UTF-8; mail libraries make encoded-words (RFC 2047) of it; macOS decomposes accents. One list serves header
values, paths and queries: given the bytes that arrived, each reading is what may have been signed, and who does so.
"""

import base64
import quopri
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import Header, decode_header
from itertools import product
from urllib.parse import quote_from_bytes, quote_plus, unquote_to_bytes

_WESTERN = (("iso-8859-1", "ISO-8859-1"), ("cp1252", "Windows-1252"), ("iso-8859-15", "ISO-8859-15"))
_FURTHER = (
    ("cp1250", "Windows-1250"),
    ("cp1251", "Windows-1251"),
    ("koi8-r", "KOI8-R"),
    ("gb18030", "GB18030"),
    ("big5", "Big5"),
    ("shift_jis", "Shift_JIS"),
    ("euc_jp", "EUC-JP"),
    ("euc_kr", "EUC-KR"),
    ("utf-16-be", "UTF-16"),
    ("utf-16-le", "UTF-16"),
)
_ENCODED_WORD = re.compile(r"=\?[^?\s]+\?[bqBQ]\?[^?\s]*\?=")
_ESCAPE = re.compile(rb"%[0-9A-Fa-f]{2}")
_LOST = (
    "äöüÄÖÜßéèêëàâáåãçñóòôõíìîïúùûøæœÉÈÀÁÂÅÃÇÑÓÒÔÕÍÌÎÏÚÙÛØÆŒýÿðþÝÐÞ\u2019\u2018“”„\u2013—…€£¥©®™°²³µ½¼·\xd7¿¡§«»"
    "ąćęłńśźżĄĆĘŁŃŚŹŻčďěňřšťůžČĎĚŇŘŠŤŮŽőűŐŰşŞğĞıİăâîșțđĐ"
)
"""Letters and signs that a ``?`` most often stands for."""

_MOST_LOST = 2
_OFTEN = 40
"""The first of them, of which every pair is tried."""

_LONGEST = 1024
_REPLACEMENT = "\ufffd"
_BYTE = 0xFF

CHARSET, TWICE, LOST, MIME, FORM, PERCENT = (
    "charset",
    "charset-twice",
    "charset-lost",
    "charset-encoded-word",
    "unicode-form",
    "percent-encoding",
)


@dataclass(frozen=True, slots=True)
class Reading:
    """``value`` may have been signed; ``words`` say in what form, and in what form it was sent."""

    cause: str
    words: str
    value: bytes = field(repr=False)


def readings(wire: bytes) -> Iterator[Reading]:
    """Every reading of ``wire``, the likeliest first; some may be ``wire`` itself. None for plain ASCII."""
    if len(wire) > _LONGEST:
        return
    if b"=?" in wire:
        yield from _decoded_words(wire)
    if b"%" in wire:
        yield from _unescaped(wire)
    if wire.isascii():
        return
    text = _text(wire)
    yield from _as_unicode(wire) if text is None else _as_bytes(wire, text)


def lost(wire: bytes) -> Iterator[Reading]:
    """Fill ``?`` by letters, one or two of them: many, so for last."""
    count = wire.count(b"?")
    if not 0 < count <= _MOST_LOST or len(wire) > _LONGEST:
        return
    words = "in UTF-8 and sent with `?` for what does not fit the charset of the client's HTTP library"
    for letters in product(_LOST if count == 1 else _LOST[:_OFTEN], repeat=count):
        filled = wire
        for letter in letters:
            filled = filled.replace(b"?", letter.encode(), 1)
        yield Reading(LOST, words, filled)
    words = "in ISO-8859-1 and sent with `?` for what is not ASCII"
    for letter in _LOST:
        with suppress(UnicodeEncodeError):
            yield Reading(LOST, words, wire.replace(b"?", letter.encode("iso-8859-1")))


def _text(raw: bytes) -> str | None:
    with suppress(UnicodeDecodeError):
        return raw.decode()
    return None


def _as_unicode(wire: bytes) -> Iterator[Reading]:
    """What arrived is no UTF-8: it was most likely UTF-8 when it was signed."""
    for codec, name in (*_WESTERN, *_FURTHER):
        with suppress(UnicodeDecodeError):
            text = wire.decode(codec)
            yield Reading(CHARSET, f"in UTF-8 and sent in {name}", text.encode("utf-8", "replace"))
            for form in ("NFC", "NFD"):
                other = unicodedata.normalize(form, text)
                if other != text:
                    words = f"in UTF-8 (Unicode {form}) and sent in {name}"
                    yield Reading(CHARSET, words, other.encode("utf-8", "replace"))
    text = wire.decode("iso-8859-1")
    yield from _replaced(text, "ISO-8859-1")
    yield from _escaped(text, "ISO-8859-1")
    yield from _encoded_words(text, "raw, in ISO-8859-1")


def _as_bytes(wire: bytes, text: str) -> Iterator[Reading]:
    """What arrived is UTF-8: it may have been anything."""
    with suppress(UnicodeEncodeError):
        inner = text.encode("iso-8859-1")
        if _text(inner) is not None:
            yield Reading(TWICE, "in UTF-8 and sent encoded in UTF-8 twice", inner)
    with suppress(UnicodeEncodeError):
        inner = text.encode("cp1252")
        if _text(inner) is not None:
            yield Reading(TWICE, "in UTF-8 and sent encoded in UTF-8 twice, by way of Windows-1252", inner)
    for codec, name in _WESTERN:
        with suppress(UnicodeEncodeError):
            yield Reading(CHARSET, f"in {name} and sent in UTF-8", text.encode(codec))
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        other = unicodedata.normalize(form, text)
        sent = next((f for f in ("NFC", "NFD") if unicodedata.is_normalized(f, text)), "another form")
        yield Reading(FORM, f"in Unicode {form} and sent in {sent}", other.encode())
        with suppress(UnicodeEncodeError):
            yield Reading(CHARSET, f"in ISO-8859-1 (Unicode {form}) and sent in UTF-8", other.encode("iso-8859-1"))
    for codec, name in (("iso-8859-1", "ISO-8859-1"), ("cp1252", "Windows-1252")):
        with suppress(UnicodeDecodeError):
            yield Reading(TWICE, f"as if its UTF-8 were {name}, and sent in UTF-8", wire.decode(codec).encode())
    yield from _replaced(text, "UTF-8")
    yield from _escaped(text, "UTF-8")
    yield from _encoded_words(text, "raw, in UTF-8")
    for codec, name in _FURTHER:
        with suppress(UnicodeEncodeError):
            yield Reading(CHARSET, f"in {name} and sent in UTF-8", text.encode(codec))


def _replaced(text: str, name: str) -> Iterator[Reading]:
    """The signer was the one that could not write it."""
    sent = f"and sent in {name}"
    yield Reading(LOST, f"with `?` for what is not ASCII {sent}", text.encode("ascii", "replace"))
    yield Reading(LOST, f"with `?` for what is not ISO-8859-1 {sent}", text.encode("iso-8859-1", "replace"))
    yield Reading(LOST, f"without what is not ASCII {sent}", text.encode("ascii", "ignore"))
    marked = "".join(c if c.isascii() else _REPLACEMENT for c in text)
    yield Reading(LOST, f"with U+FFFD for what is not ASCII {sent}", marked.encode())
    per_byte = b"".join(c.encode() if c.isascii() else b"?" * len(c.encode()) for c in text)
    yield Reading(LOST, f"with `?` for each byte that is not ASCII {sent}", per_byte)
    low = bytes(ord(c) & _BYTE for c in text)
    yield Reading(CHARSET, f"with the low byte of each character alone {sent}", low)


def _escaped(text: str, name: str) -> Iterator[Reading]:
    """Percent-encoded when it was signed, raw on the wire."""
    for raw, charset in ((text.encode("utf-8", "replace"), "UTF-8"), (text.encode("iso-8859-1", "replace"), "")):
        words = f"percent-encoded{f' ({charset})' if charset else ' (ISO-8859-1)'} and sent raw, in {name}"
        for safe in ("/", "", " !\"#$&'()*+,/:;<=>?@[\\]^`{|}~", "/~!*'()", "/:"):
            yield Reading(PERCENT, words, quote_from_bytes(raw, safe=safe).encode())
        yield Reading(PERCENT, words, quote_plus(raw).encode())


def _unescaped(wire: bytes) -> Iterator[Reading]:
    """Percent-encoded on the wire: raw when it was signed, or encoded once more."""
    if not _ESCAPE.search(wire):
        return
    raw = unquote_to_bytes(wire)
    yield Reading(PERCENT, "raw and sent percent-encoded", raw)
    yield Reading(PERCENT, "form-decoded and sent percent-encoded", unquote_to_bytes(wire.replace(b"+", b" ")))
    text = _text(raw)
    if text is not None:
        with suppress(UnicodeEncodeError):
            yield Reading(PERCENT, "raw, in ISO-8859-1, and sent percent-encoded", text.encode("iso-8859-1"))
    lower, upper = (_ESCAPE.sub(change, wire) for change in (lambda m: m[0].lower(), lambda m: m[0].upper()))
    yield Reading(PERCENT, "with its escapes in lower case and sent with them in upper case", lower)
    yield Reading(PERCENT, "with its escapes in upper case and sent with them in lower case", upper)
    for safe in ("/", "", "/~!*'()"):
        yield Reading(PERCENT, "percent-encoded once more than it was sent", quote_from_bytes(wire, safe=safe).encode())
        yield Reading(
            PERCENT, "percent-encoded in another way than it was sent", quote_from_bytes(raw, safe=safe).encode()
        )


def _decoded_words(wire: bytes) -> Iterator[Reading]:
    """Encoded-words on the wire, raw when it was signed."""
    text = _text(wire)
    if text is None or not _ENCODED_WORD.search(text):
        return
    with suppress(HeaderParseError, LookupError, UnicodeError, ValueError):
        pieces = [(raw if isinstance(raw, bytes) else raw.encode(), charset) for raw, charset in decode_header(text)]
        whole = "".join(raw.decode(charset or "ascii") for raw, charset in pieces)
        yield Reading(MIME, "raw, in UTF-8, and sent as encoded-words (RFC 2047)", whole.encode())
        with suppress(UnicodeEncodeError):
            yield Reading(MIME, "raw, in ISO-8859-1, and sent as encoded-words (RFC 2047)", whole.encode("iso-8859-1"))


def _encoded_words(text: str, sent: str) -> Iterator[Reading]:
    """Encoded-words when it was signed, raw on the wire."""
    words = f"as encoded-words (RFC 2047) and sent {sent}"
    raw = text.encode("utf-8", "replace")
    quoted = quopri.encodestring(raw, quotetabs=True, header=True).replace(b"=\n", b"").replace(b"?", b"=3F")
    for charset in (b"UTF-8", b"utf-8"):
        for letter in (b"B", b"b"):
            yield Reading(MIME, words, b"=?%b?%b?%b?=" % (charset, letter, base64.b64encode(raw)))
        for letter in (b"Q", b"q"):
            yield Reading(MIME, words, b"=?%b?%b?%b?=" % (charset, letter, quoted))
    with suppress(UnicodeError, LookupError, HeaderParseError):
        folded = Header(text, "utf-8").encode()
        yield Reading(MIME, words, b" ".join(folded.encode().split()))
