"""Clients behind a real HAProxy that tells whose connection it passes on, over HTTP and TLS."""

import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from lab.backends import s3_client
from lab.certs import Certs
from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from lab.minio import Minio
from lab.proxies import Proxy, haproxy_program
from s3gateway.http1.proxy_protocol import read
from tests.conftest import GatewayFactory, _have
from tests.mitm.conftest import Nobody
from tests.mitm.pushing import UNEXPLAINED, keeps
from tests.real.rawhttp import Raw
from tests.real.waiting import eventually

pytestmark = pytest.mark.real

CONFIGURATION = """
frontend s3
  bind :80{bind}
  mode {mode}
  unique-id-format %{{+X}}o\\ %ci:%cp_%fi:%fp_%Ts_%rt:%pid
  default_backend gateway

backend gateway
  mode {mode}
  server one 127.0.0.1:8000 {options}
"""
ALL_TLVS = "proxy-v2-options ssl,cert-cn,ssl-cipher,cert-sig,cert-key,authority,crc32c,unique-id"
OPTIONS = {"v1": "send-proxy", "v2": "send-proxy-v2", "v2 with TLVs": f"send-proxy-v2 {ALL_TLVS}"}


def haproxy(gateway: int, options: str, *, mode: str = "tcp") -> Proxy:
    return Proxy("haproxy", CONFIGURATION.format(mode=mode, options=options, bind=""), gateway)


@pytest.fixture(scope="module")
def gateway_behind(certs: Certs, session_gateway: GatewayFactory) -> Gateway:
    """A gateway that takes 127.0.0.1 for the load balancer: what others of this machine are, is told there."""
    _have(haproxy_program)
    config = gateway_config(Nobody(certs), certificate=certs.gateway, log=UNEXPLAINED)
    config["listen"]["proxy_protocol"] = ["127.0.0.1"]
    config["limits"] = {"connections_per_address": 2}
    return session_gateway(config)


def told(gateway: Gateway, key: str) -> list[str]:
    """The clients' addresses in the log's lines about a key."""
    lines = [json.loads(line) for line in gateway.log().splitlines() if line.startswith("{")]
    return [line["address"].rpartition(":")[0] for line in lines if line.get("key") == key]


def asks(key: str, *more: bytes) -> bytes:
    """A request that is refused for its signature, and whose connection goes on."""
    return (
        keeps()
        .replace(b"/bucket/k ", b"/bucket/" + key.encode() + b" ")
        .replace(b"\r\n\r\n", b"\r\n" + b"".join(more) + b"\r\n")
    )


@pytest.mark.parametrize("tls", [False, True], ids=["http", "tls"])
@pytest.mark.parametrize("options", OPTIONS)
def test_the_log_has_the_clients_address(gateway_behind: Gateway, certs: Certs, options: str, *, tls: bool) -> None:
    """And not HAProxy's; what X-Forwarded-For says decides nothing."""
    key = f"{options}-{tls}".replace(" ", "-")
    forged = b"X-Forwarded-For: 203.0.113.99\r\nForwarded: for=203.0.113.99\r\n"
    with (
        haproxy(gateway_behind.port, OPTIONS[options]) as proxy,
        Raw(proxy.port, certs.ca if tls else None, source="127.0.0.7") as one,
        Raw(proxy.port, certs.ca if tls else None, source="127.0.0.8") as other,
    ):
        assert [raw.ask(asks(key, forged)).status for raw in (one, other, one)] == [403] * 3
        eventually(lambda: len(told(gateway_behind, key)) == 3)
    assert told(gateway_behind, key) == ["127.0.0.7", "127.0.0.8", "127.0.0.7"]


def test_haproxy_that_speaks_http_names_each_client(gateway_behind: Gateway) -> None:
    """It shares its connections among requests, but not among clients where it names them."""
    with haproxy(gateway_behind.port, "send-proxy-v2", mode="http") as proxy, ExitStack() as stack:
        clients = [stack.enter_context(Raw(proxy.port, source=f"127.0.0.{n}")) for n in (7, 8, 9)]
        for _ in range(3):
            assert [raw.ask(asks("shared")).status for raw in clients] == [403] * 3
        eventually(lambda: len(told(gateway_behind, "shared")) == 9)
    assert told(gateway_behind, "shared") == ["127.0.0.7", "127.0.0.8", "127.0.0.9"] * 3


def test_the_limit_of_an_address_is_the_clients(gateway_behind: Gateway) -> None:
    """Two connections of each client, however many HAProxy has."""
    with haproxy(gateway_behind.port, "send-proxy-v2") as proxy, ExitStack() as stack:

        def served(source: str) -> bool:
            raw = stack.enter_context(Raw(proxy.port, source=source))
            try:
                return raw.ask(asks("limit")).status == 403
            except ConnectionError:
                return False

        sources = ["127.0.0.7"] * 3 + ["127.0.0.8"] * 3
        assert [served(source) for source in sources] == [True, True, False] * 2
    assert re.search(r"limits.connections_per_address reached: .*, 127\.0\.0\.[78] first", gateway_behind.log())


