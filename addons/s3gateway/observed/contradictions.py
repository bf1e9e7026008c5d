"""How an outgoing head can contradict its own signature: what a backend answers with a 400 or 403 and no good word.

A name in ``SignedHeaders`` that is not on the wire is the classic: a header was signed and then dropped. MinIO answers
400 ("There were headers present in the request which were not signed"), to a HEAD without any text at all.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from s3gateway.observed.capture import Head
from s3gateway.observed.expected_changes import HOPS

_SIGNED_HEADERS = re.compile(r"SignedHeaders=([^,&\s]+)")
_UNSIGNED_AMZ = frozenset(("x-amz-content-sha256",))
"""``x-amz-*`` that AWS takes unsigned: its value is in the canonical request anyway."""


class Kind(Enum):
    """What is wrong."""

    SIGNED_NOT_SENT = "signed-not-sent"
    SENT_NOT_SIGNED = "sent-not-signed"
    HOP_BY_HOP_SIGNED = "hop-by-hop-signed"
    HOST_NOT_SIGNED = "host-not-signed"


@dataclass(frozen=True, slots=True)
class Fault:
    """A header, spelled as on the wire, that makes a backend refuse the outgoing request, and why in plain words."""

    name: str
    kind: Kind
    sentence: str


def find_faults(incoming: Head, outgoing: Head) -> tuple[Fault, ...]:
    """Look for what is wrong with ``outgoing``; ``incoming`` tells where it came from."""
    return tuple(_faults(_spelled(incoming), _spelled(outgoing), frozenset(signed_names(outgoing))))


def signed_names(head: Head) -> tuple[str, ...]:
    """The lower-case names that a head's signature covers, from its ``Authorization`` or presigned query if need be."""
    if head.signed_headers:
        return head.signed_headers
    authorization = next((value for name, value in head.headers if name.lower() == "authorization"), "")
    query = head.target.partition("?")[2].replace("%3B", ";").replace("%3b", ";")
    found = _SIGNED_HEADERS.search(authorization) or _SIGNED_HEADERS.search(query)
    return tuple(found[1].split(";")) if found else ()


def _faults(before: dict[str, str], after: dict[str, str], signed: frozenset[str]) -> Iterator[Fault]:
    if not signed:
        return
    for name in sorted(signed - after.keys()):
        yield _signed_not_sent(name, before.get(name))
    for name in sorted(after.keys() - signed):
        if name.startswith("x-amz-") and name not in _UNSIGNED_AMZ:
            sentence = f"{after[name]} goes out unsigned, and AWS refuses a request with an unsigned x-amz-* header."
            yield Fault(after[name], Kind.SENT_NOT_SIGNED, sentence)
    for name in sorted(signed & after.keys() & HOPS):
        sentence = f"{after[name]} is signed although it concerns one connection only: the next hop may drop it."
        yield Fault(after[name], Kind.HOP_BY_HOP_SIGNED, sentence)
    if "host" not in signed:
        yield Fault("Host", Kind.HOST_NOT_SIGNED, "Host is not signed, and AWS and MinIO refuse that.")


def _signed_not_sent(name: str, by_client: str | None) -> Fault:
    came = "The client sent it, the gateway signed it" if by_client else "The gateway signed it"
    remedy = ""
    if name in HOPS:
        remedy = " It is a hop-by-hop header: a gateway has to drop those first and sign then."
    elif name == "expect":
        remedy = (
            " mitmproxy answers Expect and takes it off, also where it only records: nobody on the way should sign it."
        )
    sentence = (
        f"{by_client or name} is in the outgoing SignedHeaders but not on the wire. {came} and then dropped it, so the "
        f"backend cannot check the signature and refuses the request (MinIO: 400).{remedy}"
    )
    return Fault(by_client or name, Kind.SIGNED_NOT_SENT, sentence)


def _spelled(head: Head) -> dict[str, str]:
    """Lower-case names to what the first field of each is spelled."""
    return {name.lower(): name for name, _ in reversed(head.headers)}
