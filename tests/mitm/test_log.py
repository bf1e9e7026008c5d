"""What the gateway writes besides its line per request."""

import json
import os
import re
import socket
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.certs import Certs
from lab.gateway import gateway_config
from lab.minio import Minio
from lab.ports import free_port
from lab.recorder import Recorder
from tests.conftest import GatewayFactory
from tests.mitm.conftest import ENTRY, Nobody
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import CHUNK, Key, Target, put_chunked, sign
from tests.real.waiting import eventually


@pytest.fixture
def config(certs: Certs) -> dict[str, Any]:
    return gateway_config(Nobody(certs), log={"format": "json"})


def _objects(text: str) -> list[dict[str, Any]]:
    lines = [line for line in text.splitlines() if "] Loading script " not in line]  # before there is a configuration
    return [json.loads(line) for line in lines]


def test_every_line_is_an_object(gateway: GatewayFactory, config: dict[str, Any]) -> None:
    """With ``log.format: json``: the start, a backend that is down, a reload, and the request itself."""
    running = gateway(config, watched=False)
    with Raw(running.port) as raw:
        answer = raw.ask(sign("GET", Target("bucket", "key")).head)
    assert answer.status == 503
    running.write_config(config | {"clients": []})
    eventually(lambda: "configuration not reloaded" in running.log())
    running.stop()
    told = {line["event"].partition(":")[0]: line for line in _objects(running.log()) if "event" in line}
    listening, failed, broken = told.values()
    assert listening["event"].startswith(f"S3 gateway on 127.0.0.1:{running.port} ")
    assert (failed["level"], failed["event"].startswith("backend https://127.0.0.1:")) == ("error", True)
    assert (broken["level"], broken["event"].startswith("configuration not reloaded")) == ("error", True)
    (request,) = [line for line in _objects(running.log()) if "event" not in line]
    assert (request["status"], request["refusal"]) == (503, "ServiceUnavailable")
    assert request["bytes_out"] == len(answer.body) > 0


def test_connections_are_told_with_their_address(gateway: GatewayFactory, config: dict[str, Any]) -> None:
    """mitmproxy's own lines, where its verbosity shows them."""
    running = gateway(config, watched=False, arguments=["--set", "termlog_verbosity=debug"])
    with Raw(running.port) as raw:
        raw.ask(sign("GET", Target("bucket", "key")).head)
        address = "{}:{}".format(*raw.socket.getsockname())
    eventually(lambda: "client disconnect" in running.log(), running.log())
    assert address in {line.get("address") for line in _objects(running.log())}


def test_text_goes_on_as_it_was(gateway: GatewayFactory, config: dict[str, Any]) -> None:
    """``auto`` makes objects of requests only, and a change of the file takes effect."""
    running = gateway(config | {"log": {"format": "auto"}}, watched=False)
    eventually(lambda: f"] S3 gateway on 127.0.0.1:{running.port} " in running.log(), running.log())
    running.write_config(config | {"log": {"format": "json"}})
    eventually(lambda: '"event": "configuration reloaded' in running.log())


def test_the_operator_reads_which_rule_forbids(gateway: GatewayFactory, config: dict[str, Any]) -> None:
    """The client reads AccessDenied and no more."""
    client = dict(config["clients"][0]) | {"buckets": ["mine"]}
    running = gateway(config | {"clients": [client]}, watched=False)
    with Raw(running.port) as raw:
        assert raw.ask(sign("GET", Target("other", "key")).head).error["Message"] == "Access Denied."
    eventually(lambda: '"reason": "other is not one of the client\'s buckets"' in running.log())


def test_a_client_that_does_not_trust_the_certificate(
    gateway: GatewayFactory, config: dict[str, Any], certs: Certs
) -> None:
    """The line names the key, and not the backend, of which the client knows nothing."""
    config["listen"]["certificate"] = str(certs.gateway)
    running = gateway(config, watched=False)
    with socket.create_connection(("127.0.0.1", running.port)) as plain, pytest.raises(ssl.SSLError):
        ssl.create_default_context().wrap_socket(plain, server_hostname="127.0.0.1")
    eventually(lambda: "needs the CA that signed `listen.certificate`" in running.log())
    (line,) = [line["event"] for line in _objects(running.log()) if "does not trust" in line.get("event", "")]
    assert "127.0.0.1:" not in line


