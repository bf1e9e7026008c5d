"""What goes wrong between client and gateway: each a request that was really signed, and what a hop then did to it.

``told`` are the decisive words of the sentence. ``make`` takes the keys that the client signs with, so each case has
its control: the same with a wrong secret.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from s3gateway.sigv4.model import RequestHead
from tests.explain.clients import Keys, Own, adds, botocore, drops, java, presigned, sets, writes
from tests.real.sdkv1 import STREAMING, Key, Target, put_chunked
from tests.sigv4.aws import CLIENT, EMPTY, GATEWAY

Make = Callable[[Keys], RequestHead]
NOW = timedelta()
"""At the time that the request itself names."""


@dataclass(frozen=True)
class Case:
    """One cause.

    ``late`` is how much later than now the gateway's clock is, ``control`` the slug under a wrong secret.
    """

    name: str
    cause: str
    told: tuple[str, ...]
    make: Make
    late: timedelta = NOW
    known_hosts: tuple[str, ...] = ()
    control: str = "wrong-secret"
    not_told: tuple[str, ...] = field(default=())


def _get(keys: Keys, *headers: tuple[str, str], target: str = "/bucket/key", **more: str) -> RequestHead:
    return botocore(keys, "GET", target, headers, **more)  # type: ignore[arg-type]  # at, payload


def _put(keys: Keys, *headers: tuple[str, str], target: str = "/bucket/key") -> RequestHead:
    return botocore(keys, "PUT", target, headers, payload="UNSIGNED-PAYLOAD")


def _secret(change: Callable[[str], str]) -> Make:
    return lambda keys: _get(replace(keys, secret=change(keys.secret)))


def _upload(keys: Keys) -> RequestHead:
    key = Key(keys.access_key_id, keys.secret)
    upload = put_chunked(Target("bucket", "key"), b"x" * 66_387, key=key, chunk=65536, host="gateway.example:8000")
    return RequestHead(b"PUT", upload.request.target, tuple(upload.request.headers))


def _swapped(keys: Keys) -> RequestHead:
    return _get(Keys(keys.secret, keys.access_key_id))


def _signed_at(hours: int, minutes: int = 0) -> str:
    return f"{datetime.now(UTC) + timedelta(hours=hours, minutes=minutes):%Y%m%dT%H%M%SZ}"


def _one_second_on(keys: Keys) -> RequestHead:
    moment = datetime.now(UTC).replace(microsecond=0)
    later = moment.replace(second=30)
    stated, signed = (f"{at:%Y%m%dT%H%M%SZ}" for at in (later, later + timedelta(seconds=1)))
    return Own(timestamp=stated, timestamp_line=signed).head(keys)


def _swap(steps: list[str], at: int, value: str) -> list[str]:
    return [value if i == at else step for i, step in enumerate(steps)]


def _yesterday(steps: list[str]) -> list[str]:
    day = datetime.strptime(steps[0], "%Y%m%d").replace(tzinfo=UTC) - timedelta(days=1)
    return _swap(steps, 0, f"{day:%Y%m%d}")


def _presigned_edit(keys: Keys) -> RequestHead:
    return writes(presigned(keys, "GET", "/bucket/key", expires=900), "X-Amz-Expires=900", "X-Amz-Expires=604800")


def _virtual_host(keys: Keys) -> RequestHead:
    head = botocore(keys, "GET", "/a/key", at="http://bucket.s3.example.com")
    return replace(sets(head, "Host", "s3.example.com"), target=b"/bucket/a/key")


def _path_style(keys: Keys) -> RequestHead:
    head = botocore(keys, "GET", "/bucket/a/key", at="http://s3.example.com")
    return replace(sets(head, "Host", "bucket.s3.example.com"), target=b"/a/key")


def _without_saying_token(head: RequestHead) -> RequestHead:
    authorization = (head.first(b"authorization") or b"").decode()
    return sets(head, "Authorization", authorization.replace(";x-amz-security-token", ""))


def _composed(keys: Keys) -> RequestHead:
    head = _get(keys, target="/bucket/" + quote("caf\u00e9"))
    return writes(head, quote("caf\u00e9"), quote("cafe\u0301"))


HOSTS = (
    Case(
        "a proxy drops the port",
        "host-port",
        ("signed Host `gateway.example:8000`", "wire says `gateway.example`", "$http_host"),
        lambda k: sets(_get(k), "Host", "gateway.example"),
    ),
    Case(
        "a proxy adds its own port",
        "host-port",
        ("signed Host `gateway.example`", "wire says `gateway.example:8080`"),
        lambda k: sets(_get(k, at="http://gateway.example"), "Host", "gateway.example:8080"),
    ),
    Case(
        "a port mapping changes the port",
        "host-port",
        ("signed Host `gateway.example:9000`", "wire says `gateway.example:8000`"),
        lambda k: sets(_get(k, at="http://gateway.example:9000"), "Host", "gateway.example:8000"),
    ),
    Case(
        "a proxy drops a port that nothing tells",
        "host-port",
        ("signed Host `gateway.example:7480`", "wire says `gateway.example`"),
        lambda k: sets(_get(k, at="http://gateway.example:7480"), "Host", "gateway.example"),
    ),
    Case(
        "nginx's default: Host is the address that it passes on to",
        "host-port",
        ("signed Host `127.0.0.1:8480`", "wire says `127.0.0.1:8001`"),
        lambda k: sets(_get(k, at="http://127.0.0.1:8480"), "Host", "127.0.0.1:8001"),
    ),
    Case(
        "a proxy tells the port that it drops",
        "host-port",
        ("signed Host `gateway.example:30443`",),
        lambda k: adds(
            sets(_get(k, at="http://gateway.example:30443"), "Host", "gateway.example"), "X-Forwarded-Port", "30443"
        ),
    ),
    Case(
        "the client signs the default port that it does not send",
        "host-port",
        ("signed Host `gateway.example:443`", "wire says `gateway.example`"),
        lambda k: sets(_get(k, ("Host", "gateway.example:443")), "Host", "gateway.example"),
    ),
    Case(
        "a proxy puts the upstream's name into Host and tells the old one in X-Forwarded-Host",
        "host-rewritten",
        ("signed Host `storage.corp.example`", "wire says `10.0.0.7:8000`", "ProxyPreserveHost On"),
        lambda k: adds(
            sets(_get(k, at="http://storage.corp.example"), "Host", "10.0.0.7:8000"),
            "X-Forwarded-Host",
            "storage.corp.example",
        ),
    ),
    Case(
        "the old Host stands in Forwarded",
        "host-rewritten",
        ("signed Host `storage.corp.example:8443`", "proxy in front rewrites Host"),
        lambda k: adds(
            sets(_get(k, at="http://storage.corp.example:8443"), "Host", "upstream"),
            "Forwarded",
            'for=192.0.2.1;host="storage.corp.example:8443";proto=https',
        ),
    ),
    Case(
        "a tunnel: the client knows the gateway as localhost",
        "host-rewritten",
        ("signed Host `localhost:8000`", "wire says `gateway.example:8000`"),
        lambda k: sets(_get(k, at="http://localhost:8000"), "Host", "gateway.example:8000"),
    ),
    Case(
        "the client signed for the backend, whose name now leads to the gateway",
        "host-rewritten",
        ("signed Host `minio.example:9000`",),
        lambda k: sets(_get(k, at="http://minio.example:9000"), "Host", "gateway.example"),
    ),
    Case(
        "the client signed a configured domain",
        "host-rewritten",
        ("signed Host `s3.example.com`",),
        lambda k: sets(_get(k, at="http://s3.example.com"), "Host", "upstream.internal"),
    ),
    Case(
        "the client signed a name of the gateway's certificate",
        "host-rewritten",
        ("signed Host `objects.corp.example`",),
        lambda k: sets(_get(k, at="https://objects.corp.example"), "Host", "upstream.internal"),
        known_hosts=("objects.corp.example",),
    ),
    Case(
        "a proxy moves the bucket from Host into the path",
        "host-addressing-style",
        ("signed virtual-host style", "`bucket.s3.example.com`", "wire says path style"),
        _virtual_host,
    ),
    Case(
        "a proxy moves the bucket from the path into Host",
        "host-addressing-style",
        ("signed path style", "wire says virtual-host style"),
        _path_style,
    ),
)
PATHS = (
    Case(
        "a proxy decodes the path once",
        "path-encoded-once-less",
        ("`/bucket/100%2525`", "decodes the path once"),
        lambda k: writes(_get(k, target="/bucket/100%2525"), "%2525", "%25"),
    ),
    Case(
        "botocore's signer for other services encodes the path twice",
        "path-encoded-once-less",
        ("`/bucket/a%2520b`", "encodes paths twice"),
        lambda k: botocore(k, "GET", "/bucket/a%20b", for_s3=False),
    ),
    Case(
        "a proxy encodes the path once more",
        "path-encoded-once-more",
        ("signed the path `/bucket/a%20b`", "wire says `/bucket/a%2520b`"),
        lambda k: writes(_get(k, target="/bucket/a%20b"), "%20", "%2520"),
    ),
    Case(
        "a proxy writes spaces of the path as plus",
        "path-plus-space",
        ("turns spaces of the path into `+`",),
        lambda k: writes(_get(k, target="/bucket/a%20b"), "%20", "+"),
    ),
    Case(
        "a proxy takes plus in a path for a space",
        "path-plus-space",
        ("turns `+` of the path into a space",),
        lambda k: writes(_get(k, target="/bucket/a%2Bb"), "%2B", "%20"),
    ),
    Case(
        "a proxy decodes %2F in a key",
        "path-slash-escape",
        ("`/bucket/a%2Fb`", "decodes %2F"),
        lambda k: writes(_get(k, target="/bucket/a%2Fb"), "%2F", "/"),
    ),
    Case(
        "botocore signs %2F as it is",
        "path-slash-escape",
        ("signs %2F inside a key as it is",),
        lambda k: _get(k, target="/bucket/a%2Fb/c"),
    ),
    Case(
        "a proxy merges double slashes",
        "path-slashes-merged",
        ("`/bucket/a//b`", "merge_slashes off"),
        lambda k: writes(_get(k, target="/bucket/a//b"), "//", "/"),
    ),
    Case(
        "an endpoint that ends in a slash",
        "path-slash-doubled",
        ("endpoint that ends in a slash", "wire says `//bucket/key`"),
        lambda k: writes(_get(k), "/bucket", "//bucket"),
    ),
    Case(
        "a proxy resolves dots",
        "path-dots-resolved",
        ("`/bucket/a/./b`", "proxy in front resolves dot segments"),
        lambda k: writes(Own(target="/bucket/a/./b").head(k), "/./", "/"),
    ),
    Case(
        "a proxy removes the slash of a directory marker",
        "path-trailing-slash",
        ("removes a slash at the end",),
        lambda k: writes(_get(k, target="/bucket/dir/"), "dir/", "dir"),
    ),
    Case(
        "a proxy removes the slash behind a bucket",
        "path-trailing-slash",
        ("signed the path `/bucket/`", "removes a slash at the end"),
        lambda k: writes(_get(k, target="/bucket/?list-type=2"), "/?", "?"),
    ),
    Case(
        "a proxy adds a slash",
        "path-trailing-slash",
        ("adds a slash at the end",),
        lambda k: writes(_get(k, target="/bucket"), "/bucket", "/bucket/"),
    ),
    Case(
        "a proxy strips a usual prefix",
        "path-prefix-stripped",
        ("signed the path `/s3/bucket/key`", "strips a prefix"),
        lambda k: writes(_get(k, target="/s3/bucket/key"), "/s3", ""),
    ),
    Case(
        "a proxy merges two double slashes",
        "path-slashes-merged",
        ("`/bucket//a/b//c`",),
        lambda k: writes(_get(k, target="/bucket//a/b//c"), "/bucket//a/b//c", "/bucket/a/b/c"),
    ),
    Case(
        "nginx with a prefix location and a path in proxy_pass: prefix and double slash go",
        "path-prefix-stripped+path-slashes-merged",
        ("signed the path `/s3/bucket/a%20b/c%2Bd//e`", "wire says `/bucket/a%20b/c+d/e`", "merge_slashes off"),
        lambda k: writes(
            _get(k, target="/s3/bucket/a%20b/c%2Bd//e"), "/s3/bucket/a%20b/c%2Bd//e", "/bucket/a%20b/c+d/e"
        ),
    ),
    Case(
        "a proxy strips a prefix and tells it",
        "path-prefix-stripped",
        ("`/team/objects7/bucket/key`",),
        lambda k: adds(
            writes(_get(k, target="/team/objects7/bucket/key"), "/team/objects7", ""),
            "X-Forwarded-Prefix",
            "/team/objects7",
        ),
    ),
    Case(
        "a proxy adds a prefix",
        "path-prefix-added",
        ("signed the path `/bucket/key`", "puts a prefix before"),
        lambda k: writes(_get(k), "/bucket", "/tenant/bucket"),
    ),
    Case(
        "a proxy rewrites the path and tells the old one",
        "path-rewritten",
        ("signed the path `/old/place`", "says so in x-original-uri"),
        lambda k: adds(
            writes(_get(k, target="/old/place"), "/old/place", "/bucket/new"), "X-Original-URI", "/old/place"
        ),
    ),
    Case(
        "the client leaves characters unescaped",
        "path-escapes",
        ("escapes other characters than S3", "where S3 signs `/bucket/it%27s%281%29%21`"),
        lambda k: _get(k, target="/bucket/it's(1)!"),
    ),
    Case(
        "the client escapes in lower case",
        "path-escapes",
        ("escapes other characters than S3",),
        lambda k: _get(k, target="/bucket/caf%c3%a9"),
    ),
    Case(
        "the client escapes the tilde, as old ones do",
        "path-escapes",
        ("signed the path `/bucket/%7Ea`", "wire says `/bucket/~a`"),
        lambda k: Own(target="/bucket/~a", uri="/bucket/%7Ea").head(k),
    ),
    Case("a proxy decomposes accents", "path-unicode-form", ("Unicode NFC was signed",), _composed),
)
QUERIES = (
    Case(
        "the client does not sort",
        "query-order",
        ("another order",),
        lambda k: Own(target="/bucket?prefix=a&list-type=2", query="prefix=a&list-type=2").head(k),
    ),
    Case(
        "the client signs a sub-resource without its equals sign",
        "query-equals-sign",
        ("`uploads` for `uploads=`",),
        lambda k: Own("POST", "/bucket/key?uploads", query="uploads").head(k),
    ),
    Case(
        "a plus that means a plus",
        "query-plus-space",
        ("signed a plus (%2B) where the wire says `+`",),
        lambda k: writes(_get(k, target="/bucket?prefix=a%2Bb"), "%2B", "+"),
    ),
    Case(
        "a proxy takes a plus for a space",
        "query-plus-space",
        ("signed a plus (%2B) where the wire says a space",),
        lambda k: writes(_get(k, target="/bucket?prefix=a%2Bb"), "%2B", "%20"),
    ),
    Case(
        "the client escapes the tilde of a query",
        "query-escapes",
        ("escapes other characters of the query",),
        lambda k: Own(target="/bucket?prefix=~a", query="prefix=%7Ea").head(k),
    ),
    Case(
        "a proxy adds a parameter",
        "query-parameter-added",
        ("`utm_source`", "added after the client signed"),
        lambda k: writes(_get(k, target="/bucket?list-type=2"), "?", "?utm_source=mail&"),
    ),
    Case(
        "a proxy drops x-id",
        "query-parameter-removed",
        ("`x-id=GetObject`", "did not arrive"),
        lambda k: writes(_get(k, target="/bucket/key?x-id=GetObject"), "?x-id=GetObject", ""),
    ),
    Case(
        "a proxy encodes the query once more",
        "query-encoded-once-more",
        ("encoded once more",),
        lambda k: writes(_get(k, target="/bucket?prefix=a%2Fb"), "%2F", "%252F"),
    ),
    Case(
        "a proxy decodes the query once",
        "query-encoded-once-less",
        ("encoded once less",),
        lambda k: writes(_get(k, target="/bucket?prefix=100%2525"), "%2525", "%25"),
    ),
    Case(
        "botocore signs a bare slash as it is",
        "query-as-sent",
        ("as it stands on the wire",),
        lambda k: _get(k, target="/bucket?list-type=2&prefix=a/b"),
    ),
    Case(
        "somebody prolongs a presigned URL",
        "query-parameter-changed",
        ("X-Amz-Expires was 900", "cannot be edited"),
        _presigned_edit,
    ),
    Case(
        "a mailer tags a presigned URL",
        "query-parameter-added",
        ("`fbclid`",),
        lambda k: writes(presigned(k, "GET", "/bucket/key"), "?", "?fbclid=1&"),
    ),
    Case(
        "a mailer tags a presigned URL twice",
        "query-parameter-added",
        ("parameters were added to the URL after it was presigned",),
        lambda k: writes(presigned(k, "GET", "/bucket/key"), "?", "?utm_source=mail&utm_medium=web&"),
        not_told=("signed no query",),
    ),
    Case(
        "the session token is put on the URL after signing",
        "session-token-unsigned",
        ("session token was put on the URL after signing",),
        lambda k: writes(presigned(k, "GET", "/bucket/key"), "?", "?X-Amz-Security-Token=t0k3n&"),
        not_told=("t0k3n",),
    ),
)
HEADERS = (
    Case(
        "a proxy asks for gzip",
        "header-changed",
        ("signed Accept-Encoding `identity`", "wire says `gzip`"),
        lambda k: sets(_get(k, ("Accept-Encoding", "identity")), "Accept-Encoding", "gzip"),
    ),
    Case(
        "a proxy drops Accept-Encoding",
        "header-missing",
        ("signed Accept-Encoding `gzip, deflate`", "did not arrive"),
        lambda k: drops(_get(k, ("Accept-Encoding", "gzip, deflate")), "Accept-Encoding"),
    ),
    Case(
        "SDK v1's Connection is signed and dropped",
        "header-missing",
        ("signed Connection `Keep-Alive`", "concern one connection"),
        lambda k: drops(_get(k, ("Connection", "Keep-Alive")), "Connection"),
    ),
    Case(
        "a proxy writes Connection anew",
        "header-changed",
        ("signed Connection `keep-alive`", "wire says `close`"),
        lambda k: sets(_get(k, ("Connection", "keep-alive")), "Connection", "close"),
    ),
    Case(
        "TE is signed and dropped",
        "header-missing",
        ("signed TE `trailers`",),
        lambda k: drops(_get(k, ("TE", "trailers")), "TE"),
    ),
    Case(
        "the AWS CLI's Expect is signed and dropped",
        "header-missing",
        ("signed Expect `100-continue`",),
        lambda k: drops(_put(k, ("Expect", "100-continue")), "Expect"),
    ),
    Case(
        "a proxy drops User-Agent, which nobody can guess",
        "header-missing",
        ("User-Agent is signed and did not arrive", "its value cannot be guessed"),
        lambda k: drops(java(k, "GET", Target("bucket", "key")), "User-Agent"),
        control="header-missing",
    ),
    Case(
        "a proxy appends to User-Agent",
        "header-changed",
        ("signed User-Agent", "via-proxy"),
        lambda k: sets(_get(k, ("User-Agent", "app/1.0 lib/2")), "User-Agent", "app/1.0 lib/2 via-proxy/3"),
    ),
    Case(
        "a proxy adds a charset",
        "header-changed",
        ("signed Content-Type `text/csv`", "wire says `text/csv; charset=utf-8`"),
        lambda k: sets(_put(k, ("Content-Type", "text/csv")), "Content-Type", "text/csv; charset=utf-8"),
    ),
    Case(
        "a proxy drops a charset",
        "header-changed",
        ("signed Content-Type `text/csv; charset=utf-8`",),
        lambda k: sets(_put(k, ("Content-Type", "text/csv; charset=utf-8")), "Content-Type", "text/csv"),
    ),
    Case(
        "a proxy chunks the body and drops Content-Length",
        "header-missing",
        ("signed Content-Length `", "which did not arrive"),
        lambda k: drops(_upload(k), "Content-Length"),
    ),
    Case(
        "a proxy adds Content-Length: 0",
        "header-added",
        ("Content-Length was empty or absent",),
        lambda k: sets(Own(headers=(("Content-Length", ""),)).head(k), "Content-Length", "0"),
    ),
    Case(
        "a proxy takes aws-chunked off",
        "header-changed",
        ("signed Content-Encoding `aws-chunked,gzip`",),
        lambda k: sets(_put(k, ("Content-Encoding", "aws-chunked,gzip")), "Content-Encoding", "gzip"),
    ),
    Case(
        "a proxy drops Date",
        "header-missing",
        ("signed Date",),
        lambda k: drops(
            Own(
                headers=(("Date", f"{datetime.now(UTC):%a, %d %b %Y} 12:00:00 GMT"),),
                timestamp=f"{datetime.now(UTC):%Y%m%d}T120000Z",
            ).head(k),
            "Date",
        ),
    ),
    Case(
        "a proxy adds a second value",
        "header-duplicates",
        ("x-amz-meta-a arrived 2 times", "signed one of the values"),
        lambda k: adds(_put(k, ("x-amz-meta-a", "hunter2")), "x-amz-meta-a", "other"),
        not_told=("hunter2",),
    ),
    Case(
        "the client joins duplicates with comma and space",
        "header-duplicates",
        ("joined the values in another way",),
        lambda k: Own(
            "PUT",
            headers=(("x-amz-meta-a", "1"), ("x-amz-meta-a", "2")),
            lines=lambda lines: [line.replace("x-amz-meta-a:1,2", "x-amz-meta-a:1, 2") for line in lines],
        ).head(k),
    ),
    Case(
        "the client does not fold spaces",
        "header-spaces",
        ("x-amz-meta-a has runs of spaces",),
        lambda k: Own("PUT", headers=(("x-amz-meta-a", "one  two"),)).head(k),
    ),
    Case(
        "the client signs its session token and does not say so",
        "session-token-unsigned",
        ("SignedHeaders does not say so",),
        lambda k: _without_saying_token(_get(k, ("x-amz-security-token", "t0k3n"))),
        not_told=("t0k3n",),
    ),
    Case(
        "a proxy drops the session token",
        "header-missing",
        ("x-amz-security-token is signed and did not arrive", "its value cannot be guessed"),
        lambda k: drops(_get(k, ("x-amz-security-token", "t0k3n")), "x-amz-security-token"),
        control="header-missing",
    ),
    Case(
        "the client does not sort its signed headers",
        "signed-headers-order",
        ("does not sort its signed headers",),
        lambda k: Own(names=lambda names: sorted(names, reverse=True)).head(k),
    ),
)
MODES = (
    Case(
        "a proxy makes GET of HEAD",
        "method-changed",
        ("signed `HEAD`", "wire says `GET`"),
        lambda k: replace(botocore(k, "HEAD", "/bucket/key"), method=b"GET"),
    ),
    Case(
        "a presigned URL is used with another method",
        "method-changed",
        ("signed `GET`", "wire says `PUT`", "presigned URL is good for its own method"),
        lambda k: replace(presigned(k, "GET", "/bucket/key"), method=b"PUT"),
    ),
    Case(
        "a proxy turns chunks into a plain body",
        "payload-hash",
        (f"`{STREAMING}`", "another mode"),
        lambda k: sets(
            java(k, "PUT", Target("bucket", "key"), payload=STREAMING), "x-amz-content-sha256", "UNSIGNED-PAYLOAD"
        ),
    ),
    Case(
        "the client signs the empty hash and says otherwise",
        "payload-hash",
        ("hash of an empty body", "`UNSIGNED-PAYLOAD`", "both must be the same"),
        lambda k: Own("PUT", payload="UNSIGNED-PAYLOAD", payload_line=EMPTY).head(k),
    ),
)
KEYS = (
    Case(
        "the key is derived for another region",
        "scope-region",
        ("region `eu-central-1`", "states `us-east-1`"),
        lambda k: Own(key_scope=lambda steps: _swap(steps, 1, "eu-central-1")).head(k),
    ),
    Case(
        "the key is derived for another service",
        "scope-service",
        ("service `execute-api`",),
        lambda k: Own(key_scope=lambda steps: _swap(steps, 2, "execute-api")).head(k),
    ),
    Case(
        "a cached key of yesterday",
        "scope-date",
        ("derives its signing key for the date",),
        lambda k: Own(key_scope=_yesterday).head(k),
    ),
    Case("the clock is read twice", "timestamp", ("signed a time 1 s after",), _one_second_on),
    Case(
        "a presigned URL is used too late",
        "presigned-expired",
        ("expired 1 h 5", "for 10 min", "presign a new one"),
        lambda k: presigned(k, "GET", "/bucket/key"),
        timedelta(hours=2),
        control="presigned-expired+wrong-secret",
    ),
    Case(
        "the client's clock is behind",
        "clock",
        ("client's clock is", "behind this gateway's"),
        _get,
        timedelta(minutes=20),
        control="clock+wrong-secret",
    ),
    Case(
        "the client takes local time for UTC",
        "clock",
        ("ahead of this gateway's", "local time"),
        lambda k: Own(timestamp=_signed_at(2)).head(k),
        late=timedelta(seconds=1),
        control="clock+wrong-secret",
    ),
    Case(
        "the client takes India's time for UTC",
        "clock",
        ("5 h 30 min ahead of this gateway's", "local time"),
        lambda k: Own(timestamp=_signed_at(5, 30)).head(k),
        late=timedelta(seconds=1),
        control="clock+wrong-secret",
    ),
    Case(
        "a clock that is off by as much as no time zone",
        "clock",
        ("3 h 15 min ahead of this gateway's", "NTP"),
        lambda k: Own(timestamp=_signed_at(3, 15)).head(k),
        late=timedelta(seconds=1),
        control="clock+wrong-secret",
        not_told=("local time",),
    ),
    Case(
        "the clock is off and a proxy drops the port",
        "clock+host-port",
        ("behind this gateway's", "wire says `gateway.example`"),
        lambda k: sets(_get(k), "Host", "gateway.example"),
        timedelta(hours=30),
        control="clock+wrong-secret",
    ),
    Case(
        "the secret of another client",
        "secret-of-another-client",
        ("access key of client `spark`", "secret of client `narrow`"),
        lambda k: _get(replace(k, secret="narrow" if k.secret == CLIENT.secret else k.secret)),
    ),
    Case(
        "the secret of the backend",
        "secret-of-the-backend",
        ("`backend.credentials`",),
        lambda k: _get(replace(k, secret=GATEWAY.secret if k.secret == CLIENT.secret else k.secret)),
    ),
    Case("a secret with a line feed", "secret-white-space", ("and a line feed after it",), _secret("{}\n".format)),
    Case("a secret with Windows line ends", "secret-white-space", ("Windows line ends",), _secret("{}\r".format)),
    Case("a secret with a space", "secret-white-space", ("and a space after it",), _secret("{} ".format)),
    Case("a secret in quotes", "secret-quotes", ("quotation marks",), _secret('"{}"'.format)),
    Case(
        "a secret that is percent-encoded",
        "secret-encoding",
        ("percent-encoded (`%2F` for `/`)",),
        _secret(lambda s: quote(s, safe="")),
    ),
    Case(
        "a secret that passed through a URL",
        "secret-encoding",
        ("a space for each `+`",),
        _secret(lambda s: s.replace("+", " ")),
    ),
    Case(
        "a secret that was not copied whole", "secret-cut", ("but for the last character",), _secret(lambda s: s[:-1])
    ),
    Case(
        "a secret that was copied up to a slash, as a double click does",
        "secret-cut",
        ("but for the last 27 characters",),
        _secret(lambda s: s.partition("/")[0]),
    ),
    Case("a secret without its beginning", "secret-cut", ("but for the first 4",), _secret(lambda s: s[4:])),
    Case("a secret with one quotation mark", "secret-quotes", ("a quotation mark before",), _secret('"{}'.format)),
    Case("a secret from a file of Windows", "secret-white-space", ("byte order mark",), _secret("\ufeff{}".format)),
    Case(
        "the access key id for a secret",
        "secret-is-access-key",
        ("its access key id in place of its secret",),
        lambda k: _get(replace(k, secret=k.access_key_id if k.secret == CLIENT.secret else k.secret)),
    ),
)
PAIRS = (
    Case(
        "a proxy drops port and Connection",
        "host-port+header-missing",
        ("two things", "wire says `gateway.example`", "Connection `Keep-Alive`"),
        lambda k: drops(sets(_get(k, ("Connection", "Keep-Alive")), "Host", "gateway.example"), "Connection"),
    ),
    Case(
        "a proxy strips a prefix and drops the port",
        "host-port+path-prefix-stripped",
        ("two things", "`/objects7/bucket/key`"),
        lambda k: adds(
            sets(writes(_get(k, target="/objects7/bucket/key"), "/objects7", ""), "Host", "gateway.example"),
            "X-Forwarded-Prefix",
            "/objects7",
        ),
    ),
    Case(
        "a proxy drops TE and Accept-Encoding",
        "header-missing",
        ("two things", "Accept-Encoding `identity`", "TE `trailers`"),
        lambda k: drops(drops(_get(k, ("TE", "trailers"), ("Accept-Encoding", "identity")), "TE"), "Accept-Encoding"),
    ),
    Case(
        "a secret with a line feed behind a proxy that drops the port",
        "host-port+secret-white-space",
        ("two things", "and a line feed after it"),
        lambda k: sets(_get(replace(k, secret=k.secret + "\n")), "Host", "gateway.example"),
    ),
)
CASES = (*HOSTS, *PATHS, *QUERIES, *HEADERS, *MODES, *KEYS, *PAIRS)
SWAPPED = _swapped
