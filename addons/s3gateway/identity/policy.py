"""Session policies: the subset of IAM's language by which catalogues narrow the credentials that they vend.

    {"Version": "2012-10-17",
     "Statement": [{"Effect": "Allow" | "Deny",
                    "Action": "s3:Get*" | [...],
                    "Resource": "arn:aws:s3:::bucket/prefix*" | "*" | [...],
                    "Condition": {"StringLike": {"s3:prefix": ["prefix/*"]}}}]}

(AWS IAM User Guide, "JSON policy element reference".) What is not understood is MalformedPolicyDocument with the
element's name, because to leave it out could widen what the policy allows. Nothing here depends on a role.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from s3gateway.identity import iam_actions
from s3gateway.identity.sts import StsError
from s3gateway.identity.wildcards import has_variable, matches, matches_escaped, unescaped
from s3gateway.rules.operations import Operation, has_dots, is_alias
from s3gateway.sigv4.query import query_pairs

MOST_BYTES: Final = 2048
"""Of a policy, as AWS takes them (AWS STS API Reference, "AssumeRole")."""

_VERSIONS: Final = ("2012-10-17", "2008-10-17")
_STATEMENT: Final = frozenset(("Sid", "Effect", "Action", "Resource", "Condition"))
_ARN: Final = "arn:aws:s3:::"
_PREFIX: Final = "s3:prefix"
_S3: Final = "s3:"
_KMS: Final = "kms:"
"""Catalogues allow the use of keys as well. Encryption is the gateway's business, so that grants nothing here."""

_ANY: Final = "*"
_OPERATORS: Final = {
    "StringEquals": (False, False),
    "StringLike": (True, False),
    "StringNotEquals": (False, True),
    "StringNotLike": (True, True),
}
"""Whether an operator takes patterns, and whether it negates. With a key that the request has not, only those hold."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What ``s3:prefix`` of a listing must be."""

    values: tuple[str, ...]
    is_pattern: bool
    negates: bool

    def holds(self, prefix: str | None) -> bool:
        """Whether it holds for a request; None where it names no prefix."""
        if prefix is None:
            return self.negates
        found = any(matches_escaped(prefix, value) if self.is_pattern else prefix == value for value in self.values)
        return found is not self.negates


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. Actions are patterns in lower case without ``s3:``, resources patterns of ``bucket[/key]``."""

    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()

    def applies(self, action: str, resource: str, prefix: str | None) -> bool:
        """Whether it is about this action on this resource."""
        return (
            any(matches(action.lower(), pattern) for pattern in self.actions)
            and any(matches_escaped(resource, pattern) for pattern in self.resources)
            and all(condition.holds(prefix) for condition in self.conditions)
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """All statements: allowed is what one allows and none denies."""

    statements: tuple[Statement, ...]

    def refusal(self, operation: Operation, query: bytes) -> str:
        """Say why an operation is not allowed; empty where it is. The keys of a DeleteObjects are in its body."""
        if operation.name == "DeleteObjects":
            return next(self._refusals(operation.also, operation, query), "")
        return next(self._refusals((operation.name, *operation.also), operation, query), "")

    def allows_deletion(self, bucket: str, key: str, *, of_version: bool) -> bool:
        """Whether one key of a DeleteObjects may go."""
        return all(
            self._allows(action, f"{bucket}/{key}", None) and _is_plain(key)
            for action in iam_actions.actions_of("DeleteObjects", of_version=of_version)
        )

    def _refusals(self, names: tuple[str, ...], operation: Operation, query: bytes) -> Iterator[str]:
        prefixes = [value.decode("utf-8", "surrogateescape") for name, value in query_pairs(query) if name == b"prefix"]
        prefix = prefixes[0] if len(prefixes) == 1 and not operation.key else None
        of_version = any(name == b"versionId" for name, _ in query_pairs(query))
        resource = f"{operation.bucket}/{operation.key}" if operation.key else operation.bucket or _ANY
        if not _is_plain(operation.key) or (operation.source and not _is_plain(operation.source[1])):
            yield "the session has a policy, and the key could be read as another one"
        for name in names:
            yield from self._refused(name, resource, prefix, of_version=of_version)
        if operation.source:
            yield from self._refused("GetObject", "/".join(operation.source), None, of_version=operation.of_version)

    def _refused(self, name: str, resource: str, prefix: str | None, *, of_version: bool) -> Iterator[str]:
        actions = iam_actions.actions_of(name, of_version=of_version)
        if not actions:
            yield f"the session has a policy, and no policy can allow {name}"
        for action in actions:
            if not self._allows(action, resource, prefix):
                yield f"the session's policy does not allow s3:{action} on {resource}"

    def _allows(self, action: str, resource: str, prefix: str | None) -> bool:
        applying = [each for each in self.statements if each.applies(action, resource, prefix)]
        return bool(applying) and all(each.allows for each in applying)


def read_policy(text: str) -> Policy:
    """Read a policy. Raises MalformedPolicyDocument with the element's name, or PackedPolicyTooLarge."""
    if len(text.encode()) > MOST_BYTES:
        raise too_large(f"The session policy has more than {MOST_BYTES} bytes.")
    try:
        document = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise malformed("The policy is not valid JSON.") from None
    if not isinstance(document, dict):
        raise malformed("The policy is not a JSON object.")
    for name in document:
        if name not in {"Version", "Id", "Statement"}:
            raise _not_understood(name)
    if document.get("Version", _VERSIONS[0]) not in _VERSIONS:
        raise malformed(f"Version must be {_VERSIONS[0]}.")
    fills = document.get("Version") == _VERSIONS[0]
    statements = document.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise malformed("Statement is missing or empty.")
    return Policy(tuple(found for each in statements if (found := _statement(each, fills=fills)) is not None))


