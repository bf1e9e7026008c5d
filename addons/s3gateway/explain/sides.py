"""Two sides: what the client says it signed, and what the server says it computed. The lines that differ are the cause.

Texts come from a client's debug log and from S3's error document; where one is missing, a head stands in for it: the
one that was sent for the client's side, the one that was received for the server's. No secret is needed. The names of
the causes are those of a search: here a suspect fits when it makes the signed text of the received one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from s3gateway.config.model import HTTP_PORT, HTTPS_PORT
from s3gateway.explain.cause import Certainty
from s3gateway.explain.draft import Draft
from s3gateway.explain.hosts import Names
from s3gateway.explain.parts import differing, named, named_by_hash, read, without_redactions
from s3gateway.observed.capture import Explanation
from s3gateway.observed.printable import printable

_TEXT_LINES = 4
_NO_NAMES = Names(("localhost", "127.0.0.1", "[::1]"), (HTTP_PORT, HTTPS_PORT, 8000, 8080, 8443, 9000), ())


@dataclass(frozen=True, slots=True)
class Side:
    """One side's texts; either may be empty. Line ends are LF."""

    request: bytes = field(default=b"", repr=False)
    to_sign: bytes = field(default=b"", repr=False)

    @property
    def lines(self) -> list[str]:
        """The lines of the string to sign: algorithm, time, scope, hash; none where it is unknown or no such text."""
        lines = self.to_sign.decode("utf-8", "replace").strip("\n").split("\n")
        return lines if len(lines) == _TEXT_LINES else []


def explain_sides(signed: Side, received: Side, known: Names = _NO_NAMES, operation: str = "") -> Explanation | None:
    """Name the difference between two sides; None where there is too little of them to compare."""
    ours, theirs = read(signed.request), read(received.request)
    if ours and theirs:
        theirs = without_redactions(ours, theirs)
    outside = tuple(_text_lines(signed, received))
    if ours and theirs and differing(ours, theirs):
        return _requests(ours, theirs, outside, known, operation)
    shown = [side.shown() if side else "" for side in (ours, theirs)]
    if theirs and not ours and signed.lines and (found := named_by_hash(signed.lines[-1], theirs, known, operation)):
        suspect, draft = found
        return Explanation(
            suspect.cause, suspect.sentence, draft.shown(), theirs.shown(), Certainty.CERTAIN.value, (), outside
        )
    if outside:
        return _texts(outside, shown, sure=bool(ours and theirs) or signed.lines[-1] == received.lines[-1])
    if signed.lines and received.lines:
        same = signed.lines[-1] == received.lines[-1]
        return _same(shown) if same else _unseen(shown, read_alike=bool(ours and theirs))
    if ours and theirs:
        sentence = (
            "client and server have the same canonical request: what is left is the time, the scope or the secret; "
            "compare the two strings to sign, then set access key and secret anew"
        )
        others = (("scope-region", "another region or date was signed"), ("timestamp", "another time was signed"))
        return Explanation("wrong-secret", sentence, shown[0], shown[1], Certainty.POSSIBLE.value, others)
    return None


def _requests(
    signed: Draft, received: Draft, lines: tuple[tuple[str, str, str], ...], known: Names, operation: str
) -> Explanation:
    found = [*named(signed, received, known, operation)]
    cause = "+".join(dict.fromkeys(suspect.cause for suspect, _ in found))
    sentence = "; and ".join(suspect.sentence for suspect, _ in found)
    if len(found) > 1:
        sentence = f"{len(found)} things: {sentence}"
    others = tuple((other.cause, other.sentence) for _, alike in found for other in alike)
    sure = Certainty.LIKELY if others else Certainty.CERTAIN
    return Explanation(cause, sentence, signed.shown(), received.shown(), sure.value, others, lines)


def _text_lines(signed: Side, received: Side) -> Iterator[tuple[str, str, str]]:
    """Compare two strings to sign. Their last line follows from the canonical request."""
    if signed.lines and received.lines:
        for part, ours, theirs in zip(("algorithm", "time", "scope"), signed.lines, received.lines, strict=False):
            if ours != theirs:
                yield part, printable(ours), printable(theirs)


def _texts(outside: tuple[tuple[str, str, str], ...], shown: list[str], *, sure: bool) -> Explanation:
    """The strings to sign differ in time, scope or algorithm."""
    causes, sentences = [], []
    for part, ours, theirs in outside:
        cause, remedy = _text_cause(part, ours, theirs)
        causes.append(cause)
        sentences.append(f"the client signed the {part} `{ours}`, the server computed with `{theirs}`: {remedy}")
    certainty = Certainty.CERTAIN if sure else Certainty.LIKELY
    cause = "+".join(dict.fromkeys(causes))
    return Explanation(cause, "; and ".join(sentences), shown[0], shown[1], certainty.value, (), outside)


def _text_cause(part: str, ours: str, theirs: str) -> tuple[str, str]:
    if part == "scope":
        names = ("date", "region", "service")
        pairs = zip(names, ours.split("/"), theirs.split("/"), strict=False)
        what = next((name for name, a, b in pairs if a != b), "terminator")
        return f"scope-{what}", f"set the same {what} for the client's signer and its endpoint"
    if part == "time":
        return "timestamp", "use one moment for X-Amz-Date and the string to sign, and let no proxy set X-Amz-Date"
    return "algorithm", "both sides must use AWS4-HMAC-SHA256"


def _same(shown: list[str]) -> Explanation:
    """Same text and another signature: only the key is left."""
    sentence = (
        "client and server sign the very same text and get other signatures, so the secret is not the one that belongs "
        "to the access key: set access key and secret anew, together"
    )
    others = (("scope-date", "the client derives its signing key for another date, region or service than it states"),)
    return Explanation("wrong-secret", sentence, shown[0], shown[1], Certainty.LIKELY.value, others)


def _unseen(shown: list[str], *, read_alike: bool) -> Explanation:
    """The hashes differ, and what was hashed is not there, or reads the same."""
    if read_alike:
        sentence = (
            "client and server have canonical requests that read the same and hash otherwise, so they differ in bytes "
            "that a log does not show: accents in another charset or Unicode form, or white space at the end of a line"
        )
        others = (
            ("unicode-form", "accents are composed in another way"),
            ("header-spaces", "white space differs"),
            ("header-changed", "a value that one of the texts hides is another one"),
        )
        return Explanation("charset", sentence, shown[0], shown[1], Certainty.POSSIBLE.value, others)
    sentence = (
        "time and scope are the same and the hash of the canonical request is not, so one of its lines differs; the "
        "client's debug log and the server's error document have them (`CanonicalRequest`): give both"
    )
    return Explanation("canonical-request-differs", sentence, shown[0], shown[1], Certainty.CERTAIN.value)
