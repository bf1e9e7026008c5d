"""S3's error document: well-formed whatever is quoted in it."""

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gateway import errors
from s3gateway.errors import S3Error


def test_the_document() -> None:
    """Code, message, further fields, resource and request id, in AWS's order."""
    error = errors.unknown_access_key("<KEY>")
    assert error.to_xml("/bucket/a&b", "ID1").decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        "<Error><Code>InvalidAccessKeyId</Code>"
        "<Message>The AWS Access Key Id you provided does not exist in our records.</Message>"
        "<AWSAccessKeyId>&lt;KEY&gt;</AWSAccessKeyId><Resource>/bucket/a&amp;b</Resource>"
        "<RequestId>ID1</RequestId></Error>"
    )


@given(st.text(alphabet=st.characters(), max_size=20), st.text(max_size=20))
def test_always_well_formed(text: str, resource: str) -> None:
    """Invariant: any text, lone surrogates and control characters included, gives XML that says the same."""
    error = S3Error(400, "Code", text + "\ud800\x00", (("Field", text),))
    root = ET.fromstring(error.to_xml(resource, "id"))
    expected = re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)
    normalised = expected.replace("\r\n", "\n").replace("\r", "\n")  # XML 1.0 section 2.11
    assert root.findtext("Field") == (normalised or None) or not normalised
    assert [element.tag for element in root] == ["Code", "Message", "Field", "Resource", "RequestId"]


def test_str_is_for_logs() -> None:
    """Fields may quote the client, so they stay out of the text."""
    error = errors.invalid_argument("message", "name", "quoted by the client")
    assert (str(error), "quoted" in repr(error)) == ("InvalidArgument: message", False)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.access_denied(), 403, "AccessDenied"),
        (errors.headers_not_signed(["x-amz-acl"]), 403, "AccessDenied"),
        (errors.incomplete_body(), 400, "IncompleteBody"),
        (errors.wrong_length(), 400, "IncompleteBody"),
        (errors.malformed_trailer(), 400, "MalformedTrailerError"),
        (errors.payload_mismatch("a", "b"), 400, "XAmzContentSHA256Mismatch"),
        (errors.service_unavailable(), 503, "ServiceUnavailable"),
        (errors.internal_error(), 500, "InternalError"),
        (errors.not_implemented("x"), 501, "NotImplemented"),
        (errors.invalid_uri(), 400, "InvalidURI"),
    ],
)
def test_codes(error: S3Error, status: int, code: str) -> None:
    """Codes and statuses are those of the S3 API."""
    assert (error.status, error.code) == (status, code)
