"""Which exchanges somebody wants to see."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from s3gateway.observed.capture import Exchange

_REFUSALS = (400, 403)
"""What a backend answers to a request that it does not accept as signed; a 404 is an everyday answer."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Patterns (``*``, ``?``) for operation, bucket and identity, a literal beginning of the key."""

    operation: str = "*"
    bucket: str = "*"
    key: str = ""
    identity: str = "*"
    refused: bool = False

    def matches(self, exchange: Exchange) -> bool:
        """Whether all of it holds."""
        return (
            fnmatchcase(exchange.operation, self.operation)
            and fnmatchcase(exchange.bucket, self.bucket)
            and exchange.key.startswith(self.key)
            and fnmatchcase(exchange.identity.removesuffix("?"), self.identity)
            and (not self.refused or is_refused(exchange))
        )


def is_refused(exchange: Exchange) -> bool:
    """Whether the gateway refused it, or what is behind it did."""
    status = exchange.response.status if exchange.response else 0
    return exchange.verdict == "refused" or status in _REFUSALS
