"""The search: which one suspect, or which two, make the client's signature fit. Bounded, whatever the request.

First every suspect alone, then every pair of likely ones that touch different parts, then what is too much to be tried
before that. A try is one canonical request hashed and one HMAC, 8 µs or so.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from s3gateway.explain.draft import Draft
from s3gateway.explain.suspect import Suspect, Sweep
from s3gateway.sigv4 import canonical
from s3gateway.sigv4.model import CredentialScope, Secret, Signature

MAX_TRIES = 25_000
"""HMACs for one explanation: a fifth of a second, after which what is left is improbable rather than untried."""


@dataclass(frozen=True, slots=True)
class Found:
    """``culprits`` are empty when nothing fits; ``complete`` is False when the search ended at its cap.

    ``others`` would have made the very same of the draft: what was signed is proven, who did it is not.
    """

    culprits: tuple[Suspect, ...]
    draft: Draft
    tries: int
    complete: bool
    others: tuple[Suspect, ...] = ()


class Search:
    """Tries drafts against one signature and counts."""

    def __init__(self, claimed: Signature, max_tries: int = MAX_TRIES) -> None:
        self.tries = 0
        self._claimed = claimed
        self._max_tries = max_tries
        self._keys: dict[tuple[Secret, CredentialScope], bytes] = {}

    def __repr__(self) -> str:
        return f"Search({self.tries} tries)"

    @property
    def spent(self) -> bool:
        """Whether the cap is reached."""
        return self.tries >= self._max_tries

    def fits(self, draft: Draft) -> bool:
        """Whether this is what the client signed."""
        self.tries += 1
        return draft.signature(self._key(draft)).matches(self._claimed)

    def _key(self, draft: Draft) -> bytes:
        place = draft.secret, draft.key_scope
        key = self._keys.get(place)
        if key is None:
            key = self._keys[place] = canonical.derive_key(*place)
        return key

    def run(self, base: Draft, suspects: Iterable[Suspect], late: Iterable[Sweep] = ()) -> Found:
        """Try suspects alone, in pairs, then the ``late`` ones alone. ``base`` itself is taken not to fit."""
        likely: list[Suspect] = []
        seen = {base}
        rest = iter(suspects)
        for suspect in rest:
            draft = suspect.change(base)
            if draft in seen:
                continue
            if self.spent:
                return Found((), base, self.tries, complete=False)
            seen.add(draft)
            if self.fits(draft):
                return Found(
                    (suspect,), draft, self.tries, complete=True, others=tuple(self._alike(base, suspect, rest))
                )
            if suspect.likely:
                likely.append(suspect)
        found = self._pairs(base, likely)
        return found if found.culprits or not found.complete else self._late(base, late)

    def _alike(self, base: Draft, culprit: Suspect, rest: Iterable[Suspect]) -> Iterator[Suspect]:
        """Those of the other suspects that make the same of ``base``; secrets do not compare, so they are tried."""
        made = culprit.change(base)
        causes = {culprit.cause}
        for suspect in rest:
            if suspect.cause in causes or suspect.touches != culprit.touches:
                continue
            draft = suspect.change(base)
            if draft == made or ("secret" in suspect.touches and not self.spent and self.fits(draft)):
                causes.add(suspect.cause)
                yield suspect

    def _late(self, base: Draft, sweeps: Iterable[Sweep]) -> Found:
        """There may be thousands of values, so nothing is kept of them."""
        for sweep in sweeps:
            sign = base.signer(sweep.name, self._key(base))
            for value in sweep.values:
                if self.spent:
                    return Found((), base, self.tries, complete=False)
                self.tries += 1
                if sign(value).matches(self._claimed):
                    suspect = sweep.suspect(value)
                    return Found((suspect,), suspect.change(base), self.tries, complete=True)
        return Found((), base, self.tries, complete=True)

    def _pairs(self, base: Draft, likely: list[Suspect]) -> Found:
        """Pair each with all before it, so that the likeliest pairs come first."""
        for count, second in enumerate(likely):
            draft = second.change(base)
            for first in likely[:count]:
                if not first.touches.isdisjoint(second.touches):
                    continue
                if self.spent:
                    return Found((), base, self.tries, complete=False)
                both = first.change(draft)
                if self.fits(both):
                    return Found((first, second), both, self.tries, complete=True)
        return Found((), base, self.tries, complete=True)
