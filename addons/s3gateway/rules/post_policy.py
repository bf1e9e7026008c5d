"""What a POST policy demands of the form that carries it: expiration, conditions, the size of the file. Pure.

The document is JSON (AWS "POST Policy"), read strictly: what its author meant and nobody would check is refused, so an
unknown member, a member that is there twice, or a value that is no text is InvalidPolicyDocument::

    {"expiration": "2026-12-01T12:00:00.000Z",
     "conditions": [{"bucket": "b"}, ["eq", "$key", "a"], ["starts-with", "$Content-Type", "image/"],
                    ["content-length-range", 1, 1048576]]}
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from s3gateway import errors
from s3gateway.sigv4.post_policy import POLICY, SIGNATURE

MOST_CONDITIONS: Final = 1000
"""More than 20 KB of form can hold; each is compared with a field."""

_EXPIRATION = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]{1,9})?Z")
_SIZE = re.compile(r"[0-9]{1,18}")
_ESCAPES = re.compile(r"\\(.)", re.DOTALL)
_NOT_JSON: Final = {"$": "$", "v": "\\u000b"}
"""Escapes that AWS's policies know and JSON does not (AWS "POST Policy", "Character Escaping")."""

_FREE: Final = frozenset((POLICY, SIGNATURE, "file"))
_FREE_PREFIX: Final = "x-ignore-"
_RANGE: Final = "content-length-range"
_LENGTH: Final = 3  # of a condition that is a list


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a field, by lower-case name, with a value; ``shown`` is how AWS writes it."""

    name: str
    value: str
    is_prefix: bool
    shown: str

    def holds(self, fields: Mapping[str, str]) -> bool:
        """Whether the form meets it. A field that is not there meets none, not even an empty prefix."""
        found = fields.get(self.name)
        if found is None:
            return False
        if not self.is_prefix:
            return found == self.value
        # A list of content types must begin so in each part (AWS "POST Policy", "Condition Matching").
        parts = [part.strip() for part in found.split(",")] if self.name == "content-type" else [found]
        return all(part.startswith(self.value) for part in parts)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many bytes the file may have."""

    least: int = 0
    most: int | None = None

    def check(self, size: int) -> None:
        """Refuse a file of that many bytes if it is outside (AWS "Error responses": EntityTooLarge, EntityTooSmall)."""
        if self.most is not None and size > self.most:
            raise errors.S3Error(
                400,
                "EntityTooLarge",
                "Your proposed upload exceeds the maximum allowed size",
                (("ProposedSize", str(size)), ("MaxSizeAllowed", str(self.most))),
            )
        if size < self.least:
            raise errors.S3Error(
                400,
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                (("ProposedSize", str(size)), ("MinSizeAllowed", str(self.least))),
            )


@dataclass(frozen=True, slots=True)
class PostPolicy:
    """A policy document that was read."""

    expiration: datetime
    conditions: tuple[Condition, ...]
    sizes: Sizes

    def check(self, fields: Mapping[str, str], now: datetime) -> None:
        """Hold a form's fields, the bucket among them, to the policy; AccessDenied says what does not hold."""
        if now > self.expiration:
            raise _violated("Policy expired.")
        for condition in self.conditions:
            if not condition.holds(fields):
                raise _violated(f"Policy Condition failed: {condition.shown}")
        covered = _FREE | {condition.name for condition in self.conditions}
        extra = [name for name in fields if name not in covered and not name.startswith(_FREE_PREFIX)]
        if extra:
            raise _violated(f"Extra input fields: {', '.join(extra)}")


def read_policy(text: bytes) -> PostPolicy:
    """Read a policy from the form's field: base64 of a JSON document. Raises InvalidPolicyDocument."""
    try:
        decoded = base64.b64decode(b"".join(text.split()), validate=True).decode()
        document = json.loads(_ESCAPES.sub(_as_json, decoded), object_pairs_hook=_Members)
    except (binascii.Error, ValueError, RecursionError):
        raise _invalid("Invalid JSON.") from None
    if not isinstance(document, _Members):
        raise _invalid("Invalid JSON.")
    members = dict(document)
    if unknown := [name for name in members if name not in ("expiration", "conditions")]:
        raise _invalid(f"Unexpected: '{unknown[0]}'")
    for name in ("expiration", "conditions"):
        if name not in members:
            raise _invalid(f"Policy missing {name}.")
    if len(members) != len(document):
        raise _invalid("a member is there twice")
    conditions = members["conditions"]
    if type(conditions) is not list or len(conditions) > MOST_CONDITIONS:  # an object is a list of another type
        raise _invalid("Invalid 'conditions' value: must be a List.")
    ranges = [_range(each) for each in conditions if _is_range(each)]
    compared = tuple(_condition(each) for each in conditions if not _is_range(each))
    return PostPolicy(_expiration(members["expiration"]), compared, _narrowest(ranges))


class _Members(list[tuple[str, Any]]):
    """The members of a JSON object, so that one which is there twice is seen."""


def _as_json(match: re.Match[str]) -> str:
    return _NOT_JSON.get(match[1], match[0])


def _expiration(value: Any) -> datetime:
    match = _EXPIRATION.fullmatch(value) if isinstance(value, str) else None
    try:
        if match is None:
            raise ValueError
        return datetime.strptime(match[1], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        shown = value[:64] if isinstance(value, str) else ""
        raise _invalid(f"Invalid 'expiration' value: '{shown}'") from None


def _condition(value: Any) -> Condition:
    operator: Any
    name: Any
    if isinstance(value, _Members):
        if len(value) != 1:
            raise _invalid("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
        (name, wanted), operator = value[0], "eq"
        name = f"${name}"
    elif isinstance(value, list) and len(value) == _LENGTH and isinstance(value[0], str):
        operator, name, wanted = value
    else:
        raise _invalid("Invalid Condition: a condition is an object, or a list of operator, field and value.")
    if operator.lower() not in ("eq", "starts-with") or not isinstance(name, str) or not isinstance(wanted, str):
        raise _invalid("Invalid Condition: its operator is unknown, or a value is no text.")
    if not name.startswith("$"):
        raise _invalid("Invalid Condition: a field's name begins with a dollar sign.")
    shown = json.dumps([operator, name, wanted], ensure_ascii=False)
    return Condition(name[1:].lower(), wanted, operator.lower() == "starts-with", shown)


def _is_range(value: Any) -> bool:
    return bool(value) and isinstance(value, list) and isinstance(value[0], str) and value[0].lower() == _RANGE


def _range(value: list[Any]) -> Sizes:
    sizes = [str(size) for size in value[1:] if isinstance(size, (int, str)) and not isinstance(size, bool)]
    if len(value) != _LENGTH or len(sizes) != _LENGTH - 1 or not all(map(_SIZE.fullmatch, sizes)):
        raise _invalid("Invalid content-length-range: it has two sizes, the least and the most.")
    return Sizes(int(sizes[0]), int(sizes[1]))


def _narrowest(ranges: Iterable[Sizes]) -> Sizes:
    """Several ranges hold together."""
    known = list(ranges)
    most = [each.most for each in known if each.most is not None]
    return Sizes(max((each.least for each in known), default=0), min(most) if most else None)


def _invalid(why: str) -> errors.S3Error:
    return errors.S3Error(400, "InvalidPolicyDocument", f"Invalid Policy: {why}")


def _violated(why: str) -> errors.S3Error:
    return errors.access_denied(f"Invalid according to Policy: {why}")
