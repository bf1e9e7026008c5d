"""The listener for operators, in a real mitmdump."""

import json
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError
from prometheus_client.parser import text_string_to_metric_families

from lab.gateway import Gateway, gateway_config
from lab.minio import Minio
from lab.ports import free_port
from lab.process import ProcessError
from tests.conftest import GatewayFactory
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import Target, put_chunked
from tests.real.waiting import eventually


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def watched(minio: Minio, session_gateway: GatewayFactory, port: int) -> Gateway:
    """A gateway with metrics, in front of MinIO."""
    return session_gateway(gateway_config(minio, admin={"port": port}))


def get(port: int, path: str, method: str = "GET") -> tuple[int, str]:
    """Status and body of a page."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def samples(port: int) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """What a scrape gives."""
    status, text = get(port, "/metrics")
    assert status == 200
    families = text_string_to_metric_families(text)
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in families for one in family.samples}


def test_health_and_readiness(watched: Gateway, port: int) -> None:
    """The process is there, a backend can be reached."""
    assert get(port, "/healthz") == (200, "ok\n")
    status, text = get(port, "/readyz")
    assert (status, json.loads(text)) == (200, {"ready": True, "reasons": []})
    status, text = get(port, "/backends")
    assert [(one["up"], set(one)) for one in json.loads(text)] == [(True, {"endpoint", "up"})]


def test_requests_are_counted(watched: Gateway, port: int) -> None:
    """One that is served and one that is refused; the client's name only where it is proven."""
    watched.client().list_buckets()
    with Raw(watched.port) as raw:
        raw.ask(b"GET /bucket/key HTTP/1.1\r\nHost: h\r\n\r\n")
    (backend,) = json.loads(get(port, "/backends")[1])
    found = samples(port)
    served = (("client", "spark"), ("operation", "ListBuckets"), ("status", "200"))
    assert found["s3gateway_requests_total", served] >= 1
    assert found["s3gateway_refusals_total", (("code", "AccessDenied"), ("reason", "anonymous"))] >= 1
    assert found["s3gateway_backend_up", (("backend", backend["endpoint"]),)] == 1
    assert found["s3gateway_certificate_days_left", (("certificate", "backend.ca_file"),)] > 0
    assert found["process_resident_memory_bytes", ()] > 0
    assert found["s3gateway_requests_in_flight", ()] == 0


def test_a_bucket_is_named_where_that_is_asked_for(
    gateway: GatewayFactory, minio: Minio, watched: Gateway, port: int
) -> None:
    """Only there, and only of requests that were admitted."""
    own = free_port()
    running = gateway(gateway_config(minio, admin={"port": own, "buckets": ["named-*"]}))
    with pytest.raises(ClientError):
        running.client().get_object(Bucket="named-one", Key="k")
    assert samples(own)["s3gateway_bucket_requests_total", _named("named-one")] == 1
    assert "s3gateway_bucket_requests_total" not in {name for name, _ in samples(port)}


def _named(bucket: str) -> tuple[tuple[str, str], ...]:
    return (("bucket", bucket), ("operation", "GetObject"), ("prefix", ""))


def test_connections_over_a_limit_are_counted(gateway: GatewayFactory, minio: Minio) -> None:
    """By the limit."""
    own = free_port()
    running = gateway(gateway_config(minio, admin={"port": own}, limits={"connections": 1}))
    with Raw(running.port), Raw(running.port) as second:
        assert second.socket.makefile("rb").read() == b""
    name = (("limit", "limits.connections"),)
    eventually(lambda: samples(own)["s3gateway_connections_refused_total", name] == 1)


def test_a_request_under_way_is_in_flight(watched: Gateway, port: int) -> None:
    """Until it has ended."""
    with Raw(watched.port) as raw:
        raw.send(put_chunked(Target("bucket", "k"), b"x" * 100_000).wire[:50_000])
        eventually(lambda: samples(port)["s3gateway_requests_in_flight", ()] == 1)
    eventually(lambda: samples(port)["s3gateway_requests_in_flight", ()] == 0)


