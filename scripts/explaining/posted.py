"""What the local page's form posts (RFC 7578) -> a name for it, and its bytes."""

import re
from io import BufferedIOBase
from typing import Final

MOST: Final = 32 * 1024 * 1024
"""Bytes that are held in memory; more is the command line's to read."""

_BOUNDARY: Final = re.compile(r'multipart/form-data; *boundary="?([\w\'()+,./:=? -]{1,70})"?')
_FIELD: Final = re.compile(rb'[ ;]name="([^"]*)"')
_FILE_NAME: Final = re.compile(rb'[ ;]filename="([^"]+)"')


class TooMuchError(ValueError):
    """More than :data:`MOST`."""


def posted(content_type: str, content_length: str | None, body: BufferedIOBase) -> tuple[str, bytes]:
    """Read the form: the file if there is one, else the text. Raises ``ValueError``, and :class:`TooMuchError`."""
    boundary = _BOUNDARY.fullmatch(content_type)
    if boundary is None or not (content_length or "").isdecimal():
        raise ValueError("this is not what the page's form posts")
    length = int(content_length or "")
    if length > MOST:
        raise TooMuchError
    text = b""
    for head, content in _parts(body.read(length), boundary[1].encode()):
        field, file = _FIELD.search(head), _FILE_NAME.search(head)
        if file and content:
            return file[1].decode("utf-8", "replace"), content
        if field and field[1] == b"text":
            text = content
    return "what was pasted", text


def _parts(data: bytes, boundary: bytes) -> list[tuple[bytes, bytes]]:
    """Split at the boundaries: head and content of each part."""
    between = data.split(b"--" + boundary)[1:-1]
    heads = [part.removeprefix(b"\r\n").removesuffix(b"\r\n").partition(b"\r\n\r\n") for part in between]
    return [(head, content) for head, _, content in heads]
