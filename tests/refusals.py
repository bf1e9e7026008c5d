# ruff: noqa: E501 - a table reads by its rows
"""What is refused with which answer: one table of AWS's own answers, replayed against the core and through mitmdump.

Each row is one fault in an otherwise good request. ``rNN`` is the situation, of which the README has the table.
"""

from datetime import timedelta

from tests import forms
from tests.admission import edited, with_header, without
from tests.refusing import (
    GETTER,
    NARROW,
    PII,
    PRESIGNED,
    READER,
    UPLOADS,
    Row,
    added,
    asking,
    auth,
    authorization,
    both,
    claimed,
    faulty,
    field_changed,
    good,
    put,
    query,
    stream,
    then,
    uploads,
    url,
)
from tests.sigv4 import aws, streams

SITUATIONS = {
    "r01": "No authentication",
    "r02": "`Authorization` is not an algorithm, one space and more",
    "r03": "Unknown algorithm",
    "r04": "SigV2, in header or query",
    "r05": "SigV4A, also of chunks",
    "r06": "`Authorization` lacks or repeats a component",
    "r07": "Credential scope malformed",
    "r09": "Scope of another day than the date",
    "r10": "Scope of another region",
    "r11": "Unknown access key",
    "r12": "No date, or an unreadable one",
    "r13": "Signed more than 15 minutes ago, or ahead",
    "r14": "`Host` not signed",
    "r16": "An `x-amz-*` header not signed, or added later",
    "r17": "Signature of another request or another secret",
    "r18": "No `x-amz-content-sha256`",
    "r19": "`x-amz-content-sha256` is no hash and no known mode",
    "r20": "The body is not the one that was signed",
    "r21": "Chunks for an operation that takes none",
    "r22": "Two mechanisms, or a deciding header twice",
    "r23": "A session token with a client's key, which has none",
    "r24": "Presigned: a parameter missing",
    "r25": "Presigned: a parameter malformed",
    "r26": "Presigned: expired",
    "r27": "Presigned: from the future",
    "r28": "Presigned: a parameter twice or in other letters",
    "r29": "Presigned: chunks",
    "r30": "Chunks: decoded length missing or no number",
    "r31": "Chunks: more or less data than announced",
    "r32": "Chunks: framing broken, cut short, or followed by junk",
    "r33": "Chunks: a small one that is signed and not the last",
    "r34": "Chunks: larger than `limits.aws_chunk`",
    "r35": "Chunks: a signature wrong",
    "r36": "Trailer missing, or not the one announced",
    "r37": "Trailer is not a checksum that S3 knows",
    "r38": "Trailer's checksum malformed, or not that of the data",
    "r39": "More than one checksum",
    "r40": "SSE-C over plain HTTP",
    "r41": "SSE-C together with another encryption",
    "r42": "Metadata larger than `limits.metadata`",
    "r43": "Head larger than `limits.headers`, `header_bytes` or `target`",
    "r44": "Target that is not S3, or can be read in two ways",
    "r45": "Headers and requests of the backend's own",
    "r46": "Outside the client's buckets, prefixes or operations",
    "r47": "Header field that two servers could read in two ways",
    "r48": "Form: a field missing, there twice or not for forms, or a policy that cannot be read",
    "r49": "Form: its policy expired, or a condition does not hold",
    "r50": "Form: its policy not signed by a client of the gateway",
    "r51": "Form: a file larger or smaller than the policy allows",
    "r52": "Form: no `multipart/form-data` that can be read",
}

SCOPE = "20240229/us-east-1/s3/aws4_request"
AHM, AQPE = "AuthorizationHeaderMalformed", "AuthorizationQueryParametersError"
SIGV2 = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
ONE_SPACE = "Authorization header is invalid -- one and only one ' ' (space) required."
ONE_MECHANISM = "Only one auth mechanism allowed"
THREE = "requires three components: Credential, SignedHeaders, and Signature."
SIX = "Query-string authentication version 4 requires the X-Amz-Algorithm"
NOT_SIGNED = "There were headers present in the request which were not signed"
DATE = "AWS authentication requires a valid Date or x-amz-date header."
BEGINNING = "The authorization header is malformed; "
OF_CREDENTIAL = "Error parsing the X-Amz-Credential parameter; "
PARTS = 'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
DAY = 'incorrect date format "{}". This date in the credential must be in the format "yyyyMMdd".'
BELONGS = 'incorrect service "{}". This endpoint belongs to "s3".'
USES = 'incorrect terminal "{}". This endpoint uses "aws4_request".'
REGION = 'the region "eu-west-1" is wrong; expecting "us-east-1"'
PAYLOADS = (
    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, "
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, "
    "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value."
)
ANONYMOUS = "Anonymous users cannot invoke this API. Please authenticate."
NOT_ALLOWED = "The specified method is not allowed against this resource."
ONE = (b"a" * 300,)
MODES = (aws.STREAMING, aws.STREAMING_TRAILER, aws.STREAMING_UNSIGNED_TRAILER)
SUM, CRC32C, WRONG = streams.crc32c(ONE[0]), "x-amz-checksum-crc32c", b"AAAAAA=="


X_AMZ_DATE, PAYLOAD_HASH = b"x-amz-date", b"x-amz-content-sha256"
LATE = timedelta(minutes=20)
TIMES = ("RequestTime", "ServerTime", "MaxAllowedSkewMilliseconds")
COMPUTED = (
    "AWSAccessKeyId",
    "StringToSign",
    "StringToSignBytes",
    "CanonicalRequest",
    "CanonicalRequestBytes",
    "SignatureProvided",
)

