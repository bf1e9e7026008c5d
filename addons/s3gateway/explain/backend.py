"""Why did the backend refuse? What the request that was sent to it lacks, or has too much of. Pure, no secret needed.

The head that went out often contradicts itself, and MinIO answers that with a bare 400 (to a HEAD without any text):
first those contradictions are looked for, then the error code and MinIO's wording tell the rest. Heads are captures,
so they may be redacted.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import unescape

from s3gateway.explain import clock
from s3gateway.explain.cause import Certainty
from s3gateway.explain.codes import CODES, WORDS
from s3gateway.explain.suspect import quoted, wire_name
from s3gateway.observed.capture import Explanation, Head, Response
from s3gateway.observed.contradictions import signed_names
from s3gateway.observed.printable import printable
from s3gateway.rules.headers import HOP_BY_HOP
from s3gateway.sigv4.verify import MAX_SKEW, UNSIGNED_ALLOWED

_SSE = "x-amz-server-side-encryption"
_SSE_C = tuple(f"{_SSE}-customer-{part}" for part in ("algorithm", "key", "key-md5"))
_KMS_KEY = f"{_SSE}-aws-kms-key-id"
_HOPS = frozenset(name.decode() for name in HOP_BY_HOP)
_ELEMENT = re.compile(r"<(Code|Message)>([^<]{0,4000})</\1>")
_REGION = re.compile(r"""expecting ['"]([a-z0-9-]{1,40})['"]""")
_REFUSED = 400
_MISMATCH = "backend-secret"
_OTHERS = {
    _MISMATCH: (("changed-beyond-guessing", "something between the sender and the backend changes a signed part"),)
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A backend's answer: ``code`` and ``message`` are empty where it gave none."""

    status: int
    code: str
    message: str
    date: str = ""


def read_refusal(response: Response, body: str = "") -> Refusal | None:
    """Read code and message from MinIO's headers or the error document; None if the answer is no refusal."""
    if response.status < _REFUSED:
        return None
    headers = {name.lower(): value for name, value in response.headers}
    document = {name: unescape(value) for name, value in _ELEMENT.findall(body)}
    code = headers.get("x-minio-error-code") or document.get("Code", "")
    message = (headers.get("x-minio-error-desc") or "").strip('"') or document.get("Message", "")
    return Refusal(response.status, code, message, headers.get("date", ""))


def explain_backend(sent: Head, refusal: Refusal, *, tls: bool) -> Explanation | None:
    """Name what ``sent`` lacks; None when nothing is known about such a refusal. ``tls`` is of the way to the backend.

    The canonical request, where the capture has it, comes along.
    """
    head = _Sent(sent, tls=tls)
    looks = ((_by_code, Certainty.CERTAIN), (_contradiction, Certainty.LIKELY), (_by_message, Certainty.LIKELY))
    for look, sure in looks:
        for cause, sentence in look(head, refusal):
            told = f"{_answer(refusal)}: {sentence}"
            known = Certainty.POSSIBLE if cause == _MISMATCH else sure
            return Explanation(cause, told, "", sent.canonical_request, known.value, _OTHERS.get(cause, ()))
    return None


def explain_head(sent: Head, *, tls: bool) -> Explanation | None:
    """Name how a head contradicts itself, when nothing is known of an answer; None if it does not."""
    for cause, sentence in _contradiction(_Sent(sent, tls=tls), Refusal(0, "", "")):
        return Explanation(cause, sentence, "", sent.canonical_request, Certainty.LIKELY.value)
    return None


class _Sent:
    """A head by lower-case name."""

    def __init__(self, head: Head, *, tls: bool) -> None:
        self.method = head.method
        self.tls = tls
        self.values = {name.lower(): value for name, value in reversed(head.headers)}
        query = head.target.partition("?")[2]
        self.presigned = "X-Amz-Algorithm=" in query
        self.signed = signed_names(head)

    def has(self, name: str) -> bool:
        return name in self.values


_Findings = Iterator[tuple[str, str]]


def _answer(refusal: Refusal) -> str:
    told = " ".join(filter(None, (str(refusal.status), printable(refusal.code))))
    return f"the backend answered {told}" + (f" ({quoted(refusal.message)})" if refusal.message else "")


def _by_code(head: _Sent, refusal: Refusal) -> _Findings:
    """Codes that say it all."""
    if refusal.code == "RequestTimeTooSkewed":
        yield "backend-clock", _clocks(head, refusal)
    if refusal.code == "AuthorizationHeaderMalformed" and (wanted := _REGION.search(refusal.message)):
        yield "backend-region", f"the region that was signed is not its own; set `backend.region` to {wanted[1]}"
    if refusal.code in CODES:
        yield CODES[refusal.code]
    if refusal.code == "NotImplemented" and "KMS" in refusal.message:
        yield (
            "backend-without-kms",
            "it has no KMS; configure one there (MinIO: MINIO_KMS_...), or take `sse-kms` and `sse-s3` rules out",
        )


def _contradiction(head: _Sent, refusal: Refusal) -> _Findings:
    """What makes a head wrong in itself, whatever the words of the refusal."""
    del refusal
    yield from _signed_and_not_sent(head)
    yield from _encryption(head)
    yield from _date(head)
    yield from _unsigned(head)


def _signed_and_not_sent(head: _Sent) -> _Findings:
    absent = [name for name in head.signed if not head.has(name)]
    if absent:
        names = ", ".join(wire_name(name.encode("utf-8", "surrogateescape")) for name in absent)
        verb = "is" if len(absent) == 1 else "are"
        why = "it concerns one connection, so a hop drops it after signing" if set(absent) & _HOPS else "a hop drops it"
        yield (
            "signed-header-not-sent",
            f"{names} {verb} signed but not sent: {why}; drop it before signing, or let it through",
        )


def _encryption(head: _Sent) -> _Findings:
    customer = [name for name in _SSE_C if head.has(name)]
    managed = [name for name in (_SSE, _KMS_KEY) if head.has(name)]
    if managed and head.method in {"GET", "HEAD"}:
        yield (
            "encryption-on-read",
            (
                f"{managed[0]} is on a {head.method}, which takes no encryption: how an object is encrypted is decided "
                "when it is written; take the header off reads"
            ),
        )
    if managed and customer:
        yield (
            "two-encryptions",
            f"{customer[0]} and {managed[0]} ask for two encryptions at once; keep one of SSE-C and SSE-S3 or SSE-KMS",
        )
    if customer and not head.tls:
        yield "customer-key-without-tls", "an SSE-C key is sent without TLS; reach the backend over https"
    if customer and len(customer) < len(_SSE_C):
        lacks = ", ".join(name for name in _SSE_C if name not in customer)
        yield "customer-key-incomplete", f"SSE-C needs three headers and {lacks} did not come; send all three"
    if head.has(_KMS_KEY) and head.values.get(_SSE) != "aws:kms":
        yield "kms-key-without-kms", f"{_KMS_KEY} is there without `{_SSE}: aws:kms`; send both or neither"


def _date(head: _Sent) -> _Findings:
    if not head.presigned and head.has("authorization") and not head.has("x-amz-date"):
        if head.has("date"):
            yield (
                "date-without-x-amz-date",
                (
                    "there is a Date and no X-Amz-Date, and MinIO reads a Date only in X-Amz-Date's form "
                    "(20260131T120000Z); send X-Amz-Date"
                ),
            )
        else:
            yield "no-date", "there is neither X-Amz-Date nor Date, and a signature needs one; send X-Amz-Date"


def _unsigned(head: _Sent) -> _Findings:
    allowed = {name.decode() for name in UNSIGNED_ALLOWED}
    bare = [name for name in head.values if name.startswith("x-amz-") and name not in {*head.signed, *allowed}]
    if head.signed and bare:
        yield (
            "x-amz-header-unsigned",
            (
                f"{', '.join(map(printable, bare))} is sent but not signed, so anybody could have added it; sign every "
                "x-amz-* header, or add it before signing"
            ),
        )
    if head.signed and "host" not in head.signed:
        yield "host-unsigned", "Host is not signed; sign it"


def _by_message(head: _Sent, refusal: Refusal) -> _Findings:
    """Codes and words that leave more than one reading."""
    for pattern, finding in WORDS:
        if re.search(pattern, refusal.message, re.IGNORECASE):
            yield finding
    if refusal.code in _LATE_CODES:
        yield _LATE_CODES[refusal.code](head)


def _clocks(head: _Sent, refusal: Refusal) -> str:
    """Compare the request's time with the answer's Date."""
    remedy = "set this machine's clock, or the backend's (NTP)"
    try:
        signed = datetime.strptime(head.values.get("x-amz-date", ""), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        answered = parsedate_to_datetime(refusal.date)
    except ValueError:
        return f"the clocks differ by more than {clock.duration(MAX_SKEW)}; {remedy}"
    if answered.tzinfo is None:  # asctime's form
        answered = answered.replace(tzinfo=UTC)
    way = "ahead of" if signed > answered else "behind"
    return f"the sender's clock is {clock.duration(abs(signed - answered))} {way} the backend's; {remedy}"


def _mismatch(head: _Sent) -> tuple[str, str]:
    signed = ", ".join(map(printable, head.signed)) or "unknown"
    return (
        _MISMATCH,
        (
            "the head does not contradict itself, so the secret in `backend.credentials` is most likely wrong, or "
            f"something between here and the backend changes one of the signed parts (headers: {signed})"
        ),
    )


def _denied(head: _Sent) -> tuple[str, str]:
    del head
    return (
        "backend-policy",
        (
            "nothing is wrong with the signature, so the backend's policy does not allow this to the key that signed; "
            "give it the right there, or use another bucket"
        ),
    )


_LATE_CODES: dict[str, Callable[[_Sent], tuple[str, str]]] = {
    "SignatureDoesNotMatch": _mismatch,
    "AccessDenied": _denied,
}
