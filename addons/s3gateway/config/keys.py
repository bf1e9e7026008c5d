"""The configuration's keys: one table, which is also the documentation.

The README's table is rendered from it, and a test holds the two together.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

MEBIBYTE = 1024 * 1024
_REQUIRED = object()


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of value: ``name`` for the README, ``one`` of it for messages, ``accepts`` decides."""

    name: str
    accepts: Callable[[Any], bool]
    article: str = "a "

    @property
    def one(self) -> str:
        """The name as it stands in a sentence."""
        return self.article + self.name


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return _is_int(value) or isinstance(value, float)


TEXT = Kind("text", lambda value: isinstance(value, str) and value != "", "")
SECRET = Kind("secret text", lambda value: isinstance(value, str) and value != "", "")
FILE = Kind("file name", lambda value: isinstance(value, str) and value != "")
PORT = Kind("port number", lambda value: _is_int(value) and 0 < value < 65536)  # noqa: PLR2004
NUMBER = Kind("number > 0", lambda value: _is_int(value) and value > 0)
BYTES = Kind("number of bytes > 0", lambda value: _is_int(value) and value > 0)
PER_SECOND = Kind("number a second > 0", lambda value: _is_number(value) and 0 < value < math.inf)
SECONDS = Kind("number of seconds > 0", lambda value: _is_number(value) and 0 < value < math.inf)
WHOLE_SECONDS = Kind("whole number of seconds", lambda value: _is_int(value) and 0 <= value < 2**31)
YES_NO = Kind("true or false", lambda value: isinstance(value, bool), "")
TRUE = Kind("true", lambda value: value is True, "")
TEXTS = Kind("list of text", lambda value: isinstance(value, list) and all(isinstance(x, str) and x for x in value))
MOMENT = Kind("date", lambda value: isinstance(value, date) or (isinstance(value, str) and value != ""))
HEALTH = Kind("403 or 200", lambda value: _is_int(value) and value in (403, 200), "")
BACKEND_TYPE = Kind("minio or aistor", lambda value: value in ("minio", "aistor"), "")
BACKEND_IDENTITY = Kind("shared or session", lambda value: value in ("shared", "session"), "")
LOG_FORMAT = Kind("auto, text or json", lambda value: value in ("auto", "text", "json"), "")


@dataclass(frozen=True, slots=True)
class Key:
    """One key: dotted path (``[]`` marks entries of a list), type, default, and its meaning for the README."""

    path: str
    kind: Kind
    meaning: str
    default: Any = None

    @property
    def required(self) -> bool:
        """Whether a document without it is refused."""
        return self.default is _REQUIRED


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
    Key(
        "backend.credentials.keys[].access_key_id",
        TEXT,
        "Several keys instead, the preferred one first: the gateway takes the first that is in its term and that the "
        "backend accepts. See [Rotate keys](#rotate-keys).",
    ),
    Key("backend.credentials.keys[].secret_access_key", SECRET, "Its secret."),
    Key("backend.credentials.keys[].secret_access_key_file", FILE, "A file holding the secret instead."),
    Key("backend.credentials.keys[].session_token", SECRET, "Its session token, for temporary credentials."),
    Key("backend.credentials.keys[].not_before", MOMENT, "From when it may be used."),
    Key("backend.credentials.keys[].not_after", MOMENT, "Until when it may be used."),
    Key("clients[].name", TEXT, "Identity, for rules and the log.", _REQUIRED),
    Key("clients[].access_key_id", TEXT, "Access key that the client signs with; each only once."),
    Key("clients[].secret_access_key", SECRET, "Its secret."),
    Key("clients[].secret_access_key_file", FILE, "A file holding the secret instead."),
    Key("clients[].not_before", MOMENT, "From when the key counts: `2026-12-31` (UTC) or `2026-12-31T18:00:00Z`."),
    Key("clients[].not_after", MOMENT, "Until when it counts, that day or second included. 403 InvalidAccessKeyId."),
    Key(
        "clients[].keys[].access_key_id",
        TEXT,
        "Several keys, or several secrets of one, in place of the four above; all that are in their term count. By "
        "default the client's `access_key_id`. See [Rotate keys](#rotate-keys).",
    ),
    Key("clients[].keys[].secret_access_key", SECRET, "Its secret."),
    Key("clients[].keys[].secret_access_key_file", FILE, "A file holding the secret instead."),
    Key("clients[].keys[].not_before", MOMENT, "From when it counts."),
    Key("clients[].keys[].not_after", MOMENT, "Until when it counts."),
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
        BACKEND_IDENTITY,
        "Whose hand reaches the backend: the gateway's own key, or a `session` there that the client's rules narrow. "
        "See [Whose hand at the backend](#whose-hand-at-the-backend).",
        "shared",
    ),
    Key("encryption[].bucket", TEXT, "Pattern of the buckets the rule is for.", "*"),
    Key("encryption[].prefix", TEXT, "Literal beginning of the keys the rule is for.", ""),
    Key("encryption[].client", TEXT, "Pattern of the client names the rule is for.", "*"),
    Key("encryption[].sse-kms", TEXT, "Encrypt with this KMS key id."),
    Key("encryption[].sse-s3", TRUE, "Encrypt with the backend's own key."),
    Key("encryption[].sse-c", FILE, "Encrypt with the 256-bit key in this file (32 bytes, or base64)."),
    Key("encryption[].none", TRUE, "Leave as the client sent it; ends the search."),
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
        _REQUIRED,
    ),
    Key("cors[].methods", TEXTS, "What they may do: `GET`, `PUT`, `POST`, `DELETE`, `HEAD`.", _REQUIRED),
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
