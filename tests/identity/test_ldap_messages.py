"""LDAP messages as bytes: ldap3's own decoder reads in them what was meant."""

from typing import Any

import pytest
from ldap3.protocol.rfc4511 import LDAPMessage
from pyasn1.codec.ber import decoder

from s3gateway.identity import ldap_messages
from s3gateway.identity.ldap import Search


def read(message: bytes) -> tuple[int, str, Any]:
    """The number, the operation's name, and the operation."""
    found, rest = decoder.decode(message, asn1Spec=LDAPMessage())
    assert rest == b""
    return int(found["messageID"]), found["protocolOp"].getName(), found["protocolOp"].getComponent()


@pytest.mark.parametrize("number", [1, 127, 128, 255, 256, 70_000, 2**31 - 1])
@pytest.mark.parametrize("length", [1, 100, 128, 300, 70_000])
def test_a_message_of_any_number_and_length(number: int, length: int) -> None:
    read_number, name, bind = read(ldap_messages.bind(number, "uid=a", b"p" * length))
    assert (read_number, name, str(bind["name"])) == (number, "bindRequest", "uid=a")
    assert bytes(bind["authentication"]["simple"]) == b"p" * length


def test_a_search_is_the_one_that_was_asked_for() -> None:
    """Each with its own number, base, filter, limits."""
    for number, uid, most, seconds in ((1, "a", 2, 10.0), (2, "b", 2, 10.0), (3, "a", 5, 0.5), (4, "a", 2, 10.0)):
        search = Search(f"ou={uid}", f"(uid={uid})", ("mail",), most)
        read_number, name, asked = read(ldap_messages.search(number, search, seconds))
        assert (read_number, name, str(asked["baseObject"])) == (number, "searchRequest", f"ou={uid}")
        assert str(asked["filter"]["equalityMatch"]["assertionValue"]) == uid
        assert (int(asked["sizeLimit"]), int(asked["timeLimit"])) == (most, max(1, int(seconds)))
        assert [str(attribute) for attribute in asked["attributes"]] == ["mail"]


@pytest.mark.parametrize(
    ("make", "name"), [(ldap_messages.start_tls, "extendedReq"), (ldap_messages.unbind, "unbindRequest")]
)
def test_the_others(make: Any, name: str) -> None:
    assert read(make(9))[:2] == (9, name)
