"""LDAP messages (RFC 4511) as bytes, and back. ldap3 knows the protocol; its own sockets block, so none is used.

This is the only module that imports ldap3. A message of the directory's is bounded before it is read.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from ldap3.operation.extended import extended_operation
from ldap3.operation.search import search_operation
from ldap3.protocol.rfc4511 import (
    AuthenticationChoice,
    BindRequest,
    Simple,
    UnbindRequest,
    Version,
)
from ldap3.utils.asn1 import decode_message_fast, encode  # type: ignore[attr-defined]  # the stubs lack it

from s3gateway.identity.ldap import Entry, Search

MOST_BYTES: Final = 1024 * 1024
"""Of one message: an entry with its attributes."""

SUCCESS: Final = 0
SIZE_LIMIT_EXCEEDED: Final = 4

_START_TLS: Final = "1.3.6.1.4.1.1466.20037"
_SEQUENCE: Final = 0x30
_INTEGER: Final = 0x02
_ENTRY: Final = 4
_RESULTS: Final = frozenset((1, 5, 24))
"""Application tags of BindResponse, SearchResultDone and ExtendedResponse: what ends an operation."""

_LONG: Final = 0x80
_LENGTH_BYTES: Final = 4


class MessageError(Exception):
    """What came is no LDAP, or more than is read."""


@dataclass(frozen=True, slots=True)
class Result:
    """How an operation ended. ``diagnostic`` is the directory's own text."""

    code: int
    diagnostic: str


@dataclass(frozen=True, slots=True)
class Received:
    """One message: an entry, a result, or neither (a reference to another directory, which is not followed)."""

    number: int
    content: Entry | Result | None = field(repr=False)


def bind(number: int, dn: str, password: bytes) -> bytes:
    """A simple bind: the password goes as it is, with neither blanks nor letters made equal. Both empty: anonymous."""
    request = BindRequest()
    request["version"] = Version(3)
    request["name"] = dn
    request["authentication"] = AuthenticationChoice().setComponentByName("simple", Simple(password))
    return _message(number, encode(request))


def search(number: int, wanted: Search, seconds: float) -> bytes:
    """A search of a subtree. The directory is told to give up after ``seconds``."""
    return _message(number, _searched(wanted, max(1, int(seconds))))


@lru_cache(maxsize=1024)  # a quarter of a millisecond each, and users log in again and again
def _searched(wanted: Search, seconds: int) -> bytes:
    request = search_operation(
        wanted.base,
        wanted.filter,
        "SUBTREE",
        "NEVER",
        list(wanted.attributes),
        wanted.most,
        seconds,
        types_only=False,
        auto_escape=False,
        auto_encode=False,
    )
    return bytes(encode(request))


def start_tls(number: int) -> bytes:
    """Ask to go on with TLS (RFC 4511 §4.14)."""
    return _message(number, encode(extended_operation(_START_TLS)))


def unbind(number: int) -> bytes:
    """Say goodbye; there is no answer."""
    return _message(number, encode(UnbindRequest()))


class Messages:
    """Cuts a connection's bytes into messages."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits for its end."""
        return not self._buffer

    def feed(self, data: bytes) -> list[Received]:
        """Take bytes; give the messages that are whole. Raises :class:`MessageError`."""
        self._buffer += data
        messages = []
        while (length := _length(self._buffer)) is not None and length <= len(self._buffer):
            messages.append(_read(bytes(self._buffer[:length])))
            del self._buffer[:length]
        return messages


def _message(number: int, operation: bytes) -> bytes:
    """Put an operation into its envelope (RFC 4511 §4.1.1): a SEQUENCE of the message's number and the operation."""
    return _element(_SEQUENCE, _element(_INTEGER, number.to_bytes(number.bit_length() // 8 + 1)) + bytes(operation))


def _element(tag: int, content: bytes) -> bytes:
    """Write tag, length and content as BER has them (X.690 §8.1)."""
    size = len(content)
    if size < _LONG:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, _LONG + len(length))) + length + content


def _length(buffer: bytearray) -> int | None:
    """Give the bytes of the first message, its head included; None while they are not known."""
    if not buffer:
        return None
    if buffer[0] != _SEQUENCE:
        raise MessageError("it does not speak LDAP")
    if len(buffer) < 2:  # noqa: PLR2004 - tag and first byte of the length
        return None
    first = buffer[1]
    if first < _LONG:
        return 2 + first
    more = first - _LONG
    if not 1 <= more <= _LENGTH_BYTES:
        raise MessageError("a message has no length that LDAP allows")
    if len(buffer) < 2 + more:
        return None
    length = int.from_bytes(buffer[2 : 2 + more])
    if length > MOST_BYTES:
        raise MessageError(f"a message has {length} bytes")
    return 2 + more + length


def _read(data: bytes) -> Received:
    try:
        message = decode_message_fast(data)  # type: ignore[no-untyped-call]
        return Received(message["messageID"], _content(message["protocolOp"], message["payload"]))
    except (LookupError, TypeError, ValueError, RecursionError):
        raise MessageError("a message cannot be read") from None


def _content(operation: int, payload: list[Any]) -> Entry | Result | None:
    """Read what ldap3 made of it: (class, constructed, tag, value) of each element."""
    if operation == _ENTRY:
        attributes = {
            bytes(attribute[3][0][3]).decode().lower(): tuple(bytes(value[3]) for value in attribute[3][1][3])
            for attribute in payload[1][3]
        }
        return Entry(bytes(payload[0][3]).decode(), attributes)
    if operation in _RESULTS:
        return Result(int(payload[0][3]), bytes(payload[2][3]).decode(errors="replace"))
    return None
