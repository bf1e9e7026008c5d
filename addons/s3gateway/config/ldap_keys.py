"""The keys of ``ldap``: the directory whose users log in. Most have the names that MinIO gave them."""

from s3gateway.config.kinds import FILE, NUMBER, PER_SECOND, SECONDS, SECRET, TEXT, YES_NO, Key

LDAP_KEYS = (
    Key(
        "ldap.server_addr",
        TEXT,
        "`host:port` of the directory; several, separated by commas, are tried in their order, the one that worked "
        "last first. See [LDAP and Active Directory](#ldap-and-active-directory).",
    ),
    Key(
        "ldap.srv_record_name",
        TEXT,
        "`ldap` or `ldaps`: `ldap.server_addr` is a domain, and its servers are those of the DNS record "
        "`_ldap._tcp.DOMAIN`. `on`: it is the record's own name.",
    ),
    Key("ldap.lookup_bind_dn", TEXT, "DN of the account that searches. Without it searches are anonymous."),
    Key("ldap.lookup_bind_password", SECRET, "Its password."),
    Key("ldap.lookup_bind_password_file", FILE, "A file holding the password instead."),
    Key("ldap.user_dn_search_base_dn", TEXT, "Where users are; several DNs are separated by `;`."),
    Key(
        "ldap.user_dn_search_filter",
        TEXT,
        "Finds a user, `%s` is the name: `(uid=%s)`, `(&(objectClass=user)(sAMAccountName=%s))`. Exactly one entry may "
        "match.",
    ),
    Key(
        "ldap.user_attribute",
        TEXT,
        "Attribute that is the user's name in rules (`{user}`) and in the log. By default the one that the filter "
        "compares with `%s`.",
    ),
    Key(
        "ldap.user_dn_attributes",
        TEXT,
        "Further attributes of the user, separated by commas, for templates of roles: `department` is `{department}`. "
        "One with several values is not known there.",
    ),
    Key("ldap.group_search_base_dn", TEXT, "Where groups are; several DNs are separated by `;`."),
    Key(
        "ldap.group_search_filter",
        TEXT,
        "Finds a user's groups, `%d` is the user's DN and `%s` the user's name: "
        "`(&(objectClass=groupOfNames)(member=%d))`. With Active Directory `(member:1.2.840.113556.1.4.1941:=%d)` "
        "finds groups of groups as well.",
    ),
    Key(
        "ldap.server_starttls",
        YES_NO,
        "StartTLS on a plain port, 389 by default, in place of TLS on 636.",
        default=False,
    ),
    Key(
        "ldap.server_insecure",
        YES_NO,
        "No TLS at all: passwords travel in the clear. Never across a network.",
        default=False,
    ),
    Key("ldap.ca_file", FILE, "PEM CA that signed the directory's certificate. Without it the public CAs count."),
    Key(
        "ldap.tls_skip_verify",
        YES_NO,
        "Take any certificate: whoever can stand in between reads the passwords. For a trial.",
        default=False,
    ),
    Key("ldap.timeout", SECONDS, "How long a login may take in all; then 503, which SDKs retry.", 10),
    Key("ldap.connections", NUMBER, "Most connections for searches, and as many for proving passwords.", 8),
    Key(
        "ldap.key_search_filter",
        TEXT,
        "The other model: requests are signed with keys that entries hold. Finds the entry of an access key that "
        "`clients` does not name, `%s` is the key: `(s3AccessKey=%s)`.",
    ),
    Key("ldap.key_search_base_dn", TEXT, "Where these entries are. By default `ldap.user_dn_search_base_dn`."),
    Key("ldap.secret_key_attribute", TEXT, "Attribute that holds the secret."),
    Key("ldap.key_cache", SECONDS, "How long such a key counts before it is looked up again.", 120),
    Key(
        "ldap.key_negative_cache", SECONDS, "How long an access key that no entry has is refused without a search.", 30
    ),
    Key("ldap.key_last_good", SECONDS, "How long the last answer that named a key counts while none comes.", 3600),
    Key(
        "ldap.keys_per_second",
        PER_SECOND,
        "Most searches for unknown access keys, in bursts of up to as many, then 503 SlowDown; and as many for known "
        "ones.",
        20,
    ),
)
