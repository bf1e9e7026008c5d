"""Words that a head carries: key ids, regions, session tokens, KMS key ids; and secrets, which sign it.

YAML ends what stands below a ``|`` with a line feed, and ``echo`` what it writes. In a header that would end the head,
and what follows of it would be stored in front of the object; in a secret it makes another one, and nobody's signature
is right.
"""

import re

from s3gateway.config.check import ConfigError, quoted

_NOT_IN_CREDENTIALS = re.compile(r"[^!-~]|,")
"""The parts of ``Authorization`` end at commas, and MinIO takes blanks out of it."""

_NOT_IN_FIELDS = re.compile(r"[^ -~]|^ | $")
_NOT_IN_SECRETS = re.compile(r"[\x00-\x1f\x7f]")
_REMEDY = "take it out: YAML adds a line end below a |, and echo to what it writes"


def check_word(key: str, word: str) -> str:
    """Give back what can stand in a credential: a key id, a region."""
    return _checked(key, word, _NOT_IN_CREDENTIALS, quoted(word))


def check_field(key: str, text: str) -> str:
    """Give back what can be the value of a header field."""
    return _checked(key, text, _NOT_IN_FIELDS, quoted(text))


def check_token(key: str, token: str) -> str:
    """Give back what can be a session token, which no message tells."""
    return _checked(key, token, _NOT_IN_CREDENTIALS, "the value")


def check_secret(key: str, secret: str) -> str:
    """Give back a secret of one line, which no message tells."""
    return _checked(key, secret, _NOT_IN_SECRETS, "the value")


def _checked(key: str, text: str, forbidden: re.Pattern[str], told: str) -> str:
    found = forbidden.search(text)
    if found:
        what = ascii(found[0]) if found[0].isascii() else "what is not ASCII"
        raise ConfigError(key, f"{told} holds {what}", _REMEDY)
    return text
