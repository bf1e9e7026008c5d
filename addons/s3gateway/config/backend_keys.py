"""The keys of ``backend`` and ``health``: the servers behind the gateway."""

from s3gateway.config.kinds import (
    BACKEND_TYPE,
    DATE,
    FILE,
    PATH,
    PORT,
    REQUIRED,
    SECONDS,
    SECRET,
    SHARE,
    TEXT,
    TEXTS,
    YES_NO,
    Key,
)

BACKEND_KEYS = (
    Key("backend.endpoint", TEXT, "`https://host:port` of the S3 server. May come from `--mode reverse:...` instead."),
    Key(
        "backend.endpoints",
        TEXTS,
        "Several servers of one cluster in place of `backend.endpoint`: `https://minio{1...4}:9000` is four of them, "
        "and a DNS name each of its addresses. See [Several backends](#several-backends).",
        (),
    ),
    Key(
        "backend.sites[].endpoints",
        TEXTS,
        "The same for clusters that hold the same objects, in order: the second serves only while the first has no "
        "server up.",
        REQUIRED,
    ),
    Key(
        "backend.sites[].read_only", YES_NO, "Whether that site takes no writes. Not for the first one.", default=False
    ),
    Key(
        "backend.dns_ttl",
        SECONDS,
        "How long the addresses of a DNS name in `endpoints` count before they are looked up again.",
        30,
    ),
    Key("backend.ca_file", FILE, "PEM CA that signed the backend's certificate. Without it the public CAs count."),
    Key(
        "backend.type",
        BACKEND_TYPE,
        "The backend's product. With `aistor`, append (`x-amz-write-offset-bytes`) passes; MinIO would overwrite the "
        "object.",
        "minio",
    ),
    Key(
        "backend.certificate",
        FILE,
        "PEM certificate chain that the gateway shows to the backend (mTLS); the key may be in the same file.",
    ),
    Key("backend.key", FILE, "PEM private key, when it is not in `backend.certificate`."),
    Key("backend.region", TEXT, "Region that the gateway signs for.", "us-east-1"),
    Key("backend.credentials.access_key_id", TEXT, "The gateway's own key at the backend."),
    Key("backend.credentials.secret_access_key", SECRET, "Its secret."),
    Key("backend.credentials.session_token", SECRET, "Its session token, for temporary credentials."),
    Key(
        "backend.credentials.file",
        FILE,
        "A YAML file in AIStor-GW's format instead: `static: {access_key_id: ..., secret_access_key: ...}`.",
    ),
    Key(
        "backend.credentials.profile",
        TEXT,
        "A profile of the AWS shared files instead. With no credentials at all, "
        "botocore's own chain (environment first) is used.",
    ),
    Key(
        "backend.credentials.keys[].access_key_id",
        TEXT,
        "Several keys instead, the preferred one first: the gateway takes the first that is in its term and that the "
        "backend accepts. See [Rotate keys](#rotate-keys).",
    ),
    Key("backend.credentials.keys[].secret_access_key", SECRET, "Its secret."),
    Key("backend.credentials.keys[].secret_access_key_file", FILE, "A file holding the secret instead."),
    Key("backend.credentials.keys[].session_token", SECRET, "Its session token, for temporary credentials."),
    Key("backend.credentials.keys[].not_before", DATE, "From when it may be used."),
    Key("backend.credentials.keys[].not_after", DATE, "Until when it may be used."),
    Key(
        "health.interval",
        SECONDS,
        "How often each of several backends is asked whether it lives; for its quorum half as often.",
        1,
    ),
    Key("health.timeout", SECONDS, "How long it may take to say so.", 0.8),
    Key("health.jitter", SHARE, "By what share of it an interval may be shorter, so that not all ask at once.", 0.2),
    Key("health.port", PORT, "Port to ask on, where it is not the endpoint's own."),
    Key("health.live", PATH, "Path that answers 200 while the server lives.", "/minio/health/live"),
    Key("health.read", PATH, "Path that answers 200 while the cluster can be read.", "/minio/health/cluster/read"),
    Key("health.write", PATH, "Path that answers 200 while the cluster can be written to.", "/minio/health/cluster"),
    Key(
        "health.kms",
        PATH,
        "Path that answers 200 while the server can make keys; asked where an encryption rule needs them.",
        "/minio/health/ready",
    ),
    Key(
        "health.bucket",
        TEXT,
        "For servers without these paths: a bucket, asked for by a signed HeadBucket in place of all of them.",
    ),
    Key("health.slow_start", SECONDS, "How long a backend that came back is given less than its share.", 10),
)