def test_whom_a_request_came_from_and_what_both_ends_call_it(gateway: GatewayFactory, minio: Minio) -> None:
    """The address, and the id that the client was given: the gateway's where it refused, else the backend's."""
    minio.client().create_bucket(Bucket="ids")
    running = gateway(gateway_config(minio, log={"format": "json"}), watched=False)
    with Raw(running.port) as raw:
        address = "{}:{}".format(*raw.socket.getsockname())
        passed = raw.ask(sign("GET", Target("ids", "absent")).head)
        refused = raw.ask(sign("GET", Target("ids", "k"), key=Key(secret="wrong")).head)
    eventually(lambda: "SignatureDoesNotMatch" in running.log())
    first, second = [line for line in _objects(running.log()) if "status" in line]
    assert (first["address"], second["address"]) == (address, address)
    assert passed.header("x-amz-request-id") == first["backend_request_id"]
    assert refused.header("x-amz-request-id") == second["request_id"]
    assert "backend_request_id" not in second


@pytest.mark.skipif(not Path("/proc/net/if_inet6").is_file(), reason="this machine has no IPv6")
def test_an_ipv6_address_is_told_from_its_port(gateway: GatewayFactory, config: dict[str, Any]) -> None:
    """In brackets, in the request's line and in mitmproxy's own."""
    config["listen"]["host"] = "::1"
    running = gateway(config, watched=False, arguments=["--set", "termlog_verbosity=debug"])
    eventually(lambda: f"S3 gateway on [::1]:{running.port} " in running.log(), running.log())
    with socket.create_connection(("::1", running.port)) as connection:
        address = f"[::1]:{connection.getsockname()[1]}"
        connection.sendall(sign("GET", Target("bucket", "key"), key=Key(secret="wrong")).head)
        assert connection.recv(12) == b"HTTP/1.1 403"
    eventually(lambda: "client disconnect" in running.log() and '"status": 403' in running.log(), running.log())
    told = [(line.get("status"), line["address"]) for line in _objects(running.log()) if "address" in line]
    assert (403, address) in told
    assert (None, address) in told


def test_where_mitmwebs_page_is(gateway: GatewayFactory, config: dict[str, Any]) -> None:
    """mitmproxy tells it at a level that is not shown, with the token that opens it, which no log may have."""
    running = gateway(config, program="mitmweb", arguments=["--set", "web_password="], watched=False)
    address = f"http://127.0.0.1:{running.web_port}/"
    eventually(lambda: f'"event": "mitmweb on {address}, opened with web_password"' in running.log())
    running.stop()
    assert "token" not in running.log()
    loud = gateway(config, program="mitmweb", arguments=["--set", "termlog_verbosity=debug"], watched=False)
    eventually(lambda: f"Web server listening at http://127.0.0.1:{loud.web_port}/" in loud.log())
    assert "mitmweb on" not in loud.log()


def test_a_terminal_is_shown_the_token(config: dict[str, Any], tmp_path: Path) -> None:
    """Without it nobody could open the page: mitmweb makes a new one at each start."""
    path, port = tmp_path / "gateway.yaml", free_port()
    path.write_text(json.dumps(config))
    command = [str(Path(sys.executable).with_name("mitmweb")), "-s", str(ENTRY), "--set", f"s3_config={path}"]
    command += ["--no-web-open-browser", "--web-port", str(port), "--set", f"confdir={tmp_path}"]
    ours, theirs = os.openpty()
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as web, os.fdopen(ours, "rb", 0) as seen:
        os.close(theirs)
        shown = b""
        while not re.search(rb"mitmweb on http://127\.0\.0\.1:%d/\?token=[0-9a-f]+\r\n" % port, shown):
            shown += seen.read(4096)  # OSError if it has ended
        web.terminate()


def test_a_gateway_that_is_stopped_says_so(gateway: GatewayFactory, minio: Minio, recorder: Recorder) -> None:
    """An upload that it was in the middle of is nobody else's fault, and commits nothing."""
    minio.client().create_bucket(Bucket="stopped")
    running = gateway(gateway_config(recorder, log={"format": "json"}), watched=False)
    upload = put_chunked(Target("stopped", "k"), b"x" * CHUNK * 50)
    with Raw(running.port) as raw:
        raw.send(upload.wire[: len(upload.wire) // 2])
        eventually(recorder.requests)
        running.stop()
    (request,) = [line for line in _objects(running.log()) if "event" not in line]
    assert (request["operation"], request["status"], request["fault"]) == ("PutObject", 0, "the gateway was stopped")
    assert minio.client().list_objects_v2(Bucket="stopped")["KeyCount"] == 0
