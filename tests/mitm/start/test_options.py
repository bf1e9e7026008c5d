"""mitmproxy's options under the gateway: each is honoured, or refused by name, and none does nothing without a word."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from mitmproxy.optmanager import OptManager

from lab.certs import Certs
from lab.gateway import gateway_config
from lab.minio import Minio
from lab.recorder import Recorder
from s3gateway.config.check import ConfigError
from s3gateway.mitm.start import options
from s3gateway.mitm.watched import desk
from tests.conftest import GatewayFactory
from tests.mitm.conftest import ENTRY, Nobody
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import Target, sign
from tests.sent import SENT

REFUSED = {
    "add_upstream_certs_to_client_chain": "true",
    "allow_hosts": "a",
    "body_size_limit": "1m",
    "connect_addr": "127.0.0.2",
    "connection_strategy": "lazy",
    "http2": "false",
    "ignore_hosts": "a",
    "keep_alt_svc_header": "true",
    "map_remote": "|a|b",
    "modify_body": "/~q/a/b",
    "proxyauth": "a:a-word",
    "request_client_cert": "true",
    "ssl_insecure": "true",
    "ssl_verify_upstream_trusted_ca": "a.pem",
    "stickyauth": "~q",
    "tcp_hosts": "a",
    "tcp_timeout": "5",
    "udp_hosts": "a",
    "upstream_auth": "a:a-word",
}
"""Options that nothing here reads, with a value."""

AS_IT_IS = ("connection_strategy", "http2", "keep_alt_svc_header")
"""Those whose value above is what the gateway has anyway: no contradiction, and no refusal."""

HONOURED = {
    "anticache": "a flow",
    "anticomp": "a flow",
    "block_list": "a flow",
    "map_local": "a flow",
    "modify_headers": "a flow",
    "server_replay": "a flow",
    "stickycookie": "a flow",
    "client_replay": "a flow",
    "flow_detail": "a flow",
    "hardump": "a flow",
    "save_stream_file": "a flow",
    "block_private": "client_connected",
    "cert_passphrase": "start/certificates",
    "certs": "start/certificates",
    "ciphers_client": "start/certificates",
    "ciphers_server": "start/certificates",
    "client_certs": "start/certificates",
    "confdir": "start/certificates",
    "key_size": "start/certificates",
    "ssl_verify_upstream_trusted_confdir": "start/certificates",
    "tls_ecdh_curve_client": "start/certificates",
    "tls_ecdh_curve_server": "start/certificates",
    "tls_version_client_max": "start/certificates",
    "tls_version_client_min": "start/certificates",
    "tls_version_server_max": "start/certificates",
    "tls_version_server_min": "start/certificates",
    "block_global": "options.wanted",
    "http3": "options.wanted",
    "keep_host_header": "options.wanted",
    "listen_host": "options.wanted",
    "listen_port": "options.wanted",
    "mode": "options.wanted",
    "onboarding": "options.wanted",
    "termlog_verbosity": "options.wanted",
    "validate_inbound_headers": "options.wanted",
    "store_streamed_bodies": "flow_watch",
    "stream_large_bodies": "desk",
}
"""Options that act, and where."""

ABOUT_NOTHING_HERE = (
    # Programs, files, what is shown.
    *("client_replay_concurrency", "command_history", "content_view_lines_cutoff", "dumper_default_contentview"),
    *("dumper_filter", "export_preserve_original_ip", "keepserving", "protobuf_definitions", "proxy_debug", "rfile"),
    *("readfile_filter", "save_stream_filter", "scripts", "server", "show_ignored_hosts", "showhost"),
    # Details of options above.
    *("server_replay_extra", "server_replay_ignore_content", "server_replay_ignore_host", "onboarding_host"),
    *("server_replay_ignore_params", "server_replay_ignore_payload_params", "server_replay_ignore_port"),
    *("server_replay_kill_extra", "server_replay_nopop", "server_replay_refresh", "server_replay_reuse"),
    "server_replay_use_headers",
    # Other protocols and modes: DNS, HTTP/2, WebSocket, raw TCP, tunnels. The gateway speaks none of them.
    *("dns_name_servers", "dns_use_hosts_file", "http2_ping_keepalive", "http_connect_send_host_header", "rawtcp"),
    *("normalize_outbound_headers", "strip_ech", "upstream_cert", "websocket"),
)


def test_every_option_of_mitmproxys_is_in_this_table() -> None:
    """A new release may bring one that acts through its HTTP layer: somebody has to look at it."""
    told = subprocess.run(
        [str(Path(sys.executable).with_name("mitmdump")), "--options"], capture_output=True, text=True, check=True
    )
    table = {*REFUSED, *HONOURED, *ABOUT_NOTHING_HERE, *options._PUBLISHED_KEY}
    assert set(yaml.safe_load(told.stdout)) - table == set()


def test_the_table_is_the_codes() -> None:
    """What is refused and what makes a flow."""
    wanted = {"body_size_limit", "ssl_insecure", *AS_IT_IS}
    assert set(options.DOES_NOTHING) == set(REFUSED) - wanted
    flows = {name for name, where in HONOURED.items() if where == "a flow"}
    assert flows == {*options.ACTING, *desk._SHOWN_BY}


@pytest.mark.parametrize("name", sorted(set(REFUSED) - set(AS_IT_IS)))
def test_an_option_that_does_nothing_is_refused(tmp_path: Path, certs: Certs, name: str) -> None:
    """One line with its name and what to do instead, and no password in it."""
    lines = _started(tmp_path, gateway_config(Nobody(certs)), ["--set", f"{name}={REFUSED[name]}"])
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"s3_gateway: --set {name}: ")
    assert "; " in lines[0]
    assert "a-word" not in lines[0]


def _started(folder: Path, config: dict[str, Any], arguments: list[str]) -> list[str]:
    path = folder / "gateway.yaml"
    path.write_text(yaml.safe_dump(config))
    command = [str(Path(sys.executable).with_name("mitmdump")), "-s", str(ENTRY), "--set", f"s3_config={path}"]
    command += ["--set", f"confdir={folder}", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    return [line for line in (ended.stdout + ended.stderr).splitlines() if "Loading script" not in line]


@pytest.mark.parametrize("name", options._PUBLISHED_KEY)
def test_certificates_of_a_published_key_are_refused(name: str) -> None:
    """mitmproxy 12.3 has these options; with 12.2 there are none."""
    known = OptManager()
    options._check_does_something(known)
    known.add_option(name, bool, False, "")
    options._check_does_something(known)
    known.update(**{name: True})
    with pytest.raises(ConfigError, match=f"--set {name}: makes certificates with a private key that anybody can read"):
        options._check_does_something(known)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["--set", "block_list=|~u /blocked$|418"], 418),
        (["--set", "map_local=|/blocked|{folder}/file"], 200),
    ],
    ids=["block_list", "map_local"],
)
def test_an_option_that_acts_in_hooks_is_honoured(
    gateway: GatewayFactory, unreached: Recorder, tmp_path: Path, arguments: list[str], status: int
) -> None:
    """Without anybody else who watches: the exchange gets its flow for it, and the backend nothing."""
    (tmp_path / "file").write_text("local")
    arguments = [part.format(folder=tmp_path) for part in arguments]
    running = gateway(gateway_config(unreached), watched=False, arguments=arguments)
    with Raw(running.port) as raw:
        assert raw.ask(sign("GET", Target("bucket", "blocked")).head).status == status
    assert unreached.connections() == []


def test_modified_headers_are_signed_and_given(gateway: GatewayFactory, recorder: Recorder, minio: Minio) -> None:
    """One for the backend and one for the client."""
    minio.client().create_bucket(Bucket="modified-headers")
    minio.client().put_object(Bucket="modified-headers", Key="k", Body=b"data")
    arguments = ["--set", "modify_headers=/~q/x-amz-meta-by/us", "--set", "modify_headers=/~s/X-Answer/ours"]
    running = gateway(gateway_config(recorder), watched=False, arguments=arguments)
    with Raw(running.port) as raw:
        answer = raw.ask(sign("GET", Target("modified-headers", "k")).head)
        absent = raw.ask(sign("GET", Target("modified-headers", "absent")).head)
    SENT.clear()  # what went out has a header that no client sent
    assert (answer.status, answer.body, answer.header("X-Answer")) == (200, b"data", "ours")
    assert (absent.status, absent.code, absent.header("X-Answer")) == (404, "NoSuchKey", "ours")
    request, _ = recorder.requests()
    assert request.header("x-amz-meta-by") == b"us"
    assert "x-amz-meta-by" in request.signed_headers()


@pytest.mark.parametrize("with_certificate", [True, False], ids=["a certificate", "mitmproxy's own"])
@pytest.mark.parametrize("option", ["ciphers_client=ECDHE+AESGCM", "tls_ecdh_curve_client=secp256r1"])
def test_tls_options_are_honoured(
    gateway: GatewayFactory, certs: Certs, option: str, *, with_certificate: bool
) -> None:
    """In front, whether the certificate is the configuration's or made by mitmproxy."""
    config = gateway_config(Nobody(certs), certificate=certs.gateway if with_certificate else None)
    running = gateway(config, watched=False, arguments=["--set", option])
    shown = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{running.port}", "-tls1_2"],
        input="",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    ).stdout
    expected = "GCM-SHA" if option.startswith("ciphers") else "ECDH, prime256v1"
    assert expected in shown, shown


