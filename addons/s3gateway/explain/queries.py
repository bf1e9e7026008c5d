"""Suspects: the query that the client signed is not the one that arrived, or was put into canonical form otherwise."""

from collections.abc import Iterable, Iterator
from urllib.parse import unquote_to_bytes

from s3gateway.explain.draft import Draft
from s3gateway.explain.escapes import LENIENT, escaped, lower_escapes
from s3gateway.explain.suspect import Suspect, of_part, quoted
from s3gateway.sigv4.model import RequestHead

_Pairs = list[tuple[bytes, bytes]]
_FEW = 16
_SIGNATURE = b"X-Amz-Signature"
_TOKEN = b"X-Amz-Security-Token"
_EXPIRES = b"X-Amz-Expires"
_USUAL_EXPIRES = (60, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600, 28800, 43200, 86400, 604800)
_LOST = (
    (b"list-type", b"2"),
    (b"encoding-type", b"url"),
    (b"delimiter", b"/"),
    (b"prefix", b""),
    (b"max-keys", b"1000"),
    (b"fetch-owner", b"false"),
    (b"fetch-owner", b"true"),
    (b"uploads", b""),
    (b"versioning", b""),
    (b"location", b""),
)
"""Parameters with values that can be guessed, besides ``x-id``, which newer SDKs give the operation's name."""

_CLIENT = "use a client that follows S3's canonical form"
_AS_CAME = "make the proxy in front pass the query on byte for byte"


def suspects(draft: Draft, head: RequestHead, operation: str) -> Iterator[Suspect]:
    """Every reading of the query, the likeliest first. ``operation`` is the S3 name, as far as it is known."""
    pairs = [(name, value) for name, value in head.parameters if name != _SIGNATURE]
    pieces = [piece for piece in head.query.split(b"&") if piece and not piece.startswith(_SIGNATURE + b"=")]
    for cause, sentence, query, likely in (
        *_sorting(draft.query, pairs, pieces),
        *_encodings(draft.query, pairs, pieces),
        *_removed(pairs),
        *_added(pairs, operation),
        *_changed(pairs),
    ):
        yield of_part(cause, sentence, query=query, likely=likely)


_Reading = tuple[str, str, bytes, bool]


def _sorting(query: bytes, pairs: _Pairs, pieces: list[bytes]) -> Iterator[_Reading]:
    order = f"the client signed the query's parameters in another order than S3's, which is by name; {_CLIENT}"
    yield "query-order", order, b"&".join(_piece(*pair) for pair in pairs), True
    yield "query-order", order, b"&".join(sorted(_piece(*pair) for pair in pairs)), False
    yield "query-order", order, b"&".join(_piece(*pair) for pair in sorted(pairs)), False
    by_lower = sorted(pairs, key=lambda pair: (pair[0].lower(), pair[1]))
    yield "query-order", order, b"&".join(_piece(*pair) for pair in by_lower), False
    yield "query-order", order, b"&".join(_piece(*pair) for pair in sorted(pairs, key=lambda pair: pair[0])), False
    equals = "the client left out the `=` of a parameter without a value when it signed (`uploads` for `uploads=`); "
    bare = (piece.removesuffix(b"=") for piece in query.split(b"&"))
    yield "query-equals-sign", equals + _CLIENT, b"&".join(bare), True
    raw = f"the client signed the query as it stands on the wire, not in canonical form; {_CLIENT}"
    yield "query-as-sent", raw, b"&".join(pieces), True
    yield "query-as-sent", raw, b"&".join(sorted(pieces)), False


