"""Who may read what: S3's rules for pages of other origins, in AWS's words.

What is expected is AWS's behaviour: the origins of Ceph's s3-tests, which were written against AWS, its documentation's
examples, and answers of AWS as quoted in public.
"""

import pytest

from s3gateway.errors import S3Error
from s3gateway.rules.cors import (
    METHODS,
    CorsRule,
    Page,
    answer_fields,
    in_place_of_backends,
    preflight_fields,
    read_page,
    read_preflight,
    rules_of,
)
from s3gateway.sigv4.model import Headers, RequestHead

ALL = tuple(method.encode() for method in METHODS)
VARY = (b"Vary", b"Origin, Access-Control-Request-Headers, Access-Control-Request-Method")
APP = b"https://app.example.com"
RULE = CorsRule((APP,), (b"PUT", b"GET"), (b"content-type", b"x-amz-meta-*"), (b"ETag",), 3000)


def asked(*headers: tuple[str, str], most: int = 200) -> Page:
    fields = tuple((name.encode(), value.encode("latin-1")) for name, value in headers)
    return read_preflight(RequestHead(b"OPTIONS", b"/bucket/key", fields), "bucket", "key", most)


def page(origin: str, method: bytes = b"GET") -> Page:
    return read_page(RequestHead(method, b"/bucket/key", ((b"Origin", origin.encode("latin-1")),)), "bucket", "key")


def refusal(*headers: tuple[str, str], rules: tuple[CorsRule, ...] = (RULE,), most: int = 200) -> S3Error:
    with pytest.raises(S3Error) as caught:
        preflight_fields(asked(*headers, most=most), rules)
    return caught.value


ORIGIN = ("Origin", APP.decode())
METHOD = ("Access-Control-Request-Method", "PUT")


def headers_asked(value: str) -> tuple[str, str]:
    return ("Access-Control-Request-Headers", value)


def test_a_preflight_that_is_allowed() -> None:
    """The origin itself, all methods of the rule, the headers that were asked for, and what varies."""
    page = asked(ORIGIN, METHOD, headers_asked("Content-Type,  X-AMZ-Meta-One"))
    assert preflight_fields(page, (RULE,)) == (
        (b"Access-Control-Allow-Origin", APP),
        (b"Access-Control-Allow-Methods", b"PUT, GET"),
        (b"Access-Control-Allow-Headers", b"content-type, x-amz-meta-one"),
        (b"Access-Control-Expose-Headers", b"ETag"),
        (b"Access-Control-Max-Age", b"3000"),
        (b"Access-Control-Allow-Credentials", b"true"),
        VARY,
    )


def test_the_least_rule_says_the_least() -> None:
    """To any origin the answer is the asterisk, without credentials: browsers take both together for a fault."""
    assert preflight_fields(asked(ORIGIN, METHOD), (CorsRule((b"*",), (b"PUT",)),)) == (
        (b"Access-Control-Allow-Origin", b"*"),
        (b"Access-Control-Allow-Methods", b"PUT"),
        VARY,
    )


@pytest.mark.parametrize(
    ("pattern", "origin", "matches"),
    [
        ("*suffix", "foo.suffix", True),
        ("*suffix", "foo.bar", False),
        ("*suffix", "foo.suffix.get", False),
        ("start*end", "startend", True),
        ("start*end", "start1end", True),
        ("start*end", "start12end", True),
        ("start*end", "0start12end", False),
        ("start*end", "startnd", False),
        ("prefix*", "prefix", True),
        ("prefix*", "prefix.suffix", True),
        ("prefix*", "bla.prefix", False),
        ("aba*aba", "aba", False),
        ("https://*.example.com", "https://a.b.example.com", True),
        ("https://*.example.com", "https://example.com", False),
        ("https://*.example.com", "http://a.example.com", False),
        ("https://app.example.com", "https://app.example.com:8443", False),
        ("https://app.example.com", "https://APP.example.com", False),
        ("https://app.example.com", "https://app.example.com.evil.test", False),
        ("https://app.example.com", "https://appxexample.com", False),
        ("*", "null", True),
        ("null", "null", True),
        ("https://*", "null", False),
    ],
)
def test_an_origin_and_a_pattern(pattern: str, origin: str, *, matches: bool) -> None:
    rules = (CorsRule((pattern.encode(),), (b"GET",)),)
    allowed = dict(answer_fields(page(origin), rules)).get(b"Access-Control-Allow-Origin")
    assert allowed == ((b"*" if pattern == "*" else origin.encode()) if matches else None)


