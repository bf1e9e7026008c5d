"""The keys of ``web_identity``: issuers whose tokens are taken."""

from s3gateway.config.kinds import FILE, REQUIRED, TEXT, TEXTS, Key

WEB_IDENTITY_KEYS = (
    Key(
        "web_identity[].issuer",
        TEXT,
        "A trusted issuer, as the claim `iss` of its tokens says it, to the letter: `https://...`. "
        "See [Web identity](#web-identity).",
        REQUIRED,
    ),
    Key("web_identity[].audiences", TEXTS, "Audiences, to the letter: a token must be for one of them.", REQUIRED),
    Key(
        "web_identity[].subjects",
        TEXTS,
        "Patterns (`*`, `?`) of the subjects that may log in: `repo:org/*`, `system:serviceaccount:spark:*`. On a "
        "public issuer `*` is everybody.",
        REQUIRED,
    ),
    Key(
        "web_identity[].algorithms",
        TEXTS,
        "Signature algorithms: `RS256`, `RS384`, `RS512`, `PS256`, `PS384`, `PS512`, `ES256`, `ES384`, `ES512`, "
        "`EdDSA`.",
        ("RS256", "ES256"),
    ),
    Key("web_identity[].user_claim", TEXT, "Claim that is the user's name in rules (`{user}`) and in the log.", "sub"),
    Key(
        "web_identity[].jwks_uri",
        TEXT,
        "`https://` address of the issuer's keys. By default the issuer's `/.well-known/openid-configuration` names "
        "it, which must be on the issuer's own host.",
    ),
    Key(
        "web_identity[].jwks_file",
        FILE,
        "A file with the keys (a JSON Web Key Set) instead: nothing is fetched, and a changed file counts at once.",
    ),
    Key(
        "web_identity[].ca_file", FILE, "PEM CA that signed the issuer's certificate. Without it the public CAs count."
    ),
    Key(
        "web_identity[].token_file",
        FILE,
        "A bearer token to ask for the keys with, as Kubernetes wants one; read each time.",
    ),
)
