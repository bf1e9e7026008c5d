"""The keys of ``sts`` and ``roles``."""

from s3gateway.config.kinds import (
    BACKEND_IDENTITY,
    FILE,
    MOMENT,
    PER_SECOND,
    REQUIRED,
    TEXT,
    TEXTS,
    WHOLE_SECONDS,
    YES_NO,
    Key,
)

IDENTITY_KEYS = (
    Key(
        "sts.ring",
        FILE,
        "File with the keys that seal sessions, made with `scripts/make_ring`; every gateway that is to open them has "
        "the same. Without it sessions end when the gateway does, and no other one opens them; `scripts/serve` needs "
        "it. `sts: {}` switches STS on, see [Sessions](#sessions).",
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
)
