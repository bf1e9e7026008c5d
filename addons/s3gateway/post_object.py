"""POST policy forms (browser uploads): a head without a signature -> fields -> claim -> PutObject.

As :mod:`s3gateway.gateway` tells it for a request that is signed in its head, here for one whose claim is in its body.
``begin`` says that a form is to come, ``admit_form`` proves who signed its policy and holds every field to it, and
``forward_form`` makes the PutObject that it amounts to, which is admitted, encrypted and signed as any other.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from s3gateway import errors, gateway
from s3gateway.bodies.form_data import FormReader, boundary_of, malformed
from s3gateway.bodies.whole import Body
from s3gateway.config.model import Config
from s3gateway.gateway import Admitted, Arrival, Outgoing
from s3gateway.http1.head import CHUNKED
from s3gateway.rules import access, aistor, encryption, headers, post_form
from s3gateway.rules.limits import check_head, check_metadata
from s3gateway.rules.operations import check_target, read_operation, read_resource
from s3gateway.rules.post_policy import Sizes, read_policy
from s3gateway.rules.rate import Rates
from s3gateway.signer import Signer
from s3gateway.sigv4.canonical import canonical_uri
from s3gateway.sigv4.checksums import checksums_in
from s3gateway.sigv4.model import Headers, RequestHead
from s3gateway.sigv4.post_policy import missing_field, read_policy_claim, verify_policy

_FORM: Final = b"multipart/form-data"
_KEPT: Final = frozenset((b"origin", b"user-agent", b"forwarded", b"x-forwarded-for", b"x-real-ip"))
"""Fields of the form's own request that the PutObject has as well. The others are of the form or the browser, and
would become the object's: ``Cache-Control: no-cache`` is what a page that was loaded anew sends."""


@dataclass(frozen=True, slots=True)
class Form:
    """A form that is to come: for which bucket, between which boundaries, at which URL the client sees the bucket."""

    bucket: str
    boundary: bytes
    base: str


@dataclass(frozen=True, slots=True)
class AdmittedForm:
    """A form whose policy is proven and holds: the PutObject, how large its file may be, how success is answered."""

    admitted: Admitted
    sizes: Sizes
    success: post_form.Success


def begin(head: RequestHead, arrival: Arrival, length: int, config: Config) -> Form | None:
    """Tell whether a form is to come: a POST on a bucket, whose query asks for nothing else.

    ``length`` is the body's. Raises :class:`~s3gateway.errors.S3Error` where it is to be refused before its body.
    """
    if head.method != b"POST" or head.query:
        return None
    check_head(head, config.limits)
    headers.check_fields(head)
    check_target(head)
    aistor.check_target(head)
    path, bucket, key = read_resource(head, config.domains)
    if not bucket or key:
        return None
    content_type = head.first(b"content-type") or b""
    if content_type.partition(b";")[0].strip().lower() != _FORM:
        raise _no_form()
    _check_unsigned(head)
    if length == CHUNKED:
        raise errors.S3Error(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
    if not length or len(head.all(b"content-type")) > 1:
        raise malformed()
    scheme, host = "https" if arrival.tls else "http", (head.first(b"host") or b"").decode("latin-1")
    base = f"{scheme}://{host}" + ("" if path != head.path else f"/{bucket}")
    return Form(bucket, boundary_of(content_type), base)


def admit_form(
    form: Form, reader: FormReader, arrival: Arrival, head: RequestHead, config: Config, now: datetime,
    rates: Rates | None = None,
) -> AdmittedForm:  # fmt: skip
    """Prove who signed the policy and hold the fields to it; raise :class:`~s3gateway.errors.S3Error` otherwise.

    ``head`` is the form's own; all fields before the file have been read, or the form has ended without one.
    """
    if not reader.has_file:
        raise errors.invalid_argument("POST requires exactly one file upload per request.", "file", "0")
    if "key" not in reader.fields:
        raise missing_field("key")
    claimed = read_policy_claim(reader.fields)
    claim = claimed.claim
    client, verified = gateway.proven(
        gateway.caller(claim, config, now), now, lambda secret: verify_policy(claimed, secret, now)
    )
    if rates is not None:
        rates.charge(client.charged, config.limits.request_rate, now)
    policy = read_policy(claimed.policy)
    fields = post_form.expanded(reader.fields, reader.file_name)
    text = {name: value.decode("utf-8", "surrogateescape") for name, value in fields.items()} | {"bucket": form.bucket}
    policy.check(text, now)
    key = post_form.read_key(fields)
    kept = tuple(pair for pair in head.headers if pair[0].lower() in _KEPT)
    put = RequestHead(b"PUT", post_form.target(form.bucket, key), (*kept, *post_form.object_headers(fields)))
    check_head(put, config.limits)
    headers.check_fields(put)
    check_target(put)
    operation = read_operation(put, ())
    access.check_access(client.access, operation)
    checksums_in(put)
    check_metadata(put, config.limits)
    encryption.check_customer_key(operation, put, tls=arrival.tls)
    verified = replace(verified, uri=canonical_uri(put.path))
    admitted = Admitted(put, arrival, client, verified, put.names, presigned=False, operation=operation)
    return AdmittedForm(admitted, policy.sizes, post_form.read_success(text, form.bucket, key, form.base))


def key_to_look_up(reader: FormReader, config: Config) -> str:
    """Give the access key id of a form that somebody else may know; empty where nobody need be asked."""
    with suppress(errors.S3Error):
        return gateway.claimed_key_to_look_up(read_policy_claim(reader.fields).claim, config)
    return ""


def forward_form(form: AdmittedForm, length: int, config: Config, signer: Signer, now: datetime) -> Outgoing:
    """Build and sign the PutObject of a form whose file has ``length`` bytes; refuse what the policy does not allow."""
    form.sizes.check(length)
    put = form.admitted.head
    framed: Headers = (*put.headers, (b"Content-Length", b"%d" % length))
    head = RequestHead(put.method, put.target, framed)
    outgoing = gateway.forward(replace(form.admitted, head=head), head, config, signer, now)
    return replace(outgoing, form=form.success)


def with_body(outgoing: Outgoing, body: Body) -> Outgoing:
    """Let ``body`` be what the rest of the form goes through."""
    return replace(outgoing, body=body)


def guess(reader: FormReader, config: Config) -> tuple[str, str]:
    """Say who a refused form claims to be from (``name?``), and for which key. For the log only: nothing is proven."""
    who = ""
    with suppress(errors.S3Error):
        who = gateway.claimed_name(read_policy_claim(reader.fields).claim, config)
    return who, reader.fields.get("key", b"").decode("utf-8", "surrogateescape")


def _check_unsigned(head: RequestHead) -> None:
    """Refuse in a form's head what only a signature could make true: the policy covers fields, and no header."""
    if head.all(b"authorization"):
        message = "Only one auth mechanism allowed; the fields of a form are its signature"
        raise errors.invalid_argument(message, "Authorization", "")
    if unsigned := [name.decode("latin-1") for name in head.names if name.startswith((b"x-amz-", b"x-minio-"))]:
        raise errors.headers_not_signed(unsigned)


def _no_form() -> errors.S3Error:
    return errors.S3Error(
        412,
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
        (("Condition", "Bucket POST must be of the enclosure-type multipart/form-data"),),
    )
