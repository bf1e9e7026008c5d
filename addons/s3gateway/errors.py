"""The one error family: every refusal is an :class:`S3Error`, and this is its XML.

Codes and statuses are those of the S3 API (AWS "Error responses", REST.ErrorResponses). An error carries only
what may be shown to the client: never a secret, a key derived from one, or an expected signature.
"""

import re
from collections.abc import Callable
from html import escape

# XML 1.0 §2.2 has no way to write these, not even as a character reference.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


_ONLY_FOR_THE_CLIENT = frozenset(("SignatureProvided",))
"""Fields that AWS echoes and nobody should keep: a signature that is wrong here may be right for another request."""


BUCKET_REGION = b"x-amz-bucket-region"
"""The header by which AWS tells the region to sign for, and SDKs find it."""


class S3Error(Exception):
    """A refusal: HTTP ``status``, S3 ``code``, ``message`` and extra XML ``fields`` as (element, text) pairs.

    ``reason`` is for the operator's log, where the client is told no more than that it may not. ``header`` is a field
    that the answer has besides.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        fields: tuple[tuple[str, str], ...] = (),
        *,
        reason: str = "",
        header: tuple[bytes, bytes] | None = None,
    ) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields
        self.reason = reason
        self.header = header

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """Give what the head tells besides. A region is told there as well: an answer to HEAD has no document."""
        region = tuple((BUCKET_REGION, text.encode()) for name, text in self.fields if name == "Region")
        return (self.header, *region) if self.header else region

    def __str__(self) -> str:
        """Give code and message; the extra fields may quote the client and stay out of logs."""
        return f"{self.code}: {self.message}"

    def detached(self) -> "S3Error":
        """Give the same refusal to be kept: one that was raised holds, by its traceback, the frames it came through."""
        return type(self)(self.status, self.code, self.message, self.fields, reason=self.reason, header=self.header)

    def to_xml(self, resource: str, request_id: str) -> bytes:
        """Render the body of an S3 error response (AWS "Error responses": Code, Message, Resource, RequestId)."""
        elements = (
            ("Code", self.code),
            ("Message", self.message),
            *self.fields,
            ("Resource", resource),
            ("RequestId", request_id),
        )
        inner = "".join(f"<{name}>{xml_text(value)}</{name}>" for name, value in elements)
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'.encode()

    def redacted(self) -> "S3Error":
        """Give the error as it may be kept, of the same length: stars for what only its sender may read back."""
        if not any(name in _ONLY_FOR_THE_CLIENT for name, _ in self.fields):
            return self
        fields = ((name, "*" * len(value) if name in _ONLY_FOR_THE_CLIENT else value) for name, value in self.fields)
        return type(self)(self.status, self.code, self.message, tuple(fields), reason=self.reason)


def xml_text(value: str) -> str:
    """Escape for XML; what XML cannot carry at all becomes U+FFFD."""
    return escape(_NOT_XML.sub("\ufffd", value), quote=False)


def access_denied(message: str = "Access Denied.", *fields: tuple[str, str], reason: str = "") -> S3Error:
    """403: the request is understood and not allowed."""
    return S3Error(403, "AccessDenied", message, fields, reason=reason)


def healthy() -> S3Error:
    """200: no refusal, but an answer of the gateway's own as well. It has no document."""
    return S3Error(200, "", "")


def headers_not_signed(names: list[str]) -> S3Error:
    """403: an ``x-amz-*`` header is on the wire and not in SignedHeaders, so anybody could have added it."""
    return access_denied(
        "There were headers present in the request which were not signed", ("HeadersNotSigned", ", ".join(names))
    )


def malformed_authorization(message: str, *fields: tuple[str, str], reason: str = "") -> S3Error:
    """400: the Authorization header or its credential scope is not what SigV4 asks for."""
    message = f"The authorization header is malformed; {message}"
    return S3Error(400, "AuthorizationHeaderMalformed", message, fields, reason=reason)


Malformed = Callable[[str], "S3Error"]
"""How a mechanism reports that its credential is malformed: header and query have codes and beginnings of their own."""


def malformed_query(message: str, *fields: tuple[str, str]) -> S3Error:
    """400: a presigned URL's ``X-Amz-*`` parameters are not what SigV4 asks for."""
    return S3Error(400, "AuthorizationQueryParametersError", message, fields)


def malformed_credential(message: str, *fields: tuple[str, str]) -> S3Error:
    """400: the credential in a presigned URL is not what SigV4 asks for."""
    return malformed_query(f"Error parsing the X-Amz-Credential parameter; {message}", *fields)


def invalid_request(message: str) -> S3Error:
    """400: well-formed, yet never valid."""
    return S3Error(400, "InvalidRequest", message)


def bad_request() -> S3Error:
    """400: what came is no HTTP request, so nothing of it is known."""
    return S3Error(400, "BadRequest", "An error occurred when parsing the HTTP request.")


def sigv2_refused() -> S3Error:
    """400: SigV2 binds neither the payload nor most headers, and the backend would accept it."""
    return S3Error(
        400,
        "InvalidRequest",
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        reason="SigV2: set the client's signature version to 4 (boto3 and the AWS CLI call it s3v4)",
    )


def invalid_argument(message: str, name: str, value: str) -> S3Error:
    """400 with the argument that is at fault. AWS echoes the value; one that may hold a credential stays empty here."""
    return S3Error(400, "InvalidArgument", message, (("ArgumentName", name), ("ArgumentValue", value)))


