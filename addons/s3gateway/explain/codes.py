"""A backend's error codes and words, each with a slug and what to do. S3's codes are AWS's, the rest is MinIO's."""

CODES = {
    "InvalidAccessKeyId": (
        "backend-access-key",
        "it does not know the access key, or has disabled it; correct `backend.credentials`",
    ),
    "InvalidTokenId": ("backend-token", "the session token is unknown or expired; renew the temporary credentials"),
    "ExpiredToken": ("backend-token", "the session token has expired; renew the temporary credentials"),
    "InvalidToken": ("backend-token", "the session token is malformed; renew the temporary credentials"),
    "AuthorizationHeaderMalformed": (
        "backend-region",
        "the region or date that was signed is not the backend's; set `backend.region` to its own",
    ),
    "NoSuchBucket": ("no-such-bucket", "the bucket does not exist there; create it, or correct its name"),
    "NoSuchKey": ("no-such-key", "the object does not exist there; note that keys are case-sensitive"),
    "NoSuchUpload": ("no-such-upload", "the multipart upload was completed or aborted before; begin a new one"),
    "NoSuchVersion": ("no-such-version", "the object has no such version"),
    "InvalidBucketName": ("bucket-name", "the bucket's name breaks the naming rules (3 to 63 of a-z, 0-9, . and -)"),
    "KeyTooLongError": ("key-too-long", "the key is longer than the backend takes (1024 bytes at most)"),
    "XMinioInvalidObjectName": (
        "key-name",
        "MinIO takes no such key: a segment is . or .., or has forbidden characters",
    ),
    "InvalidObjectName": ("key-name", "the key has a segment or characters that the backend does not take"),
    "BucketAlreadyOwnedByYou": ("bucket-exists", "the bucket exists already"),
    "BucketAlreadyExists": ("bucket-exists", "the bucket exists already, under somebody else"),
    "BucketNotEmpty": ("bucket-not-empty", "a bucket must be empty before it is deleted, all versions included"),
    "kms:KeyNotFound": (
        "kms-key-unknown",
        "its KMS has no key of this id; create the key there, or correct `sse-kms` in the rule",
    ),
    "KMS.NotFoundException": (
        "kms-key-unknown",
        "its KMS has no key of this id; create the key there, or correct `sse-kms` in the rule",
    ),
    "MissingContentLength": ("no-length", "there is no Content-Length; send one, or let the proxy not chunk the body"),
    "EntityTooLarge": ("too-large", "the body or part is larger than the backend takes"),
    "EntityTooSmall": ("too-small", "a part other than the last has less than 5 MiB"),
    "InvalidPart": ("parts", "a part is missing or its ETag is not the one that UploadPart answered"),
    "InvalidPartOrder": ("parts", "the parts are not in ascending order"),
    "BadDigest": ("body-changed", "the body is not what its checksum was computed from: it changed on the way"),
    "XAmzContentSHA256Mismatch": ("body-changed", "the body is not what was signed: it changed after signing"),
    "XAmzContentChecksumMismatch": ("body-changed", "the body is not what its checksum was computed from"),
    "IncompleteBody": ("body-cut", "the body was shorter or longer than announced: it was cut, or its framing changed"),
    "MalformedDate": (
        "date-without-x-amz-date",
        "the date is not in the form 20260131T120000Z; send it as X-Amz-Date, and no other",
    ),
    "SlowDown": ("backend-busy", "it asks for fewer requests; wait and retry"),
    "SlowDownWrite": ("backend-busy", "it cannot write at the moment: too few drives are there; see its own log"),
    "SlowDownRead": ("backend-busy", "it cannot read at the moment: too few drives are there; see its own log"),
    "XMinioServerNotInitialized": ("backend-starting", "it is still starting; retry"),
    "XMinioStorageFull": ("backend-full", "its drives are full"),
    "QuotaExceeded": ("backend-full", "the bucket's quota is used up"),
    "XMinioAdminBucketQuotaExceeded": ("backend-full", "the bucket's quota is used up"),
    "InvalidRange": ("range", "the range lies outside the object"),
    "PreconditionFailed": ("precondition", "an If-... header does not hold"),
    "MethodNotAllowed": ("method", "it does not allow the method here: a delete marker, or no S3 operation"),
}
"""Codes with one reading."""

WORDS = (
    (
        "chunk too big",
        ("chunk-too-big", "an aws-chunk has more than the 16 MiB that MinIO takes; send smaller chunks"),
    ),
    (
        "must be made over a secure connection|secure connection",
        ("customer-key-without-tls", "SSE-C needs TLS up to the backend itself; reach it over https"),
    ),
    (
        "stored using a form of server side encryption",
        (
            "customer-key-missing",
            "the object is encrypted with SSE-C and no key was sent; send the key it was written with",
        ),
    ),
    (
        "did not match the ones used originally",
        ("customer-key-wrong", "the object is encrypted with another SSE-C key; send the key it was written with"),
    ),
    (
        "encryption parameters are not applicable",
        (
            "encryption-on-read",
            "an encryption header is on a request whose object is not encrypted that way; take it off",
        ),
    ),
    (
        "multipart upload initiate requested encryption",
        ("customer-key-missing", "the upload was begun with SSE-C; send the key with every part as well"),
    ),
    ("KeyID contains unsupported|invalid keyid", ("kms-key-unknown", "the KMS key id is not one; correct `sse-kms`")),
    (
        "calculated md5 hash of the key|key md5 does not match",
        ("customer-key-incomplete", "the SSE-C key's MD5 is not that of the key; send the MD5 of the 32 raw bytes"),
    ),
    (
        "headers present in the request which were not signed",
        (
            "head-changed-behind",
            (
                "this head has no such header, and none that is signed and missing, of which MinIO says the same: it "
                "got another head than this; capture right before the backend, too, and compare (scripts/diff_headers)"
            ),
        ),
    ),
    (
        "malformed chunked encoding|body terminated unexpectedly",
        ("body-cut", "the aws-chunked framing is broken: a hop in between decodes or cuts the body"),
    ),
    (
        "HTTP request to an HTTPS server",
        ("backend-scheme", "the backend speaks TLS and was reached over http; use https:// in `backend.endpoint`"),
    ),
)
"""MinIO's wording where the code alone (InvalidArgument, InvalidRequest, AccessDenied) has several readings."""
