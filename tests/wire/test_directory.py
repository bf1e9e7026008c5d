"""Logins at a real slapd: who is let in, what the others are told, and what happens while it does not answer."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from lab import slapd as lab
from lab.certs import Certs, make_certs
from lab.ports import free_port
from lab.slapd import ALICE, BASE, BOB, CAROL, DAVE, ODD, ROBOT, Person, Slapd, group_dn
from s3gateway.config.gateway_yaml import build
from s3gateway.identity.distinguished_name import normal_dn
from s3gateway.identity.login import Login
from s3gateway.identity.remote_keys import CannotAskError
from s3gateway.identity.sts import StsError
from s3gateway.sigv4.model import Secret
from s3gateway.wire.clock import Clock
from s3gateway.wire.directory import Directory
from s3gateway.wire.providers import Providers
from tests.conftest import _have


@pytest.fixture(scope="module")
def own(certs: Certs) -> Iterator[Slapd]:
    """A directory that a test may pause and restart."""
    with Slapd(certs, program=_have(lab.slapd)) as server:
        yield server


@asynccontextmanager
async def asked(section: dict[str, Any]) -> AsyncIterator[Directory]:
    """The directory as the gateway asks it."""
    config = build({"backend": {"endpoint": "https://unused"}, "ldap": section}, Path())
    clock = Clock(lambda _: None)
    providers = Providers(lambda: config, clock)
    assert providers.directory is not None
    try:
        yield providers.directory
    finally:
        providers.stop()
        clock.stop()
        await asyncio.sleep(0.01)


async def log_in(section: dict[str, Any], person: Person, password: str | None = None) -> Login:
    async with asked(section) as directory:
        return await directory.with_password(person.uid, Secret(person.password if password is None else password))


async def refusal(section: dict[str, Any], name: str, password: str) -> tuple[int, str, str]:
    """Status and code, and the reason for the log."""
    async with asked(section) as directory:
        with pytest.raises(StsError) as caught:
            await directory.with_password(name, Secret(password))
    error = caught.value
    assert password not in error.reason + str(error) or not password
    assert lab.LOOKUP_PASSWORD not in error.reason + str(error)
    return error.status, error.code, error.reason


@pytest.mark.parametrize("transport", ["ldaps", "starttls", "insecure"])
async def test_a_user_logs_in(slapd: Slapd, transport: str) -> None:
    """By each way to connect: the name is the directory's own, and so are the groups."""
    plain = {"server_addr": f"127.0.0.1:{slapd.port}"}
    transports: dict[str, dict[str, Any]] = {
        "ldaps": {},
        "starttls": {**plain, "server_starttls": True},
        "insecure": {**plain, "server_insecure": True, "ca_file": None},
    }
    more = transports[transport]
    section = slapd.section(**more, user_dn_attributes="departmentNumber, mail")
    async with asked(section) as directory:
        login = await directory.with_password("aLiCe", Secret(ALICE.password))
    assert (login.source, login.user, normal_dn(login.subject)) == ("ldap", "Alice", normal_dn(ALICE.dn))
    assert login.groups == (normal_dn(group_dn("analysts")),)
    assert login.claims == {"departmentNumber": "finance"}
    assert ALICE.password not in repr(login)


async def test_names_with_every_special_character(slapd: Slapd) -> None:
    """In filters, in DNs, and in groups' DNs."""
    login = await log_in(slapd.section(), ODD)
    assert login.user == ODD.uid
    assert set(login.groups) == {normal_dn(group_dn(name)) for name in ODD.groups}


async def test_who_has_no_group_has_none(slapd: Slapd) -> None:
    """Whether that is enough for anything is for the roles to say."""
    assert (await log_in(slapd.section(), BOB)).groups == ()
    assert (await log_in(slapd.section(group_search_filter=None, group_search_base_dn=None), ALICE)).groups == ()


