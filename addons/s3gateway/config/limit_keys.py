"""The keys of ``limits``, each with its reason."""

from s3gateway.config.kinds import BYTES, NUMBER, PER_SECOND, SECONDS, Key

_MEBIBYTE = 1024 * 1024

LIMIT_KEYS = (
    Key(
        "limits.aws_chunk",
        BYTES,
        "Largest signed aws-chunk; one is held in memory per upload. MinIO takes no more than 16 MiB. An unsigned one "
        "(`STREAMING-UNSIGNED-PAYLOAD-TRAILER`) may have any size: in a body above the limit the gateway makes chunks "
        "of its own.",
        16 * _MEBIBYTE,
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
        1024 * _MEBIBYTE,
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
        "A Spark executor has up to 96. Behind a load balancer all come from one, unless it "
        "names them (`listen.proxy_protocol`).",
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
)
