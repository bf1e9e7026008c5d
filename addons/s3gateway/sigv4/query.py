"""A query as (name, value) pairs."""

from urllib.parse import unquote_to_bytes


def query_pairs(query: bytes) -> list[tuple[bytes, bytes]]:
    """Decode a query into (name, value) pairs in wire order: ``+`` is a space, ``name`` alone has an empty value."""
    pairs = []
    for piece in query.split(b"&"):
        if piece:
            name, _, value = piece.replace(b"+", b" ").partition(b"=")
            pairs.append((unquote_to_bytes(name), unquote_to_bytes(value)))
    return pairs
