"""``traceparent`` on the wire, and spans at a collector that reads OTLP with OpenTelemetry's own classes."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from lab.certs import Certs
from lab.gateway import gateway_config
from lab.minio import Minio
from s3gateway.config.observing import Tracing
from s3gateway.wire.tracing import Tracer
from tests.conftest import GatewayFactory
from tests.real.waiting import LIMIT, eventually
from tests.refusing import auth
from tests.wire.front import now, on_wire
from tests.wire.inprocess import GET, Keeping, Wire, ok

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def adding(keeping: Keeping, certs: Certs) -> Iterator[Wire]:
    keeping.begin(ok)
    with Wire(keeping, certs) as running:
        running._service.tracer = Tracer(Tracing(add=True, endpoint="", sample=0.5), None)
        yield running


def asked(keeping: Keeping) -> list[bytes]:
    """The traceparent of each request that came to the backend."""
    heads = [request.partition(b"\r\n\r\n")[0] for _, request in keeping.seen]
    return [line for head in heads for line in head.split(b"\r\n") if line.lower().startswith(b"traceparent:")]


def test_one_is_added_and_not_signed(adding: Wire, keeping: Keeping) -> None:
    """A fresh one each time; the signature does not cover it, so that whoever passes it on may change it."""
    for _ in range(2):
        with adding.connect() as raw:
            assert raw.ask(on_wire(GET(now()))).status == 200
    first, second = asked(keeping)
    assert first != second
    assert first.startswith(b"traceparent: 00-")
    assert first.endswith(b"-00")  # nobody here samples
    assert b"traceparent" not in keeping.seen[0][1].partition(b"SignedHeaders=")[2].partition(b",")[0]
    assert adding.books.ended[0].traceparent.encode() in first


@pytest.mark.parametrize("is_signed", [True, False])
def test_a_clients_own_passes_as_it_is(adding: Wire, keeping: Keeping, is_signed: bool) -> None:
    """Signed or not; what the client signed stays signed."""
    unsigned = () if is_signed else ("traceparent",)
    request = auth("GET", "/bucket/key", [("traceparent", PARENT)], unsigned=unsigned)(now())
    with adding.connect() as raw:
        assert raw.ask(on_wire(request)).status == 200
    assert asked(keeping) == [f"traceparent: {PARENT}".encode()]
    signed = keeping.seen[0][1].partition(b"SignedHeaders=")[2].partition(b",")[0]
    assert (b"traceparent" in signed) == is_signed


class Collector(ThreadingHTTPServer):
    """Takes spans over OTLP/HTTP. ``status`` is what it answers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.spans: list[Span] = []
        self.services: set[str] = set()
        self.status = 200


class _Asked(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        if self.server.status == 200:
            for of_one in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.server.services |= {one.value.string_value for one in of_one.resource.attributes}
                self.server.spans += [span for scope in of_one.scope_spans for span in scope.spans]

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join(LIMIT)


def attributes(span: Span) -> dict[str, Any]:
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


def test_spans(keeping: Keeping, gateway: GatewayFactory, collector: Collector) -> None:
    """Of what is sampled: the backend is told of the same span that the collector gets, when the gateway ends."""
    keeping.begin(ok)
    url = f"http://127.0.0.1:{collector.server_address[1]}/v1/traces"
    running = gateway(gateway_config(keeping, tracing={"add": True, "endpoint": url, "sample": 1}))
    running.client().get_object(Bucket="bucket", Key="k")["Body"].read()
    running.stop()
    (span,) = [span for span in collector.spans if span.name == "GetObject"]
    assert asked(keeping) == [f"traceparent: 00-{span.trace_id.hex()}-{span.span_id.hex()}-01".encode()]
    told = attributes(span)
    assert (told["http.request.method"], told["http.response.status_code"]) == ("GET", 200)
    assert (told["aws.s3.bucket"], told["aws.s3.key"], told["enduser.id"]) == ("bucket", "k", "spark")
    assert span.kind == Span.SPAN_KIND_SERVER
    assert [event.name for event in span.events] == ["verified", "signed", "answered"]
    times = [span.start_time_unix_nano, *(event.time_unix_nano for event in span.events), span.end_time_unix_nano]
    assert times == sorted(times)
    assert "s3-gateway" in collector.services


def test_a_collector_that_is_away(gateway: GatewayFactory, minio: Minio, collector: Collector) -> None:
    """Is told of once, and stops no request."""
    collector.status = 503
    url = f"http://127.0.0.1:{collector.server_address[1]}/v1/traces"
    running = gateway(gateway_config(minio, tracing={"endpoint": url, "sample": 1}))
    running.client().list_buckets()
    running.client().list_buckets()
    running.stop()
    assert running.log().count(f"tracing.endpoint: {url} takes no spans; they are lost until it does") <= 1
    assert "Traceback" not in running.log()


def test_off_by_default(keeping: Keeping, certs: Certs) -> None:
    """Nothing is added, and nothing is imported."""
    keeping.begin(ok)
    with Wire(keeping, certs) as running, running.connect() as raw:
        assert raw.ask(on_wire(GET(now()))).status == 200
    assert asked(keeping) == []
    eventually(lambda: bool(running.books.ended))
