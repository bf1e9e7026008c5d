"""Two canonical requests -> what makes the one of the other: a cause for each part that differs.

No HMAC and no secret: a suspect fits when it makes the signed parts of the received ones. A part that no suspect
explains is named as what it is.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import chain

from s3gateway.explain import fields, hosts, modes, paths, queries, values
from s3gateway.explain.draft import Draft
from s3gateway.explain.hosts import Names, split
from s3gateway.explain.suspect import QUOTABLE, Suspect, quoted, wire_name
from s3gateway.observed.printable import printable
from s3gateway.sigv4.model import CredentialScope, RequestHead, Secret

_LEAST_LINES = 6
_ANY_SCOPE = CredentialScope("20000101", "us-east-1")
_ANY_TIME = "20000101T000000Z"
_REDACTED = re.compile(rb"redacted|\*{3}|\.{3}$", re.IGNORECASE)
"""How logs and error documents hide a value, or cut it."""

_BETWEEN = "something between client and server, or in the client after it signed, changed it"


def read(request: bytes) -> Draft | None:
    """Read a canonical request back into its parts; None if it is none."""
    lines = request.strip(b"\n").replace(b"\r\n", b"\n").split(b"\n")
    if len(lines) < _LEAST_LINES or lines[-3] or not lines[1].startswith(b"/"):
        return None
    pairs = [line.partition(b":")[::2] for line in lines[3:-3]]
    return Draft(
        method=lines[0],
        uri=lines[1],
        query=lines[2],
        fields=tuple((name, value) for name, value in pairs),
        signed_headers=tuple(lines[-2].split(b";")),
        payload=lines[-1],
        timestamp=_ANY_TIME,
        scope=_ANY_SCOPE,
        key_scope=_ANY_SCOPE,
        secret=Secret(""),
    )


def without_redactions(one: Draft, other: Draft) -> Draft:
    """Give ``other`` with the values of ``one`` where one of the texts hides them: that is no difference."""
    known = dict(one.fields)
    fields = tuple(
        (name, known[name] if name in known and _hides(known[name], value) else value) for name, value in other.fields
    )
    ours = dict(_halves(one.query))
    query = b"&".join(
        name + equals + (ours[name] if name in ours and _hides(ours[name], value) else value)
        for name, equals, value in (piece.partition(b"=") for piece in other.query.split(b"&"))
    )
    return replace(other, fields=fields, query=query)


def _hides(one: bytes, other: bytes) -> bool:
    return one != other and bool(_REDACTED.search(one) or _REDACTED.search(other))


def _halves(query: bytes) -> Iterator[tuple[bytes, bytes]]:
    return ((name, value) for name, _, value in (piece.partition(b"=") for piece in query.split(b"&")))


def head_of(draft: Draft) -> RequestHead:
    """Make a head of a server's canonical request: an empty line of a header stands for none."""
    target = draft.uri + (b"?" + draft.query if draft.query else b"")
    return RequestHead(draft.method, target, tuple((name, value) for name, value in draft.fields if value))


def named(signed: Draft, received: Draft, known: Names, operation: str) -> Iterator[tuple[Suspect, list[Suspect]]]:
    """Give a name to every part that differs: a known suspect's, those of several parts first, or the part's own."""
    left = differing(signed, received)
    fitting: list[tuple[frozenset[str], Suspect]] = []
    touched = _touched(left)
    for suspect in chain(_suspects(received, known, operation), _swept(signed, received)):
        if suspect.touches.isdisjoint(touched):
            continue
        changed = suspect.change(received)
        parts = differing(changed, received)
        if parts and parts <= left and not parts & differing(changed, signed):
            fitting.append((parts, suspect))
    for parts, suspect in sorted(fitting, key=lambda pair: -len(pair[0])):
        if parts <= left:
            left -= parts
            alike = {other.cause: other for same, other in fitting if same == parts and other.cause != suspect.cause}
            yield suspect, list(alike.values())
    for part in _in_order(left, signed, received):
        yield _plain(part, signed, received), []


def named_by_hash(digest: str, received: Draft, known: Names, operation: str) -> tuple[Suspect, Draft] | None:
    """Find the suspect that makes a canonical request of this SHA-256, where a log has the string to sign alone."""
    swept = (sweep.suspect(value) for sweep in values.sweeps(received) for value in sweep.values)
    for suspect in chain(_suspects(received, known, operation), swept):
        changed = suspect.change(received)
        if sha256(changed.canonical_request()).hexdigest() == digest:
            return suspect, changed
    return None


def _suspects(received: Draft, known: Names, operation: str) -> Iterator[Suspect]:
    head = head_of(received)
    yield from hosts.suspects(received, head, known)
    yield from fields.suspects(received, head)
    yield from paths.suspects(received, head)
    yield from queries.suspects(received, head, operation)
    yield from modes.suspects(received)
    yield from fields.with_unsigned_token(received, head)
    yield from values.suspects(received, head)
    yield from values.of_path(head)
    yield from values.of_query(head)


def _swept(signed: Draft, received: Draft) -> Iterator[Suspect]:
    """Of the many values of a sweep only the signed one, if it is among them."""
    for sweep in values.sweeps(received):
        value = signed.value(sweep.name)
        if value != received.value(sweep.name) and value in sweep.values:
            yield sweep.suspect(value)


def _touched(parts: frozenset[str]) -> frozenset[str]:
    """What a suspect may say that it touches, if it concerns one of these parts."""
    names = (part.removeprefix("header ") for part in parts if part.startswith("header "))
    return parts | {"fields"} | {f"header {name.encode('utf-8', 'surrogateescape')!r}" for name in names}


