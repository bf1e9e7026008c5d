"""What to do about a cause, and where that is written: for the slugs of this package.

A cause has steps of its own, or those of its family: the longest beginning of its slug that is listed. The sentence of
an explanation says what happened with the values at hand; the steps here say how to find and mend it, in general.
"""

from dataclasses import dataclass

_AWS = "https://docs.aws.amazon.com/"


@dataclass(frozen=True, slots=True)
class Reference:
    """A page that says so."""

    title: str
    url: str


SIGNING = Reference("AWS: create a signed request", f"{_AWS}IAM/latest/UserGuide/create-signed-request.html")
TROUBLE = Reference(
    "AWS: troubleshoot signed requests", f"{_AWS}IAM/latest/UserGuide/signature-v4-troubleshooting.html"
)
S3_HEADER = Reference(
    "AWS: signature in the Authorization header", f"{_AWS}AmazonS3/latest/API/sig-v4-header-based-auth.html"
)
S3_QUERY = Reference("AWS: signature in the query", f"{_AWS}AmazonS3/latest/API/sigv4-query-string-auth.html")
S3_CHUNKS = Reference("AWS: signatures of chunks", f"{_AWS}AmazonS3/latest/API/sigv4-streaming.html")
S3_TRAILERS = Reference(
    "AWS: signatures of chunks and trailer", f"{_AWS}AmazonS3/latest/API/sigv4-streaming-trailers.html"
)
S3_METADATA = Reference("AWS: object metadata", f"{_AWS}AmazonS3/latest/userguide/UsingMetadata.html")
S3_KEYS = Reference("AWS: names of object keys", f"{_AWS}AmazonS3/latest/userguide/object-keys.html")
S3_COPY = Reference("AWS: CopyObject", f"{_AWS}AmazonS3/latest/API/API_CopyObject.html")
S3_ERRORS = Reference("AWS: S3 error responses", f"{_AWS}AmazonS3/latest/API/ErrorResponses.html")
SSE_C = Reference("AWS: SSE-C", f"{_AWS}AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html")
SSE_KMS = Reference("AWS: SSE-KMS", f"{_AWS}AmazonS3/latest/userguide/UsingKMSEncryption.html")
CREDENTIALS = Reference(
    "AWS: temporary credentials", f"{_AWS}IAM/latest/UserGuide/id_credentials_temp_use-resources.html"
)
NGINX_PROXY = Reference("nginx: ngx_http_proxy_module", "https://nginx.org/en/docs/http/ngx_http_proxy_module.html")
NGINX_CORE = Reference("nginx: ngx_http_core_module", "https://nginx.org/en/docs/http/ngx_http_core_module.html")
APACHE_PROXY = Reference("Apache: mod_proxy", "https://httpd.apache.org/docs/2.4/mod/mod_proxy.html")
HOP_BY_HOP = Reference("RFC 9110, 7.6.1: Connection", "https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1")
TRACE_CONTEXT = Reference("W3C: Trace Context", "https://www.w3.org/TR/trace-context/")
FIELD_VALUES = Reference("RFC 9110, 5.5: field values", "https://www.rfc-editor.org/rfc/rfc9110#section-5.5")
ENCODED_WORDS = Reference("RFC 2047: encoded-words", "https://www.rfc-editor.org/rfc/rfc2047")
UNICODE_FORMS = Reference("Unicode: normalization forms", "https://unicode.org/reports/tr15/")

_Entry = tuple[tuple[str, ...], tuple[Reference, ...]]