@pytest.mark.parametrize("options", ["send-proxy", "send-proxy-v2"])
def test_health_checks_are_the_load_balancers_own(gateway_behind: Gateway, options: str) -> None:
    """A check by connection, and one that asks, which is a request like any other."""
    checked = "backend gateway\n  option httpchk GET /checked/of-haproxy\n  http-check expect status 403\n"
    text = CONFIGURATION.format(mode="tcp", options=f"{options} check check-send-proxy inter 200ms", bind="")
    text = text.replace("backend gateway\n", checked)
    before = len(told(gateway_behind, "of-haproxy"))
    with Proxy("haproxy", text, gateway_behind.port) as proxy:
        eventually(lambda: len(told(gateway_behind, "of-haproxy")) >= before + 2)
        with Raw(proxy.port, source="127.0.0.7") as raw:
            assert raw.ask(asks("checked")).status == 403
    assert set(told(gateway_behind, "of-haproxy")) == {"127.0.0.1"}


def test_haproxy_that_names_nobody_is_told_in_the_log(gateway_behind: Gateway) -> None:
    """The client gets no answer, and the log what to look for."""
    with haproxy(gateway_behind.port, "") as proxy, Raw(proxy.port) as raw:
        raw.send(asks("unnamed"))
        assert raw.is_closed()
    eventually(lambda: "connection of 127.0.0.1 closed: it does not begin with a PROXY header" in gateway_behind.log())


def test_a_client_that_goes_around_haproxy_names_nobody(gateway_behind: Gateway) -> None:
    """From another address than HAProxy's it is served without a header, and not with one."""
    with Raw(gateway_behind.port, source="127.0.0.7") as raw:
        assert raw.ask(asks("around")).status == 403
    eventually(lambda: told(gateway_behind, "around") == ["127.0.0.7"])
    with Raw(gateway_behind.port, source="127.0.0.7", before=b"PROXY TCP4 203.0.113.7 192.0.2.1 1 2\r\n") as raw:
        assert raw.is_closed()
    eventually(lambda: "a PROXY header from an address that is not in listen.proxy_protocol" in gateway_behind.log())


def test_networks_change_without_a_restart(certs: Certs, gateway: GatewayFactory) -> None:
    """For connections from then on."""
    config = gateway_config(Nobody(certs), log=UNEXPLAINED)
    running = gateway(config)
    with Raw(running.port) as raw:
        assert raw.ask(asks("a")).status == 403
        running.write_config(config | {"listen": {**config["listen"], "proxy_protocol": ["127.0.0.0/8"]}})
        eventually(lambda: "configuration reloaded" in running.log())
        assert raw.ask(asks("b")).status == 403
    with Raw(running.port, before=b"PROXY TCP4 203.0.113.7 192.0.2.1 1 2\r\n") as raw:
        assert raw.ask(asks("c")).status == 403
    eventually(lambda: [told(running, key) for key in "abc"] == [["127.0.0.1"], ["127.0.0.1"], ["203.0.113.7"]])


@contextmanager
def first_bytes(options: str, bind: str = "") -> Iterator[Callable[[], bytes]]:
    """What HAProxy sends first, to whoever listens behind it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        text = CONFIGURATION.format(mode="tcp", options=options, bind="").replace("bind :80", f"bind :80{bind}")
        with Proxy("haproxy", text, listener.getsockname()[1]) as proxy:
            listener.accept()[0].close()  # whoever asked whether the port accepts

            def ask() -> bytes:
                with socket.create_connection(("127.0.0.1", proxy.port), source_address=("127.0.0.7", 0)) as client:
                    client.sendall(b"from the client")
                    accepted, _ = listener.accept()
                    with accepted:
                        received = b""
                        while not received.endswith(b"from the client"):
                            received += accepted.recv(65536)
                        source = client.getsockname()
                        assert read(received[:-15]) is not None
                        return received + b"|%s|%d" % (source[0].encode(), source[1])

            yield ask


@pytest.mark.parametrize("options", OPTIONS)
def test_what_haproxy_writes_is_read_as_it_meant_it(options: str) -> None:
    """Address and port of its client, and where its bytes begin."""
    _have(haproxy_program)
    with first_bytes(OPTIONS[options]) as ask:
        received, address, port = ask().rsplit(b"|", 2)
    header = read(received)
    assert header is not None
    assert header.source == (address.decode(), int(port))
    assert received[header.size :] == b"from the client"


def test_objects_of_clients_behind_haproxy(minio: Minio, certs: Certs, gateway: GatewayFactory) -> None:
    """boto3 over TLS: the header is at the begin of each connection, and only there."""
    config = gateway_config(minio, certificate=certs.gateway)
    config["listen"]["proxy_protocol"] = ["127.0.0.1"]
    running = gateway(config)
    with haproxy(running.port, "send-proxy-v2") as proxy:
        keys = (SPARK_CLIENT["access_key_id"], SPARK_CLIENT["secret_access_key"])
        client = s3_client(f"https://127.0.0.1:{proxy.port}", *keys, ca_file=certs.ca)
        client.create_bucket(Bucket="behind-haproxy")
        data = bytes(range(256)) * 40_000
        for number in range(3):
            client.put_object(Bucket="behind-haproxy", Key=f"{number}", Body=data)
        found = [client.get_object(Bucket="behind-haproxy", Key=f"{n}")["Body"].read() for n in range(3)]
    assert found == [data] * 3
