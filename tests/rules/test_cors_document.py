"""A bucket's own document -> rules: botocore's and AWS's forms are read, what cannot be used is none."""

import pytest

from s3gateway.rules.cors import CorsRule
from s3gateway.rules.cors_document import UnusableError, read_cors_document

XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"
LEAST = "<AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>"


def document(*rules: str, root: str = "CORSConfiguration", before: str = "") -> bytes:
    inner = "".join(f"<CORSRule>{rule}</CORSRule>" for rule in rules)
    return f"{before}<{root}>{inner}</{root}>".encode()


def test_awss_example() -> None:
    """The document of AWS's own page on GetBucketCors, in its name space."""
    example = f"""<?xml version="1.0" encoding="UTF-8"?>
<CORSConfiguration xmlns="{XMLNS}">
     <CORSRule>
       <AllowedOrigin>http://www.example.com</AllowedOrigin>
       <AllowedMethod>GET</AllowedMethod>
       <MaxAgeSeconds>3000</MaxAgeSeconds>
       <ExposeHeader>x-amz-server-side-encryption</ExposeHeader>
     </CORSRule>
     <CORSRule>
       <ID>two</ID>
       <AllowedHeader>X-Amz-*</AllowedHeader>
       <AllowedHeader>Range</AllowedHeader>
       <AllowedMethod>PUT</AllowedMethod>
       <AllowedMethod>POST</AllowedMethod>
       <AllowedOrigin>https://*.example.com</AllowedOrigin>
       <AllowedOrigin>null</AllowedOrigin>
     </CORSRule>
</CORSConfiguration>""".encode()
    assert read_cors_document(example) == (
        CorsRule((b"http://www.example.com",), (b"GET",), (), (b"x-amz-server-side-encryption",), 3000),
        CorsRule((b"https://*.example.com", b"null"), (b"PUT", b"POST"), (b"x-amz-*", b"range")),
    )


def test_none() -> None:
    assert read_cors_document(document()) == ()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (b"", "no XML"),
        (b"<CORSConfiguration>", "no XML"),
        (document(LEAST, root="Error"), "root"),
        (document(LEAST, before="<!DOCTYPE x [<!ENTITY a 'b'>]>"), "document type"),
        (document(LEAST.replace("GET", "PATCH")), "method"),
        (document(LEAST.replace("GET", "get")), "method"),
        (document(LEAST.replace("*", "a*b*")), "AllowedOrigin"),
        (document(LEAST.replace("*", "a b")), "AllowedOrigin"),
        (document(LEAST.replace("*", "a&#10;b")), "AllowedOrigin"),
        (document(LEAST.replace("*", "é")), "AllowedOrigin"),
        (document(LEAST + "<ExposeHeader>a&#13;&#10;b: c</ExposeHeader>"), "ExposeHeader"),
        (document(LEAST + "<ExposeHeader>*</ExposeHeader>"), "ExposeHeader"),
        (document(LEAST + "<AllowedHeader>a**</AllowedHeader>"), "AllowedHeader"),
        (document(LEAST + "<MaxAgeSeconds>-1</MaxAgeSeconds>"), "MaxAgeSeconds"),
        (document(*[LEAST] * 101), "more than 100"),
    ],
)
def test_what_cannot_be_used(given: bytes, why: str) -> None:
    """All of it: a rule that is left out could change which of the others decides."""
    with pytest.raises(UnusableError, match=why):
        read_cors_document(given)
