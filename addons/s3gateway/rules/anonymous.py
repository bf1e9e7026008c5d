"""What a request without a signature is told: AWS has words of its own for operations that nobody can do so."""

from typing import Final

from s3gateway import errors

_INVOKE: Final = "Anonymous users cannot invoke this API. Please authenticate."
_WORDS: Final = {
    "CopyObject": "Anonymous users cannot copy objects. Please authenticate.",
    "CreateBucket": _INVOKE,
    "CreateMultipartUpload": "Anonymous users cannot initiate multipart uploads. Please authenticate.",
    "PutBucketAcl": _INVOKE,
    "PutObjectAcl": _INVOKE,
    "SelectObjectContent": _INVOKE,
}


def refusal(operation: str) -> errors.S3Error:
    """Give the refusal of an operation that nobody has signed."""
    return errors.access_denied(_WORDS.get(operation, "Access Denied."), reason="anonymous: there is no signature")