@pytest.mark.parametrize(
    ("name", "password", "reason"),
    [
        (ALICE.uid, "not-her-password", "wrong password"),
        (ALICE.uid, "", "an empty password"),
        ("nobody", "", "an empty password"),
        ("nobody", "x", "no entry has this name"),
        ("", "x", "the name is empty"),
        ("*", "x", "no entry has this name"),
        ("Alice)(uid=*", ALICE.password, "no entry has this name"),
        (DAVE.uid, DAVE.password, "several entries have this name"),
        (CAROL.uid, CAROL.password, "wrong password"),
        (ALICE.uid, ALICE.password.upper(), "wrong password"),
        (ALICE.uid, ALICE.password + " ", "wrong password"),
    ],
    ids=lambda value: value[:12],
)
async def test_who_is_not_let_in(slapd: Slapd, name: str, password: str, reason: str) -> None:
    """All are told the same; the log knows more. slapd says of a locked account what it says of a wrong password."""
    status, code, told = await refusal(slapd.section(), name, password)
    assert (status, code) == (403, "AccessDenied")
    assert reason in told


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"lookup_bind_password": "wrong"}, "refuses the lookup account: lookup_bind_dn or its password is wrong"),
        ({"user_dn_search_base_dn": f"ou=nowhere,{BASE}"}, "ended with result 32"),
        ({"ca_file": None}, "certificate is not trusted"),
        ({"server_addr": "127.0.0.1:{closed}"}, ": no connection: "),
        ({"server_addr": "127.0.0.1:{plain}"}, ": no connection: "),
        ({"server_starttls": True}, ": the connection ended"),
        ({"srv_record_name": "ldap", "server_addr": "nowhere.invalid"}, "no SRV record of _ldap._tcp.nowhere.invalid"),
    ],
    ids=["lookup", "base", "ca", "closed", "plain", "starttls", "srv"],
)
async def test_a_directory_that_cannot_serve_is_a_503(slapd: Slapd, more: dict[str, Any], reason: str) -> None:
    """Which clients try again. A wrong set-up is told of in the log, and to nobody else."""
    if "server_addr" in more:
        more = more | {"server_addr": more["server_addr"].format(closed=free_port(), plain=slapd.port)}
    status, code, told = await refusal(slapd.section(**more, timeout=2), ALICE.uid, ALICE.password)
    assert (status, code) == (503, "IDPCommunicationError")
    assert reason in told


async def test_a_certificate_of_another_ca_is_not_taken(slapd: Slapd, tmp_path: Path) -> None:
    other = make_certs(tmp_path)[0].ca
    for more in ({}, {"server_starttls": True, "server_addr": f"localhost:{slapd.port}"}):
        told = await refusal(slapd.section(ca_file=str(other), **more), ALICE.uid, ALICE.password)
        assert told[0] == 503
        assert "certificate" in told[2]
    await log_in(slapd.section(ca_file=str(other), tls_skip_verify=True), ALICE)


async def test_a_slow_directory_keeps_nobody_else_waiting(own: Slapd) -> None:
    """It answers too late: 503 after `ldap.timeout`. Meanwhile the event loop runs, and later logins work again."""
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.01)
            turns += 1

    async with asked(own.section(timeout=1)) as directory:
        await directory.with_password(ALICE.uid, Secret(ALICE.password))
        turning = asyncio.create_task(turn())
        own.pause()
        try:
            for name in (ALICE.uid, BOB.uid):
                with pytest.raises(StsError) as caught:
                    await directory.with_password(name, Secret("x"))
                assert (caught.value.status, caught.value.reason) == (
                    503,
                    "the directory gave no answer within 1 s",
                )
        finally:
            own.resume()
            turning.cancel()
        assert turns > 20
        assert (await directory.with_password(ALICE.uid, Secret(ALICE.password))).user == "Alice"


async def test_a_directory_that_comes_back(own: Slapd) -> None:
    """Connections that were kept are gone then; nobody notices."""
    async with asked(own.section()) as directory:
        for _ in range(2):
            await directory.with_password(ALICE.uid, Secret(ALICE.password))
            own.stop()
            with pytest.raises(StsError) as caught:
                await directory.with_password(ALICE.uid, Secret(ALICE.password))
            assert caught.value.status == 503
            own.start()
        await directory.with_password(ALICE.uid, Secret(ALICE.password))


async def test_the_next_server_is_asked_where_one_is_down(own: Slapd) -> None:
    servers = f"127.0.0.1:{free_port()}, 127.0.0.1:{own.tls_port}"
    await log_in(own.section(server_addr=servers), ALICE)


async def test_many_at_a_time_share_a_few_connections(own: Slapd) -> None:
    """Each has its own answer, however they interleave; a wrong password binds nobody for the next."""
    people = [(ALICE, True), (BOB, True), (ODD, True), (ALICE, False), (ROBOT, True)] * 10
    async with asked(own.section(connections=3)) as directory:

        async def one(person: Person, *, right: bool) -> str:
            try:
                login = await directory.with_password(person.uid, Secret(person.password if right else "wrong"))
            except StsError as error:
                return error.code
            return login.user

        told = await asyncio.gather(*(one(person, right=right) for person, right in people))
        pools = (directory._lookups, directory._proofs)
        assert all(len(pool._idle) <= 3 for pool in pools)
    assert told == [person.uid if right else "AccessDenied" for person, right in people]


