"""Suspects: the key that the client signs with, the scope it derives it for, and the time it signs.

No sentence quotes a secret: it names whose it is, or what is wrong with it.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import escape
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from s3gateway.config.model import Client, Config, KeyPair
from s3gateway.explain.draft import Draft
from s3gateway.explain.suspect import Suspect, of_part, quoted
from s3gateway.sigv4.model import CredentialScope, RequestHead, Secret

_MOST_CLIENTS = 100
_LIKELY_CLIENTS = 20
# fmt: off
_REGIONS = (
    "us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-central-1", "eu-central-2", "eu-west-1", "eu-west-2",
    "eu-west-3", "eu-north-1", "eu-south-1", "eu-south-2", "ca-central-1", "ca-west-1", "sa-east-1", "ap-northeast-1",
    "ap-northeast-2", "ap-northeast-3", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4",
    "ap-south-1", "ap-south-2", "ap-east-1", "me-south-1", "me-central-1", "af-south-1", "il-central-1", "cn-north-1",
    "cn-northwest-1", "us-gov-west-1", "us-gov-east-1",
)
# fmt: on
_MORE_REGIONS = ("", "auto", "default", "garage", "minio", "local", "localhost", "external-1", "US", "EU", "aws-global")
_SERVICES = ("s3express", "s3-object-lambda", "s3-outposts", "sts", "iam", "execute-api", "es", "glacier", "S3", "")
_DAYS = (-1, 1)
_SECONDS = (-3, -2, -1, 1, 2, 3)
_HOURS = range(-14, 15)
_MOST_CUT = 64
"""Characters that a secret may lack at one end: AWS's and MinIO's have 40."""


def secrets(draft: Draft, client: Client, config: Config, now: datetime) -> Iterator[Suspect]:
    """Secrets that count no more or not yet, those of other people, and this client's own in disguise."""
    yield from _out_of_term(client, now)
    who, mine = quoted(client.name), draft.secret.reveal().decode("utf-8", "surrogateescape")
    others = [other for other in config.clients.values() if other.keys.access_key_id != client.keys.access_key_id]
    for count, other in enumerate(others[:_MOST_CLIENTS]):
        sentence = (
            f"the request names the access key of client {who} and is signed with the secret of client "
            f"{quoted(other.name)}; give it the key and the secret of one client"
        )
        yield of_part("secret-of-another-client", sentence, secret=other.keys.secret, likely=count < _LIKELY_CLIENTS)
    if isinstance(config.credentials, KeyPair):
        sentence = (
            f"client {who} signs with the secret of `backend.credentials`; give it its own: the backend's is for the "
            "gateway alone"
        )
        yield of_part("secret-of-the-backend", sentence, secret=config.credentials.secret)
    for cause, sentence, text in _disguises(mine, who, client.keys.access_key_id):
        yield of_part(cause, sentence, secret=Secret(text), likely=cause == "secret-white-space")


def _out_of_term(client: Client, now: datetime) -> Iterator[Suspect]:
    for dated in client.secrets:
        term = dated.term
        if term.holds(now) or dated.secret.reveal() == client.keys.secret.reveal():
            continue
        when = term.told(now)
        sentence = (
            f"client {quoted(client.name)} signs with secret {dated.number} of its access key "
            f"{quoted(client.keys.access_key_id)}, which {when}; give it the one that counts now"
        )
        yield of_part("secret-out-of-term", sentence, secret=dated.secret, likely=True)


