"""Connections are counted in all and by origin."""

import pytest

from s3gateway.config.networks import read_networks
from s3gateway.rules.connections import Connections, is_within
from tests.admission import configured

LIMITS = configured(limits={"connections": 5, "connections_per_address": 3}).limits


def enter(count: Connections, *addresses: str) -> list[str]:
    """Let them in one after the other; give what keeps each out."""
    return [count.enter(f"{len(count)} {address}", address, LIMITS) for address in addresses]


def test_one_address_leaves_room_for_others() -> None:
    """The fourth of one address stays out, others come in, until there are five."""
    count = Connections()
    assert enter(count, *["10.0.0.1"] * 4) == ["", "", "", "limits.connections_per_address"]
    assert enter(count, "10.0.0.2", "10.0.0.3", "10.0.0.4") == ["", "", "limits.connections"]
    assert len(count) == 5


def test_who_leaves_makes_room() -> None:
    """And who was kept out, or has left before, does not."""
    count = Connections()
    assert enter(count, *["10.0.0.1"] * 3) == [""] * 3
    for who in ("unheard of", "0 10.0.0.1", "0 10.0.0.1"):
        count.leave(who)
    assert len(count) == 2
    assert [count.enter(f"new {i}", "10.0.0.1", LIMITS) for i in range(2)] == ["", "limits.connections_per_address"]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::2", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("a unix socket", "a unix socket", True),
    ],
)
def test_what_one_origin_is(one: str, other: str, *, same: bool) -> None:
    """An IPv6 host has all addresses of its /64 network; a mapped IPv4 address is that address."""
    count = Connections()
    assert enter(count, one, one, one, other) == ["", "", "", "limits.connections_per_address" if same else ""]


def test_who_is_named_later() -> None:
    """Counts in all from the begin, and for its address from then on; one that is kept out then has its place still."""
    count = Connections()
    assert [count.enter(f"{i}", None, LIMITS) for i in range(5)] == [""] * 5
    assert count.enter("6", "10.0.0.1", LIMITS) == "limits.connections"
    named = [count.name(f"{i}", "10.0.0.1", LIMITS) for i in range(4)]
    assert named == ["", "", "", "limits.connections_per_address"]
    count.leave("3")
    count.leave("4")
    assert len(count) == 3
    assert count.enter("7", "10.0.0.1", LIMITS) == "limits.connections_per_address"
    count.leave("0")
    assert count.enter("8", "10.0.0.1", LIMITS) == ""


@pytest.mark.parametrize(
    ("address", "within"),
    [
        ("10.0.0.5", True),
        ("10.0.1.0", True),
        ("10.0.2.0", False),
        ("::ffff:10.0.0.5", True),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("fe80::1%eth0", True),
        ("2001:db8::1", False),
        ("a unix socket", False),
        ("", False),
    ],
)
def test_who_is_within_a_network(address: str, *, within: bool) -> None:
    """An address as the socket has it: mapped, or with the interface that it belongs to."""
    assert is_within(address, read_networks("k", ["10.0.0.0/23", "192.0.2.7", "fe80::/10"])) is within