@pytest.mark.parametrize(
    "origin",
    ["a b", "https://a.test, https://b.test", "https://a\r\n x: y", "https://\xe9.test", "\x7f", "https://a.test\x00"],
)
def test_what_is_no_origin_is_not_written_back(origin: str) -> None:
    """Not even where any origin is allowed."""
    rules = (CorsRule((b"*", b"https://*"), ALL),)
    assert answer_fields(page(origin), rules) == (VARY,)
    assert refusal(("Origin", origin), METHOD, rules=rules).code == "AccessForbidden"


def test_two_origins_are_none() -> None:
    head = RequestHead(b"GET", b"/bucket/key", ((b"Origin", APP), (b"origin", APP)))
    assert answer_fields(read_page(head, "bucket", "key"), (RULE,)) == (VARY,)


def test_an_answer_to_no_page_varies_as_well() -> None:
    """A browser's cache may give it to a page later; where there are no rules there is nothing to vary."""
    for origin in ((), ((b"Origin", b""),)):
        nobody = read_page(RequestHead(b"GET", b"/bucket/key", origin), "bucket", "key")
        assert (answer_fields(nobody, (RULE,)), answer_fields(nobody, ())) == ((VARY,), ())


def test_the_first_rule_that_allows_all_decides() -> None:
    """Origin, method and headers must be one rule's: two rules do not add up."""
    rules = (
        CorsRule((APP,), (b"GET",), (b"*",), max_age=1),
        CorsRule((b"https://other.test",), (b"PUT",), (b"*",), max_age=2),
        CorsRule((b"https://*",), (b"PUT",), (), max_age=3),
        CorsRule((b"*",), (b"PUT",), (b"content-*",), max_age=4),
    )

    def age(*headers: tuple[str, str]) -> bytes | None:
        return dict(preflight_fields(asked(ORIGIN, METHOD, *headers), rules)).get(b"Access-Control-Max-Age")

    assert age() == b"3"
    assert age(headers_asked("Content-Type")) == b"4"
    assert refusal(ORIGIN, METHOD, headers_asked("Content-Type, Range"), rules=rules).code == "AccessForbidden"


def test_an_actual_request_needs_origin_and_method_only() -> None:
    """Its headers were asked for before; a page's GET reads what a PUT alone may not."""
    put = (CorsRule((APP,), (b"PUT",)),)
    assert (b"Access-Control-Allow-Origin", APP) in answer_fields(page(APP.decode(), b"PUT"), put)
    assert answer_fields(page(APP.decode(), b"GET"), put) == (VARY,)


NOT_ALLOWED = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method "
    "/ Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
)
NO_ORIGIN = "Insufficient information. Origin request header needed."


@pytest.mark.parametrize(
    ("headers", "status", "code", "message"),
    [
        ((), 400, "BadRequest", NO_ORIGIN),
        ((METHOD,), 400, "BadRequest", NO_ORIGIN),
        ((("Origin", ""), METHOD), 400, "BadRequest", NO_ORIGIN),
        ((ORIGIN,), 400, "BadRequest", "Invalid Access-Control-Request-Method: null"),
        *(
            (
                (ORIGIN, ("Access-Control-Request-Method", method)),
                400,
                "BadRequest",
                f"Invalid Access-Control-Request-Method: {method}",
            )
            for method in ("put", "BLAH", "OPTIONS", "*", "PUT, GET")
        ),
        ((ORIGIN, METHOD, METHOD), 400, "BadRequest", "Invalid Access-Control-Request-Method: PUT, PUT"),
        (
            (ORIGIN, METHOD, headers_asked("Content-Type, two words")),
            400,
            "BadRequest",
            'Access-Control-Request-Headers "two words" contains invalid character.',
        ),
        ((("Origin", "https://evil.test"), METHOD), 403, "AccessForbidden", NOT_ALLOWED),
        ((ORIGIN, ("Access-Control-Request-Method", "DELETE")), 403, "AccessForbidden", NOT_ALLOWED),
        ((ORIGIN, METHOD, headers_asked("content-type,range")), 403, "AccessForbidden", NOT_ALLOWED),
        ((ORIGIN, METHOD, headers_asked("xcontent-type")), 403, "AccessForbidden", NOT_ALLOWED),
    ],
)
def test_refused_preflights(headers: tuple[tuple[str, str], ...], status: int, code: str, message: str) -> None:
    error = refusal(*headers)
    assert (error.status, error.code, error.message) == (status, code, message)