def _encodings(query: bytes, pairs: _Pairs, pieces: list[bytes]) -> Iterator[_Reading]:
    plus = "`+` and space in the query: "
    as_plus = [tuple(unquote_to_bytes(half) for half in piece.partition(b"=")[::2]) for piece in pieces]
    yield (
        "query-plus-space",
        plus + f"the client signed a plus (%2B) where the wire says `+`, which means a space; {_AS_CAME}, or escape "
        "plus signs as %2B in the client",
        _sorted_query((name, value) for name, value in as_plus),
        True,
    )
    yield (
        "query-plus-space",
        plus + f"the client signed a plus (%2B) where the wire says a space; {_AS_CAME}",
        query.replace(b"%20", b"%2B"),
        True,
    )
    yield (
        "query-plus-space",
        plus + f"the client signed a space where the wire says a plus (%2B); {_AS_CAME}",
        query.replace(b"%2B", b"%20"),
        True,
    )
    yield "query-plus-space", plus + f"the client signed spaces as `+`; {_CLIENT}", query.replace(b"%20", b"+"), True
    twice = [(escaped(name), escaped(value)) for name, value in pairs]
    less = f"the wire has the query encoded once less than it was signed: {_AS_CAME}, or {_CLIENT}"
    yield "query-encoded-once-less", less, _sorted_query(twice), True
    once = [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, value in pairs]
    more = f"the wire has the query encoded once more than it was signed; {_AS_CAME}"
    yield "query-encoded-once-more", more, _sorted_query(once), True
    other = f"the client escapes other characters of the query than S3 does when it signs; {_CLIENT}"
    for safe in ("~/", *LENIENT, "~/!*'()", "~/:"):
        yield "query-escapes", other, _sorted_query(pairs, safe), safe == "~/"
    yield "query-escapes", other, lower_escapes(query), False
    yield "query-escapes", other, b"&".join(b"%b=%b" % pair for pair in sorted(pairs)), False


def _removed(pairs: _Pairs) -> Iterator[_Reading]:
    """Parameters on the wire that were not there when the client signed."""
    for at, (name, _) in enumerate(pairs[-_FEW:], max(0, len(pairs) - _FEW)):
        rest = pairs[:at] + pairs[at + 1 :]
        if name == _TOKEN:
            said = "the session token was put on the URL after signing; sign X-Amz-Security-Token with the rest"
            yield "session-token-unsigned", said, _sorted_query(rest), True
            continue
        sentence = f"the query parameter {quoted(name)} was added after the client signed; {_AS_CAME}"
        yield "query-parameter-added", sentence, _sorted_query(rest), True
    own = [pair for pair in pairs if pair[0].startswith(b"X-Amz-")]
    if pairs:
        every = f"the client signed no query, the wire has one; {_AS_CAME}, or let the client sign it"
        if own:
            every = f"parameters were added to the URL after it was presigned; presign it with them, or {_AS_CAME}"
        yield "query-parameter-added", every, _sorted_query(own), True
        names = dict(pairs)
        twice = f"a query parameter appears more than once and the client signed it once; {_CLIENT}"
        yield "query-parameter-twice", twice, _sorted_query(names.items()), False


def _added(pairs: _Pairs, operation: str) -> Iterator[_Reading]:
    """Parameters that the client signed and that did not arrive."""
    named = [(b"x-id", operation.encode())] if operation else []
    for name, value in (*named, *_LOST):
        if all(known != name for known, _ in pairs):
            piece = _piece(name, value)
            sentence = f"the client signed the query parameter {quoted(piece)}, which did not arrive; {_AS_CAME}"
            yield "query-parameter-removed", sentence, _sorted_query([*pairs, (name, value)]), name == b"x-id"


def _changed(pairs: _Pairs) -> Iterator[_Reading]:
    """A presigned URL whose life somebody wanted to prolong."""
    for seconds in _USUAL_EXPIRES:
        value = str(seconds).encode()
        new = [(name, value if name == _EXPIRES else old) for name, old in pairs]
        if new != pairs:
            sentence = f"X-Amz-Expires was {seconds} when the URL was signed; a presigned URL cannot be edited, so "
            yield "query-parameter-changed", sentence + "presign a new one", _sorted_query(new), False


def _sorted_query(pairs: Iterable[tuple[bytes, bytes]], safe: str = "~") -> bytes:
    return b"&".join(b"%b=%b" % pair for pair in sorted((escaped(n, safe), escaped(v, safe)) for n, v in pairs))


def _piece(name: bytes, value: bytes) -> bytes:
    return b"%b=%b" % (escaped(name), escaped(value))
