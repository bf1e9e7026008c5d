"""A suspect: one thing that a client or a hop may have done, what it makes of a draft, and how to say it.

``cause`` is a slug for machines, ``sentence`` one clause for people: what the client signed, what the wire says, who
does such a thing, and the remedy. Values are quoted only of headers whose values are nobody's business to hide.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from s3gateway.explain.draft import Draft
from s3gateway.observed.printable import printable

_SHOWN = 80

_SPELLED = {"te": "TE", "content-md5": "Content-MD5", "etag": "ETag"}

QUOTABLE = frozenset(
    (
        b"accept",
        b"accept-encoding",
        b"cache-control",
        b"connection",
        b"content-encoding",
        b"content-length",
        b"content-md5",
        b"content-type",
        b"date",
        b"expect",
        b"host",
        b"pragma",
        b"range",
        b"te",
        b"transfer-encoding",
        b"user-agent",
        b"x-amz-content-sha256",
        b"x-amz-date",
        b"x-amz-decoded-content-length",
        b"x-forwarded-host",
        b"x-forwarded-port",
        b"x-forwarded-proto",
    )
)
"""Headers whose values a sentence may quote; others, user metadata among them, are only named."""

TRACING = frozenset(
    (
        b"traceparent",
        b"tracestate",
        b"baggage",
        b"b3",
        b"x-b3-traceid",
        b"x-b3-spanid",
        b"x-b3-parentspanid",
        b"x-b3-sampled",
        b"x-datadog-trace-id",
        b"x-datadog-parent-id",
        b"newrelic",
        b"sentry-trace",
        b"elastic-apm-traceparent",
        b"uber-trace-id",
        b"x-amzn-trace-id",
        b"x-cloud-trace-context",
        b"x-request-id",
        b"x-correlation-id",
    )
)
"""Headers that tracing agents, meshes and proxies write anew on each hop and each attempt."""

TRACED = (
    "a tracing agent or a proxy writes it anew for each attempt and hop, so its signature cannot hold, above all on a "
    "retry; let the client not sign it (add it to the signer's ignored headers, or propagate before signing)"
)


@dataclass(frozen=True, slots=True)
class Suspect:
    """``touches`` names the parts of a draft that ``change`` changes: two suspects join only if they share none.

    A ``likely`` one is also tried together with every other likely one.
    """

    cause: str
    sentence: str
    touches: frozenset[str]
    change: Callable[[Draft], Draft] = field(repr=False)
    likely: bool = False


@dataclass(frozen=True, slots=True)
class Sweep:
    """Many values for one signed header, tried one by one: ``say`` makes the sentence for the one that fits."""

    cause: str
    name: bytes
    values: Iterable[bytes] = field(repr=False)
    say: Callable[[bytes], str] = field(repr=False)

    def suspect(self, value: bytes) -> Suspect:
        """Say it of one value."""
        return of_field(self.cause, self.say(value), self.name, value)


def of_part(cause: str, sentence: str, *, likely: bool = False, **parts: Any) -> Suspect:
    """Suspect other values of the draft's own parts."""
    return Suspect(cause, sentence, frozenset(parts), partial(_with_parts, parts), likely)


def of_field(cause: str, sentence: str, name: bytes, value: bytes, *, likely: bool = False) -> Suspect:
    """Suspect another value of a signed header."""
    return Suspect(
        cause, sentence, frozenset((f"header {name!r}",)), partial(Draft.with_field, name=name, value=value), likely
    )


def _with_parts(parts: dict[str, Any], draft: Draft) -> Draft:
    return replace(draft, **parts)


def wire_name(name: bytes) -> str:
    """Spell a header as people do: ``Accept-Encoding``; S3's own stay in lower case."""
    text = printable(name)
    if text in _SPELLED:
        return _SPELLED[text]
    return text if text.startswith(("x-amz-", "amz-")) else "-".join(part.capitalize() for part in text.split("-"))


def quoted(value: bytes | str) -> str:
    """Quote a value in a sentence, shortened, with nothing that a terminal would act on."""
    text = printable(value)
    return f"`{text if len(text) <= _SHOWN else text[: _SHOWN - 1] + '…'}`"
