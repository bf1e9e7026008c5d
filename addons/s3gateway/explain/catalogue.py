"""What to do about a cause, and where that is written: for the slugs of this package."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reference:
    """A page that says so."""

    title: str
    url: str


def look_up(cause: str) -> tuple[tuple[str, ...], tuple[Reference, ...]]:
    """Give the steps and the pages for a slug; of several joined with ``+``, those of each."""
    del cause
    return (), ()