@pytest.mark.parametrize(
    ("path", "method", "status"), [("/", "GET", 404), ("/metrics", "POST", 405), ("/bucket/key?x", "GET", 404)]
)
def test_nothing_else_is_served(watched: Gateway, port: int, path: str, method: str, status: int) -> None:
    """No S3, and nothing that changes anything."""
    assert get(port, path, method)[0] == status


def test_nonsense(watched: Gateway, port: int) -> None:
    """Is answered and closed; the listener goes on."""
    for data in (b"\x16\x03\x01\0\0", b"GET\r\n\r\n", b"GET /" + b"x" * 20_000):
        with Raw(port) as raw:
            raw.socket.sendall(data + b"\r\n\r\n")
            assert raw.socket.makefile("rb").read(12) == b"HTTP/1.1 400"
    assert get(port, "/healthz")[0] == 200


def test_not_ready_without_a_backend(gateway: GatewayFactory, minio: Minio) -> None:
    """503, with the reason; the process is well."""
    port = free_port()
    config = gateway_config(minio, admin={"port": port})
    config["backend"]["endpoint"] = f"https://127.0.0.1:{free_port()}"
    gateway(config)
    eventually(lambda: get(port, "/healthz")[0] == 200)
    status, text = get(port, "/readyz")
    told = json.loads(text)
    assert (status, told["ready"]) == (503, False)
    assert "Connect call failed" in told["reasons"][0]
    assert samples(port)["s3gateway_backend_up", (("backend", config["backend"]["endpoint"]),)] == 0


def test_one_of_several_is_down(gateway: GatewayFactory, minio: Minio) -> None:
    """It is ready, and says which one is not and why; so do the list and the metric."""
    port = free_port()
    config = gateway_config(minio, admin={"port": port})
    there, gone = config["backend"].pop("endpoint"), f"https://127.0.0.1:{free_port()}"
    config["backend"]["endpoints"] = [there, gone]
    gateway(config)
    eventually(lambda: get(port, "/healthz")[0] == 200)
    eventually(lambda: json.loads(get(port, "/readyz")[1])["down"])
    status, text = get(port, "/readyz")
    told = json.loads(text)
    assert (status, told["ready"], told["reasons"], list(told["down"])) == (200, True, [], [gone])
    assert "Connect call failed" in told["down"][gone]
    assert [(one["endpoint"], one["up"]) for one in json.loads(get(port, "/backends")[1])] == [
        (there, True),
        (gone, False),
    ]
    found = samples(port)
    assert [found["s3gateway_backend_up", (("backend", name),)] for name in (there, gone)] == [1, 0]


def test_a_reload_is_counted(gateway: GatewayFactory, minio: Minio) -> None:
    """One that is taken, and one that is refused."""
    port = free_port()
    config = gateway_config(minio, admin={"port": port})
    running = gateway(config)
    running.write_config(config | {"limits": {"headers": 100}})
    eventually(lambda: samples(port)["s3gateway_config_reloads_total", (("result", "taken"),)] == 1)
    running.write_config("nonsense: [")
    eventually(lambda: samples(port)["s3gateway_config_reloads_total", (("result", "refused"),)] == 1)


def test_a_port_in_use(gateway: GatewayFactory, minio: Minio, watched: Gateway, port: int) -> None:
    """Is told at the start, with the remedy."""
    with pytest.raises(ProcessError, match=f"admin.port: {port} on 127.0.0.1 is in use; choose another"):
        gateway(gateway_config(minio, admin={"port": port}))


def test_it_is_off_by_default(watched: Gateway) -> None:
    """On the port of S3 its paths are buckets."""
    with pytest.raises(ClientError):
        watched.client().get_object(Bucket="healthz", Key="x")
    with Raw(watched.port) as raw:
        assert raw.ask(b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n").code == "AccessDenied"