async def test_who_goes_leaves_no_answer_for_another(own: Slapd) -> None:
    """A login that is cancelled midway takes its connection with it."""
    async with asked(own.section(connections=1)) as directory:
        await directory.with_password(ALICE.uid, Secret(ALICE.password))
        own.pause()
        try:
            task = asyncio.create_task(directory.with_password(ALICE.uid, Secret(ALICE.password)))
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.wait([task])
        finally:
            own.resume()
        with pytest.raises(StsError) as caught:
            await directory.with_password(BOB.uid, Secret(ALICE.password))
        assert caught.value.code == "AccessDenied"
        assert (await directory.with_password(BOB.uid, Secret(BOB.password))).user == "bob"


_KEYS = {"key_search_filter": "(s3AccessKey=%s)", "secret_key_attribute": "s3SecretKey"}


async def test_an_entry_that_holds_a_key(slapd: Slapd) -> None:
    """The other model: whose key it is, and the groups that say what it may do."""
    async with asked(slapd.section(**_KEYS)) as directory:
        found = await directory.with_key("ROBOTKEY")
        assert found is not None
        assert found.secret.reveal() == b"robot-secret-of-the-lab"
        assert (found.login.user, found.login.groups) == ("robot", (normal_dn(group_dn("analysts")),))
        for unknown in ("robotkey", "NOBODYSKEY", "*", "ROBOTKEY ", ""):
            assert await directory.with_key(unknown) is None


async def test_keys_alone_need_no_logins(slapd: Slapd) -> None:
    """Without a filter for users nobody logs in by name, and keys are found."""
    section = slapd.section(
        **_KEYS, user_dn_search_filter=None, user_dn_search_base_dn=None, key_search_base_dn=f"ou=people,{BASE}"
    )
    async with asked(section) as directory:
        found = await directory.with_key("ROBOTKEY")
        assert found is not None
        assert found.login.user == "ROBOTKEY"
    assert (await refusal(section, ALICE.uid, ALICE.password))[:2] == (403, "AccessDenied")


async def test_a_key_cannot_be_looked_up_while_the_directory_is_down(certs: Certs, slapd: Slapd) -> None:
    async with asked(slapd.section(**_KEYS, server_addr=f"127.0.0.1:{free_port()}")) as directory:
        with pytest.raises(CannotAskError):
            await directory.with_key("ROBOTKEY")


async def test_what_comes_with_the_answer_to_starttls_is_not_believed(slapd: Slapd, certs: Certs) -> None:
    """Whoever is in between could send, before TLS, an answer to the bind that comes after it."""
    started, bound = bytes.fromhex("300c02010178070a010004000400"), bytes.fromhex("300c02010261070a010004000400")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certs.backend_certificate, certs.backend_key)

    async def between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(started + bound)
        with contextlib.suppress(OSError, ssl.SSLError):
            await writer.start_tls(tls)
        writer.close()

    async with await asyncio.start_server(between, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        section = slapd.section(server_addr=f"127.0.0.1:{port}", server_starttls=True)
        told = await refusal(section, ALICE.uid, ALICE.password)
    assert (told[0], told[2].endswith(": an answer that was not asked for came")) == (503, True)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "it does not speak LDAP"),
        (bytes.fromhex("3080"), "no length that LDAP allows"),
        (bytes.fromhex("30847fffffff"), "a message has 2147483647 bytes"),
        (bytes.fromhex("300c02010961070a010004000400"), "an answer to another request came"),
        (bytes.fromhex("300c02010078070a013404000400"), "the directory ends the connection"),
        (bytes.fromhex("3005020101ffff"), "a message cannot be read"),
        (bytes.fromhex("30060201016101ff"), "a message cannot be read"),
        (bytes.fromhex("300c0201"), "it ended midway"),
        (b"", "the connection ended"),
    ],
)
async def test_what_is_no_directory(slapd: Slapd, answer: bytes, reason: str) -> None:
    """Nothing of it is taken for a success."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        section = slapd.section(server_addr=f"127.0.0.1:{port}", server_insecure=True, ca_file=None)
        status, code, told = await refusal(section, ALICE.uid, ALICE.password)
    assert (status, code) == (503, "IDPCommunicationError")
    assert reason in told
