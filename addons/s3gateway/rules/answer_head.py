"""An answer's head: status and headers, what they say of the body, and how they change with it."""

from dataclasses import dataclass, field
from typing import Final

from s3gateway.rules.headers import removed, replaced
from s3gateway.sigv4.model import Headers

FINAL: Final = 200
_SUCCESS_END: Final = 300
_TOKEN: Final = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_OF_DOCUMENT: Final = (b"content-encoding", b"content-md5", b"etag", b"content-language", b"content-disposition")


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """Status and ordered raw header pairs of one answer."""

    status: int
    headers: Headers = field(repr=False)
    lower_names: tuple[bytes, ...] = field(init=False, repr=False, compare=False)
    """The name of each of ``headers`` in lower case, duplicates kept."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "lower_names", tuple([name.lower() for name, _ in self.headers]))

    @property
    def is_success(self) -> bool:
        """Whether this is a 2xx."""
        return FINAL <= self.status < _SUCCESS_END

    def all(self, name: bytes) -> list[bytes]:
        """Every value of the header with this lower-case name, in wire order."""
        known = self.lower_names
        match known.count(name):  # most are there once, or not at all
            case 0:
                return []
            case 1:
                return [self.headers[known.index(name)][1]]
        return [pair[1] for found, pair in zip(known, self.headers, strict=True) if found == name]

    def first(self, name: bytes) -> bytes | None:
        """Return the first value of the header with this lower-case name."""
        return self.headers[self.lower_names.index(name)][1] if name in self.lower_names else None

    def with_headers(self, headers: Headers) -> "AnswerHead":
        """Give a head of this status with other headers; itself where they are its own."""
        return self if headers is self.headers else AnswerHead(self.status, headers)


def names_are_names(headers: Headers) -> bool:
    """Whether each name is a token (RFC 9110 §5.6.2)."""
    names = [name for name, _ in headers]
    return b"" not in names and not b"".join(names).translate(None, _TOKEN)


def length(answer: AnswerHead) -> int | None:
    """Give the body's length on the wire, where it is known."""
    value = answer.first(b"content-length") or b""
    return int(value) if value.isdigit() else None


def coding(answer: AnswerHead) -> bool | None:
    """Whether the body is gzip; None where it is something else that the gateway cannot read."""
    value = b",".join(answer.all(b"content-encoding")).strip().lower()
    return {b"": False, b"identity": False, b"gzip": True, b"x-gzip": True}.get(value)


def text_of(answer: AnswerHead, name: bytes) -> str:
    """Give the first value of a header as text; empty where there is none."""
    return (answer.first(name) or b"").decode("utf-8", "replace")


def framed(headers: Headers, body: bytes) -> Headers:
    """Give a body that is here whole its length."""
    return replaced(removed(headers, b"transfer-encoding"), (b"Content-Length", str(len(body)).encode()))


def rechunked(headers: Headers) -> Headers:
    """Frame a body in chunks whose length changes as it passes, and that passes decompressed."""
    plain = removed(removed(headers, b"content-length"), b"content-encoding")
    return replaced(plain, (b"Transfer-Encoding", b"chunked"))


def of_new_document(headers: Headers) -> Headers:
    """Drop the fields that describe the document of the backend's that was replaced."""
    kept = tuple(pair for pair in headers if not _describes(pair[0].lower()))
    return replaced(kept, (b"Content-Type", b"application/xml"))


def _describes(name: bytes) -> bool:
    return name in _OF_DOCUMENT or name.startswith(b"x-amz-checksum-")
