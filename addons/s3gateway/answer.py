"""The way back in one screen: an answer's head in, and out comes what the client may have of it.

``returned`` looks at the head; ``judged`` at a document that had to be read first. Object data is never held. An error
document that answers a request which the gateway signed is read before it passes, whatever its status: backends quote
the request that they refuse, and with it the gateway's own signature, session token and SSE-C key.
"""

import gzip
import zlib
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from s3gateway import errors
from s3gateway.answer_watch import MAX_DOCUMENT, AnswerWatch, Refuse, Released
from s3gateway.config.model import Backend, Config
from s3gateway.explain.backend import Refusal, explain_backend
from s3gateway.gateway import Admitted, Outgoing
from s3gateway.observed import redaction
from s3gateway.observed.printable import printable
from s3gateway.rules import access, cors, encryption, region
from s3gateway.rules.answer_head import (
    FINAL,
    AnswerHead,
    coding,
    framed,
    length,
    names_are_names,
    of_new_document,
    rechunked,
    text_of,
)
from s3gateway.rules.at_fault import blames_gateway, blames_rule
from s3gateway.rules.first_element import BLANKS, First, first_element, prolog_end
from s3gateway.rules.quoting import UnreadableError, quotes_secret, read_document
from s3gateway.rules.responses import GZIP, Addresses, LocationRewriter, addresses
from s3gateway.sigv4.model import Headers, RequestHead

OBJECT_DATA: Final = frozenset(("GetObject", "SelectObjectContent"))
"""Operations whose 2xx body is a client's data. It is never held or searched."""

_NO_BODY: Final = frozenset((204, 304))
_SHOWN = 80
"""Characters of a backend's error code that are kept."""


@dataclass(frozen=True, slots=True)
class Pass:
    """The body streams as it comes. ``code`` and ``why`` are as in :class:`~s3gateway.answer_watch.Released`."""

    headers: Headers = field(repr=False)
    code: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Watch:
    """A 2xx that may turn out to be an error document: the body goes through ``watch``."""

    headers: Headers = field(repr=False)
    watch: AnswerWatch = field(repr=False)


@dataclass(frozen=True, slots=True)
class Hold:
    """The whole body is read, then :func:`judged` with ``answer``; or it goes through ``watch``, which does both."""

    answer: AnswerHead
    watch: AnswerWatch = field(repr=False)


def returned(
    answer: AnswerHead, admitted: Admitted, outgoing: Outgoing, config: Config, for_page: Headers | None = None
) -> Pass | Watch | Hold | Refuse:
    """Decide about an answer by its head. The headers that come out are the client's; their framing is unchanged.

    ``for_page`` says what a page of another origin may do with the answer; None leaves what the backend says of it.
    """
    backend = config.backend
    if answer.status < FINAL or not names_are_names(answer.headers):
        return unsound(backend)
    headers = _for_client(answer, admitted, outgoing, config)
    if for_page is not None:
        headers = cors.in_place_of_backends(headers, for_page)
    if answer.is_success:
        if outgoing.operation.name in OBJECT_DATA or _has_no_body(answer, outgoing):
            return Pass(headers)
        return _document(answer.with_headers(headers), admitted, outgoing, config)
    if quotes_secret(b"\n".join([value for _, value in headers]), outgoing.headers):
        headers = tuple(pair for pair in headers if not quotes_secret(pair[1], outgoing.headers))
    given = answer.with_headers(headers)
    code, message = (text_of(given, name) for name in (b"x-minio-error-code", b"x-minio-error-desc"))
    told = _told(given, code, message.strip('"'), admitted, outgoing, backend)
    if isinstance(told, Refuse):
        return told
    if _has_no_body(answer, outgoing):
        return Pass(headers, *told)
    return _document(given, admitted, outgoing, config)