def test_a_bucket_without_rules() -> None:
    """AWS names the bucket as what was asked for, whatever the path; where rules were looked at, the object."""
    error = refusal(ORIGIN, METHOD, rules=())
    assert (error.status, error.message) == (403, "CORSResponse: CORS is not enabled for this bucket.")
    assert error.fields == (("Method", "PUT"), ("ResourceType", "BUCKET"))
    assert refusal(("Origin", "https://evil.test"), METHOD).fields == (("Method", "PUT"), ("ResourceType", "OBJECT"))


def test_the_operator_reads_who_wanted_what() -> None:
    """On one line of bounded length: strangers write it."""
    evil = ("Origin", "https://evil.test")
    assert refusal(evil, METHOD, rules=()).reason == (
        "there are no rules for the bucket: https://evil.test wants to PUT"
    )
    assert refusal(evil, METHOD, headers_asked("Range,ETag")).reason == (
        "no rule of the bucket allows it: https://evil.test wants to PUT with range, etag"
    )
    assert refusal(("Origin", "a b"), METHOD).reason.endswith("it: what is no origin wants to PUT")
    assert len(refusal(("Origin", "x" * 10000), METHOD).reason) < 250


def test_a_hundred_headers() -> None:
    """All of them or none, and the answer names them all; more than a request may have are not even compared."""
    names = [f"x-amz-meta-{number}" for number in range(100)]
    fields = dict(preflight_fields(asked(ORIGIN, METHOD, headers_asked(",".join(names))), (RULE,)))
    assert fields[b"Access-Control-Allow-Headers"] == ", ".join(names).encode()
    assert refusal(ORIGIN, METHOD, headers_asked(",".join([*names, "range"]))).code == "AccessForbidden"
    error = refusal(ORIGIN, METHOD, headers_asked(",".join(names)), most=99)
    assert (error.status, error.code) == (400, "RequestHeaderSectionTooLarge")


def test_empty_elements_and_repetition_are_nothing() -> None:
    """As in any list field (RFC 9110 §5.6.1), which may come in several lines."""
    page = asked(ORIGIN, METHOD, headers_asked(" ,range,,"), headers_asked(""), headers_asked("Range\t, etag"))
    assert page.headers == (b"range", b"etag")


def test_rules_are_for_buckets() -> None:
    """By pattern; the service itself, where ListBuckets is, has none."""
    rules = (CorsRule((APP,), ALL, bucket="web-*"), CorsRule((APP,), ALL))
    assert [len(rules_of(rules, bucket)) for bucket in ("web-1", "data", "")] == [2, 1, 0]


def fields(*lines: str) -> Headers:
    return tuple((name.encode(), value.encode()) for name, value in (line.split(": ") for line in lines))


def test_the_backends_words_are_replaced() -> None:
    """As MinIO says them by itself to any origin. What else an answer varies by is kept."""
    minios = fields(
        "Access-Control-Allow-Credentials: true",
        "Access-Control-Allow-Origin: https://evil.test",
        "Access-Control-Expose-Headers: Date, Etag",
        "ETag: x",
        "Vary: Origin",
        "VARY: Accept-Encoding, origin,Access-Control-Request-Method",
        "access-control-allow-private-network: true",
        "X-Access-Control-Allow: y",
    )
    kept = fields("ETag: x", "VARY: Accept-Encoding", "X-Access-Control-Allow: y")
    assert in_place_of_backends(minios, ()) == kept
    assert in_place_of_backends(minios, (VARY,)) == (*kept, VARY)
