"""The configuration's keys: one table, which is also the documentation.

The README's table is rendered from it, and a test holds the two together.
"""

from s3gateway.config.kinds import (
    BACKEND_IDENTITY,
    BACKEND_TYPE,
    BYTES,
    FILE,
    HEALTH,
    LOG_FORMAT,
    MOMENT,
    NUMBER,
    PER_SECOND,
    PORT,
    REQUIRED,
    SECONDS,
    SECRET,
    TEXT,
    TEXTS,
    TRUE,
    WHOLE_SECONDS,
    YES_NO,
    Key,
)
from s3gateway.config.ldap_keys import LDAP_KEYS
from s3gateway.config.web_identity_keys import WEB_IDENTITY_KEYS

MEBIBYTE = 1024 * 1024

KEYS = (
    Key("listen.host", TEXT, "Address to listen on.", "127.0.0.1"),
    Key("listen.port", PORT, "Port for HTTP and TLS alike.", 8000),
    Key(
        "listen.certificate",
        FILE,
        "PEM certificate chain shown to TLS clients; the key may be in the same file. "
        "Without it mitmproxy's own CA signs one.",
    ),
    Key("listen.key", FILE, "PEM private key, when it is not in `listen.certificate`."),
    Key(
        "listen.regions",
        TEXTS,
        "Regions (patterns) that clients may sign for; the first that is no pattern is named to those that do not. "
        "By default `backend.region`, and `us-east-1` and `us-east-2`, which Spark signs for when a job sets only an "
        "endpoint.",
    ),
    Key(
        "listen.health_polls",
        HEALTH,
        "What is answered to MinIO's health paths without a signature (`mc ready` asks once a second). They are never "
        "passed on: 200 says that the gateway serves. They are told of once a minute, and not captured.",
        403,
    ),
    Key("backend.endpoint", TEXT, "`https://host:port` of the S3 server. May come from `--mode reverse:...` instead."),
    Key("backend.ca_file", FILE, "PEM CA that signed the backend's certificate. Without it the public CAs count."),
    Key(
        "backend.type",
        BACKEND_TYPE,
        "The backend's product. With `aistor`, append (`x-amz-write-offset-bytes`) passes; MinIO would overwrite the "
        "object.",
        "minio",
    ),
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
    Key("clients[].name", TEXT, "Identity, for rules and the log.", REQUIRED),
    Key("clients[].access_key_id", TEXT, "Access key that the client signs with; each only once.", REQUIRED),
    Key("clients[].secret_access_key", SECRET, "Its secret."),
    Key("clients[].secret_access_key_file", FILE, "A file holding the secret instead."),
    Key("clients[].buckets", TEXTS, "Patterns (`*`, `?`) of the buckets it may use. None by default.", ()),
    Key(
        "clients[].prefixes",
        TEXTS,
        "Literal beginnings of the keys it may use in these buckets, all by default. With any, a listing must ask for "
        "a prefix below one of them, each key of a multi-object delete is checked, and nothing else that concerns a "
        "whole bucket is allowed.",
        (),
    ),
    Key("clients[].read_only", YES_NO, "Only reads: `Get*`, `Head*`, `List*`, `SelectObjectContent`.", default=False),
    Key(
        "clients[].operations",
        TEXTS,
        "Patterns of the S3 operations it may use, all by default: `GetObject`, `List*`. A copy needs `GetObject` as "
        "well, for its source. Tags, locks and ACLs that come with an object or a new bucket need `PutObjectTagging`, "
        "`PutObjectRetention`, `PutObjectLegalHold`, `PutObjectAcl`, or `PutObjectLockConfiguration` and "
        "`PutBucketVersioning`, `PutBucketAcl`; passing over a lock `BypassGovernanceRetention`, as on AWS. Without "
        "`GetObjectRetention`, `GetObjectLegalHold`, `GetObjectTagging` answers leave out a lock and the tags' number.",
        (),
    ),
    Key(
        "clients[].list_buckets",
        YES_NO,
        "Whether it may list the names of all the backend's buckets. By default only with `*` in `buckets`.",
    ),
    *LDAP_KEYS,
    *WEB_IDENTITY_KEYS,
    Key("encryption[].bucket", TEXT, "Pattern of the buckets the rule is for.", "*"),
    Key("encryption[].prefix", TEXT, "Literal beginning of the keys the rule is for.", ""),
    Key("encryption[].client", TEXT, "Pattern of the client names the rule is for.", "*"),
    Key(
        "encryption[].role",
        TEXT,
        "Pattern of the roles the rule is for; with any but `*`, only sessions with such a role.",
        "*",
    ),
    Key("encryption[].sse-kms", TEXT, "Encrypt with this KMS key id."),
    Key("encryption[].sse-s3", TRUE, "Encrypt with the backend's own key."),
    Key("encryption[].sse-c", FILE, "Encrypt with the 256-bit key in this file (32 bytes, or base64)."),
    Key("encryption[].none", TRUE, "Leave as the client sent it; ends the search."),
    Key(
        "sts.ring",
        FILE,
        "File with the keys that seal sessions, made with `scripts/make_ring`; every gateway that is to open them has "
        "the same. Without it sessions end when the gateway does, and no other one opens them. `sts: {}` switches STS "
        "on, see [Sessions](#sessions).",
    ),
    Key(
        "sts.allow_plain_http",
        YES_NO,
        "Whether passwords and web identity tokens are taken over plain HTTP, for a gateway behind a proxy that ends "
        "TLS.",
        default=False,
    ),
    Key("sts.longest_session", WHOLE_SECONDS, "Longest session, from 900; roles may have less.", 43200),
    Key(
        "sts.logins_per_address",
        PER_SECOND,
        "Most logins from one address (IPv6: one /64 network), in bursts of up to as many; each costs a question to "
        "a directory, or an RSA signature. Above it, Throttling, which SDKs retry after.",
        50,
    ),
    Key(
        "sts.logins_per_user",
        PER_SECOND,
        "Most tries of a password for one user name: what bounds guessing.",
        5,
    ),
    Key(
        "sts.revoked[].subject",
        TEXT,
        "Pattern (`*`, `?`) of whose sessions are void: a DN, a `sub`, a client's or a user's name.",
        REQUIRED,
    ),
    Key("sts.revoked[].before", MOMENT, "Void are those issued before this moment, `2026-11-29T12:00:00Z`.", REQUIRED),
    Key("roles[].name", TEXT, "Name of a role. With any, what is not open by a role is refused.", REQUIRED),
    Key(
        "roles[].arn",
        TEXT,
        "Its ARN, as clients name it. Without it any `arn:aws:iam::...:role/NAME` names it.",
    ),
    Key("roles[].clients", TEXTS, "Patterns of the clients that may take it, with AssumeRole.", ()),
    Key("roles[].ldap_groups", TEXTS, "DNs of the directory groups whose members may take it.", ()),
    Key("roles[].web_identities[].issuer", TEXT, "Issuer whose web identities may take it.", REQUIRED),
    Key("roles[].web_identities[].audiences", TEXTS, "Patterns of the audiences that their tokens are for.", ()),
    Key(
        "roles[].web_identities[].subjects",
        TEXTS,
        "Patterns of their subjects: `system:serviceaccount:spark:*`, `repo:org/repo:*`.",
        REQUIRED,
    ),
    Key(
        "roles[].buckets",
        TEXTS,
        "Patterns of the buckets that it opens. Here and in `prefixes`, `{user}` is the user's name and `{claim}` "
        "a claim of the web identity's token; a value that could change the rule's shape (`/`, `*`, `..`) is refused.",
        (),
    ),
    Key("roles[].prefixes", TEXTS, "Literal beginnings of the keys, as a client's.", ()),
    Key("roles[].read_only", YES_NO, "Only reads.", default=False),
    Key("roles[].operations", TEXTS, "Patterns of the S3 operations, all by default.", ()),
    Key("roles[].list_buckets", YES_NO, "Whether it lists the names of all buckets. By default with `*` in `buckets`."),
    Key("roles[].longest_session", WHOLE_SECONDS, "Longest session of it.", 43200),
    Key(
        "roles[].backend_identity",
        BACKEND_IDENTITY,
        "Whose hand its sessions' requests have at the backend.",
    ),
    Key(
        "cors[].bucket",
        TEXT,
        "Pattern of the buckets whose answers pages of other origins may read. `cors: bucket` in place of the list "
        "takes each bucket's own rules from the backend. See [Pages in a browser](#pages-in-a-browser).",
        "*",
    ),
    Key(
        "cors[].origins",
        TEXTS,
        "Where these pages come from, with at most one `*` each: `https://app.example.com`, `https://*.example.com`.",
        REQUIRED,
    ),
    Key("cors[].methods", TEXTS, "What they may do: `GET`, `PUT`, `POST`, `DELETE`, `HEAD`.", REQUIRED),
    Key("cors[].headers", TEXTS, "Headers that they may send, with at most one `*` each.", ()),
    Key("cors[].expose", TEXTS, "Headers of answers that they may read, besides the few that they always may.", ()),
    Key("cors[].max_age", WHOLE_SECONDS, "How long a browser may remember this without asking again."),
    Key("addressing.domains", TEXTS, "Domains whose sub-domains are buckets (virtual-host style).", ()),
    Key(
        "limits.aws_chunk",
        BYTES,
        "Largest signed aws-chunk; one is held in memory per upload. MinIO takes no more than 16 MiB. An unsigned one "
        "(`STREAMING-UNSIGNED-PAYLOAD-TRAILER`) may have any size: in a body above the limit the gateway makes chunks "
        "of its own.",
        16 * MEBIBYTE,
    ),
    Key(
        "limits.aws_chunk_min",
        BYTES,
        "Smallest signed aws-chunk but the last: AWS's own limit; each costs two signatures, however little it holds.",
        8192,
    ),
    Key(
        "limits.spool",
        BYTES,
        "Most bytes of signed aws-chunks above `limits.aws_chunk` that are on disk at a time, in files without a name: "
        "each is there until its signature was verified and it has left. A larger one is refused, one for which there "
        "is no room now gets 503 SlowDown.",
        1024 * MEBIBYTE,
    ),
    Key("limits.trailer", BYTES, "Largest trailer of an aws-chunked upload; it is held in memory.", 8192),
    Key("limits.headers", NUMBER, "Most header fields; each is work before anybody is proven.", 200),
    Key(
        "limits.header_bytes",
        BYTES,
        "Largest sum of header names and values; all are hashed before anybody is proven. AWS takes 8 KiB.",
        16384,
    ),
    Key(
        "limits.target",
        BYTES,
        "Longest request target. A key has 1024 bytes, three times that when escaped, and a listing names three keys.",
        16384,
    ),
    Key(
        "limits.metadata",
        BYTES,
        "Largest user metadata, names without `x-amz-meta-` and values: AWS's own limit.",
        2048,
    ),
    Key(
        "limits.refusal_linger",
        SECONDS,
        "How long a refused upload may go on sending (its bytes are dropped) so that "
        "the client reads the refusal before the connection ends: many write to their end before they read.",
        30,
    ),
    Key(
        "limits.head_timeout",
        SECONDS,
        "How long a client may take for its TLS handshake and request head: whoever drips it holds a connection. "
        "Honest clients send it in one piece.",
        30,
    ),
    Key(
        "limits.keep_alive",
        SECONDS,
        "How long a connection may be idle between two requests. SDKs drop theirs after 60 s, and should be first.",
        75,
    ),
    Key(
        "limits.body_timeout",
        SECONDS,
        "How long a client may stop in the middle of an upload (400 RequestTimeout) or take nothing of an answer. "
        "Both wait for a backend connection that others could use.",
        120,
    ),
    Key(
        "limits.connect_timeout",
        SECONDS,
        "How long the backend may take for a connection and its TLS handshake: 503. "
        "A machine that is off does not even refuse; the system would try for two minutes.",
        10,
    ),
    Key(
        "limits.backend_timeout",
        SECONDS,
        "How long the backend may neither take nor send anything: 503, or a broken transfer. "
        "Longer than S3A waits by itself (200 s), as completing an upload may take minutes.",
        300,
    ),
    Key(
        "limits.connections",
        NUMBER,
        "Most client connections, each with one to the backend; further ones are closed at once. "
        "It keeps a flood from taking all file descriptors and memory.",
        2048,
    ),
    Key(
        "limits.connections_per_address",
        NUMBER,
        "Most of them from one address (IPv6: one /64 network), so that one machine leaves some to the others. "
        "A Spark executor has up to 96. Behind a load balancer all come from one.",
        1024,
    ),
    Key(
        "limits.request_rate",
        PER_SECOND,
        "Most requests of one access key, in bursts of up to as many, then 503 SlowDown, which SDKs wait and retry "
        "after. More than one process serves (2000 to 5000 small ones a second and core), so that it ends a client "
        "that has run wild and caps none that can be served. Set half of what yours does to keep one job from all "
        "of it.",
        10000,
    ),
    Key("admin.host", TEXT, "Address of the listener for operators.", "127.0.0.1"),
    Key(
        "admin.port",
        PORT,
        "Its port, never that of S3; without it there is none. See [Health and metrics](#health-and-metrics).",
    ),
    Key(
        "log.format",
        LOG_FORMAT,
        "`auto` is text on a terminal and JSON otherwise. `json` also makes an object of each line that is about no "
        "request (`event`).",
        "auto",
    ),
    Key(
        "log.capture",
        FILE,
        "File to append every exchange to, one line of JSON each: heads on both sides, redacted, and what was decided. "
        "See `scripts/capture_headers`. Made with mode 0600; may be moved away while it is written.",
    ),
    Key(
        "log.explain",
        YES_NO,
        "Whether a second line says why a signature did not match, or a clock was off. See `scripts/explain`.",
        default=True,
    ),
)