def differing(one: Draft, other: Draft) -> frozenset[str]:
    """Name the parts in which two drafts differ: ``method``, ``uri``, ``query``, ``header NAME``, and so on."""
    parts = {
        part
        for part in ("method", "uri", "query", "signed_headers", "payload")
        if getattr(one, part) != getattr(other, part)
    }
    if one.fields != other.fields:
        ours, theirs = dict(one.fields), dict(other.fields)
        names = {name for name in (*ours, *theirs) if ours.get(name) != theirs.get(name)}
        parts |= {f"header {name.decode('utf-8', 'surrogateescape')}" for name in names}
        if not names:
            parts.add("order of the headers")
    return frozenset(parts)


def _in_order(parts: frozenset[str], signed: Draft, received: Draft) -> list[str]:
    """Sort parts as their lines stand in the canonical request."""
    names = [f"header {name.decode('utf-8', 'surrogateescape')}" for name, _ in (*signed.fields, *received.fields)]
    order = ["method", "uri", "query", *names, "order of the headers", "signed_headers", "payload"]
    return sorted(parts, key=order.index)


def _plain(part: str, signed: Draft, received: Draft) -> Suspect:
    """Say what differs where no known suspect does that."""
    if part.startswith("header "):
        name = part.removeprefix("header ").encode("utf-8", "surrogateescape")
        return _plain_header(name, signed, received)
    if part == "query" and (told := _parameters(signed, received)):
        return told
    if part == "uri" and (told := _prefix(signed.uri, received.uri)):
        return told
    words = {"method": "method", "uri": "path", "query": "query", "payload": "payload hash"}
    if part in words:
        ours, theirs = (quoted(_hidden(side, part)) for side in (signed, received))
        cause = "payload-hash" if part == "payload" else f"{words[part]}-changed"
        sentence = f"the client signed the {words[part]} {ours}, the server saw {theirs}: {_BETWEEN}"
        return _suspect(cause, sentence)
    if part == "signed_headers":
        names = set(signed.signed_headers) ^ set(received.signed_headers)
        sentence = (
            f"the two sides sign other headers ({', '.join(map(wire_name, sorted(names))) or 'in another order'})"
        )
        return _suspect("signed-headers-differ", f"{sentence}: SignedHeaders of Authorization is not what was signed")
    return _suspect("signed-headers-order", "the two sides have the same headers in another order; SigV4 sorts by name")


def _parameters(signed: Draft, received: Draft) -> Suspect | None:
    """Name the parameters of which one side has more."""
    ours, theirs = (set(filter(None, side.query.split(b"&"))) for side in (signed, received))
    names = [sorted({quoted(pair.partition(b"=")[0]) for pair in pairs}) for pairs in (ours - theirs, theirs - ours)]
    remedy = "make the proxy in front pass the query on byte for byte"
    if names[0] and not names[1]:
        sentence = f"the client signed query parameters that did not arrive ({', '.join(names[0])}); {remedy}"
        return _suspect("query-parameter-removed", sentence)
    if names[1] and not names[0]:
        sentence = f"query parameters were added after the client signed ({', '.join(names[1])}); {remedy}"
        return _suspect("query-parameter-added", sentence)
    return None


def _prefix(ours: bytes, theirs: bytes) -> Suspect | None:
    """One path ends in the other: a proxy strips a prefix, or adds one."""
    if ours.endswith(theirs) and theirs != b"/":
        sentence = (
            f"the client signed the path {quoted(ours)}, the server saw {quoted(theirs)}: a proxy in front strips a "
            "prefix; S3 signs the whole path, so give the server a host name or port of its own"
        )
        return _suspect("path-prefix-stripped", sentence)
    if theirs.endswith(ours) and ours != b"/":
        sentence = (
            f"the client signed the path {quoted(ours)}, the server saw {quoted(theirs)}: a proxy in front puts a "
            "prefix before the path; make it pass the request target on byte for byte"
        )
        return _suspect("path-prefix-added", sentence)
    return None


def _plain_header(name: bytes, signed: Draft, received: Draft) -> Suspect:
    ours, theirs = signed.value(name), received.value(name)
    told = wire_name(name)
    if not theirs:
        sentence = fields.absent_words((name,)) + f": {fields.dropper(name)}"
        return _suspect("header-missing", sentence)
    if not ours:
        said = f"{told} was empty or absent when the client signed, and the server saw one: a proxy in front adds it"
        return _suspect("header-added", said + "; let it not, or let the client send the header itself")
    if name == b"host":
        (host, _), (other, port) = (split(printable(value)) for value in (ours, theirs))
        if host == other:
            return _suspect("host-port", hosts.port_sentence(printable(theirs), printable(ours), port))
    cause = "host-rewritten" if name == b"host" else "header-changed"
    values_told = f" {quoted(ours)}, the server saw {quoted(theirs)}" if name in QUOTABLE else ""
    return _suspect(
        cause, f"the client signed {told}{values_told or ' with another value than the server saw'}: {_BETWEEN}"
    )


def _suspect(cause: str, sentence: str) -> Suspect:
    return Suspect(cause, sentence, frozenset(), lambda draft: draft)


def _hidden(side: Draft, part: str) -> str:
    """Give a part as it may be shown: a query may hold tokens."""
    lines = dict(zip(("method", "uri", "query"), side.shown().split("\n"), strict=False))
    return lines.get(part, side.payload.decode("utf-8", "surrogateescape"))
