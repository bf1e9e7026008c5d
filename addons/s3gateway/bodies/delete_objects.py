"""DeleteObjects by a client with prefixes, or a session with a policy.

The body is held back until every key in it was found to be allowed.
"""

from collections.abc import Iterator

from s3gateway import errors
from s3gateway.bodies.whole import AtOnce, Body, Piece
from s3gateway.rules.access import Rights
from s3gateway.rules.deletion import read_objects

MAX_DOCUMENT = 2 * 1024 * 1024
"""Bytes; AWS's own limit for this body, which names at most 1000 keys."""


class DeleteBody(AtOnce):
    """Wraps the transformer that verifies the body's hash; nothing leaves before ``finish``."""

    chunks = 0

    def __init__(self, verifying: Body, access: Rights, bucket: str = "") -> None:
        self._verifying = verifying
        self._access = access
        self._bucket = bucket
        self._held = bytearray()

    def feed(self, data: bytes) -> list[Piece]:
        """Hold back."""
        self._held += b"".join(self._verifying.feed(data))
        if len(self._held) > MAX_DOCUMENT:
            raise errors.malformed_xml()
        return []

    def finish(self) -> list[Piece]:
        """Release all of it if the hash is right and every key may go."""
        self._held += b"".join(self._verifying.finish())
        for key, of_version in read_objects(bytes(self._held)):
            if not self._access.allows_deletion(self._bucket, key, of_version=of_version):
                raise errors.access_denied(reason="a key in the body is below none of the client's prefixes")
        return [bytes(self._held)]

    def poison(self) -> Iterator[Piece] | None:
        """Nothing has left, so cutting the connection suffices."""
        return None

    def drop(self) -> None:
        """Let go of it."""
        self._verifying.drop()
        self._held.clear()
