r"""The PROXY protocol, versions 1 and 2: the bytes by which a load balancer tells whose connection it passes on.

Source: "The PROXY protocol, Versions 1 & 2", https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt

    version 1   PROXY TCP4 192.0.2.7 198.51.100.1 51234 8000\r\n
    version 2   \r\n\r\n\0\r\nQUIT\n | version, command | family, protocol | length | addresses, ports | TLVs

A header is read only from whom the configuration names, and there it must be one: nothing is guessed (section 5 there).
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from awscrt import checksums as crt  # type: ignore[import-untyped]  # no stubs

MOST: Final = 4096
"""Bytes of a version 2 header with its TLVs; nginx takes as many. Version 2 itself could announce 64 KiB."""

_V1: Final = b"PROXY "
_V1_MOST: Final = 107
"""Its longest line, by the specification."""

_V2: Final = b"\r\n\r\n\0\r\nQUIT\n"
_V2_FIXED: Final = 16
_LOCAL, _PROXY = 0x20, 0x21
"""Version 2 in the upper half of the byte, the command in the lower one."""

_ADDRESSES: Final = {0: 0, 1: 12, 2: 36, 3: 216}
"""Bytes of the address block by family: unspecified, IPv4, IPv6, UNIX."""

_INET_STREAM, _INET6_STREAM = 0x11, 0x21
_DGRAM: Final = 2
"""The largest protocol: unspecified, stream, datagram."""

_CRC32C: Final = 3
_TLV_HEAD: Final = 3
_PORT: Final = re.compile(rb"0|[1-9][0-9]{0,4}")
_MOST_PORT: Final = 65535
_TOKEN: Final = re.compile(rb"[0-9A-Fa-f:.]+")


class ProxyProtocolError(ValueError):
    """What came is no header, or not a valid one. The text is for the log, and repeats nothing of what came."""


@dataclass(frozen=True, slots=True)
class Header:
    """``source`` is the client's IP address and port; ``size`` is how many bytes the header has.

    ``source`` is None where the header names nobody: the connection is the load balancer's own (LOCAL, as for a health
    check), or came to it by something else than TCP. The addresses of the connection itself count then.
    """

    source: tuple[str, int] | None
    size: int


def begins(data: bytes) -> bool | None:
    """Whether these first bytes are the begin of a header; None while they could become one."""
    for signature in (_V1, _V2):
        if data.startswith(signature):
            return True
        if signature.startswith(data):
            return None
    return False


def read(data: bytes) -> Header | None:
    """Read the header that ``data`` begins with; None while it is not whole. Raises :class:`ProxyProtocolError`."""
    match begins(data):
        case None:
            return None
        case False:
            raise ProxyProtocolError("it does not begin with a PROXY header")
    return _read_line(data) if data.startswith(_V1) else _read_binary(data)


def _read_line(data: bytes) -> Header | None:
    """``PROXY``, family, source, destination, source port, destination port: one space between each, then CRLF."""
    end = data.find(b"\r\n", 0, _V1_MOST)
    if end < 0:
        if len(data) >= _V1_MOST:
            raise ProxyProtocolError("its PROXY line has no end")
        return None
    line = data[:end]
    if b"\r" in line or b"\n" in line:
        raise ProxyProtocolError("its PROXY line is malformed")
    size = end + 2
    _, family, *fields = line.split(b" ")
    if family == b"UNKNOWN":
        return Header(None, size)  # what follows it is to be ignored
    if family not in (b"TCP4", b"TCP6") or len(fields) != 4:  # noqa: PLR2004 - as in the docstring
        raise ProxyProtocolError("its PROXY line is malformed")
    version = int(family[-1:])
    source, _ = (_address(text, version) for text in fields[:2])
    port, _ = map(_port, fields[2:])
    return Header((source, port), size)


def _address(text: bytes, version: int) -> str:
    try:
        found = ipaddress.ip_address(text.decode("ascii")) if _TOKEN.fullmatch(text) else None
    except ValueError:
        found = None
    if found is None or found.version != version:
        raise ProxyProtocolError("its PROXY line names no address")
    return str(found)


def _port(text: bytes) -> int:
    if not _PORT.fullmatch(text) or int(text) > _MOST_PORT:
        raise ProxyProtocolError("its PROXY line names no port")
    return int(text)


def _read_binary(data: bytes) -> Header | None:
    if len(data) < _V2_FIXED:
        return None
    command, kind = data[12], data[13]
    size = _V2_FIXED + int.from_bytes(data[14:16])
    if command not in (_LOCAL, _PROXY):
        raise ProxyProtocolError("its PROXY header has an unknown version or command")
    if kind >> 4 not in _ADDRESSES or kind & 0xF > _DGRAM:
        raise ProxyProtocolError("its PROXY header has an unknown address family or protocol")
    if size > MOST:
        raise ProxyProtocolError(f"its PROXY header is longer than {MOST} bytes")
    if len(data) < size:
        return None
    if command == _LOCAL or kind not in (_INET_STREAM, _INET6_STREAM):
        return Header(None, size)
    addresses = _ADDRESSES[kind >> 4]
    if size < _V2_FIXED + addresses:
        raise ProxyProtocolError("its PROXY header is too short for its addresses")
    _check_tlvs(data[:size], _V2_FIXED + addresses)
    each = (addresses - 4) // 2
    source = ipaddress.ip_address(data[_V2_FIXED : _V2_FIXED + each])
    ports = _V2_FIXED + 2 * each
    return Header((str(source), int.from_bytes(data[ports : ports + 2])), size)


def _check_tlvs(header: bytes, at: int) -> None:
    """Type (1), length (2), value: they fill the header, and a checksum among them is the header's."""
    while at < len(header):
        value = at + _TLV_HEAD
        end = value + int.from_bytes(header[at + 1 : value])
        if value > len(header) or end > len(header):
            raise ProxyProtocolError("its PROXY header has a TLV without an end")
        if header[at] == _CRC32C:
            without = header[:value] + bytes(end - value) + header[end:]
            if end - value != 4 or crt.crc32c(without, 0) != int.from_bytes(header[value:end]):  # noqa: PLR2004 - 32 bits
                raise ProxyProtocolError("its PROXY header does not fit its checksum")
        at = end