_LOGS = "boto3 and the AWS CLI log it (`aws --debug`), where awscrt is installed only with `BOTO_DISABLE_CRT=true`."
_HOST: _Entry = (
    (
        "nginx: `proxy_set_header Host $http_host;` (not `$host`, which has no port); Apache: `ProxyPreserveHost On`.",
        "HAProxy and Envoy pass Host on unless a rule changes it; Traefik: `passHostHeader: true`.",
        "Compare the client's endpoint with the Host that arrived: name and port must be the same.",
    ),
    (NGINX_PROXY, APACHE_PROXY),
)
_PATH: _Entry = (
    (
        "Let the proxy pass the target on byte for byte.",
        "nginx: `proxy_pass http://gateway;` without a path behind the name, and `merge_slashes off;`.",
        "Apache: `AllowEncodedSlashes NoDecode`, and `nocanon` behind `ProxyPass`; Traefik: `sanitizePath: false`.",
        "Envoy: `merge_slashes: false`, `path_with_escaped_slashes_action: KEEP_UNCHANGED`.",
        "If the client's own signer writes it so, configure it for S3: paths are encoded once, not normalised.",
    ),
    (S3_HEADER, NGINX_PROXY, NGINX_CORE),
)
_QUERY: _Entry = (
    (
        "Let the proxy add, drop and re-encode no parameter (no rewrite rules, no tracking parameters).",
        "In a client of your own: encode names and values once, sort by name, write `name=` where there is no value.",
    ),
    (S3_HEADER,),
)
_HEADER: _Entry = (
    (
        "Let the proxy pass the header on as it came, or the client not sign it: S3 asks for Host and x-amz-* alone.",
        "nginx: `proxy_set_header NAME $http_name;`, `ignore_invalid_headers off;`, `underscores_in_headers on;`.",
        "A CDN in between (Cloudflare and others) always rewrites Accept-Encoding: take it out of the way.",
    ),
    (S3_HEADER, NGINX_PROXY, HOP_BY_HOP),
)
_CHARSET: _Entry = (
    (
        "Keep header values in ASCII: percent-encode or base64 metadata in the client, and decode it when it is read.",
        "If the value has to stay, use a client that writes headers in the charset that it signs in, UTF-8.",
    ),
    (S3_METADATA, FIELD_VALUES),
)
_SECRET: _Entry = (
    (
        "Set access key and secret anew, together, from one source; compare the secret's length, not its text.",
        "Look for what stands before the file that you edit: environment, profile, instance credentials.",
    ),
    (TROUBLE,),
)
_TOKEN: _Entry = (
    (
        "Take access key, secret and session token from one answer of STS, and set all three.",
        "Unset AWS_SESSION_TOKEN where lasting keys are used.",
    ),
    (CREDENTIALS,),
)
_SCOPE: _Entry = (
    (
        "Give the client's signer the region of its endpoint and the service `s3`.",
        "Let it derive its key of the UTC date of X-Amz-Date, anew each day.",
    ),
    (SIGNING,),
)
_CLOCK: _Entry = (
    ("Compare `date -u` on both machines; set them by NTP.", "Write times in UTC."),
    (S3_ERRORS,),
)
_BODY: _Entry = (
    (
        "Compare the length and SHA-256 of the body on both sides of each hop.",
        "Let no proxy compress, unpack, filter or convert bodies of uploads.",
    ),
    (S3_HEADER,),
)
_CHUNKS: _Entry = (
    (
        "Let no proxy buffer and rewrite uploads; pass bodies on as they came.",
        "In a client of your own: each chunk's signature covers the one before it and the hash of its data.",
    ),
    (S3_CHUNKS, S3_TRAILERS),
)
_BACKEND: _Entry = (("Compare `backend` in the gateway's configuration with the server's own.",), (S3_ERRORS,))

_ENCRYPTION: _Entry = (
    (
        "Send SSE headers with PutObject, CreateMultipartUpload and CopyObject alone, SSE-C's with reads as well.",
        "Keep one of SSE-C, SSE-KMS and SSE-S3, in the client or in the gateway's `encryption` rules.",
    ),
    (SSE_C, SSE_KMS),
)

