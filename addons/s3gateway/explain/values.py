"""Suspects: the bytes of a signed value changed between signing and sending, or on the way: charset, escapes, letters.

Whatever was changed in one value of a header, path or query by a rule is looked for before a secret is called wrong.
"""

import re
from collections.abc import Callable, Iterator
from itertools import permutations
from urllib.parse import quote_from_bytes, unquote_to_bytes

from s3gateway.explain import charsets
from s3gateway.explain.charsets import CHARSET, FORM, PERCENT, Reading
from s3gateway.explain.draft import Draft
from s3gateway.explain.suspect import QUOTABLE, Suspect, Sweep, of_field, of_part, quoted, wire_name
from s3gateway.sigv4.model import RequestHead

_COPY_SOURCE = b"x-amz-copy-source"
_SIGNATURE = b"X-Amz-Signature"
_ATTEMPT = re.compile(rb"attempt=([0-9]{1,2})")
_MOST_PERMUTED = 4
_LIKELY = 6
"""Readings of a value that are tried together with other changes: more would make too many pairs."""

_LONGEST_CUT = 512
_LONGEST_EDITED = 96
_NOT_EDITED = frozenset((b"host", b"x-amz-date", b"x-amz-content-sha256", b"content-length", b"amz-sdk-invocation-id"))
_INSERTED = (b" ", b",", b";", b'"', b"=", b"/", b"-", b"\t")
_REPLACED = (b" ", b"_", b"-", b"+", b"?", b"*", b".")
_WHO = (
    "the client's HTTP library, or a proxy in front, writes header values in another charset or form than the signer "
    "hashes; keep header values in ASCII (percent-encode or base64 them in the client)"
)
_MORE_ESCAPED = "x-amz-copy-source takes the key percent-encoded once: encode it in one place of the client, SDK or own"


def suspects(draft: Draft, head: RequestHead) -> Iterator[Suspect]:
    """Readings of each signed header that arrived, then of all together: a library does it to each of them."""
    by_words: dict[tuple[str, str], dict[bytes, bytes]] = {}
    for name, wire in draft.fields:
        for count, reading in enumerate(charsets.readings(wire)):
            if reading.value != wire and name != b"host":
                by_words.setdefault((reading.cause, reading.words), {}).setdefault(name, reading.value)
                likely = count < _LIKELY and reading.cause in {CHARSET, FORM}
                yield of_field(_cause(name, reading), _sentence(name, reading), name, reading.value, likely=likely)
        yield from _letters(name, wire, head)
    for (cause, words), values in by_words.items():
        if len(values) > 1:
            names = " and ".join(wire_name(name) for name in values)
            fields = tuple((name, values.get(name, value)) for name, value in draft.fields)
            yield of_part(cause, f"the client signed {names} {words}: {_WHO}", fields=fields)


def _cause(name: bytes, reading: Reading) -> str:
    return "copy-source-encoding" if name == _COPY_SOURCE and reading.cause == PERCENT else reading.cause


def _sentence(name: bytes, reading: Reading) -> str:
    who = _MORE_ESCAPED if _cause(name, reading) == "copy-source-encoding" else _WHO
    return f"the client signed {wire_name(name)} {reading.words}: {who}"


def _letters(name: bytes, wire: bytes, head: RequestHead) -> Iterator[Suspect]:
    """The same text in other letters, quotes and separators."""
    told = wire_name(name)
    keep = (
        "a proxy in front, or the client's HTTP library, does; keep it as it was signed, or let the client not sign it"
    )
    cased = f"something changes the case of the value of {told}: {keep}"
    yield from (of_field("header-case", cased, name, value) for value in (wire.lower(), wire.title(), wire.upper()))
    for value in (wire.strip(b'"'), b'"%b"' % wire, wire.strip(b"'"), wire.replace(b'"', b"")):
        yield of_field(
            "header-quotes", f"something puts {told} into quotation marks or takes them off: {keep}", name, value
        )
    joined = (
        f"several lines of {told} were joined with a comma and a space after signing; S3 signs a comma alone: {keep}"
    )
    if len(head.all(name)) == 1 and b", " in wire:
        yield of_field("header-joined", joined, name, wire.replace(b", ", b","))
    elif len(head.all(name)) == 1 and b"," in wire:
        spread = f"the list in {told} was written without its spaces after signing: {keep}"
        yield of_field("header-joined", spread, name, b", ".join(item.strip() for item in wire.split(b",")))
    if b";" in wire:
        for value in (wire.replace(b"; ", b";"), b"; ".join(item.strip() for item in wire.split(b";"))):
            yield of_field(
                "header-spaces", f"something changes the spaces after semicolons in {told}: {keep}", name, value
            )
    if name == b"amz-sdk-request":
        yield from _attempts(name, wire)
    yield from _reordered(name, [b" ".join(value.split()) for value in head.all(name)])
    if b"," in wire and len(head.all(name)) == 1:
        yield from _reordered(name, [item.strip() for item in wire.split(b",")])


def _attempts(name: bytes, wire: bytes) -> Iterator[Suspect]:
    """``attempt=2;max=3``, of which only the first attempt was signed."""
    match = _ATTEMPT.search(wire)
    sentence = (
        "the client counts its attempts in amz-sdk-request and does not sign a retry anew: the first one failed for "
        "another reason, which its log has; update the SDK, or let what wraps it sign after it has set the header"
    )
    if match:
        for attempt in range(1, int(match[1])):
            yield of_field("retry-not-signed", sentence, name, wire.replace(match[0], b"attempt=%d" % attempt))


