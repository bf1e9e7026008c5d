"""Whose connection it is: its peer's, or the client's that a load balancer names in a PROXY header in front.

Only who is in ``listen.proxy_protocol`` sends such a header, and must send one. From all others it is refused: it would
let a client give itself any address.
"""

from s3gateway.http1.proxy_protocol import ProxyProtocolError, begins, read

Address = tuple[str, int]
"""IP address and port."""


class Opening:
    """The first bytes of a connection, before TLS or HTTP. ``is_proxy``: whether they must be a PROXY header."""

    def __init__(self, *, is_proxy: bool) -> None:
        self.is_proxy = is_proxy
        self._first = b""
        self.source: Address | None = None

    def feed(self, data: bytes) -> bytes | None:
        """Give what follows the header, or all where there is none; None while that cannot be told.

        ``source`` is the client's address then, where a header names it. Raises
        :class:`~s3gateway.http1.proxy_protocol.ProxyProtocolError`.
        """
        self._first += data
        if self.is_proxy:
            header = read(self._first)
            if header is None:
                return None
            self.source = header.source
            return self._first[header.size :]
        match begins(self._first):
            case None:
                return None
            case True:
                raise ProxyProtocolError("a PROXY header from an address that is not in listen.proxy_protocol")
        return self._first