ENTRIES: dict[str, _Entry] = {
    "host": _HOST,
    "host-addressing-style": (
        (
            "Let the client use the style that the proxy keeps.",
            "Path style: `addressing_style = path`, `fs.s3a.path.style.access=true`; else `addressing.domains`.",
            *_HOST[0],
        ),
        _HOST[1],
    ),
    "host-unsigned": (("Sign Host: S3 takes no request without.",), (S3_HEADER,)),
    "path": _PATH,
    "path-unicode-form": (
        ("Normalise keys to one Unicode form (NFC) in the client before it signs and sends.",),
        (UNICODE_FORMS, S3_KEYS),
    ),
    "path-charset": (("Write keys in UTF-8, percent-encoded once, in signer and HTTP library alike.",), (S3_KEYS,)),
    "key": (("Give the object a name that the server takes.",), (S3_KEYS,)),
    "query": _QUERY,
    "query-parameter-changed": (("A presigned URL cannot be edited: presign a new one.",), (S3_QUERY,)),
    "query-parameter-added": (
        (
            "Let nothing add parameters to a signed URL: mailers, trackers and CDNs do.",
            "Presign the URL with all the parameters that it is to have.",
        ),
        (S3_QUERY,),
    ),
    "header": _HEADER,
    "signed-header-not-sent": _HEADER,
    "signed-headers": (("Sort the signed headers by name in lower case, in both places.",), (S3_HEADER,)),
    "x-amz-header-unsigned": (("Sign every x-amz-* header, or add it before signing.",), (S3_HEADER,)),
    "charset": _CHARSET,
    "charset-encoded-word": (_CHARSET[0], (S3_METADATA, ENCODED_WORDS)),
    "unicode-form": (("Normalise values to one Unicode form (NFC) before signing.", *_CHARSET[0]), (UNICODE_FORMS,)),
    "percent-encoding": (("Encode the value in one place only, before it is signed.",), (S3_METADATA,)),
    "copy-source-encoding": (
        ("Encode the key in x-amz-copy-source once; an SDK that does it itself needs the plain key.",),
        (S3_COPY,),
    ),
    "tracing-header-signed": (
        (
            "Let the SDK's signer ignore traceparent, tracestate and their kin; newer SDKs do.",
            "Or let the tracing agent leave requests alone that bear an AWS4 signature.",
        ),
        (TRACE_CONTEXT,),
    ),
    "retry-not-signed": (("Update the SDK; look in its log for why the first attempt failed.",), (SIGNING,)),
    "method-changed": (
        ("nginx: `proxy_cache_convert_head off;` or no cache; presign a URL for the method that it is used with.",),
        (NGINX_PROXY, S3_QUERY),
    ),
    "payload": _BODY,
    "body": _BODY,
    "chunk": _CHUNKS,
    "trailer": _CHUNKS,
    "secret": _SECRET,
    "wrong-secret": (
        (
            *_SECRET[0],
            "If it is right: bring the client's debug log and the server's error document.",
            _LOGS,
        ),
        (TROUBLE,),
    ),
    "changed-beyond-guessing": (
        (
            "Compare both sides: the client's debug log has the canonical request that it signed.",
            "Try without the proxy; then add its rules one by one.",
        ),
        (TROUBLE,),
    ),
    "unexplained": (
        ("Bring the client's debug log and the server's error document: both have their canonical request.", _LOGS),
        (TROUBLE,),
    ),
    "canonical-request-differs": (("Bring the canonical requests of both sides, not their hashes.",), (TROUBLE,)),
    "keys-swapped": (("Swap access key and secret back; issue a new secret, as this one was sent.",), (TROUBLE,)),
    "unknown-access-key": (("Add the access key to `clients`, or correct it in the client.",), (S3_ERRORS,)),
    "signature-version": (
        (
            "Use Signature Version 4: `signature_version = s3v4` (boto3, AWS CLI), `signature_v2 = False` (s3cmd).",
            "boto3 and the AWS CLI presign with version 2 in some regions unless they are told.",
        ),
        (S3_HEADER, S3_QUERY),
    ),
    "session-token": _TOKEN,
    "sts": (
        ("Try `aws sts get-caller-identity` with the same keys and endpoint.", "The gateway's log has the reason."),
        (CREDENTIALS,),
    ),
    "region": _SCOPE,
    "scope": _SCOPE,
    "algorithm": _SCOPE,
    "timestamp": _CLOCK,
    "clock": _CLOCK,
    "date": _CLOCK,
    "no-date": _CLOCK,
    "presigned-expired": (("Presign a new URL, with a longer life (7 days at most).",), (S3_QUERY,)),
    "refused": (("The code and message of the answer say what to change.",), (S3_ERRORS,)),
    "backend": _BACKEND,
    "encryption": _ENCRYPTION,
    "two-encryptions": _ENCRYPTION,
    "kms-key": _ENCRYPTION,
    "customer-key": _ENCRYPTION,
}
"""Steps and pages by slug, or by its beginning up to a dash."""


def look_up(cause: str) -> _Entry:
    """Give the steps and the pages for a slug; of several joined with ``+``, those of each, once."""
    found = [entry for one in cause.split("+") if (entry := _entry(one))]
    steps = dict.fromkeys(step for entry in found for step in entry[0])
    pages = dict.fromkeys(page for entry in found for page in entry[1])
    return tuple(steps), tuple(pages)


def _entry(cause: str) -> _Entry | None:
    while cause:
        if cause in ENTRIES:
            return ENTRIES[cause]
        cause = cause.rpartition("-")[0]
    return None