def malformed(message: str) -> StsError:
    """400: the policy is none, or says what is not understood here."""
    return StsError(400, "MalformedPolicyDocument", message)


def too_large(message: str) -> StsError:
    """400: the policy, or the session with it, is too long for a header."""
    return StsError(400, "PackedPolicyTooLarge", message)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an element that is there twice: two readers could take two different ones."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise malformed(f"{_shown(_twice(pairs))} is there twice.")
    return found


def _twice(pairs: list[tuple[str, Any]]) -> str:
    names = [name for name, _ in pairs]
    return next(name for name in names if names.count(name) > 1)


def _statement(document: Any, *, fills: bool) -> Statement | None:
    """Read one statement; None for one that only allows the use of KMS keys. ``fills``: ``${...}`` has a meaning."""
    if not isinstance(document, dict):
        raise malformed("A Statement is not a JSON object.")
    for name in document:
        if name not in _STATEMENT:
            raise _not_understood(name)
    effect = document.get("Effect")
    if effect not in {"Allow", "Deny"}:
        raise malformed("Effect must be Allow or Deny.")
    actions = _texts("Action", document.get("Action"))
    conditions = document.get("Condition", {})
    if effect == "Allow" and all(action.lower().startswith(_KMS) for action in actions):
        return None
    return Statement(
        effect == "Allow",
        tuple(_action(action) for action in actions),
        tuple(_resource(resource, fills=fills) for resource in _texts("Resource", document.get("Resource"))),
        tuple(_conditions(conditions, fills=fills)),
    )


def _texts(name: str, value: Any) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values or not all(isinstance(each, str) and each for each in values):
        raise malformed(f"{name} must be text, or a list of text.")
    return tuple(values)


def _action(text: str) -> str:
    """Give the pattern of an action; one that fits none of S3's is a mistake."""
    if text == _ANY:
        return _ANY
    pattern = text.lower().removeprefix(_S3)
    if not text.lower().startswith(_S3) or not any(matches(name.lower(), pattern) for name in iam_actions.NAMES):
        raise malformed(f"Action {_shown(text)} is not understood.")
    return pattern


def _resource(text: str, *, fills: bool) -> str:
    if text == _ANY:
        return _ANY
    path = text.removeprefix(_ARN)
    bucket = path.partition("/")[0]
    if path == text or not bucket or "${" in bucket or ":" in bucket or not _is_constant(path, fills=fills):
        raise malformed(f"Resource {_shown(text)} is not understood; write it like {_ARN}bucket/prefix*.")
    return path


def _conditions(document: Any, *, fills: bool) -> Iterator[Condition]:
    if not isinstance(document, dict):
        raise malformed("Condition is not a JSON object.")
    for operator, tests in document.items():
        if operator not in _OPERATORS or not isinstance(tests, dict):
            raise malformed(f"Condition {_shown(operator)} is not understood.")
        for key, values in tests.items():
            if key.lower() != _PREFIX:
                raise malformed(f"Condition key {_shown(key)} is not understood.")
            texts = _values(values)
            if not all(_is_constant(text, fills=fills) for text in texts):
                raise malformed("Condition values with policy variables are not understood.")
            is_pattern, negates = _OPERATORS[operator]
            yield Condition(texts if is_pattern else tuple(map(unescaped, texts)), is_pattern, negates)


def _is_constant(text: str, *, fills: bool) -> bool:
    """Whether a text means the same for every request. Before 2012-10-17 AWS takes ``${*}`` to the letter."""
    return not has_variable(text) if fills else "${" not in text


def _values(value: Any) -> tuple[str, ...]:
    """Read what ``s3:prefix`` may be; empty text is the top of the bucket."""
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not values or not all(isinstance(each, str) for each in values):
        raise malformed("A Condition's value must be text, or a list of text.")
    return tuple(values)


def _is_plain(key: str) -> bool:
    return not has_dots(key) and not is_alias(key)


def _not_understood(name: str) -> StsError:
    return malformed(f"{_shown(name)} is not understood.")


def _shown(text: str) -> str:
    """Quote what a client sent, shortened."""
    return ascii(text[:64])[1:-1]