IN_ORDER = (
    ("r22", asking("Signature=x"), 400, "InvalidArgument", ONE_MECHANISM),
    (
        "r03",
        claimed(b"^AWS4-HMAC-SHA256 ", b"AWS4-HMAC-SHA512 "),
        400,
        "InvalidArgument",
        "Unsupported Authorization Type",
    ),
    ("r06", claimed(b"$", b", More=1"), 400, AHM, THREE),
    ("r07", claimed(b"/s3/", b"/sts/"), 400, AHM, BEGINNING + BELONGS.format("sts")),
    ("r10", claimed(b"/us-east-1/", b"/eu-west-1/"), 400, AHM, BEGINNING + REGION),
    ("r11", claimed(b"SPARKKEY", b"NOBODY"), 403, "InvalidAccessKeyId", ""),
    ("r12", field_changed(X_AMZ_DATE, b"Z$", b""), 403, "AccessDenied", DATE),
    (
        "r09",
        claimed(b"/[0-9]{8}/", b"/20240228/"),
        400,
        AHM,
        BEGINNING + "Invalid credential date. Date is not the same as X-Amz-Date.",
    ),
    ("r13", lambda head: head, 403, "RequestTimeTooSkewed", ""),
    ("r19", field_changed(PAYLOAD_HASH, b"^.*$", b"abc"), 400, "InvalidArgument", PAYLOADS),
    ("r16", added("x-amz-acl", "public-read"), 403, "AccessDenied", NOT_SIGNED),
    ("r17", claimed(b"Signature=[0-9a-f]{64}", b"Signature=" + b"f" * 64), 403, "SignatureDoesNotMatch", ""),
)
"""One fault each, in the order in which AWS looks for them; what a request has the first of is what it is told."""

ON_UPLOADS = (
    *IN_ORDER[:8],
    *IN_ORDER[9:],
    ("r02", lambda head: with_header(head, b"authorization", b"junk"), 400, "InvalidArgument", ONE_SPACE),
    ("r04", lambda head: with_header(head, b"authorization", b"AWS KEY:sig="), 400, "InvalidRequest", SIGV2),
    ("r05", claimed(b"HMAC", b"ECDSA-P256"), 501, "NotImplemented", ""),
    ("r14", claimed(b"=host;", b"="), 403, "AccessDenied", NOT_SIGNED),
    ("r18", lambda head: without(head, PAYLOAD_HASH), 400, "InvalidRequest", "Missing required header"),
    ("r23", added("x-amz-security-token", "t"), 400, "InvalidToken", ""),
)
"""Faults of a signed head that are the same whatever the body."""


def _other_digit(body: bytes, at: int) -> bytes:
    """Give the body with another hex digit there."""
    return body[:at] + (b"1" if body[at : at + 1] == b"0" else b"0") + body[at + 1 :]


MESSAGES = {
    ("PUT", "/bucket/key?partNumber=1"): "This operation does not accept partNumber without uploadId",
    ("PUT", "/bucket/key?uploadId=a"): NOT_ALLOWED,
    (
        "POST",
        "/bucket/key?lambdaArn=arn%3Aminio%3As3-object-lambda%3A%3A_%3Awebhook",
    ): "PromptObject (lambdaArn) is not",
    ("GET", "/_iceberg"): "AIStor Tables",
    ("POST", "/"): NOT_ALLOWED,
    ("POST", "/bucket/key"): NOT_ALLOWED,
    ("GET", "/bucket/key?uploads"): "Key is not expected for the GET method ?uploads subresource",
    ("GET", "/bucket/key?versions"): "There is no such thing as the ?versions sub-resource for a key",
    ("GET", "/bucket/key?logging"): "There is no such thing as the ?logging sub-resource for a key",
    (
        "GET",
        "/bucket/key?uploadId=../a",
    ): "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
}
"""AWS's words for requests that are none."""