def judged(
    document: bytes, answer: AnswerHead, admitted: Admitted, outgoing: Outgoing, config: Config
) -> Released | Refuse:
    """Decide about a document that was held: ``document`` as on the wire, ``answer`` as :func:`returned` gave it."""
    backend = config.backend
    if not document.strip(BLANKS) or (answer.is_success and not _may_be_error(document, answer)):
        return _located(document, answer, admitted, outgoing, config)
    plain = _decoded(document, answer)
    if plain is None:
        return unreadable(backend, "is too large, or cannot be decompressed")
    try:
        found = read_document(plain)
    except UnreadableError:
        return unreadable(backend, "is no XML")
    if answer.is_success and found.root.lower() != "error":
        return _located(document, answer, admitted, outgoing, config)
    code, message = ("" if quotes_secret(text, outgoing.headers) else text for text in (found.code, found.message))
    told = _told(answer, code, message, admitted, outgoing, backend)
    if isinstance(told, Refuse):
        return told
    if not (found.quotes or quotes_secret(plain, outgoing.headers) or quotes_secret(found.text, outgoing.headers)):
        return Released(answer.status, framed(answer.headers, document), document, *told)
    if not code or message != found.message:
        return unreadable(backend, "quotes a secret of the gateway's where its code and message are")
    body = _rendered(errors.S3Error(answer.status, code, message), answer, admitted)
    return Released(answer.status, framed(of_new_document(answer.headers), body), body, *told)


def unsound(backend: Backend) -> Refuse:
    """Refuse an answer that two servers could read in two ways."""
    return Refuse(errors.service_unavailable(), f"the answer of backend {backend.url} is no HTTP")


def unframed(backend: Backend) -> Refuse:
    """Refuse an answer with neither length nor chunks."""
    hint = "; is `backend.endpoint` meant to be https://?" if backend.scheme == "http" else ""
    why = f"the answer of backend {backend.url} has no length, so a cut could not be told from its end{hint}"
    return Refuse(errors.service_unavailable(), why)


def unreadable(backend: Backend, what: str) -> Refuse:
    """Refuse a document that cannot be shown to be harmless."""
    return Refuse(errors.service_unavailable(), f"an error document of backend {backend.url} {what}")


def _document(answer: AnswerHead, admitted: Admitted, outgoing: Outgoing, config: Config) -> Watch | Hold | Refuse:
    """Choose how a document is read. A 2xx of unknown or great length streams as soon as it is known to be harmless."""
    backend = config.backend
    packed = coding(answer)
    if packed is None or any(value.lower() != b"chunked" for value in answer.all(b"transfer-encoding")):
        return unreadable(backend, "has a coding that the gateway cannot read")
    refuse = partial(unreadable, backend)
    size = length(answer)
    is_short = size is not None and size <= MAX_DOCUMENT
    if not answer.is_success and size is not None and not is_short:
        return refuse("is too large")

    def render(error: errors.S3Error) -> bytes:
        return _rendered(error, answer, admitted)

    if is_short or not answer.is_success:
        judge = partial(judged, answer=answer, admitted=admitted, outgoing=outgoing, config=config)
        return Hold(answer, AnswerWatch(judge, render, refuse, whole=True))
    rewriter = None
    if _names_location(outgoing):
        rewriter = LocationRewriter(_addresses(admitted, outgoing, backend))
        answer = answer.with_headers(rechunked(answer.headers))
    judge = partial(judged, answer=answer, admitted=admitted, outgoing=outgoing, config=config)
    return Watch(answer.headers, AnswerWatch(judge, render, refuse, gzip=packed, rewriter=rewriter))


def _for_client(answer: AnswerHead, admitted: Admitted, outgoing: Outgoing, config: Config) -> Headers:
    """Give the headers as the client must see them: addresses, region, KMS key id on HEAD, what it may not ask for."""
    headers = encryption.hide_kms_key_id(answer.headers, method=admitted.head.method, tls=admitted.arrival.tls)
    headers = access.hide_fields(admitted.client.access, outgoing.operation, headers)
    if answer.first(b"location") is not None:
        headers = _addresses(admitted, outgoing, config.backend).in_headers(headers)
    return region.of_answer(answer.with_headers(headers), outgoing.operation.name, config.region).headers