def test_a_certificate_of_mitmproxys_option_is_shown(gateway: GatewayFactory, certs: Certs) -> None:
    """For every name that a client asks for, as mitmproxy itself shows it."""
    running = gateway(gateway_config(Nobody(certs)), watched=False, arguments=["--certs", str(certs.gateway)])
    for name in ("127.0.0.1", "localhost"):
        with Raw(running.port, certs.ca, server_name=name) as raw:
            assert raw.ask(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").status == 403


def test_a_certificate_that_is_made_is_for_the_name_that_is_asked_for(gateway: GatewayFactory, certs: Certs) -> None:
    """And for the address, by clients that look at no common name, as none does any more."""
    running = gateway(gateway_config(Nobody(certs)), watched=False)
    for name in ("127.0.0.1", "localhost", "gateway.test"):
        with Raw(running.port, running.folder / "mitmproxy-ca-cert.pem", server_name=name) as raw:
            assert raw.ask(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n").status == 403


def test_two_certificates_are_refused(tmp_path: Path, certs: Certs) -> None:
    """Which of them clients see would be anybody's guess."""
    config = gateway_config(Nobody(certs), certificate=certs.gateway)
    (line,) = _started(tmp_path, config, ["--certs", str(certs.gateway)])
    assert line.startswith("s3_gateway: --set certs: ")
    assert "listen.certificate; leave one of them out" in line
