"""PROXY headers under fuzzing: what must hold of any bytes. `tests/fuzz/__main__.py` makes inputs.

Invariant: a stream is one header and its rest, or a refusal, by its first bytes alone: with fewer of them the reader
waits, more change nothing, and at its limit it has decided. What has begun as a header is never taken for HTTP or TLS.
"""

import ipaddress
from pathlib import Path

from s3gateway.http1.proxy_protocol import MOST, Header, ProxyProtocolError, begins, read
from tests.http1 import proxied

REFUSED = "refused"

TOKENS = (
    *(b"PROXY ", b"TCP4 ", b"TCP6 ", b"UNKNOWN", b"203.0.113.7", b"2001:db8::7", b" 51234", b" 8000", b"\r\n", b" "),
    *(proxied.V2, b"\x21\x11", b"\x21\x21", b"\x20\x00", b"\x00\x0c", b"\x00\x24", b"\x03\x00\x04", b"\x04\x00\x00"),
    *(b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01"),
)
SEEDS = {
    **{f"named {number}": data for number, (data, _) in enumerate(proxied.NAMED.values())},
    **{f"unnamed {number}": data for number, data in enumerate(proxied.UNNAMED.values())},
    **{f"invalid {number}": data for number, data in enumerate(proxied.INVALID.values())},
}


def run(data: bytes) -> None:
    """Read one input at every length; AssertionError, or whatever the reader raised, is a finding."""
    if data[:1] not in (b"P", b"\r"):
        assert begins(data) in ((None,) if not data else (False,))
    whole = _read(data)
    for size in range(min(len(data), MOST)):
        early = _read(data[:size])
        assert early is None or early == whole, "more bytes change what was read"
        if isinstance(early, Header):
            assert early.size == size, "a header is told before or after its last byte"
            break
        if early == REFUSED:
            break
    else:
        assert len(data) < MOST or whole is not None, "undecided at the limit"
    if isinstance(whole, Header):
        assert begins(data) is True
        assert whole.size <= min(MOST, len(data))
        assert _read(data[: whole.size]) == whole == _read(data[: whole.size] + b"\0")
        if whole.source is not None:
            _check(data[: whole.size], whole.source)


def _check(header: bytes, source: tuple[str, int]) -> None:
    """Check that it is the address that stands in the header, as the specification's layout has it."""
    ip = ipaddress.ip_address(source[0])
    if header.startswith(b"PROXY "):
        words = header.decode("ascii").split(" ")
        assert (words[1], ipaddress.ip_address(words[2]), int(words[4])) == (f"TCP{ip.version}", ip, source[1])
    else:
        written = proxied.addresses(source[0], source[1], *_destination(header, len(ip.packed)))
        assert header[16 : 16 + len(written)] == written


def _destination(header: bytes, size: int) -> tuple[str, int]:
    ip = ipaddress.ip_address(header[16 + size : 16 + 2 * size])
    return str(ip), int.from_bytes(header[18 + 2 * size : 20 + 2 * size])


def _read(data: bytes) -> Header | str | None:
    try:
        return read(data)
    except ProxyProtocolError:
        return REFUSED


def write_corpus(folder: Path) -> None:
    """Write the seeds."""
    for name, data in SEEDS.items():
        (folder / f"proxy-{name}").write_bytes(data)
