"""The checksums that a trailer can carry, and the check of one against the data that was received.

Source: AWS "Checking object integrity" and botocore's list of algorithms: three CRCs, MD5, three SHAs, three XXHashes,
base64 of the big-endian value, as ``x-amz-checksum-<algorithm>``. Only what a client announced is computed. awscrt has
what Python has not, at memory speed; in pure Python it would cost a hundred times the signature.
"""

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable
from typing import Protocol

from awscrt import checksums as crt  # type: ignore[import-untyped]  # no stubs

from s3gateway import errors
from s3gateway.sigv4.model import RequestHead

PREFIX = b"x-amz-checksum-"
_ABOUT = frozenset((PREFIX + b"algorithm", PREFIX + b"mode", PREFIX + b"type"))
"""Fields of the same prefix that say something about a checksum and hold none."""


class _Hash(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc:
    """A CRC with the interface of hashlib; ``size`` in bytes."""

    def __init__(self, function: Callable[[bytes, int], int], size: int) -> None:
        self._function: Callable[[bytes | memoryview, int], int] = function  # type: ignore[assignment]  # any buffer
        self._size = size
        self._value = 0

    def update(self, data: bytes | memoryview, /) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size)


class _XxHash:
    """An XXHash with the interface of hashlib; awscrt's takes no view."""

    def __init__(self, new: Callable[[], crt.XXHash]) -> None:
        self._hash = new()

    def update(self, data: bytes | memoryview, /) -> None:
        self._hash.update(bytes(data))

    def digest(self) -> bytes:
        return bytes(self._hash.finalize())


_ALGORITHMS: dict[bytes, Callable[[], _Hash]] = {
    b"crc32": lambda: _Crc(zlib.crc32, 4),
    b"crc32c": lambda: _Crc(crt.crc32c, 4),
    b"crc64nvme": lambda: _Crc(crt.crc64nvme, 8),
    b"md5": lambda: hashlib.md5(usedforsecurity=False),
    b"sha1": lambda: hashlib.sha1(usedforsecurity=False),
    b"sha256": hashlib.sha256,
    b"sha512": hashlib.sha512,
    b"xxhash64": lambda: _XxHash(crt.XXHash.new_xxhash64),
    b"xxhash3": lambda: _XxHash(crt.XXHash.new_xxhash3_64),
    b"xxhash128": lambda: _XxHash(crt.XXHash.new_xxhash3_128),
}


class Checksum:
    """The checksum of one upload's data, for the trailer field ``name`` (lower case).

    ``length`` is how many characters its value has there.
    """

    def __init__(self, name: bytes) -> None:
        algorithm = name.removeprefix(PREFIX)
        if not name.startswith(PREFIX) or algorithm not in _ALGORITHMS:
            raise errors.invalid_request("The value specified in the x-amz-trailer header is not supported")
        self.name = name
        self.length = len(base64.b64encode(_ALGORITHMS[algorithm]().digest()))
        self._hash = _ALGORITHMS[algorithm]()

    def update(self, data: bytes | memoryview) -> None:
        """Take the next bytes of data."""
        self._hash.update(data)

    def value(self) -> bytes:
        """Give it as a header or trailer carries it: base64 of the big-endian digest."""
        return base64.b64encode(self._hash.digest())

    def check(self, value: bytes) -> bytes:
        """Compare with what the client sent, and give it as :meth:`value` does.

        It is no signature: everybody can compute it, so ``==`` will do.
        """
        computed = self._hash.digest()
        try:
            sent = base64.b64decode(value, validate=True)
        except binascii.Error:
            sent = b""
        if len(sent) != len(computed):
            raise errors.invalid_request(f"Value for {self.name.decode()} trailing header is invalid.")
        if sent != computed:
            raise errors.bad_digest(self.name.removeprefix(PREFIX).decode().upper())
        return base64.b64encode(computed)


def checksum_of(name: bytes, data: bytes) -> bytes | None:
    """Give the value of the checksum field ``name`` (lower case) for all of the data; None if it is no such field."""
    if name.removeprefix(PREFIX) not in _ALGORITHMS or not name.startswith(PREFIX):
        return None
    checksum = Checksum(name)
    checksum.update(data)
    return checksum.value()


def checksums_in(head: RequestHead) -> list[bytes]:
    """Name the header fields that hold a checksum's value; more than one is refused, as AWS does."""
    names = [name for name in head.names if name.startswith(PREFIX) and name not in _ABOUT]
    if len(names) > 1:
        raise errors.multiple_checksums()
    return names


def announced(names: list[bytes], in_head: list[bytes]) -> Checksum | None:
    """Give the one checksum that ``x-amz-trailer`` names, if it names any; ``in_head`` is from :func:`checksums_in`."""
    checksums = [Checksum(name) for name in names]
    if len(names) > 1 or (names and in_head):
        raise errors.multiple_checksums()
    return checksums[0] if checksums else None