def _disguises(mine: str, who: str, access_key_id: str) -> Iterator[tuple[str, str, str]]:
    signs = f"client {who} signs with its secret "
    here = f"the secret that is configured here for client {who} "
    space, quotes, code = "secret-white-space", "secret-quotes", "secret-encoding"
    yield space, signs + "and a line feed after it; store it without (`printf %s`, not `echo`)", mine + "\n"
    yield space, signs + "and a carriage return and line feed after it; store it without", mine + "\r\n"
    yield space, signs + "and a carriage return after it: its file has Windows line ends; convert it", mine + "\r"
    yield space, signs + "and a space after it; store it without", mine + " "
    yield space, signs + "and a space before it; store it without", " " + mine
    yield space, signs + "and a tab after it; store it without", mine + "\t"
    yield space, signs + "and spaces on both sides of it; store it without", f" {mine} "
    yield space, signs + "and a byte order mark before it: its file is from Windows; store it without", "\ufeff" + mine
    yield space, signs + "and a no-break space after it; store it without", mine + "\u00a0"
    yield space, here + "has white space around it; remove it", mine.strip()
    for mark in "\"'`":
        yield quotes, signs + "in quotation marks that are no part of it; remove them", f"{mark}{mine}{mark}"
        yield quotes, signs + "and a quotation mark before it; remove that", mark + mine
        yield quotes, signs + "and a quotation mark after it; remove that", mine + mark
    for mark, noun in ((",", "a comma"), (";", "a semicolon"), ("%", "the `%` that zsh prints"), ("\\", "a backslash")):
        yield quotes, signs + f"and {noun} after it; remove that", mine + mark
    yield quotes, here + "has quotation marks around it; remove them", mine.strip("\"'`")
    issued = "store it as it was issued"
    yield code, signs + "percent-encoded (`%2F` for `/`); store it decoded", quote(mine, safe="")
    yield code, signs + "percent-encoded but for slashes; store it decoded", quote(mine, safe="/")
    yield code, signs + "form-encoded; store it decoded", quote_plus(mine)
    yield code, signs + f"percent-decoded once too often; {issued}", unquote(mine)
    yield code, signs + f"with a space for each `+`: it passed through a URL or form; {issued}", mine.replace("+", " ")
    yield code, signs + f"form-decoded, once too often; {issued}", unquote_plus(mine)
    yield code, signs + f"with a `+` for each space; {issued}", mine.replace(" ", "+")
    yield code, signs + f"without the `=` at its end; {issued}", mine.rstrip("=")
    yield code, signs + "in base64 once more; store it decoded", _base64(mine)
    yield code, signs + f"decoded from base64; {issued}", _from_base64(mine)
    yield code, signs + "with its backslashes doubled; store it without", mine.replace("\\", "\\\\")
    html = "with HTML's escapes, as a template writes it; store it decoded"
    yield code, signs + html, escape(mine).replace("+", "&#43;")
    yield code, signs + html, escape(mine).replace("/", "&#x2F;").replace("=", "&#x3D;")
    yield code, signs + "with its slashes escaped as in JSON (`\\/`); store it decoded", mine.replace("/", "\\/")
    yield code, signs + f"without its backslashes; {issued}", mine.replace("\\", "")
    yield code, signs + f"without what is neither letter nor digit; {issued}", "".join(filter(str.isalnum, mine))
    yield code, signs + f"up to its first `$`, as a shell or template has it; {issued}", mine.partition("$")[0]
    for name in ("AWS_SECRET_ACCESS_KEY", "aws_secret_access_key", "secret_access_key", "secretKey"):
        yield code, signs + f"with `{name}=` before it; store it without", f"{name}={mine}"
    yield code, signs + f"in lower case; {issued}", mine.lower()
    yield code, signs + f"in upper case; {issued}", mine.upper()
    for count in range(1, min(len(mine), _MOST_CUT)):
        noun = "character" if count == 1 else f"{count} characters"
        yield "secret-cut", signs + f"but for the last {noun}; copy all of it", mine[:-count]
        yield "secret-cut", signs + f"but for the first {noun}; copy all of it", mine[count:]
    access = f"client {who} signs with its access key id in place of its secret; give it the secret"
    yield "secret-is-access-key", access, access_key_id
    yield "secret-empty", f"client {who} signs with an empty secret; give it the secret", ""


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()


def _from_base64(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (ValueError, binascii.Error):
        return text


def scopes(draft: Draft, config: Config) -> Iterator[Suspect]:
    """A key derived for another region, service or day than the credential scope says."""
    stated = draft.scope
    regions = (config.backend.region, *config.listen.regions, *_REGIONS, *_MORE_REGIONS)
    for count, region in enumerate(dict.fromkeys(regions)):
        yield from _scope("region", stated, replace(stated, region=region), likely=count < len(config.listen.regions))
    for service in _SERVICES:
        yield from _scope("service", stated, replace(stated, service=service))
    day = datetime.strptime(stated.date, "%Y%m%d").replace(tzinfo=UTC)
    for shift in _DAYS:
        date = f"{_shifted(day, timedelta(days=shift)):%Y%m%d}"
        yield from _scope("date", stated, replace(stated, date=date), likely=True)


def _scope(what: str, stated: CredentialScope, used: CredentialScope, *, likely: bool = False) -> Iterator[Suspect]:
    if used == stated:
        return
    names = (getattr(used, what), getattr(stated, what))
    shown = [quoted(name) if name else "nothing" for name in names]
    remedy = {
        "region": "set the same region for the client's signer and its endpoint",
        "service": "let the client sign for the service `s3`",
        "date": "let the client derive its key from the UTC date of X-Amz-Date, not from a cached or local one",
    }[what]
    key = f"the client derives its signing key for the {what} {shown[0]} and states {shown[1]}; {remedy}"
    yield of_part(f"scope-{what}", key, key_scope=used, likely=likely)
    both = f"the client signed a scope with the {what} {shown[0]}, the wire says {shown[1]}; {remedy}"
    yield of_part(f"scope-{what}", both, key_scope=used, scope=used)


def times(draft: Draft, head: RequestHead) -> Iterator[Suspect]:
    """Another time in the string to sign than the request says."""
    at = datetime.strptime(draft.timestamp, "%Y%m%dT%H%M%S%z")
    once = "the client reads its clock twice; use one moment for X-Amz-Date and the string to sign"
    for shift in _SECONDS:
        other = _shifted(at, timedelta(seconds=shift))
        said = f"the client signed a time {abs(shift)} s {'before' if shift < 0 else 'after'} the one it sends: {once}"
        yield of_part("timestamp", said, timestamp=f"{other:%Y%m%dT%H%M%SZ}")
    for hours in _HOURS:
        other = _shifted(at, timedelta(hours=hours))
        if hours and other.date() == at.date():
            said = f"the client signed a time {abs(hours)} h {'before' if hours < 0 else 'after'} the one it sends: "
            said += "local time is mixed with UTC; use UTC for both"
            yield of_part("timestamp", said, timestamp=f"{other:%Y%m%dT%H%M%SZ}")
    if head.all(b"date") and head.all(b"x-amz-date"):
        text = (head.first(b"date") or b"").decode("ascii", "replace")
        said = "the client signed the time of its Date header in the form it has there; let it sign X-Amz-Date"
        yield of_part("timestamp", said, timestamp=text)


def _shifted(at: datetime, by: timedelta) -> datetime:
    try:
        return at + by
    except OverflowError:
        return at
