"""STS on S3's port: a head and a form -> an action -> who asks -> the session they get. Sans-IO.

As :mod:`s3gateway.gateway` tells it for S3. Who signs is proven as for S3, but for the service ``sts``, and the
payload's hash is that of the form itself, which most SDKs do not send. Who logs in with a password or a token is proven
by a provider (:class:`~s3gateway.identity.login.Logins`), between ``begin`` and ``grant``.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Final

from s3gateway import errors, gateway, session_client
from s3gateway.config.model import Client, Config, Sts
from s3gateway.gateway import Arrival, proven
from s3gateway.identity import calls, documents
from s3gateway.identity.calls import Call
from s3gateway.identity.granting import chosen, granted
from s3gateway.identity.login import CLIENT, Login
from s3gateway.identity.model import AS_USER, Role
from s3gateway.identity.session import seal
from s3gateway.identity.sts import StsError, access_denied, as_sts
from s3gateway.rules import headers
from s3gateway.rules.limits import check_head
from s3gateway.rules.operations import check_target, read_resource
from s3gateway.rules.rate import Rates
from s3gateway.sigv4.claim import is_anonymous, read_claim
from s3gateway.sigv4.model import SERVICE as S3
from s3gateway.sigv4.model import RequestHead
from s3gateway.sigv4.verify import check_region, verify

SERVICE: Final = "sts"
_FORM: Final = b"application/x-www-form-urlencoded"
_METHODS: Final = frozenset((b"GET", b"POST"))


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to STS: what is asked, and the client that has proven itself; None for an action that nobody signs."""

    call: Call
    client: Client | None


@dataclass(frozen=True, slots=True)
class Granted:
    """The answer, for the one who asked, and the name that the log has for them."""

    document: bytes = field(repr=False)
    user: str


def is_call(head: RequestHead, config: Config) -> bool:
    """Whether a head is one to STS: on the root, with an action in its query, or a form."""
    if config.sts is None or head.path != b"/" or head.method not in _METHODS:
        return False
    if not any(name == b"Action" for name, _ in head.parameters):
        content_type = (head.first(b"content-type") or b"").partition(b";")[0].strip().lower()
        if head.method != b"POST" or content_type != _FORM:
            return False
    return not read_resource(head, config.domains)[1]


def key_to_look_up(head: RequestHead, config: Config) -> str:
    """Give the access key id of a request to STS or S3 that somebody else may know; empty for none to ask for."""
    if not config.has_remote_keys:
        return ""
    return gateway.key_to_look_up(head, config, SERVICE if is_call(head, config) else S3)


def check(head: RequestHead, length: int, config: Config) -> None:
    """Refuse a head before its form is read. Raises :class:`~s3gateway.errors.S3Error`."""
    check_head(head, config.limits)
    headers.check_fields(head)
    check_target(head)
    if length > calls.MOST_BYTES:
        raise too_long()


def shown(head: RequestHead) -> RequestHead:
    """Give the head as it may be kept and shown: minio-py has password and token in its target."""
    return RequestHead(head.method, headers.redacted_target(head.target), head.headers)


def begin(head: RequestHead, body: bytes, arrival: Arrival, config: Config, now: datetime, rates: Rates) -> Asked:
    """Read what is asked, and prove who has signed it. Raises :class:`~s3gateway.identity.sts.StsError`."""
    try:
        sts = _sts(config)
        call = calls.read_call(head.query, body)
        if call.action in calls.UNSIGNED:
            if not arrival.tls and not sts.allow_plain_http:
                message = f"{call.action} is served over TLS only."
                raise access_denied(message, "over plain HTTP; behind a proxy that ends TLS set sts.allow_plain_http")
            return Asked(call, None)
        client = _signer(head, body, config, now)
        rates.charge(client.charged, config.limits.request_rate, now)
    except errors.S3Error as error:
        raise as_sts(error) from None
    if call.action == calls.ASSUME_ROLE and client.session is not None:
        raise access_denied("A session cannot assume a role.", "role chain: the caller has a session token")
    if call.action == calls.ASSUME_ROLE and client.login is not None:
        raise access_denied("This access key cannot assume a role.", "its key is none of the configuration's clients")
    return Asked(call, client)


def login_of(client: Client) -> Login:
    """Give a client of the configuration as somebody who has logged in."""
    return Login(CLIENT, client.name, client.name)


def roles_as_user(asked: Asked, login: Login, config: Config) -> tuple[Role, ...]:
    """Give the roles of the session that is asked for, if it goes to the backend as its user; else none.

    The backend must know the login then. Raises :class:`~s3gateway.identity.sts.StsError`.
    """
    roles = chosen(asked.call, login, config.roles)
    return roles if any(role.backend_identity == AS_USER for role in roles) else ()


def identify(client: Client, request_id: str) -> Granted:
    """Answer GetCallerIdentity."""
    session = client.session
    if session is not None:
        document = documents.of_caller(documents.id_of(session), documents.arn_of(session), request_id)
    else:
        arn = documents.arn_of_client(client.name)
        document = documents.of_caller(documents.unique_id("AIDA", client.name), arn, request_id)
    return Granted(document, client.name)


def grant(asked: Asked, login: Login, config: Config, now: datetime, entropy: bytes, request_id: str) -> Granted:
    """Make and seal the session; ``entropy`` are :data:`~s3gateway.identity.session.ENTROPY_BYTES` random bytes.

    Raises :class:`~s3gateway.identity.sts.StsError`.
    """
    sts, call = _sts(config), asked.call
    parent = asked.client.keys.access_key_id if asked.client is not None else ""
    session = granted(call, login, config.roles, sts.longest_session, now, entropy, parent)
    token = seal(session, sts.ring, now, entropy[40:])
    return Granted(documents.of_session(call.action, session, token, login, request_id), login.user)


def too_long() -> StsError:
    """413: more than any form of STS has."""
    return StsError(413, "RequestEntityTooLarge", f"A form may have at most {calls.MOST_BYTES} bytes.")


def _signer(head: RequestHead, body: bytes, config: Config, now: datetime) -> Client:
    if is_anonymous(head):
        raise StsError(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
    claimed = read_claim(head, SERVICE)
    if claimed.presigned:
        raise StsError(400, "IncompleteSignature", "STS is signed in the Authorization header here.")
    check_region(claimed, config.listen.regions, config.region)
    client = session_client.find(claimed, config, now)
    digest = sha256(body).hexdigest().encode()
    client, _ = proven(client, now, lambda secret: verify(replace(claimed, payload=digest), head, secret, now))
    return client


def _sts(config: Config) -> Sts:
    if config.sts is None:
        raise errors.internal_error()
    return config.sts
