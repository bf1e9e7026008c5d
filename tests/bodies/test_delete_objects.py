"""DeleteObjects by a client with prefixes: every key is looked at, and nothing leaves before."""

from contextlib import suppress
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gateway.bodies.delete_objects import MAX_DOCUMENT, DeleteBody
from s3gateway.bodies.whole import HashedBody, PlainBody
from s3gateway.errors import S3Error
from s3gateway.rules.access import Access
from s3gateway.rules.deletion import read_keys
from tests.admission import DOCUMENT, configured, forwarded
from tests.receiving import Passage, passage
from tests.sigv4.aws import UNSIGNED, Key, authorized
from tests.sigv4.oracle import Boto3
from tests.sigv4.streams import reads

ACCESS = Access(("bucket",), prefixes=("pii/",))
OPEN = '<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'


def document(*keys: str, inside: str = "", quiet: str = "") -> bytes:
    objects = "".join(f"<Object><Key>{key}</Key>{inside}</Object>" for key in keys)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{OPEN}{objects}{quiet}</Delete>'.encode()


def deleted(body: bytes, size: int = 7) -> Passage:
    return passage(DeleteBody(HashedBody(sha256(body).hexdigest()), ACCESS), reads(body, size))


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_allowed_keys(size: int) -> None:
    """The body leaves unchanged, all of it at the end."""
    body = document(
        "pii/a", "pii/b c", "pii/&amp;&#x26;é", inside="<VersionId>1</VersionId>", quiet="<Quiet>true</Quiet>"
    )
    assert deleted(body, size) == Passage(b"", body)


def test_what_boto3_sends() -> None:
    """boto3's own document is read, odd keys included."""
    keys = ["pii/a", "pii/ü & <b>", "pii/ \t x"]
    boto = Boto3("http")
    boto.head("delete_objects", Bucket="bucket", Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True})
    assert list(read_keys(boto.body)) == keys


@pytest.mark.parametrize(
    "keys", [("secret",), ("pii/a", "secret"), ("pii",), ("pii/../secret",), ("/pii/a",), ("",), (" pii/a",)]
)
def test_other_keys(keys: tuple[str, ...]) -> None:
    """One key outside is enough: nothing is deleted."""
    result = deleted(document(*keys))
    assert (result.code, result.released + result.finished) == ("AccessDenied", b"")


SMUGGLED = [
    b"",
    b"not xml",
    b"<Delete>",
    document("pii/a") + b"<Delete/>",
    b"<!DOCTYPE Delete [<!ENTITY x 'secret'>]>" + b"<Delete><Object><Key>&x;</Key></Object></Delete>",
    b"<!DOCTYPE Delete SYSTEM 'file:///etc/passwd'><Delete/>",
    b"<Delete><?go x?><Object><Key>pii/a</Key></Object></Delete>",
    b"<Delete><Object><Key>pii/a</Key><Key>secret</Key></Object></Delete>",
    b"<Delete><Object><Key>pii/a<Key>secret</Key></Key></Object></Delete>",
    b"<Delete><Object><VersionId>1</VersionId></Object></Delete>",
    b"<Delete><Object><Key>pii/a</Key><key>secret</key></Object></Delete>",
    b"<Delete><Object><x:Key xmlns:x='y'>secret</x:Key><Key>pii/a</Key></Object></Delete>",
    b"<Delete><Key>secret</Key></Delete>",
    b"<Delete>secret<Object><Key>pii/a</Key></Object></Delete>",
    b"<Other><Object><Key>pii/a</Key></Object></Other>",
    b"<?xml version='1.0' encoding='latin-1'?><Delete><Object><Key>pii/\xe9</Key></Object></Delete>",
    b"<?xml version='1.0' encoding='utf-16'?><Delete/>",
    "<Delete><Object><Key>pii/a</Key></Object></Delete>".encode("utf-16"),
    b"<Delete><Object><Key>pii/\xff</Key></Object></Delete>",
]


@pytest.mark.parametrize("body", SMUGGLED)
def test_documents_that_could_be_read_in_two_ways(body: bytes) -> None:
    """What is not the published schema in UTF-8, without DTD, is MalformedXML."""
    result = deleted(body)
    assert (result.code, result.released + result.finished) == ("MalformedXML", b"")


def test_another_body_than_the_signed_one() -> None:
    """The hash is checked first; nothing leaves."""
    body = DeleteBody(HashedBody(sha256(document("pii/a")).hexdigest()), ACCESS)
    assert passage(body, [document("pii/b")]).code == "XAmzContentSHA256Mismatch"
    assert body.poison() is None


def test_a_document_is_bounded() -> None:
    """No more is held than AWS takes."""
    result = passage(DeleteBody(PlainBody(), ACCESS), [b"x" * (MAX_DOCUMENT // 2)] * 3)
    assert (result.code, result.released) == ("MalformedXML", b"")


@given(
    st.lists(
        st.one_of(
            st.sampled_from([b"<Delete>", b"<Object>", b"<Key>", b"</Key>", b"</Object>", b"pii/"]),
            st.binary(max_size=9),
        )
    )
)
def test_any_bytes_lead_to_keys_or_one_refusal(pieces: list[bytes]) -> None:
    """Invariant: any bytes whatever give keys or MalformedXML."""
    with suppress(S3Error):
        assert all(isinstance(key, str) for key in read_keys(b"".join(pieces)))


@pytest.mark.parametrize("payload", [UNSIGNED, sha256(document("secret")).hexdigest()])
def test_only_clients_with_prefixes_are_looked_at(payload: str) -> None:
    """The transformer is there for a client with prefixes, and for no other."""
    key = Key("PIIKEY", "pii")
    entry = {
        "name": "pii",
        "access_key_id": "PIIKEY",
        "secret_access_key": "pii",
        "buckets": ["*"],
        "prefixes": ["pii/"],
    }
    config = configured(clients=[*DOCUMENT["clients"], entry])
    target = "/bucket?delete="
    held = forwarded(authorized("POST", target, payload=payload, key=key), config=config).body
    passing = forwarded(authorized("POST", target, payload=payload), config=config).body
    assert held is not None
    assert passing is not None
    assert (type(held), type(passing) is DeleteBody) == (DeleteBody, False)
    assert passage(held, [document("secret")]).code == "AccessDenied"
    assert passage(passing, [document("secret")]).fault is None