def _reordered(name: bytes, values: list[bytes]) -> Iterator[Suspect]:
    if len(values) < 2:  # noqa: PLR2004 - one has no order
        return
    sentence = (
        f"the values of {wire_name(name)} arrived in another order than they were signed in: a proxy in front sorts or "
        "reorders headers; make it keep their order, or send one value"
    )
    orders = permutations(values) if len(values) <= _MOST_PERMUTED else (tuple(reversed(values)), tuple(sorted(values)))
    for order in orders:
        for comma in (b",", b", "):
            yield of_field("header-order", sentence, name, comma.join(order))


def of_path(head: RequestHead) -> Iterator[Suspect]:
    """Readings of the decoded path."""
    raw = unquote_to_bytes(head.path)
    for reading in (*charsets.readings(raw), *charsets.lost(raw)):
        if reading.cause != PERCENT and reading.value != raw:
            uri = quote_from_bytes(reading.value, safe="/~").encode()
            cause = "path-unicode-form" if reading.cause == FORM else "path-charset"
            sentence = (
                f"the client signed the path {quoted(uri)}, the wire says {quoted(head.path)}: it was signed "
                f"{reading.words}; encode keys in UTF-8 in one place of the client, and make the proxy in front pass "
                "the request target on byte for byte"
            )
            yield of_part(cause, sentence, uri=uri, likely=reading.cause == FORM)


def of_query(head: RequestHead) -> Iterator[Suspect]:
    """Readings of the decoded query: the same for each name and value."""
    pairs = [pair for pair in head.parameters if pair[0] != _SIGNATURE]
    if all(half.isascii() for pair in pairs for half in pair):
        return
    words = {(one.cause, one.words) for pair in pairs for half in pair for one in charsets.readings(half)}
    for cause, said in sorted(words):
        if cause == PERCENT:
            continue
        changed = [tuple(_read(half, said) for half in pair) for pair in pairs]
        query = b"&".join(b"%b=%b" % pair for pair in sorted((_quoted(n), _quoted(v)) for n, v in changed))
        sentence = (
            f"the client signed the query {said}: encode it in UTF-8 in one place of the client, and make the proxy in "
            "front pass it on byte for byte"
        )
        yield of_part("query-unicode-form" if cause == FORM else "query-charset", sentence, query=query)


def _read(half: bytes, words: str) -> bytes:
    return next((one.value for one in charsets.readings(half) if one.words == words), half)


def _quoted(raw: bytes) -> bytes:
    return quote_from_bytes(raw, safe="~").encode()


def sweeps(draft: Draft) -> Iterator[Sweep]:
    """What takes a try for each letter of a value: something put before or behind it, one letter changed or lost."""
    named = [(name, wire) for name, wire in draft.fields if name not in _NOT_EDITED and wire]
    for name, wire in named:
        if len(wire) <= _LONGEST_CUT:
            yield Sweep("header-appended", name, _beginnings(wire), _adder(name, wire, "appends to"))
            yield Sweep(
                "header-appended",
                name,
                (wire[at:].lstrip() for at in range(1, len(wire))),
                _adder(name, wire, "puts something before"),
            )
    for name, wire in named:
        filled = tuple(charsets.lost(wire)) if b"?" in wire else ()
        if filled:
            yield Sweep(charsets.LOST, name, (one.value for one in filled), _loser(name, filled[0]))
        if len(wire) <= _LONGEST_EDITED:
            yield Sweep("header-case", name, _flipped(wire), _editor(name))
            yield Sweep("header-one-byte", name, _edits(wire), _editor(name))


def _beginnings(wire: bytes) -> Iterator[bytes]:
    return (wire[:at].rstrip() for at in range(len(wire) - 1, 0, -1))


def _flipped(wire: bytes) -> Iterator[bytes]:
    """One letter in the other case."""
    return (wire[:at] + wire[at : at + 1].swapcase() + wire[at + 1 :] for at in range(len(wire)))


def _edits(wire: bytes) -> Iterator[bytes]:
    """One letter more, another one, or one less."""
    for at in range(len(wire)):
        before, letter, after = wire[:at], wire[at : at + 1], wire[at + 1 :]
        yield before + after
        yield from (before + other + after for other in _REPLACED)
        yield from (before + other + letter + after for other in _INSERTED)
    yield from (wire + other for other in (*_INSERTED, b"\r", b"\\", b"\x00", b"%"))


def _adder(name: bytes, wire: bytes, what: str) -> Callable[[bytes], str]:
    def say(value: bytes) -> str:
        if name in QUOTABLE:
            told = f"{wire_name(name)}, which was {quoted(value)} when it was signed and arrived as {quoted(wire)}"
        else:
            told = wire_name(name)
        remedy = "make it pass the header on as it came, or let the client not sign it"
        return f"a proxy in front {what} {told}; {remedy}"

    return say


def _loser(name: bytes, reading: Reading) -> Callable[[bytes], str]:
    def say(_: bytes) -> str:
        return _sentence(name, reading)

    return say


def _editor(name: bytes) -> Callable[[bytes], str]:
    def say(value: bytes) -> str:
        told = f"{wire_name(name)} {quoted(value)}" if name in QUOTABLE else wire_name(name)
        return (
            f"the client signed {told}, and one character of it arrived otherwise: a proxy in front, or the client's "
            "HTTP library, cleans header values; use characters that it keeps"
        )

    return say