ROWS = [
    *(
        Row(f"r01 {method} {target} {source}", then(auth(method, target, [("x-amz-copy-source", source)] if source else []), without, b"authorization"), 403, "AccessDenied", message)
        for method, target, source, message in (
            ("HEAD", "/bucket", "", "Access Denied."),
            ("GET", "/bucket/key", "", "Access Denied."),
            ("GET", "/", "", "Access Denied."),
            ("PUT", "/bucket/key", "", "Access Denied."),
            ("POST", "/bucket?delete", "", "Access Denied."),
            ("PUT", "/bucket", "", ANONYMOUS),
            ("PUT", "/bucket?acl", "", ANONYMOUS),
            ("PUT", "/bucket/key?acl", "", ANONYMOUS),
            ("POST", "/bucket/key?select&select-type=2", "", ANONYMOUS),
            ("POST", "/bucket/key?uploads", "", "Anonymous users cannot initiate multipart uploads. Please authenticate."),
            ("PUT", "/bucket/key", "/bucket/other", "Anonymous users cannot copy objects. Please authenticate."),
            ("PUT", "/bucket/key?partNumber=1&uploadId=a", "/bucket/other", "Access Denied."),
        )
    ),
    *(
        Row(f"{number} on an upload {mode}", then(made, change), status, code, message)
        for number, change, status, code, message in ON_UPLOADS
        for mode, made in UPLOADS.items()
    ),
    *(
        Row(f"{number} comes before what follows", faulty(UPLOADS[aws.STREAMING], *(later[1] for later in IN_ORDER[place:])), status, code, message, late=LATE if place <= 8 else timedelta(0))
        for place, (number, _, status, code, message) in enumerate(IN_ORDER)
    ),
    Row("r02 no space", authorization(lambda _: "AWS4-HMAC-SHA256"), 400, "InvalidArgument", ONE_SPACE, (("ArgumentName", "Authorization"), ("ArgumentValue", "AWS4-HMAC-SHA256"))),
    Row("r02 no scheme", authorization(lambda _: "a-secret-of-somebody"), 400, "InvalidArgument", ONE_SPACE, (("ArgumentName", "Authorization"), ("ArgumentValue", "<redacted>"))),
    Row("r02 nothing after it", authorization(lambda _: "AWS4-HMAC-SHA256  "), 400, "InvalidArgument", ONE_SPACE, (("ArgumentName", "Authorization"), ("ArgumentValue", "AWS4-HMAC-SHA256"))),
    Row("r02 empty", authorization(lambda _: ""), 400, "InvalidArgument", ONE_SPACE, (("ArgumentName", "Authorization"), ("ArgumentValue", ""))),
    *(
        Row(f"r03 {algorithm}", authorization(lambda v, a=algorithm: v.replace("AWS4-HMAC-SHA256", a)), 400, "InvalidArgument", "Unsupported Authorization Type", (("ArgumentName", "Authorization"), ("ArgumentValue", algorithm)))  # type: ignore[misc]
        for algorithm in ("AWS4-HMAC-SHA256X", "aws4-hmac-sha256", "AWS4-HMAC-SHA512", "Bearer", "Basic", "AWS3", "AWS4")
    ),
    Row("r04 SigV2 header", authorization(lambda _: "AWS KEY:sig="), 400, "InvalidRequest", SIGV2),
    Row("r04 SigV2 query", then(good(without, b"authorization"), edited, target=b"/bucket/key?AWSAccessKeyId=K&Signature=s&Expires=9"), 400, "InvalidRequest", SIGV2),
    Row("r04 SigV2 presigned upload", then(UPLOADS[aws.UNSIGNED], lambda head: edited(without(head, b"authorization"), target=b"/bucket/key?Signature=s")), 400, "InvalidRequest", SIGV2),
    Row("r05 SigV4A", authorization(lambda v: v.replace("HMAC", "ECDSA-P256")), 501, "NotImplemented"),
    Row("r05 SigV4A stream", put("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"), 501, "NotImplemented"),
    Row("r05 SigV4A stream with trailer", put("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER"), 501, "NotImplemented"),
    Row("r06 two components", authorization(lambda v: v.rpartition(",")[0]), 400, AHM, THREE),
    Row("r06 four components", authorization(lambda v: v + ", More=1"), 400, AHM, THREE),
    Row("r06 no equals sign", authorization(lambda v: v.replace("Signature=", "Signature:")), 400, AHM, BEGINNING + 'the authorization component "Signature<redacted>" is malformed.'),
    Row("r06 only a name", authorization(lambda v: v.partition("SignedHeaders")[0] + "SignedHeaders, Signature=0"), 400, AHM, BEGINNING + 'the authorization component "SignedHeaders" is malformed.'),
    Row("r06 another word", authorization(lambda v: v.rpartition(",")[0] + ", junk"), 400, AHM, BEGINNING + 'the authorization component "<redacted>" is malformed.'),
    *(
        Row(f"r06 no {part}", authorization(lambda v, p=part: v.replace(p, "Other")), 400, AHM, BEGINNING + f"missing {part}.")  # type: ignore[misc]
        for part in ("Credential", "SignedHeaders", "Signature")
    ),
    Row("r06 twice Credential", authorization(lambda v: v.replace("SignedHeaders", "Credential")), 400, AHM),
    Row("r06 short signature", authorization(lambda v: v[:-1]), 400, AHM),
    Row("r06 upper case signature", authorization(lambda v: v[:-64] + "A" * 64), 400, AHM),
    *(
        Row(f"r06 SignedHeaders {names}", authorization(lambda v, n=names: v.replace("host;x-amz", n)), 400, AHM)  # type: ignore[misc]
        for names in ("Host;x-amz", "host;host;x-amz", "host;;x-amz", "ho st;x-amz", "hé;x-amz")
    ),
    *(
        Row(f"r07 {scope or 'empty'}", authorization(lambda v, s=scope: v.replace("SPARKKEY/" + SCOPE, s)), 400, AHM, BEGINNING + message)  # type: ignore[misc]
        for scope, message in (
            ("SPARKKEY", PARTS),
            (SCOPE, PARTS),
            ("/" + SCOPE, PARTS),
            ("A/B/" + SCOPE, PARTS),
            ("SPARKKEY/" + SCOPE + "/x", PARTS),
            ("SPARKKEY/2024/us-east-1/s3/aws4_request", DAY.format("2024")),
            ("SPARKKEY/20240230/us-east-1/s3/aws4_request", DAY.format("20240230")),
            ("SPARKKEY/２０２４0229/us-east-1/s3/aws4_request", DAY.format("２０２４0229")),
            ("SPARKKEY/20240229/us-east-1/ec2/aws4_request", BELONGS.format("ec2")),
            ("SPARKKEY/20240229/us-east-1/S3/aws4_request", BELONGS.format("S3")),
            ("SPARKKEY/20240229/us-east-1/s3/aws4", USES.format("aws4")),
            ("SPARKKEY/us-east-1/20240229/ec2/aws4_request", BELONGS.format("ec2")),
            ("SPARKKEY/us-east-1/20240229/s3/aws4", USES.format("aws4")),
        )
    ),
    Row("r09 another day", authorization(lambda v: v.replace("20240229", "20240228")), 400, AHM, "Date is not the same as X-Amz-Date."),
    Row("r10 another region", auth("GET", "/bucket/key", who={"region": "eu-west-1"}), 400, AHM, BEGINNING + REGION, (("Region", "us-east-1"),)),
    Row("r11 unknown key", auth("GET", "/bucket/key", who={"access_key_id": "NOBODY"}), 403, "InvalidAccessKeyId", "does not exist in our records", (("AWSAccessKeyId", "NOBODY"),)),
    Row("r11 presigned", url("GET", "/bucket/key", who={"access_key_id": "NOBODY"}), 403, "InvalidAccessKeyId"),
    Row("r11 the backend's own key", auth("GET", "/bucket/key", who={"access_key_id": "minioadmin", "secret": "minio-secret-of-the-lab"}), 403, "InvalidAccessKeyId"),
    Row("r12 no date", good(without, b"x-amz-date"), 403, "AccessDenied", DATE),
    *(
        Row(f"r12 date {date}", good(with_header, b"x-amz-date", date.encode()), 403, "AccessDenied", DATE)
        for date in ("today", "20240229", "20240229T120000", "20240230T120000Z", "20240229T250000Z", "1709208000", "é", "Thu, 99 Feb 2024 12:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 -0100")
    ),
    Row("r14 host not signed", auth("GET", "/bucket/key", unsigned=["host"]), 403, "AccessDenied", NOT_SIGNED, (("HeadersNotSigned", "host"),)),
    Row("r14 presigned", url("GET", "/bucket/key", [("x-a", "1")], unsigned=["host"]), 403, "AccessDenied", NOT_SIGNED),
    Row("r17 wrong secret", auth("GET", "/bucket/key", who={"secret": "wrong"}), 403, "SignatureDoesNotMatch", "", (("AWSAccessKeyId", "SPARKKEY"),), names=COMPUTED),
    Row("r17 another method", good(edited, method=b"DELETE"), 403, "SignatureDoesNotMatch"),
    Row("r17 another key", good(edited, target=b"/bucket/other"), 403, "SignatureDoesNotMatch"),
    Row("r17 another query", good(edited, target=b"/bucket/key?acl"), 403, "SignatureDoesNotMatch"),
    Row("r17 another host", good(with_header, b"host", b"other.example"), 403, "SignatureDoesNotMatch"),
    Row("r17 another hash", good(with_header, b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD"), 403, "SignatureDoesNotMatch"),
    Row("r17 presigned", query("/bucket/key", "/bucket/other"), 403, "SignatureDoesNotMatch", names=COMPUTED),
    Row("r17 presigned, wrong secret", url("PUT", "/bucket/key", who={"secret": "wrong"}), 403, "SignatureDoesNotMatch"),
    Row("r17 presigned, a parameter more", query("X-Amz-Signature", "acl&X-Amz-Signature"), 403, "SignatureDoesNotMatch"),
    Row("r17 presigned, another life", query("X-Amz-Expires=600", "X-Amz-Expires=6000"), 403, "SignatureDoesNotMatch"),
    Row("r17 presigned, another hash", then(url("PUT", "/bucket/key"), added("x-amz-content-sha256", aws.EMPTY)), 403, "SignatureDoesNotMatch"),
    Row("r17 presigned for another method", then(PRESIGNED, edited, method=b"DELETE"), 403, "SignatureDoesNotMatch"),
    Row("r18 no payload hash", good(without, b"x-amz-content-sha256"), 400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256"),
    *(
        Row(f"r19 {value}", put(value), 400, "InvalidArgument", PAYLOADS)
        for value in ("abc", "unsigned-payload", "STREAMING-PAYLOAD", aws.EMPTY.upper(), aws.EMPTY + "0", "STREAMING-AWS4-HMAC-SHA512-PAYLOAD")
    ),
    Row("r19 presigned", url("PUT", "/bucket/key", [("x-amz-content-sha256", "abc")], payload="abc"), 400, "InvalidArgument", PAYLOADS, (("ArgumentName", "x-amz-content-sha256"), ("ArgumentValue", "abc"))),
    Row("r20 a hash but no body", auth("GET", "/bucket/key", payload="0" * 64), 400, "XAmzContentSHA256Mismatch"),
    *(
        Row(f"r21 {method} {target} {mode}", auth(method, target, payload=mode), 400, "InvalidRequest", "The value of x-amz-content-sha256 header is invalid.")
        for method, target in (("GET", "/bucket/key"), ("PUT", "/bucket"), ("POST", "/bucket?delete"), ("PUT", "/bucket/key?tagging"), ("POST", "/bucket/key?uploadId=1"))
        for mode in MODES
    ),
    Row("r22 header and query", both, 400, "InvalidArgument", ONE_MECHANISM),
    Row("r22 header and SigV2 query", good(edited, target=b"/bucket/key?Signature=x"), 400, "InvalidArgument", ONE_MECHANISM),
    Row("r22 both queries", query("&X-Amz-Date", "&AWSAccessKeyId=x&X-Amz-Date"), 400, "InvalidArgument", ONE_MECHANISM),
    Row("r22 two headers", good(lambda head: edited(head, headers=(*head.headers, head.headers[-1]))), 400, "InvalidArgument", ONE_MECHANISM),
    Row("r23 session token", auth("GET", "/bucket/key", [("x-amz-security-token", "t")]), 400, "InvalidToken"),
    Row("r23 presigned session token", url("GET", "/bucket/key", parameters=[("X-Amz-Security-Token", "t")]), 400, "InvalidToken"),
    *(
        Row(f"r24 no {name}", query(f"{name}=", f"Other-{name[6:]}="), 400, AQPE, SIX)
        for name in ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature")
    ),
    Row("r24 only a credential", then(good(without, b"authorization"), edited, target=b"/bucket/key?X-Amz-Credential=x"), 400, AQPE, SIX),
    Row("r25 algorithm", query("HMAC-SHA256", "HMAC-SHA512"), 400, AQPE, 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"'),
    Row("r25 credential", query("%2Faws4_request", ""), 400, AQPE, OF_CREDENTIAL + PARTS),
    Row("r25 credential date", query("%2F20240229%2F", "%2F2024%2F"), 400, AQPE, OF_CREDENTIAL + DAY.format("2024")),
    Row("r25 credential service", query("%2Fs3%2F", "%2Fec2%2F"), 400, AQPE, OF_CREDENTIAL + BELONGS.format("ec2")),
    Row("r25 credential terminator", query("%2Faws4_request", "%2Faws4"), 400, AQPE, OF_CREDENTIAL + USES.format("aws4")),
    Row("r25 date", query("20240229T120000Z", "yesterday"), 400, AQPE, "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""),
    Row("r25 another day", query("%2F20240229%2F", "%2F20060102%2F"), 400, AQPE, 'Invalid credential date "20060102". This date is not the same as X-Amz-Date: "'),
    Row("r25 region", url("GET", "/bucket/key", who={"region": "eu-west-1"}), 400, AQPE, OF_CREDENTIAL + REGION, (("Region", "us-east-1"),)),
    Row("r25 signature", query("X-Amz-Signature=", "X-Amz-Signature=0"), 400, AQPE),
    *(
        Row(f"r25 expires {value}", query("Expires=600", f"Expires={value}"), 400, AQPE, message)
        for value, message in (("x", "should be a number"), ("", "should be a number"), ("6e2", "should be a number"), ("-1", "must be non-negative"), ("604801", "must be less than a week"), ("9" * 18, "must be less than a week"), ("9" * 40, "should be a number"))
    ),
    Row("r28 twice", query("X-Amz-Expires=600", "X-Amz-Expires=600&X-Amz-Expires=600"), 400, AQPE),
    Row("r28 twice in another case", query("X-Amz-Signature=", "x-amz-signature=0&X-Amz-Signature="), 400, AQPE),
    Row("r28 escaped", query("X-Amz-Expires=600", "X-Amz-Expires=600&X-Amz-%45xpires=6000"), 400, AQPE),
    Row("r28 another case", query("X-Amz-Expires", "x-amz-expires"), 400, AQPE),
    *(
        Row(f"r29 presigned {mode}", url("PUT", "/bucket/key", [("x-amz-content-sha256", mode)], payload=mode), 501, "NotImplemented")
        for mode in (aws.STREAMING, aws.STREAMING_TRAILER, aws.STREAMING_UNSIGNED_TRAILER)
    ),
    Row("r29 in the query", url("PUT", "/bucket/key", payload=aws.STREAMING_UNSIGNED_TRAILER, parameters=[("X-Amz-Content-Sha256", aws.STREAMING_UNSIGNED_TRAILER)]), 501, "NotImplemented"),
    *(
        Row(f"r01 anonymous {mode}", then(put(mode), without, b"authorization"), 403, "AccessDenied")
        for mode in (aws.UNSIGNED, aws.STREAMING, aws.STREAMING_TRAILER, aws.STREAMING_UNSIGNED_TRAILER)
    ),
    *(
        Row(f"r13 {late} {payload}", put(payload), 403, "RequestTimeTooSkewed", "", (("MaxAllowedSkewMilliseconds", "900000"),), names=TIMES, late=timedelta(seconds=late))
        for late in (-901, 901)
        for payload in (aws.EMPTY, aws.UNSIGNED, aws.STREAMING, aws.STREAMING_TRAILER, aws.STREAMING_UNSIGNED_TRAILER)
    ),
    *(
        Row(f"r16 {name} {payload}", then(put(payload), added(name, "/other/secret")), 403, "AccessDenied", NOT_SIGNED, (("HeadersNotSigned", name),))
        for name in ("x-amz-copy-source", "x-amz-acl", "x-amz-tagging", "x-amz-meta-a", "x-amz-object-lock-mode", "x-amz-server-side-encryption")
        for payload in (aws.EMPTY, aws.UNSIGNED, aws.STREAMING, aws.STREAMING_TRAILER, aws.STREAMING_UNSIGNED_TRAILER)
    ),
    *(
        Row(f"r16 {name} is no exemption", then(UPLOADS[aws.UNSIGNED], added(name, value)), 403, "AccessDenied", NOT_SIGNED, (("HeadersNotSigned", name),))
        for name, value in (("x-amz-decoded-content-length", "1"), ("x-amz-trailer", "x"), ("x-amz-checksum-algorithm", "x"), ("x-amz-cf-id", "x"))
    ),
    Row("r16 x-amz-date", auth("GET", "/bucket/key", unsigned=["x-amz-date"]), 403, "AccessDenied", NOT_SIGNED, (("HeadersNotSigned", "x-amz-date"),)),
    Row("r16 in capitals", good(added("X-AMZ-ACL", "public-read")), 403, "AccessDenied", NOT_SIGNED, (("HeadersNotSigned", "x-amz-acl"),)),
    Row("r16 two of them", then(good(added("x-amz-acl", "x")), added("x-amz-tagging", "a=b")), 403, "AccessDenied", NOT_SIGNED, (("HeadersNotSigned", "x-amz-acl, x-amz-tagging"),)),
    Row("r16 presigned", then(url("PUT", "/bucket/key"), added("x-amz-copy-source", "/other/secret")), 403, "AccessDenied", NOT_SIGNED, (("HeadersNotSigned", "x-amz-copy-source"),)),
    Row("r20 another body", auth("PUT", "/bucket/key", payload=aws.EMPTY, body=b"x"), 400, "XAmzContentSHA256Mismatch", "", (("ClientComputedContentSHA256", aws.EMPTY),), names=("S3ComputedContentSHA256",)),
    Row("r20 presigned", url("PUT", "/bucket/key", payload=aws.EMPTY, parameters=[("X-Amz-Content-Sha256", aws.EMPTY)]), 400, "XAmzContentSHA256Mismatch"),
    *(
        Row(f"r22 twice {name}", then(PRESIGNED if name == "host" else auth("GET", "/bucket/key"), added(name, "x")), 400, "InvalidRequest", "only once")
        for name in ("host", "x-amz-date", "x-amz-content-sha256")
    ),
    *(
        Row(f"r22 twice x-amz-decoded-content-length {mode}", then(UPLOADS[mode], added("x-amz-decoded-content-length", "300")), 400, "InvalidRequest", "only once")
        for mode in MODES
    ),
    Row("r26 after ten minutes", PRESIGNED, 403, "AccessDenied", "Request has expired.", (("X-Amz-Expires", "600"),), names=("Expires", "ServerTime"), late=timedelta(seconds=601)),
    Row("r26 an upload", url("PUT", "/bucket/key"), 403, "AccessDenied", "Request has expired.", late=timedelta(seconds=601)),
    Row("r27 sixteen minutes early", PRESIGNED, 403, "AccessDenied", "Request is not valid yet", late=timedelta(minutes=-16)),
    *(
        Row(f"r30 {name} {mode}", stream(mode, ONE, decoded=value), 411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
        for name, value in (("missing", ""), ("negative", "-1"), ("hex", "0x1"), ("overflow", "9" * 19))
        for mode in MODES
    ),
    *(
        Row(f"r31 {by} {mode}", stream(mode, (b"a" * 8192,), decoded=str(8192 + by)), 400, "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header")
        for by in (-1, 1)
        for mode in MODES
    ),
    *(
        Row(f"r32 {name} {mode}", stream(mode, ONE, edit=change, tail=tail), 400, "IncompleteBody")
        for name, change, tail in (
            ("junk after the end", lambda b: b, b"x"),
            ("size is no hex", lambda b: b"g" + b[1:], b""),
            ("size with sign", lambda b: b"+" + b, b""),
            ("no CR", lambda b: b.replace(b"\r\n", b"\n", 1), b""),
            ("other extension", lambda b: b.replace(b"\r\n", b";a=b\r\n", 1), b""),
            ("cut in the data", lambda b: b[:200], b""),
            ("cut before its last byte", lambda b: b[:-1], b""),
            ("no line end after the data", lambda b: b.replace(b"a\r\n", b"a", 1), b""),
            ("more data than its size", lambda b: b.replace(b"a\r\n", b"aa\r\n", 1), b""),
            ("cut after its first byte", lambda b: b[:1], b""),
            ("nothing at all", lambda b: b[:0], b""),
        )
        for mode in MODES
    ),
    Row("r32 no signature", stream(aws.STREAMING, ONE, edit=lambda b: b.replace(b";chunk-signature=", b";x=", 1)), 400, "IncompleteBody", "The request body terminated unexpectedly"),
    *(
        Row(f"r32 no final chunk {mode}", stream(mode, ONE, edit=lambda b: b[: b.index(b"a\r\n") + 3]), 400, "IncompleteBody", "The request body terminated unexpectedly")
        for mode in MODES
    ),
    *(
        Row(f"r32 no signature {mode}", stream(mode, ONE, edit=lambda b: b.replace(b";chunk-signature=", b"", 1)), 400, "IncompleteBody")
        for mode in MODES[:2]
    ),
    Row("r32 a signature in the unsigned mode", stream(aws.STREAMING_UNSIGNED_TRAILER, ONE, edit=lambda b: b.replace(b"\r\n", b";chunk-signature=" + b"f" * 64 + b"\r\n", 1)), 400, "IncompleteBody"),
    *(
        Row(f"r31 {name} {mode}", stream(mode, chunks, decoded=decoded), 400, "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header")
        for name, chunks, decoded in (
            ("more announced than a small chunk", ONE, "8192"),
            ("more announced than large and small chunks", (b"a" * 8192, b"b"), "16384"),
            ("less announced than the first chunk", (b"a" * 8192, b"b"), "8191"),
        )
        for mode in MODES
    ),
    Row("r31 more announced, and no trailer", stream(MODES[2], ONE, decoded="8192", trailer=(), announced=""), 400, "IncompleteBody"),
    *(
        Row(f"r33 {mode}", stream(mode, (b"a" * 8192, b"b" * 8191, b"c")), 403, "InvalidChunkSizeError", "Only the last chunk is allowed to have a size less than 8192 bytes", (("Chunk", "2"), ("BadChunkSize", "8191")))
        for mode in (aws.STREAMING, aws.STREAMING_TRAILER)
    ),
    *(
        Row(f"r34 {size.decode()} {mode}", stream(mode, ONE, decoded="99999999999", edit=lambda b, s=size: s + b[len("12c") :]), 400, "EntityTooLarge", "16777216 bytes")  # type: ignore[misc]
        for size in (b"1000001", b"ffffffff", b"8000000000000000")
        for mode in MODES[:2]
    ),
    *(
        Row(f"r32 {size.decode()} {MODES[2]}", stream(MODES[2], ONE, decoded="99999999999", edit=lambda b, s=size: s + b[len("12c") :]), 400, "IncompleteBody", said)  # type: ignore[misc]
        for size, said in ((b"1000001", "The request body terminated unexpectedly"), (b"8000000000000000", "You did not provide the number of bytes"))
    ),
    *(
        Row(f"r35 {name} {mode}", stream(mode, ONE, edit=change), 403, "SignatureDoesNotMatch")
        for name, change in (
            ("data changed", lambda b: b.replace(b"aaa", b"aab", 1)),
            ("chunk signature changed", lambda b: _other_digit(b, b.index(b"=") + 1)),
            ("final signature changed", lambda b: _other_digit(b, b.rindex(b"chunk-signature=") + 16)),
        )
        for mode in (aws.STREAMING, aws.STREAMING_TRAILER)
    ),
    Row("r35 trailer signature changed", stream(aws.STREAMING_TRAILER, ONE, edit=lambda b: _other_digit(b, b.rindex(b":") + 1)), 403, "SignatureDoesNotMatch"),
    Row("r35 trailer changed", stream(aws.STREAMING_TRAILER, ONE, edit=lambda b: b.replace(SUM[1], WRONG)), 403, "SignatureDoesNotMatch"),
    *(
        Row(f"r36 {name} {mode}", stream(mode, ONE, trailer=trailer, announced=announced), 400, "MalformedTrailerError")
        for name, trailer, announced in (
            ("not announced", (SUM,), ""),
            ("never there", (), ""),  # of unsigned ones AWS asks for none
            ("another announced", (SUM,), "x-amz-checksum-sha256"),
            ("one more", (SUM, (b"x-amz-meta-a", b"1")), CRC32C),
            ("twice", (SUM, SUM), CRC32C),
        )
        for mode in MODES[1:]
        if (name, mode) != ("never there", aws.STREAMING_UNSIGNED_TRAILER)
    ),
    *(
        Row(f"r36 missing {mode}", stream(mode, ONE, edit=lambda b: b[: b.rindex(b"x-amz-checksum")] + b"\r\n"), 400, "MalformedTrailerError")
        for mode in MODES[1:]
    ),
    Row("r36 its signature missing", stream(aws.STREAMING_TRAILER, ONE, edit=lambda b: b[: b.rindex(b"x-amz-trailer-signature")] + b"\r\n"), 400, "MalformedTrailerError"),
    Row("r36 announced without the mode", stream(aws.STREAMING, ONE, headers=[("x-amz-trailer", CRC32C)]), 400, "MalformedTrailerError"),
    *(
        Row(f"r37 {name} {mode}", stream(mode, ONE, trailer=((name.encode(), b"1"),)), 400, "InvalidRequest", "The value specified in the x-amz-trailer header is not supported")
        for name in ("x-amz-meta-a", "x-amz-checksum-md4", "content-type", "x-amz-checksum-")
        for mode in MODES[1:]
    ),
    *(
        Row(f"r38 {name} {value.decode()} {mode}", stream(mode, ONE, trailer=((b"x-amz-checksum-" + name.encode(), value),)), 400, "InvalidRequest", f"Value for x-amz-checksum-{name} trailing header is invalid.")
        for name, value in (("crc32c", b""), ("crc32c", b"AAAA"), ("crc32c", b"AAAAAA"), ("crc32c", b"!AAAAA=="), ("crc64nvme", SUM[1]), ("sha256", SUM[1]))
        for mode in MODES[1:]
    ),
    *(
        Row(f"r38 wrong {name} {mode}", stream(mode, ONE, trailer=((b"x-amz-checksum-" + name.encode(), value),)), 400, "BadDigest", f"The {name.upper()} you specified did not match the calculated checksum.")
        for name, value in (("crc32", WRONG), ("crc32c", WRONG), ("crc64nvme", b"A" * 11 + b"="), ("sha1", b"A" * 27 + b"="), ("sha256", b"A" * 43 + b"="))
        for mode in MODES[1:]
    ),
    Row("r38 other data", stream(aws.STREAMING_UNSIGNED_TRAILER, ONE, edit=lambda b: b.replace(b"aaa", b"aab", 1)), 400, "BadDigest"),
    Row("r39 two headers", auth("PUT", "/bucket/key", [("x-amz-checksum-crc32", "AAAAAA=="), ("x-amz-checksum-sha1", "x")]), 400, "InvalidRequest", "Expecting a single x-amz-checksum- header."),
    *(
        Row(f"r39 two headers {mode}", stream(mode, ONE, headers=[("x-amz-checksum-crc32", "AAAAAA=="), ("x-amz-checksum-sha1", "x")]), 400, "InvalidRequest", "Expecting a single x-amz-checksum- header.")
        for mode in MODES
    ),
    Row("r39 presigned", url("PUT", "/bucket/key", [("x-amz-checksum-crc32", "AAAAAA=="), ("x-amz-checksum-sha1", "x")]), 400, "InvalidRequest", "Expecting a single x-amz-checksum- header."),
    *(
        Row(f"r39 header and trailer {mode}", stream(mode, ONE, headers=[("x-amz-checksum-crc32", "AAAAAA==")]), 400, "InvalidRequest", "Expecting a single x-amz-checksum- header.")
        for mode in MODES[1:]
    ),
    *(
        Row(f"r39 two trailers {mode}", stream(mode, ONE, announced=f"{CRC32C},x-amz-checksum-crc32"), 400, "InvalidRequest", "Expecting a single x-amz-checksum- header.")
        for mode in MODES[1:]
    ),
    *(
        Row(f"r40 {name}", auth("GET", "/bucket/key", [(name, "x")]), 400, "InvalidRequest", "must be made over a secure connection.")
        for name in ("x-amz-server-side-encryption-customer-key", "x-amz-copy-source-server-side-encryption-customer-key")
    ),
    Row("r40 presigned", url("PUT", "/bucket/key", [("x-amz-server-side-encryption-customer-key", "x")]), 400, "InvalidRequest", "must be made over a secure connection."),
    *(
        Row(f"r40 {mode}", stream(mode, ONE, headers=[("x-amz-server-side-encryption-customer-key", "x")]), 400, "InvalidRequest", "must be made over a secure connection.")
        for mode in MODES
    ),
    *(
        Row(f"r41 SSE-C and {value} {name}", made, 400, "InvalidArgument", "is incompatible with the encryption method", (("ArgumentName", "x-amz-server-side-encryption"), ("ArgumentValue", value)), tls=True)
        for value in ("aws:kms", "AES256")
        for name, made in uploads(("x-amz-server-side-encryption-customer-key", "x"), ("x-amz-server-side-encryption", value)).items()
    ),
    *(
        Row(f"r42 {mode}", stream(mode, ONE, headers=[("x-amz-meta-a", "x" * 2048)]), 400, "MetadataTooLarge")
        for mode in MODES
    ),
    Row("r42 presigned", url("PUT", "/bucket/key", [("x-amz-meta-a", "x" * 2048)]), 400, "MetadataTooLarge"),
    Row("r42 one value", auth("PUT", "/bucket/key", [("x-amz-meta-a", "x" * 2048)]), 400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size", (("Size", "2049"), ("MaxSizeAllowed", "2048"))),
    Row("r42 many values", auth("PUT", "/bucket/key", [(f"x-amz-meta-{n:02}", "x" * 20) for n in range(99)]), 400, "MetadataTooLarge"),
    Row("r43 many fields", auth("GET", "/bucket/key", [("x-a", "1")] * 200), 400, "RequestHeaderSectionTooLarge", "", (("MaxSizeAllowed", "200"),)),
    Row("r43 a large field", auth("GET", "/bucket/key", [("x-a", "1" * 16384)]), 400, "RequestHeaderSectionTooLarge", "", (("MaxSizeAllowed", "16384"),)),
    Row("r43 a long target", auth("GET", "/bucket/" + "k" * 16384), 400, "RequestHeaderSectionTooLarge", "", (("MaxSizeAllowed", "16384"),)),
    Row("r43 anonymous", then(auth("GET", "/bucket/" + "k" * 16384), without, b"authorization"), 400, "RequestHeaderSectionTooLarge"),
    *(
        Row(f"r44 {target}", auth("GET", target), 400, "InvalidURI")
        for target in ("/bucket/../other", "/bucket/%2e%2e/other", "/bucket/a%00b", "/bucket/a%zz", "/bucket?prefix=a;b", "/bucket/key?a=1;uploadId=2")
    ),
    *(Row(f"r44 {target}", auth("GET", target), 400, "InvalidBucketName") for target in ("//bucket/key", "/b")),
    Row("r44 an escaped slash", auth("GET", "/bucket%2Fkey", uri="/bucket/key"), 400, "InvalidBucketName"),
    *(Row(f"r44 {query}", auth("GET", f"/bucket?{query}"), 400, "InvalidArgument", "Conflicting query string parameters: ") for query in ("location&policy", "versions&uploads=", "acl&tagging")),
    Row("r44 a method", auth("PATCH", "/bucket/key"), 405, "MethodNotAllowed"),
    *(
        Row(f"{rule} {method} {target}", auth(method, target), status, code, MESSAGES.get((method, target), ""))
        for rule, status, code, requests in (
            ("r44", 400, "InvalidArgument", (
                ("GET", "/bucket?location=%0A"),
                ("GET", "/bucket?other"),
                ("PUT", "/bucket?policy=%0A"),
                ("DELETE", "/bucket?policy=%0D%0A"),
                ("GET", "/bucket/key?acl=%0A"),
                ("GET", "/bucket/key?versionId=1&versionId=2"),
                ("PUT", "/bucket/key?tagging=%0A"),
                ("PUT", "/bucket/key?uploadId=a&partNumber=%0A"),
                ("PUT", "/bucket/key?partNumber=1"),
                ("PUT", "/bucket/key?versionId=1"),
                ("PUT", "/bucket/key?x-amz-object-lock-mode=GOVERNANCE"),
                ("DELETE", "/bucket/key?tagging=%0A"),
                ("POST", "/bucket/key?select&delete"),
                ("POST", "/bucket/key?select&select-type=2%0A"),
                ("PUT", "/bucket//key"),
                ("PUT", "/bucket/key__XLDIR__"),
            )),
            ("r44", 405, "MethodNotAllowed", (
                ("PUT", "/bucket?website"),
                ("DELETE", "/bucket?object-lock"),
                ("POST", "/bucket/key?delete"),
                ("PUT", "/bucket/key?uploads"),
                ("PUT", "/bucket/key?uploadId=a"),
                ("POST", "/"),
                ("POST", "/bucket/key"),
            )),
            ("r44", 400, "InvalidRequest", (
                ("GET", "/bucket/key?uploads"),
                ("GET", "/bucket/key?versions"),
            )),
            ("r44", 400, "NoLoggingStatusForKey", (("GET", "/bucket/key?logging"),)),
            ("r44", 404, "NoSuchUpload", tuple(
                (method, f"/bucket/key?{piece}uploadId={upload}")
                for method, piece in (("GET", ""), ("DELETE", ""), ("POST", ""), ("PUT", "partNumber=1&"))
                for upload in ("", "%0A", "..%2Fa", "eC4uLi8uLi9vdGhlci9rZXk")
            )),
            ("r45", 403, "AccessDenied", (
                ("PUT", "/bucket/key?X-Minio-Replication-Encrypted-Multipart="),
            )),
            ("r45", 501, "NotImplemented", (
                ("GET", "/?events="),
                ("GET", "/bucket?events="),
                ("GET", "/bucket?replication-metrics=2"),
                ("PUT", "/bucket?replication-reset"),
                ("PUT", "/bucket?publicAccessBlock"),
                ("GET", "/bucket/key?lambdaArn=a"),
                ("POST", "/bucket/key?lambdaArn=arn%3Aminio%3As3-object-lambda%3A%3A_%3Awebhook"),
                ("GET", "/_iceberg/v1/config?warehouse=w"),
                ("POST", "/_iceberg/v1/w/namespaces"),
                ("GET", "/_iceberg"),
                ("PUT", "/bucket/key?x-amz-meta-snowball-auto-extract=true"),
            )),
        )
        for method, target in requests
    ),
    Row("r44 an escaped slash in front", auth("PUT", "/bucket/%2Fkey", uri="/bucket//key"), 400, "InvalidArgument", "would take this key for another one"),
    Row("r45 a replica", auth("PUT", "/bucket/key", [("x-amz-replication-status", "REPLICA")]), 403, "AccessDenied"),
    Row("r42 in the query", auth("PUT", "/bucket/key?x-amz-meta-a=" + "x" * 2048), 400, "MetadataTooLarge"),
    Row("r42 hidden in the query", auth("PUT", "/bucket/key?x%2Damz-meta-a=" + "x" * 2048, query="x-amz-meta-a=" + "x" * 2048), 400, "MetadataTooLarge"),
    Row("r45 admin API", auth("GET", "/minio/admin/v3/info"), 403, "AccessDenied"),
    Row("r45 replication header", auth("PUT", "/bucket/key", [("X-Minio-Replication-Server-Side-Encryption-Iv", "x")]), 403, "AccessDenied"),
    Row("r45 tables", then(auth("GET", "/_iceberg/v1/config"), claimed(b"/s3/", b"/s3tables/")), 501, "NotImplemented", "AIStor Tables"),
    *(
        Row(f"r45 RDMA {name}", made, 501, "NotImplemented", "S3 over RDMA is not available")
        for name, made in uploads(("x-amz-rdma-token", "t")).items()
    ),
    Row("r45 RDMA GET", auth("GET", "/bucket/key", [("x-amz-rdma-token", "t")]), 501, "NotImplemented", "S3 over RDMA is not available"),
    *(
        Row(f"r45 append {name}", made, 501, "NotImplemented", "Append (x-amz-write-offset-bytes) is not available")
        for name, made in uploads(("x-amz-write-offset-bytes", "0")).items()
    ),
    Row("r45 snowball", auth("PUT", "/bucket/key", [("X-Amz-Meta-Snowball-Auto-Extract", "true")]), 501, "NotImplemented"),
    Row("r45 STS", auth("POST", "/?Action=AssumeRole"), 501, "NotImplemented"),
    *(
        Row(f"r46 {who['secret']} {method} {target} {source}", auth(method, target, [("x-amz-copy-source", source)] if source else [], who, payload=aws.UNSIGNED, body=body), 403, "AccessDenied", "Access Denied.")
        for who, method, target, source, body in (
            (NARROW, "GET", "/", "", None),
            (NARROW, "GET", "/bucket/key", "", None),
            (NARROW, "PUT", "/team-a/key", "/bucket/key", None),
            (PII, "GET", "/bucket/other", "", None),
            (PII, "PUT", "/bucket/pii/a", "/bucket/other", None),
            (PII, "PUT", "/bucket/pii/a?partNumber=1&uploadId=1", "/bucket/other", None),
            (PII, "GET", "/bucket", "", None),
            (PII, "GET", "/bucket?prefix=p", "", None),
            (PII, "GET", "/bucket?policy", "", None),
            (PII, "POST", "/bucket?delete", "", b"<Delete><Object><Key>pii/a</Key></Object><Object><Key>other</Key></Object></Delete>"),
            (READER, "PUT", "/bucket/key", "", None),
            (READER, "DELETE", "/bucket/key", "", None),
            (READER, "POST", "/bucket?delete", "", None),
            (READER, "DELETE", "/bucket?tagging", "", None),
            (GETTER, "HEAD", "/bucket/key", "", None),
            (GETTER, "GET", "/bucket", "", None),
            (GETTER, "GET", "/", "", None),
        )
    ),
    Row("r46 a document that hides a key", auth("POST", "/bucket?delete", [], PII, payload=aws.UNSIGNED, body=b"<!DOCTYPE a [<!ENTITY b 'other'>]><Delete><Object><Key>&b;</Key></Object></Delete>"), 400, "MalformedXML"),
    *(
        Row(f"r47 {value!r}", auth("PUT", "/bucket/key", [("x-amz-meta-a", value)]), 400, "InvalidRequest", "characters that are not allowed")
        for value in (b"a\0b", b"a\rb", b"a\x7fb", b"a\x1bb", b"a\rx-amz-acl: public-read")
    ),
    Row("r47 in an unsigned field", good(added("user-agent", "a\rb")), 400, "InvalidRequest", "characters that are not allowed"),
    Row("r47 another transfer coding", auth("PUT", "/bucket/key", [("Transfer-Encoding", "gzip, chunked")], payload=aws.UNSIGNED), 501, "NotImplemented", "A header you provided implies functionality"),
    *forms.ROWS,
]  # fmt: skip
