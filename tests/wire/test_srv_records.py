"""Directory servers by DNS: in the order of their priorities, kept as long as DNS says, and while DNS says nothing."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import pytest

from lab.ports import free_port
from lab.slapd import ALICE, Slapd
from s3gateway.config.gateway_yaml import build
from s3gateway.identity.ldap import Server
from s3gateway.sigv4.model import Secret
from s3gateway.wire.contexts import for_peer
from s3gateway.wire.directory import Directory
from s3gateway.wire.ldap_connection import DirectoryError
from s3gateway.wire.srv_records import SrvRecords, in_order

NAME = "_ldap._tcp.example.test"


class Dns(asyncio.DatagramProtocol):
    """A name server of one name. ``asked`` counts the questions."""

    def __init__(self) -> None:
        self.records: list[str] = []
        self.asked = 0
        self.ttl = 60
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.asked += 1
        question = dns.message.from_wire(data)
        answer = dns.message.make_response(question, recursion_available=True)
        if self.records and question.question[0].name.to_text() == f"{NAME}.":
            answer.answer.append(dns.rrset.from_text(f"{NAME}.", self.ttl, "IN", "SRV", *self.records))
        else:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(answer.to_wire(), addr)


@pytest.fixture
async def served() -> AsyncIterator[tuple[Dns, SrvRecords]]:
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(Dns, ("127.0.0.1", 0))
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = transport.get_extra_info("sockname")[1]
    yield server, SrvRecords(NAME, 2, resolver)
    transport.close()


async def test_by_priority(served: tuple[Dns, SrvRecords]) -> None:
    server, records = served
    server.records = ["20 0 636 last.test.", "10 5 1636 first.test.", "30 0 0 ."]
    assert await records() == (Server("first.test", 1636), Server("last.test", 636))


async def test_an_answer_is_kept(served: tuple[Dns, SrvRecords], monkeypatch: pytest.MonkeyPatch) -> None:
    """Until its time is over; and longer, where DNS has none then."""
    server, records = served
    server.records = ["10 0 636 a.test."]
    for _ in range(3):
        assert await records() == (Server("a.test", 636),)
    assert server.asked == 1
    loop = asyncio.get_running_loop()
    base = loop.time
    monkeypatch.setattr(loop, "time", lambda: base() + 61)
    server.records = ["10 0 636 b.test."]
    assert await records() == (Server("b.test", 636),)
    monkeypatch.setattr(loop, "time", lambda: base() + 122)
    server.records = []
    assert await records() == (Server("b.test", 636),)


async def test_without_a_record(served: tuple[Dns, SrvRecords]) -> None:
    with pytest.raises(DirectoryError, match=f"no SRV record of {NAME}: NXDOMAIN"):
        await served[1]()


async def test_weights_say_how_often_one_is_first() -> None:
    """RFC 2782: three in four of many draws, here with a wide margin."""
    text = [f"10 {weight} 636 {name}." for name, weight in (("a.test", 75), ("b.test", 25), ("c.test", 0))]
    records: Any = dns.rrset.from_text(f"{NAME}.", 60, "IN", "SRV", *text)
    first = Counter(str(in_order(records)[0].target) for _ in range(2000))
    assert first["a.test."] > 1300
    assert first["b.test."] > 300
    assert first["c.test."] < 50


async def test_a_login_by_dns(slapd: Slapd, served: tuple[Dns, SrvRecords]) -> None:
    """The first server is down, so the second is asked; its certificate has to be of its own name."""
    server, records = served
    server.records = [f"10 0 {free_port()} localhost.", f"20 0 {slapd.tls_port} localhost."]
    section = slapd.section(server_addr="example.test", srv_record_name="ldap")
    settings = build({"backend": {"endpoint": "https://unused"}, "ldap": section}, Path()).ldap
    assert settings is not None
    directory = Directory(settings, for_peer(settings.ca_file), records)
    assert (await directory.with_password(ALICE.uid, Secret(ALICE.password))).user == "Alice"
    directory.close()
    await asyncio.sleep(0.01)
