"""What a session may do: what one of its roles allows, and its policy does not take away."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from s3gateway.identity.policy import Policy
from s3gateway.rules.access import Access, bucket_reasons, key_reasons, operation_reasons
from s3gateway.rules.operations import Operation


@dataclass(frozen=True, slots=True)
class SessionAccess:
    """The union of ``any_of``, narrowed by ``policy``; :class:`~s3gateway.rules.access.Rights` says what is asked.

    What several roles allow together is allowed: a copy may read by one and write by another.
    """

    any_of: tuple[Access, ...]
    policy: Policy | None = None

    @property
    def checks_deletions(self) -> bool:
        """Whether the keys of a DeleteObjects must be looked at."""
        return self.policy is not None or any(access.checks_deletions for access in self.any_of)

    def refusal(self, operation: Operation, query: bytes = b"") -> str:
        """Say why an operation is not allowed; empty where it is."""
        found = next(self._refusals(operation, query), "")
        return found or (self.policy.refusal(operation, query) if self.policy is not None else "")

    def allows_bucket(self, name: str) -> bool:
        """Whether a bucket is open to one of the roles."""
        return any(access.allows_bucket(name) for access in self.any_of)

    def allows_deletion(self, bucket: str, key: str, *, of_version: bool) -> bool:
        """Whether one key of a DeleteObjects may go."""
        deletion = Operation("DeleteObjects", bucket, "", b"")
        by_role = any(
            not self._refused(access, "DeleteObjects", deletion, b"")
            and access.allows_deletion(bucket, key, of_version=of_version)
            for access in self.any_of
        )
        return by_role and (self.policy is None or self.policy.allows_deletion(bucket, key, of_version=of_version))

    def allows_also(self, name: str, operation: Operation) -> bool:
        """Whether another operation on the same object is allowed, which the answer to this one tells about."""
        return not self.refusal(replace(operation, name=name, source=None, also=()))

    def _refusals(self, operation: Operation, query: bytes) -> Iterator[str]:
        target = replace(operation, source=None)
        for name in (operation.name, *operation.also):
            yield from self._unless_one_allows(name, target, query)
        if operation.source:
            yield from self._unless_one_allows("GetObject", Operation("GetObject", *operation.source, b""), b"")

    def _unless_one_allows(self, name: str, operation: Operation, query: bytes) -> Iterator[str]:
        why = ""
        for access in self.any_of:
            found = self._refused(access, name, operation, query)
            if not found:
                return
            why = why or found
        yield why or "the session has no role any more"

    @staticmethod
    def _refused(access: Access, name: str, operation: Operation, query: bytes) -> str:
        reasons = (
            operation_reasons(access, name),
            bucket_reasons(access, operation),
            key_reasons(access, operation, query),
        )
        return next(chain.from_iterable(reasons), "")
