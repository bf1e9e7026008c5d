"""Query parameters that mean something to some server, and what becomes of the others.

S3 ignores a parameter that an operation does not have, and clients do send such. It is left out of the outgoing target
where all it can be is ignored: it has a value, no server is known to read its name, and the operation is a plain read,
write or listing. A sub-resource has no value as a rule, so one that is not known yet never turns into the operation
without it (``PUT key?renameObject``).
"""

from typing import Final

from s3gateway.sigv4.query import query_pairs

AWS: Final = frozenset(
    b"abac accelerate acl analytics annotation annotation-prefix annotationName attributes bucket-region "
    b"continuation-token cors delete delimiter encoding-type encryption fetch-owner id intelligent-tiering "
    b"inventory key-marker legal-hold lifecycle list-type location logging marker max-annotation-results "
    b"max-buckets max-directory-buckets max-keys max-parts max-uploads metadataAnnotationTable "
    b"metadataConfiguration metadataInventoryTable metadataJournalTable metadataTable metrics notification "
    b"object-lock ownershipControls part-number-marker partNumber policy policyStatus prefix publicAccessBlock "
    b"renameObject replication requestPayment response-cache-control response-content-disposition "
    b"response-content-encoding response-content-language response-content-type response-expires restore retention "
    b"select select-type session start-after tagging torrent upload-id-marker uploadId uploads version-id-marker "
    b"versionId versioning versions website".split()
)
"""Every query parameter and sub-resource in botocore's model of S3, as a test of this table finds them there."""

_MINIO: Final = frozenset(
    b"action arn awsaccesskeyid cache-control content-disposition content-encoding content-language content-type "
    b"events expires metadata older-than ping replication-check replication-metrics replication-reset "
    b"replication-reset-status reset-id signature suffix withupdatedat".split()
)
"""What MinIO reads besides, headers of an upload that it takes from the query included."""

_AISTOR: Final = frozenset(b"inventory lambdaarn tables warehouse".split())
"""What AIStor has besides: PromptObject, inventories and tables."""

_KNOWN: Final = {name.lower() for name in AWS} | _MINIO | _AISTOR
_OTHERS_OWN: Final = (b"x-",)
"""Beginnings of headers, which some servers read from the query; and of what is for the access log alone."""

IGNORING: Final = frozenset(
    (
        "GetObject",
        "HeadBucket",
        "HeadObject",
        "ListBuckets",
        "ListMultipartUploads",
        "ListObjectVersions",
        "ListObjects",
        "ListObjectsV2",
        "ListParts",
        "PutObject",
        "UploadPart",
    )
)
"""The operations on which an unknown parameter is ignored. On any other it might be what makes another of it."""


def is_unknown(name: bytes, value: bytes) -> bool:
    """Whether no server is known to read this parameter, and it has a value."""
    low = name.lower()
    return bool(name and value) and low not in _KNOWN and not low.startswith(_OTHERS_OWN)


def without_unknown(query: bytes) -> bytes:
    """Take the unknown parameters out of a query, byte for byte leaving the others."""
    return b"&".join(
        piece for piece in query.split(b"&") if not any(is_unknown(name, value) for name, value in query_pairs(piece))
    )