def _told(
    answer: AnswerHead, code: str, message: str, admitted: Admitted, outgoing: Outgoing, backend: Backend
) -> Refuse | tuple[str, str]:
    """Say what a refusal by the backend means: a ``Refuse`` where the gateway is at fault, else code and log line."""
    shown = printable(code)[:_SHOWN]
    ours = bool(code) and blames_gateway(code, admitted.head)
    if not code or not (ours or outgoing.rule is not None):
        return shown, ""
    refusal = Refusal(answer.status, code, message, text_of(answer, b"date"))
    sent = redaction.captured_head(RequestHead(outgoing.method, outgoing.target, outgoing.headers))
    known = explain_backend(sent, refusal, tls=True)
    if ours:
        sentence = known.sentence if known else f"the backend answered {answer.status} {shown}"
        why = f"the gateway's own key is refused at backend {backend.url}: {sentence}"
        return Refuse(errors.gateway_not_authorized(), why, shown, known, is_of_gateway=True)
    if known and blames_rule(known.cause, outgoing.rule):
        return shown, f"encryption[{outgoing.rule}] fails at backend {backend.url}: {known.sentence}"
    return shown, ""


def _may_be_error(document: bytes, answer: AnswerHead) -> bool:
    """Whether a held 2xx is an error document, or something that cannot be told from one."""
    beginning = document
    if coding(answer):
        try:
            beginning = zlib.decompressobj(wbits=GZIP).decompress(document, MAX_DOCUMENT)
        except zlib.error:
            return True
    return first_element(beginning[prolog_end(beginning) :]) is not First.OTHER


def _decoded(document: bytes, answer: AnswerHead) -> bytes | None:
    """Give a document without its compression; None where it is too large, broken, or more than one."""
    if len(document) > MAX_DOCUMENT:
        return None
    if not coding(answer):
        return document
    unpacked = zlib.decompressobj(wbits=GZIP)
    try:
        plain = unpacked.decompress(document, MAX_DOCUMENT)
    except zlib.error:
        return None
    return plain if unpacked.eof and not unpacked.unused_data else None


def _located(document: bytes, answer: AnswerHead, admitted: Admitted, outgoing: Outgoing, config: Config) -> Released:
    """Release what is no error document: a completed upload with the client's address, a bucket with its region."""
    is_bucket = outgoing.operation.name == "GetBucketLocation"
    if (is_bucket or _names_location(outgoing)) and (plain := _decoded(document, answer)) is not None:
        if is_bucket:
            changed = region.in_location(plain, config.listen.regions, config.region)
        else:
            changed = _addresses(admitted, outgoing, config.backend).in_xml(plain)
        if changed != plain:
            document = gzip.compress(changed, mtime=0) if coding(answer) else changed
    return Released(answer.status, framed(answer.headers, document), document)


def _rendered(error: errors.S3Error, answer: AnswerHead, admitted: Admitted) -> bytes:
    """Write the gateway's own document in place of the backend's, under the backend's request id."""
    resource = admitted.head.path.decode("utf-8", "replace")
    return error.to_xml(resource, text_of(answer, b"x-amz-request-id"))


def _has_no_body(answer: AnswerHead, outgoing: Outgoing) -> bool:
    return outgoing.method == b"HEAD" or answer.status in _NO_BODY or answer.first(b"content-length") == b"0"


def _names_location(outgoing: Outgoing) -> bool:
    return outgoing.operation.name == "CompleteMultipartUpload"


def _addresses(admitted: Admitted, outgoing: Outgoing, backend: Backend) -> Addresses:
    """Tell how backend and client name the same place, for ``Location``."""
    operation = outgoing.operation
    virtual = operation.path != admitted.head.path
    return addresses(
        backend_authority=backend.authority.encode(),
        client_scheme=b"https" if admitted.arrival.tls else b"http",
        client_host=admitted.head.first(b"host") or b"",
        virtual_bucket=operation.bucket.encode() if virtual else b"",
    )
