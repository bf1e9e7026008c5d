"""Inputs -> cases: one request each, numbered in the input's order, with whatever the input still has of it."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from capturing import sources
from s3gateway.observed.capture import Exchange
from s3gateway.reading.model import Found
from s3gateway.sigv4.model import RequestHead


@dataclass(frozen=True, slots=True)
class Case:
    """A request by its number, from 1."""

    number: int
    found: Found

    @property
    def exchange(self) -> Exchange:
        """The request as it may be shown."""
        return self.found.exchange

    @property
    def raw(self) -> RequestHead | None:
        """The head to verify; None where its signature is not there."""
        return self.found.raw if self.found.has_signature else None

    @property
    def body(self) -> bytes | None:
        """The body as it was sent, if the input has it."""
        return self.found.body

    @property
    def answer(self) -> bytes:
        """The body of the answer."""
        return self.found.answer

    @property
    def at(self) -> datetime | None:
        """When it was sent, if the input says so."""
        return self.found.at

    @property
    def refused(self) -> bool:
        """Whether somebody refused it, as far as is known; a head alone counts as refused."""
        return self.found.failed


def read(path: Path, form: str = "") -> tuple[Case, ...]:
    """Read an input's requests, failed ones first.

    Raises :class:`~s3gateway.observed.capture.CaptureError`, with the remedy.
    """
    cases = [Case(number, one) for number, one in enumerate(sources.find(path, form), 1)]
    return tuple(sorted(cases, key=lambda case: not case.refused))
