"""Which IAM actions an S3 operation needs (AWS Service Authorization Reference, "Actions ... for Amazon S3")."""

from typing import Final

# Operation, action, action where a version is named ("-": the same).
_TABLE: Final = """
    ListBuckets                         ListAllMyBuckets
    HeadBucket                          ListBucket
    CreateBucket                        CreateBucket
    DeleteBucket                        DeleteBucket
    ListObjects                         ListBucket
    ListObjectsV2                       ListBucket
    ListObjectVersions                  ListBucketVersions
    ListMultipartUploads                ListBucketMultipartUploads
    GetBucketLocation                   GetBucketLocation
    GetBucketAccelerateConfiguration    GetAccelerateConfiguration
    GetBucketAcl                        GetBucketAcl
    PutBucketAcl                        PutBucketAcl
    GetBucketCors                       GetBucketCORS
    PutBucketCors                       PutBucketCORS
    DeleteBucketCors                    PutBucketCORS
    GetBucketEncryption                 GetEncryptionConfiguration
    PutBucketEncryption                 PutEncryptionConfiguration
    DeleteBucketEncryption              PutEncryptionConfiguration
    GetBucketLifecycleConfiguration     GetLifecycleConfiguration
    PutBucketLifecycleConfiguration     PutLifecycleConfiguration
    DeleteBucketLifecycle               PutLifecycleConfiguration
    GetBucketLogging                    GetBucketLogging
    GetBucketNotificationConfiguration  GetBucketNotification
    PutBucketNotificationConfiguration  PutBucketNotification
    GetObjectLockConfiguration          GetBucketObjectLockConfiguration
    PutObjectLockConfiguration          PutBucketObjectLockConfiguration
    GetBucketPolicy                     GetBucketPolicy
    PutBucketPolicy                     PutBucketPolicy
    DeleteBucketPolicy                  DeleteBucketPolicy
    GetBucketPolicyStatus               GetBucketPolicyStatus
    GetBucketReplication                GetReplicationConfiguration
    PutBucketReplication                PutReplicationConfiguration
    DeleteBucketReplication             PutReplicationConfiguration
    GetBucketRequestPayment             GetBucketRequestPayment
    GetBucketTagging                    GetBucketTagging
    PutBucketTagging                    PutBucketTagging
    DeleteBucketTagging                 PutBucketTagging
    GetBucketVersioning                 GetBucketVersioning
    PutBucketVersioning                 PutBucketVersioning
    GetBucketWebsite                    GetBucketWebsite
    DeleteBucketWebsite                 DeleteBucketWebsite
    HeadObject                          GetObject                GetObjectVersion
    GetObject                           GetObject                GetObjectVersion
    SelectObjectContent                 GetObject                GetObjectVersion
    PutObject                           PutObject
    CopyObject                          PutObject
    CreateMultipartUpload               PutObject
    UploadPart                          PutObject
    UploadPartCopy                      PutObject
    CompleteMultipartUpload             PutObject
    AbortMultipartUpload                AbortMultipartUpload
    ListParts                           ListMultipartUploadParts
    DeleteObject                        DeleteObject             DeleteObjectVersion
    DeleteObjects                       DeleteObject             DeleteObjectVersion
    GetObjectAcl                        GetObjectAcl             GetObjectVersionAcl
    PutObjectAcl                        PutObjectAcl             PutObjectVersionAcl
    GetObjectAttributes                 GetObjectAttributes      GetObjectVersionAttributes
    GetObjectLegalHold                  GetObjectLegalHold
    PutObjectLegalHold                  PutObjectLegalHold
    GetObjectRetention                  GetObjectRetention
    PutObjectRetention                  PutObjectRetention
    BypassGovernanceRetention           BypassGovernanceRetention
    GetObjectTagging                    GetObjectTagging         GetObjectVersionTagging
    PutObjectTagging                    PutObjectTagging         PutObjectVersionTagging
    DeleteObjectTagging                 DeleteObjectTagging      DeleteObjectVersionTagging
"""

_ROWS: Final = [row.split() for row in _TABLE.strip().splitlines()]
_PLAIN: Final = {row[0]: row[1] for row in _ROWS}
_OF_VERSIONS: Final = {row[0]: row[-1] for row in _ROWS}

_WITHOUT_OPERATION: Final = frozenset(
    (
        "DescribeJob",
        "GetAccessPoint",
        "GetAccountPublicAccessBlock",
        "GetAnalyticsConfiguration",
        "GetBucketOwnershipControls",
        "GetBucketPublicAccessBlock",
        "GetIntelligentTieringConfiguration",
        "GetInventoryConfiguration",
        "GetMetricsConfiguration",
        "GetObjectTorrent",
        "GetObjectVersionForReplication",
        "GetObjectVersionTorrent",
        "ListBucketByTags",
        "PutAccelerateConfiguration",
        "PutAnalyticsConfiguration",
        "PutBucketLogging",
        "PutBucketOwnershipControls",
        "PutBucketPublicAccessBlock",
        "PutBucketRequestPayment",
        "PutBucketWebsite",
        "PutIntelligentTieringConfiguration",
        "PutInventoryConfiguration",
        "PutMetricsConfiguration",
        "ReplicateDelete",
        "ReplicateObject",
        "ReplicateTags",
        "InitiateReplication",
        "RestoreObject",
        "ObjectOwnerOverrideToBucketOwner",
        "UpdateObjectEncryption",
    )
)
"""Actions that policies in use name and that none can allow here: the gateway has no such operation, or, for
RestoreObject, its body may name any place to write to."""

OPERATIONS: Final = frozenset(_PLAIN)
"""Every operation that has its actions here; another one is allowed by no policy."""

NAMES: Final = frozenset((*_PLAIN.values(), *_OF_VERSIONS.values(), *_WITHOUT_OPERATION))
"""The actions that a policy may name, without ``s3:``."""


def actions_of(operation: str, *, of_version: bool) -> tuple[str, ...]:
    """Give the actions that an operation needs on its object or bucket; empty for one that has none here."""
    name = (_OF_VERSIONS if of_version else _PLAIN).get(operation)
    if name is None:
        return ()
    if operation == "GetObjectAttributes":  # AWS asks for both
        return (name, "GetObjectVersion" if of_version else "GetObject")
    return (name,)
