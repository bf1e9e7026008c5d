# ruff: noqa: E501 - a table reads by its rows
"""What is refused with which answer: a table of AWS's own answers, each for one fault in an otherwise good request."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from s3gateway.errors import S3Error
from s3gateway.sigv4.model import RequestHead
from tests.admission import admitted, edited, with_header, without
from tests.sigv4 import aws
from tests.sigv4.aws import CLIENT, authorized, presigned

GOOD = authorized("GET", "/bucket/key")
PRESIGNED = presigned("GET", "/bucket/key")


@dataclass(frozen=True)
class Row:
    """A name, the request, and the expected status, code and part of the message."""

    name: str
    head: RequestHead
    status: int
    code: str
    message: str = ""


def authorization(change: Callable[[str], str]) -> RequestHead:
    """The good request with its Authorization header changed."""
    value = (GOOD.first(b"authorization") or b"").decode()
    return with_header(GOOD, b"authorization", change(value).encode())


def query(old: str, new: str) -> RequestHead:
    """The good presigned URL with a part of it changed."""
    target = PRESIGNED.target.decode()
    assert old in target
    return edited(PRESIGNED, target=target.replace(old, new).encode())


def put(value: str) -> RequestHead:
    return authorized("PUT", "/bucket/key", payload=value)


SCOPE = "20240229/us-east-1/s3/aws4_request"
AHM, AQPE = "AuthorizationHeaderMalformed", "AuthorizationQueryParametersError"
SIGV2 = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
ONE_SPACE = "Authorization header is invalid -- one and only one ' ' (space) required."
ONE_MECHANISM = "Only one auth mechanism allowed"
THREE = "requires three components: Credential, SignedHeaders, and Signature."
SIX = "Query-string authentication version 4 requires the X-Amz-Algorithm"
NOT_SIGNED = "There were headers present in the request which were not signed"
DATE = "AWS authentication requires a valid Date or x-amz-date header"

ROWS = [
    Row("1 anonymous", without(GOOD, b"authorization"), 403, "AccessDenied"),
    Row("2 no space", authorization(lambda _: "AWS4-HMAC-SHA256"), 400, "InvalidArgument", ONE_SPACE),
    Row("2 nothing after it", authorization(lambda _: "AWS4-HMAC-SHA256  "), 400, "InvalidArgument", ONE_SPACE),
    Row("2 empty", authorization(lambda _: ""), 400, "InvalidArgument", ONE_SPACE),
    *(
        Row(f"3 {algorithm}", authorization(lambda v, a=algorithm: v.replace("AWS4-HMAC-SHA256", a)), 400, "InvalidArgument", "Unsupported Authorization Type")  # type: ignore[misc]
        for algorithm in ("AWS4-HMAC-SHA256X", "aws4-hmac-sha256", "AWS4-HMAC-SHA512", "Bearer", "Basic", "AWS3", "AWS4")
    ),
    Row("4 SigV2 header", authorization(lambda _: "AWS KEY:sig="), 400, "InvalidRequest", SIGV2),
    Row("4 SigV2 query", edited(without(GOOD, b"authorization"), target=b"/bucket/key?AWSAccessKeyId=K&Signature=s&Expires=9"), 400, "InvalidRequest", SIGV2),
    Row("5 SigV4A", authorization(lambda v: v.replace("HMAC", "ECDSA-P256")), 501, "NotImplemented"),
    Row("5 SigV4A stream", put("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"), 501, "NotImplemented"),
    Row("5 SigV4A stream with trailer", put("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER"), 501, "NotImplemented"),
    Row("6 two components", authorization(lambda v: v.rpartition(",")[0]), 400, AHM, THREE),
    Row("6 four components", authorization(lambda v: v + ", More=1"), 400, AHM, THREE),
    Row("6 no equals sign", authorization(lambda v: v.replace("Signature=", "Signature:")), 400, AHM, THREE),
    *(
        Row(f"6 no {part}", authorization(lambda v, p=part: v.replace(p, "Other")), 400, AHM, f"missing {part}.")  # type: ignore[misc]
        for part in ("Credential", "SignedHeaders", "Signature")
    ),
    Row("6 twice Credential", authorization(lambda v: v.replace("SignedHeaders", "Credential")), 400, AHM),
    Row("6 short signature", authorization(lambda v: v[:-1]), 400, AHM),
    Row("6 upper case signature", authorization(lambda v: v[:-64] + "A" * 64), 400, AHM),
    *(
        Row(f"6 SignedHeaders {names}", authorization(lambda v, n=names: v.replace("host;x-amz", n)), 400, AHM)  # type: ignore[misc]
        for names in ("Host;x-amz", "host;host;x-amz", "host;;x-amz", "ho st;x-amz", "hé;x-amz")
    ),
    *(
        Row(f"7-8 {scope or 'empty'}", authorization(lambda v, s=scope: v.replace("SPARKKEY/" + SCOPE, s)), 400, AHM)  # type: ignore[misc]
        for scope in (
            "SPARKKEY",
            SCOPE,
            "/" + SCOPE,
            "A/B/" + SCOPE,
            "SPARKKEY/" + SCOPE + "/x",
            "SPARKKEY/2024/us-east-1/s3/aws4_request",
            "SPARKKEY/２０２４0229/us-east-1/s3/aws4_request",
            "SPARKKEY/20240229/us-east-1/sts/aws4_request",
            "SPARKKEY/20240229/us-east-1/S3/aws4_request",
            "SPARKKEY/20240229/us-east-1/s3/aws4",
        )
    ),
    Row("9 another day", authorization(lambda v: v.replace("20240229", "20240228")), 400, AHM, "Date is not the same as X-Amz-Date."),
    Row("10 another region", authorized("GET", "/bucket/key", key=replace(CLIENT, region="eu-west-1")), 400, AHM, "expecting 'us-east-1'"),
    Row("11 unknown key", authorized("GET", "/bucket/key", key=replace(CLIENT, access_key_id="NOBODY")), 403, "InvalidAccessKeyId"),
    Row("12 no date", without(GOOD, b"x-amz-date"), 403, "AccessDenied", DATE),
    *(
        Row(f"12 date {date}", with_header(GOOD, b"x-amz-date", date.encode()), 403, "AccessDenied", DATE)
        for date in ("today", "20240229", "20240229T120000", "20240230T120000Z", "20240229T250000Z", "1709208000", "é", "Thu, 99 Feb 2024 12:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 -0100")
    ),
    Row("14 host not signed", authorized("GET", "/bucket/key", unsigned=["host"]), 403, "AccessDenied", NOT_SIGNED),
    Row("17 wrong secret", authorized("GET", "/bucket/key", key=replace(CLIENT, secret="wrong")), 403, "SignatureDoesNotMatch"),
    Row("17 another method", edited(GOOD, method=b"DELETE"), 403, "SignatureDoesNotMatch"),
    Row("17 another key", edited(GOOD, target=b"/bucket/other"), 403, "SignatureDoesNotMatch"),
    Row("17 another query", edited(GOOD, target=b"/bucket/key?acl"), 403, "SignatureDoesNotMatch"),
    Row("17 another host", with_header(GOOD, b"host", b"other.example"), 403, "SignatureDoesNotMatch"),
    Row("17 another hash", with_header(GOOD, b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD"), 403, "SignatureDoesNotMatch"),
    Row("17 presigned", query("/bucket/key", "/bucket/other"), 403, "SignatureDoesNotMatch"),
    Row("17 presigned for another method", edited(PRESIGNED, method=b"DELETE"), 403, "SignatureDoesNotMatch"),
    Row("18 no payload hash", without(GOOD, b"x-amz-content-sha256"), 400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256"),
    *(
        Row(f"19 {value}", put(value), 400, "InvalidArgument", "x-amz-content-sha256 must be UNSIGNED-PAYLOAD")
        for value in ("abc", "unsigned-payload", "STREAMING-PAYLOAD", aws.EMPTY.upper(), aws.EMPTY + "0", "STREAMING-AWS4-HMAC-SHA512-PAYLOAD")
    ),
    Row("20 a hash but no body", authorized("GET", "/bucket/key", payload="0" * 64), 400, "XAmzContentSHA256Mismatch"),
    *(
        Row(f"21 {method} {target}", authorized(method, target, payload=aws.STREAMING), 400, "InvalidRequest", "The value of x-amz-content-sha256 header is invalid.")
        for method, target in (("GET", "/bucket/key"), ("PUT", "/bucket"), ("POST", "/bucket?delete"), ("PUT", "/bucket/key?tagging"), ("POST", "/bucket/key?uploadId=1"))
    ),
    Row("22 header and query", edited(GOOD, target=PRESIGNED.target), 400, "InvalidArgument", ONE_MECHANISM),
    Row("22 header and SigV2 query", edited(GOOD, target=b"/bucket/key?Signature=x"), 400, "InvalidArgument", ONE_MECHANISM),
    Row("22 both queries", query("&X-Amz-Date", "&AWSAccessKeyId=x&X-Amz-Date"), 400, "InvalidArgument", ONE_MECHANISM),
    Row("22 two headers", edited(GOOD, headers=(*GOOD.headers, GOOD.headers[-1])), 400, "InvalidArgument", ONE_MECHANISM),
    Row("23 session token", authorized("GET", "/bucket/key", [("x-amz-security-token", "t")]), 400, "InvalidToken"),
    Row("23 presigned session token", presigned("GET", "/bucket/key", parameters=[("X-Amz-Security-Token", "t")]), 400, "InvalidToken"),
    *(
        Row(f"24 no {name}", query(f"{name}=", f"Other-{name[6:]}="), 400, AQPE, SIX)
        for name in ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", "X-Amz-Signature")
    ),
    Row("24 only a credential", edited(GOOD, target=b"/bucket/key?X-Amz-Credential=x", headers=GOOD.headers[:-1]), 400, AQPE, SIX),
    Row("25 algorithm", query("HMAC-SHA256", "HMAC-SHA512"), 400, AQPE, "X-Amz-Algorithm only supports"),
    Row("25 credential", query("%2Faws4_request", ""), 400, AQPE),
    Row("25 credential date", query("%2F20240229%2F", "%2F2024%2F"), 400, AQPE),
    Row("25 credential service", query("%2Fs3%2F", "%2Fsts%2F"), 400, AQPE),
    Row("25 date", query("20240229T120000Z", "yesterday"), 400, AQPE),
    Row("25 another day", query("20240229T120000Z", "20240301T120000Z"), 400, AQPE, "Date is not the same as X-Amz-Date."),
    Row("25 region", presigned("GET", "/bucket/key", key=replace(CLIENT, region="eu-west-1")), 400, AQPE, "expecting 'us-east-1'"),
    Row("25 signature", query("X-Amz-Signature=", "X-Amz-Signature=0"), 400, AQPE),
    *(
        Row(f"25 expires {value}", query("Expires=600", f"Expires={value}"), 400, AQPE, message)
        for value, message in (("x", "should be a number"), ("", "should be a number"), ("6e2", "should be a number"), ("-1", "must be non-negative"), ("604801", "must be less than a week"), ("9" * 18, "must be less than a week"), ("9" * 40, "should be a number"))
    ),
    Row("28 twice", query("X-Amz-Expires=600", "X-Amz-Expires=600&X-Amz-Expires=600"), 400, AQPE),
    Row("28 twice in another case", query("X-Amz-Signature=", "x-amz-signature=0&X-Amz-Signature="), 400, AQPE),
    Row("28 escaped", query("X-Amz-Expires=600", "X-Amz-Expires=600&X-Amz-%45xpires=6000"), 400, AQPE),
    Row("28 another case", query("X-Amz-Expires", "x-amz-expires"), 400, AQPE),
    *(
        Row(f"29 presigned {mode}", presigned("PUT", "/bucket/key", [("x-amz-content-sha256", mode)], payload=mode), 501, "NotImplemented")
        for mode in (aws.STREAMING, aws.STREAMING_TRAILER, aws.STREAMING_UNSIGNED_TRAILER)
    ),
    Row("29 in the query", presigned("PUT", "/bucket/key", payload=aws.STREAMING_UNSIGNED_TRAILER, parameters=[("X-Amz-Content-Sha256", aws.STREAMING_UNSIGNED_TRAILER)]), 501, "NotImplemented"),
    *(
        Row(f"anonymous {mode}", without(put(mode), b"authorization"), 403, "AccessDenied")
        for mode in (aws.UNSIGNED, aws.STREAMING, aws.STREAMING_TRAILER, aws.STREAMING_UNSIGNED_TRAILER)
    ),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_refused(row: Row) -> None:
    """The request is refused with the status, code and words of the table."""
    with pytest.raises(S3Error) as raised:
        admitted(row.head)
    error = raised.value
    assert (error.status, error.code, row.message in error.message) == (row.status, row.code, True)
    assert CLIENT.secret not in error.to_xml("/", "id").decode()


@pytest.mark.parametrize("head", [GOOD, PRESIGNED], ids=["header", "presigned"])
def test_the_good_requests_are_good(head: RequestHead) -> None:
    """The table's requests differ from these, which are admitted."""
    assert admitted(head).client.name == "spark"


def test_mismatch_tells_what_was_computed() -> None:
    """SignatureDoesNotMatch shows the string to sign and canonical request, with what is secret in it masked."""
    headers = [("x-amz-server-side-encryption-customer-key", "S3CR3T")]
    head = authorized("GET", "/bucket/key", headers, key=replace(CLIENT, secret="wrong"))
    with pytest.raises(S3Error) as raised:
        admitted(head)
    fields = dict(raised.value.fields)
    assert fields["AWSAccessKeyId"] == "SPARKKEY"
    assert fields["StringToSign"].startswith("AWS4-HMAC-SHA256\n20240229T120000Z\n" + SCOPE + "\n")
    assert "x-amz-server-side-encryption-customer-key:<redacted>\n" in fields["CanonicalRequest"]
    assert bytes.fromhex(fields["CanonicalRequestBytes"]).decode() == fields["CanonicalRequest"]
    assert b"S3CR3T" not in raised.value.to_xml("/", "id")
