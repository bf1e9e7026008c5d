"""The Security Token Service's own errors and documents (AWS STS API Reference, version 2011-06-15)."""

from typing import Final

from s3gateway.errors import S3Error, xml_text

NAMESPACE: Final = "https://sts.amazonaws.com/doc/2011-06-15/"
_SERVERS: Final = 500


class StsError(S3Error):
    """A refusal of an STS action: :class:`~s3gateway.errors.S3Error` with STS's own document."""

    def to_xml(self, resource: str, request_id: str) -> bytes:
        """Render ``ErrorResponse`` (AWS STS API Reference, "Common Error Types"); it names no resource."""
        del resource
        kind = "Receiver" if self.status >= _SERVERS else "Sender"
        elements = (("Type", kind), ("Code", self.code), ("Message", self.message))
        inner = "".join(f"<{name}>{xml_text(value)}</{name}>" for name, value in elements)
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<ErrorResponse xmlns="{NAMESPACE}"><Error>{inner}</Error>'
            f"<RequestId>{xml_text(request_id)}</RequestId></ErrorResponse>"
        ).encode()


def access_denied(message: str = "Access denied", reason: str = "") -> StsError:
    """403: not authorised; why is for the log."""
    return StsError(403, "AccessDenied", message, reason=reason)


def invalid_parameter(message: str) -> StsError:
    """400: a parameter has a value that it cannot have."""
    return StsError(400, "InvalidParameterValue", message)


def missing_parameter(name: str) -> StsError:
    """400: a parameter is not there."""
    return StsError(400, "MissingParameter", f"The request must contain the parameter {name}.")


def invalid_identity_token(message: str = "The web identity token is not valid here.", reason: str = "") -> StsError:
    """400: a web identity token that cannot be taken."""
    return StsError(400, "InvalidIdentityToken", message, reason=reason)


def expired_token() -> StsError:
    """400: a web identity token that has expired."""
    return StsError(400, "ExpiredTokenException", "The web identity token that was passed has expired.")


def provider_unavailable(reason: str) -> StsError:
    """503: the directory or the issuer cannot be asked now. SDKs retry this."""
    message = "The identity provider cannot be reached now. Please retry later."
    return StsError(503, "IDPCommunicationError", message, reason=reason)


def throttled() -> StsError:
    """400: too many logins. SDKs wait and retry."""
    return StsError(400, "Throttling", "Rate exceeded")


def as_sts(error: S3Error) -> StsError:
    """Word what S3 would refuse as STS does: to it, an SDK reacts by other codes."""
    if isinstance(error, StsError):
        return error
    status, code, message = _WORDS.get(error.code, (error.status, error.code, error.message))
    if any(name == "Region" for name, _ in error.fields):
        status, code, message = 403, "SignatureDoesNotMatch", "Credential should be scoped to a valid region."
    return StsError(status, code, message or error.message, reason=error.reason or error.message)


_INVALID: Final = (403, "InvalidClientTokenId", "The security token included in the request is invalid.")
_INCOMPLETE: Final = (400, "IncompleteSignature", "")
_WORDS: Final = {
    "InvalidAccessKeyId": _INVALID,
    "InvalidToken": _INVALID,
    "ExpiredToken": (403, "ExpiredToken", "The security token included in the request is expired"),
    "SignatureDoesNotMatch": (
        403,
        "SignatureDoesNotMatch",
        (
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details."
        ),
    ),
    "RequestTimeTooSkewed": (
        403,
        "SignatureDoesNotMatch",
        "Signature expired: the request's time is more than 15 minutes from the gateway's.",
    ),
    "AuthorizationHeaderMalformed": _INCOMPLETE,
    "AuthorizationQueryParametersError": _INCOMPLETE,
    "SlowDown": (400, "Throttling", "Rate exceeded"),
}
"""STS's status, code and message for S3's codes (AWS STS API Reference, "Common Error Types")."""
