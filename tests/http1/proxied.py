"""PROXY headers as a load balancer writes them, by the specification's own layout."""

import ipaddress
import struct

from awscrt import checksums  # type: ignore[import-untyped]  # no stubs

V2 = bytes.fromhex("0d0a0d0a000d0a515549540a")
LOCAL, PROXY = 0x20, 0x21
TCP4, UDP4, TCP6, UNIX, UNSPEC = 0x11, 0x12, 0x21, 0x31, 0x00


def v2(body: bytes = b"", *, command: int = PROXY, kind: int = TCP4, length: int | None = None) -> bytes:
    """A version 2 header; ``length`` says something else than there is."""
    return V2 + struct.pack("!BBH", command, kind, len(body) if length is None else length) + body


def addresses(source: str, port: int, destination: str = "", to: int = 8000) -> bytes:
    """The address block of TCP."""
    ip = ipaddress.ip_address(source)
    other = ipaddress.ip_address(destination or ("192.0.2.1" if ip.version == 4 else "2001:db8::1"))
    return ip.packed + other.packed + struct.pack("!HH", port, to)


def tlv(kind: int, value: bytes) -> bytes:
    """Type, length, value."""
    return struct.pack("!BH", kind, len(value)) + value


def with_checksum(body: bytes, *, kind: int = TCP4) -> bytes:
    """A header whose last TLV is its CRC32C, computed over the header with zeros in its place."""
    header = v2(body + tlv(3, bytes(4)), kind=kind)
    return header[:-4] + struct.pack("!I", checksums.crc32c(header))


IPV4 = b"PROXY TCP4 203.0.113.7 192.0.2.1 51234 8000\r\n"
IPV6 = b"PROXY TCP6 2001:db8::7 2001:db8::1 51234 8000\r\n"
V2_IPV4 = v2(addresses("203.0.113.7", 51234))
V2_IPV6 = v2(addresses("2001:db8::7", 51234), kind=TCP6)

NAMED = {
    "line, IPv4": (IPV4, ("203.0.113.7", 51234)),
    "line, IPv6": (IPV6, ("2001:db8::7", 51234)),
    "line, IPv6 in capitals": (IPV6.replace(b"2001:db8::7", b"2001:DB8:0:0:0:0:0:7"), ("2001:db8::7", 51234)),
    "line, longest": (
        b"PROXY TCP6 " + b"ffff:" * 7 + b"ffff " + b"ffff:" * 7 + b"ffff 65535 65535\r\n",
        ("ffff:" * 7 + "ffff", 65535),
    ),
    "binary, IPv4": (V2_IPV4, ("203.0.113.7", 51234)),
    "binary, IPv6": (V2_IPV6, ("2001:db8::7", 51234)),
    "binary, with TLVs": (
        v2(addresses("203.0.113.7", 51234) + tlv(2, b"s3.example.com") + tlv(5, b"x" * 128) + tlv(0xEA, b"")),
        ("203.0.113.7", 51234),
    ),
    "binary, with a checksum": (
        with_checksum(addresses("203.0.113.7", 51234) + tlv(4, b"\0" * 9)),
        ("203.0.113.7", 51234),
    ),
    "binary, largest": (
        v2(addresses("203.0.113.7", 51234) + tlv(4, bytes(4096 - 16 - 12 - 3))),
        ("203.0.113.7", 51234),
    ),
}
"""Headers that name a client."""

UNNAMED = {
    "line, unknown": b"PROXY UNKNOWN\r\n",
    "line, unknown, with what is to be ignored": b"PROXY UNKNOWN ffff::1 nonsense 1 2\r\n",
    "binary, local": v2(command=LOCAL, kind=UNSPEC),
    "binary, local, with what is to be skipped": v2(b"\1\2\3", command=LOCAL, kind=TCP4),
    "binary, unspecified": v2(kind=UNSPEC),
    "binary, datagrams": v2(addresses("203.0.113.7", 51234), kind=UDP4),
    "binary, UNIX": v2(bytes(216), kind=UNIX),
}
"""Headers that name none: the connection is the load balancer's own."""

INVALID = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "TLS": bytes.fromhex("16030100f8"),
    "an empty line": b"\r\nGET / HTTP/1.1\r\n\r\n",
    "in small letters": b"proxy TCP4 203.0.113.7 192.0.2.1 51234 8000\r\n",
    "UDP in a line": IPV4.replace(b"TCP4", b"UDP4"),
    "a family of the other kind": IPV4.replace(b"TCP4", b"TCP6"),
    "IPv6 with a scope": IPV6.replace(b"2001:db8::7", b"fe80::7%eth0"),
    "an address with zeros before": IPV4.replace(b"203.0.113.7", b"203.0.113.07"),
    "a name for an address": IPV4.replace(b"203.0.113.7", b"localhost"),
    "an address of other digits": IPV4.replace(b"203.0.113.7", "２03.0.113.7".encode()),
    "a bad destination": IPV4.replace(b"192.0.2.1", b"192.0.2"),
    "a port beyond": IPV4.replace(b"51234", b"65536"),
    "a port with zeros before": IPV4.replace(b"51234", b"0080"),
    "a port with a sign": IPV4.replace(b"51234", b"+80"),
    "no port": IPV4.replace(b" 51234 8000", b""),
    "one field more": IPV4.replace(b"\r\n", b" 1\r\n"),
    "two spaces": IPV4.replace(b"TCP4 ", b"TCP4  "),
    "an end of LF alone": IPV4.replace(b"\r\n", b"\n") + b"GET / HTTP/1.1\r\n\r\n",
    "an end of CR alone": IPV4.replace(b"\r\n", b"\r") + b"GET / HTTP/1.1\r\n\r\n",
    "no end": b"PROXY UNKNOWN " + b"x" * 200,
    "no end within 107 bytes": b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n",
    "version 1 in binary": v2(addresses("203.0.113.7", 1), command=0x11),
    "an unknown command": v2(addresses("203.0.113.7", 1), command=0x22),
    "an unknown family": v2(bytes(40), kind=0x41),
    "an unknown protocol": v2(bytes(40), kind=0x13),
    "an unknown family, local": v2(bytes(40), command=LOCAL, kind=0xF0),
    "addresses cut short": v2(addresses("203.0.113.7", 1)[:-1]),
    "IPv6 in the room of IPv4": v2(addresses("203.0.113.7", 1), kind=TCP6),
    "a TLV without its length": v2(addresses("203.0.113.7", 1) + b"\4\0"),
    "a TLV that goes beyond the end": v2(addresses("203.0.113.7", 1) + b"\4\0\2x"),
    "a wrong checksum": with_checksum(addresses("203.0.113.7", 51234))[:-1] + b"\0",
    "a checksum of other bytes": with_checksum(addresses("203.0.113.7", 51234)).replace(b"\xcb\0\x71", b"\xcb\0\x72"),
    "a checksum of 16 bits": v2(addresses("203.0.113.7", 1) + tlv(3, b"\0\0")),
    "more than is taken": v2(addresses("203.0.113.7", 1), length=4096 - 16 + 1),
}
"""What a load balancer may not begin with."""
