"""The configuration's keys: one table, which is also the documentation.

The README's table is rendered from it, and a test holds the two together.
"""

from s3gateway.config.backend_keys import BACKEND_KEYS
from s3gateway.config.identity_keys import IDENTITY_KEYS
from s3gateway.config.kinds import (
    CLIENT_IDENTITY,
    DATE,
    FILE,
    HEALTH,
    LOG_FORMAT,
    NUMBER,
    PER_SECOND,
    PORT,
    REQUIRED,
    SECONDS,
    SECONDS_OR_0,
    SECRET,
    SHARE,
    TEXT,
    TEXTS,
    TRUE,
    WHOLE_SECONDS,
    YES_NO,
    Key,
)
from s3gateway.config.ldap_keys import LDAP_KEYS
from s3gateway.config.limit_keys import LIMIT_KEYS
from s3gateway.config.web_identity_keys import WEB_IDENTITY_KEYS

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
    Key(
        "listen.proxy_protocol",
        TEXTS,
        "Networks and addresses of load balancers, such as `10.0.0.0/24`, whose connections begin with a PROXY header "
        "(version 1 or 2), and else are closed. The client's address is the one in it. No other connection may have "
        "one. See [Behind nginx or HAProxy](#behind-nginx-or-haproxy).",
        (),
    ),
    *BACKEND_KEYS,
    Key("clients[].name", TEXT, "Identity, for rules and the log.", REQUIRED),
    Key("clients[].access_key_id", TEXT, "Access key that the client signs with; each only once."),
    Key("clients[].secret_access_key", SECRET, "Its secret."),
    Key("clients[].secret_access_key_file", FILE, "A file holding the secret instead."),
    Key("clients[].not_before", DATE, "From when the key counts: `2026-12-31` (UTC) or `2026-12-31T18:00:00Z`."),
    Key("clients[].not_after", DATE, "Until when it counts, that day or second included. 403 InvalidAccessKeyId."),
    Key(
        "clients[].keys[].access_key_id",
        TEXT,
        "Several keys, or several secrets of one, in place of the four above; all that are in their term count. By "
        "default the client's `access_key_id`. See [Rotate keys](#rotate-keys).",
    ),
    Key("clients[].keys[].secret_access_key", SECRET, "Its secret."),
    Key("clients[].keys[].secret_access_key_file", FILE, "A file holding the secret instead."),
    Key("clients[].keys[].not_before", DATE, "From when it counts."),
    Key("clients[].keys[].not_after", DATE, "Until when it counts."),
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
    Key(
        "clients[].backend_identity",
        CLIENT_IDENTITY,
        "Whose hand reaches the backend: the gateway's own key, or a `session` there that the client's rules narrow. "
        "See [Whose hand at the backend](#whose-hand-at-the-backend).",
        "shared",
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
    *IDENTITY_KEYS,
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
    *LIMIT_KEYS,
    Key(
        "shutdown.delay",
        SECONDS_OR_0,
        "How long a gateway that is to end goes on listening, with `/readyz` at 503, so that a load balancer sees it "
        "and sends no more. See [End, reload, upgrade](#end-reload-upgrade).",
        0,
    ),
    Key(
        "shutdown.grace",
        SECONDS_OR_0,
        "How long running transfers then have; what has not ended is cut, and commits nothing. 0 waits for none.",
        30,
    ),
    Key("admin.host", TEXT, "Address of the listener for operators.", "127.0.0.1"),
    Key(
        "admin.port",
        PORT,
        "Its port, never that of S3; without it there is none. See [Health and metrics](#health-and-metrics).",
    ),
    Key(
        "admin.buckets",
        TEXTS,
        "Patterns of the buckets that metrics name. None by default: names may be secret, and each is a series.",
        (),
    ),
    Key("admin.prefixes", TEXTS, "Beginnings of keys that metrics name besides, as `lake/raw/`.", ()),
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
    Key(
        "audit.file",
        FILE,
        "File to append one JSON object a request to, in the shape of MinIO's audit log. Made with mode 0600; may be "
        "moved away while it is written. See [Audit](#audit).",
    ),
    Key(
        "audit.required",
        YES_NO,
        "Whether requests are refused (503) while `audit.file` cannot be written. By default they go on, and their "
        "lines wait, up to 8 MiB.",
        default=False,
    ),
    Key("audit.stdout", YES_NO, "Whether the same lines go to standard output, beside the log's.", default=False),
    Key("audit.webhook.url", TEXT, "`https://` address that the same lines are posted to, several at a time."),
    Key("audit.webhook.authorization_file", FILE, "A file with the value of `Authorization`, such as `Bearer TOKEN`."),
    Key("audit.webhook.ca_file", FILE, "PEM CA that signed its certificate. Without it the public CAs count."),
    Key("audit.webhook.queue", NUMBER, "Most lines that wait for it; further ones are lost, and counted.", 10000),
    Key("audit.webhook.timeout", SECONDS, "How long it may take for one request.", 10),
    Key("audit.deployment_id", TEXT, "What the lines name as `deploymentid`."),
    Key(
        "tracing.add",
        YES_NO,
        "Whether a request that comes without a `traceparent` gets one, which nobody signs. One that it has passes as "
        "it is. See [Tracing](#tracing).",
        default=False,
    ),
    Key("tracing.endpoint", TEXT, "OTLP/HTTP address that spans are sent to: `http://127.0.0.1:4318/v1/traces`."),
    Key("tracing.sample", SHARE, "Share of the requests that have spans. 0.01 by default."),
    Key(
        "canary.bucket",
        TEXT,
        "Bucket that the gateway tries its whole path with, at its start. Without it there is no canary. See "
        "[Canary](#canary).",
    ),
    Key("canary.client", TEXT, "Name of the client that does it; it must be allowed to put, get and delete there."),
    Key("canary.timeout", SECONDS, "How long all of it may take.", 2),
    Key("canary.retry", SECONDS, "How long after a failure it is tried again.", 10),
    Key(
        "state",
        FILE,
        "File in which it is kept how often, and when last, each key of a client was used, for `scripts/keys`, metrics "
        "and warnings. All processes share it; each writes once a minute at most. Made with mode 0600. Without it each "
        "process counts for itself, from its start.",
    ),
    Key(
        "lookup.url",
        TEXT,
        "Where access keys are asked for that `clients` does not name: `GET url/KEYID`. `clients` may then be missing. "
        "See [Keys that somebody else knows](#keys-that-somebody-else-knows).",
    ),
    Key("lookup.headers_file", FILE, "A file of headers to send along, `Name: value` on each line: `Authorization`."),
    Key("lookup.ca_file", FILE, "PEM CA that signed its certificate. Without it the public CAs count."),
    Key("lookup.cache", SECONDS, "How long an answer that names a key counts, and so one that is taken back.", 120),
    Key("lookup.negative_cache", SECONDS, "How long an answer counts that nobody has a key.", 30),
    Key("lookup.last_good", SECONDS, "How long the last answer that named a key counts while none comes.", 3600),
    Key(
        "lookup.per_second",
        PER_SECOND,
        "Most look-ups of unknown keys, in bursts of up to as many, then 503 SlowDown; and as many of known ones. "
        "Strangers choose what is asked for.",
        20,
    ),
    Key(
        "lookup.rights[].users",
        TEXTS,
        "Patterns of the users that the entry is for. The first entry that fits decides, and none opens nothing. "
        "Without `users` and `groups` it is for all.",
        (),
    ),
    Key("lookup.rights[].groups", TEXTS, "Patterns of the groups that it is for, too.", ()),
    Key("lookup.rights[].buckets", TEXTS, "As for `clients`.", ()),
    Key("lookup.rights[].prefixes", TEXTS, "As for `clients`.", ()),
    Key("lookup.rights[].read_only", YES_NO, "As for `clients`.", default=False),
    Key("lookup.rights[].operations", TEXTS, "As for `clients`.", ()),
    Key("lookup.rights[].list_buckets", YES_NO, "As for `clients`."),
)