def invalid_uri() -> S3Error:
    """400: the request target cannot be parsed, or could be read in two ways."""
    return S3Error(400, "InvalidURI", "Couldn't parse the specified URI.")


def method_not_allowed(reason: str = "") -> S3Error:
    """405: S3 has no such request."""
    message = "The specified method is not allowed against this resource."
    return S3Error(405, "MethodNotAllowed", message, reason=reason)


def no_such_upload(upload_id: str) -> S3Error:
    """404: no upload has this id, and for some ids that is certain."""
    return S3Error(
        404,
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or "
        "completed.",
        (("UploadId", upload_id),),
    )


def not_implemented(message: str, header: tuple[bytes, bytes] | None = None) -> S3Error:
    """501: S3 knows it, this gateway does not carry it."""
    return S3Error(501, "NotImplemented", message, header=header)


def unknown_access_key(access_key_id: str, reason: str = "") -> S3Error:
    """403: nobody here has this access key, or not now."""
    return S3Error(
        403,
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
        (("AWSAccessKeyId", access_key_id),),
        reason=reason,
    )


def signature_does_not_match(*fields: tuple[str, str]) -> S3Error:
    """403: the request, a chunk or the trailer was not signed with this client's secret."""
    return S3Error(
        403,
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your key and "
        "signing method.",
        fields,
    )


def payload_mismatch(claimed: str, computed: str) -> S3Error:
    """400: the body is not the one whose SHA-256 was signed."""
    return S3Error(
        400,
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
        (("ClientComputedContentSHA256", claimed), ("S3ComputedContentSHA256", computed)),
    )


def incomplete_body(message: str = "The request body terminated unexpectedly") -> S3Error:
    """400: aws-chunked framing is broken, cut short, or followed by junk."""
    return S3Error(400, "IncompleteBody", message)


def wrong_length() -> S3Error:
    """400: more or less data than ``x-amz-decoded-content-length`` announced."""
    return incomplete_body("You did not provide the number of bytes specified by the Content-Length HTTP header")


def malformed_trailer() -> S3Error:
    """400: the trailer is not the one announced in ``x-amz-trailer``."""
    return S3Error(
        400,
        "MalformedTrailerError",
        "The request contained trailing data that was not well-formed or did not conform to our published schema.",
    )


def small_chunk(number: int, size: int, least: int) -> S3Error:
    """403: a signed aws-chunk that is not the last is too small.

    AWS was seen to answer 403 (aws-sdk-cpp #2727); a conformance suite has 400. The observation counts.
    """
    return S3Error(
        403,
        "InvalidChunkSizeError",
        f"Only the last chunk is allowed to have a size less than {least} bytes",
        (("Chunk", str(number)), ("BadChunkSize", str(size))),
    )


def large_chunk(most: int) -> S3Error:
    """400: AWS documents no limit and MinIO has one of 16 MiB; here a chunk is held in memory, so there is one."""
    return S3Error(400, "EntityTooLarge", f"An aws-chunk may hold at most {most} bytes.")


def multiple_checksums() -> S3Error:
    """400: which of two checksums counts would be the backend's choice."""
    return invalid_request("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")


def bad_digest(algorithm: str) -> S3Error:
    """400: the data is not what the trailer's checksum was computed from."""
    return S3Error(400, "BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")


def head_too_large(what: str, found: int, allowed: int) -> S3Error:
    """400: header fields or target over the configured limit."""
    return S3Error(
        400,
        "RequestHeaderSectionTooLarge",
        f"Your request header and query parameters used to make the request exceed the maximum allowed size: "
        f"{found} {what}, at most {allowed}.",
        (("MaxSizeAllowed", str(allowed)),),
    )


def metadata_too_large(found: int, allowed: int) -> S3Error:
    """400: more user metadata than S3 stores with an object."""
    return S3Error(
        400,
        "MetadataTooLarge",
        "Your metadata headers exceed the maximum allowed metadata size",
        (("Size", str(found)), ("MaxSizeAllowed", str(allowed))),
    )


def malformed_xml() -> S3Error:
    """400: a body that is not the document S3 publishes for this operation."""
    return S3Error(
        400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema"
    )


def request_timeout() -> S3Error:
    """400: the client stopped in the middle of its upload. SDKs retry this."""
    return S3Error(
        400,
        "RequestTimeout",
        "Your socket connection to the server was not read from or written to within the timeout period. "
        "Idle connections will be closed.",
    )


def slow_down(reason: str = "") -> S3Error:
    """503: more than this access key may send in a second, or more than there is room for. SDKs wait and retry."""
    return S3Error(503, "SlowDown", "Please reduce your request rate.", reason=reason)


def service_unavailable() -> S3Error:
    """503: the backend cannot be reached; which one and why is for the log only. SDKs retry this."""
    return S3Error(503, "ServiceUnavailable", "The gateway cannot reach its storage backend. Please retry later.")


def gateway_not_authorized() -> S3Error:
    """503: the backend refuses the gateway's own key, clock or region, which no client can mend. SDKs retry this."""
    return S3Error(
        503,
        "ServiceUnavailable",
        "The storage backend does not accept the gateway's own credentials. Please tell whoever runs the gateway.",
    )


def unaudited(reason: str) -> S3Error:
    """503: what cannot be written down must not be done. SDKs retry this."""
    message = "The gateway cannot write its audit log. Please retry later."
    return S3Error(503, "ServiceUnavailable", message, reason=reason)


def internal_error() -> S3Error:
    """500: the gateway failed closed; the log has the place, the client does not."""
    return S3Error(500, "InternalError", "We encountered an internal error. Please try again.")
