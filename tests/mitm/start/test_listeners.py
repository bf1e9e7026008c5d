"""startup.py and options.py against the real mitmdump: where it listens, and what it refuses to start with."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import pytest
import yaml
from cryptography.hazmat.primitives import serialization

from lab.certs import Certs
from lab.gateway import Gateway, gateway_config
from lab.ports import accepts, free_port
from lab.process import ProcessError
from tests.conftest import GatewayFactory
from tests.mitm.conftest import ENTRY, Nobody
from tests.real.descriptors import open_files
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import Target, sign


@pytest.fixture
def config(certs: Certs) -> dict[str, Any]:
    return gateway_config(Nobody(certs))


def _listening(pid: int) -> set[tuple[str, int]]:
    """Every socket on which the process listens: TCP in state LISTEN, and any of UDP."""
    own = set(open_files(pid))
    found = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if (fields[3] == "0A" or "udp" in table) and f"socket:[{fields[9]}]" in own:
                address, _, port = fields[1].rpartition(":")
                found.add((table + " " + address, int(port, 16)))
    return found


def test_it_listens_where_the_configuration_says_and_nowhere_else(
    gateway: GatewayFactory, config: dict[str, Any]
) -> None:
    """Not on mitmproxy's own port 8080, on which it would be an open proxy."""
    running = gateway(config)
    assert _listening(running.pid) == {("tcp 0100007F", running.port)}


def test_port_8080_may_be_taken(gateway: GatewayFactory, config: dict[str, Any]) -> None:
    """mitmproxy's first attempt to listen, before the script is loaded, is withdrawn and not an error."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # taken by somebody else: as good
            stack.enter_context(socket.create_server(("0.0.0.0", 8080)))
        running = gateway(config)
        assert _listening(running.pid) == {("tcp 0100007F", running.port)}
        assert not re.search(r"\b8080\b", running.log())  # and not as the end of the gateway's own port


def test_without_a_server_it_says_nothing_of_one(tmp_path: Path, config: dict[str, Any]) -> None:
    """``-n`` only reads flows."""
    (tmp_path / "flows").touch()
    ended = _run(
        ["-n", "-r", str(tmp_path / "flows"), "-s", str(ENTRY), "--set", f"s3_config={_written(tmp_path, config)}"]
    )
    assert (ended.returncode, "S3 gateway on" in ended.stdout) == (0, False), ended.stdout + ended.stderr


def _written(folder: Path, config: object) -> Path:
    path = folder / "gateway.yaml"
    path.write_text(config if isinstance(config, str) else yaml.safe_dump(config))
    return path


def _run(arguments: Sequence[str], terminal: IO[bytes] | None = None) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("mitmdump")), *arguments]
    return subprocess.run(
        command,
        stdin=terminal,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        start_new_session=terminal is not None,  # so that it has no other
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--mode", "socks5"], "--mode"),
        (["--mode", "reverse:https://other:9000"], "other:9000"),
        (["--mode", "reverse:tcp://other:9000"], "--mode"),
        (["--listen-port", "1234"], "1234"),
        (["--listen-host", "0.0.0.0"], "0.0.0.0"),
        (["--ssl-insecure"], "ssl_insecure"),
        (["--set", "ssl_verify_upstream_trusted_ca=other.crt"], "ssl_verify_upstream_trusted_ca"),
        (["--set", "body_size_limit=5g"], "--set body_size_limit: '5g' contradicts the gateway"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_line_that_contradicts_is_refused(
    tmp_path: Path, config: dict[str, Any], arguments: list[str], told: str
) -> None:
    """One line that names the option, exit status 1, and nothing ever listened."""
    ended = _run(["-s", str(ENTRY), "--set", f"s3_config={_written(tmp_path, config)}", *arguments])
    lines = [line for line in ended.stderr.splitlines() if line.startswith("s3_gateway: ")]
    assert (ended.returncode, len(lines)) == (1, 1), ended.stdout + ended.stderr
    assert told in lines[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("listen: {port: 99999}", "listen.port"),
        ("nothing", "mapping"),
        ("backend: {endpoint: 'ftp://x'}\nclients: []", "backend.endpoint"),
        ("a: [", "YAML"),
    ],
)
def test_a_broken_configuration_ends_it(tmp_path: Path, text: str, told: str) -> None:
    """One line and exit status 1."""
    ended = _run(["-s", str(ENTRY), "--set", f"s3_config={_written(tmp_path, text)}"])
    lines = [line for line in ended.stderr.splitlines() if line.startswith("s3_gateway: ")]
    assert (ended.returncode, len(lines)) == (1, 1), ended.stdout + ended.stderr
    assert told in lines[0]
    assert "Traceback" not in ended.stdout + ended.stderr


def _refused(ended: subprocess.CompletedProcess[str]) -> str:
    """The one line that is told when it ends before anything has listened."""
    told = ended.stdout + ended.stderr
    lines = [line for line in told.splitlines() if "Loading script" not in line]
    assert (ended.returncode, len(lines)) == (1, 1), told
    assert lines[0].startswith("s3_gateway: "), told
    return lines[0].removeprefix("s3_gateway: ")


@pytest.mark.parametrize("key", ["backend.ca_file", "listen.certificate", "listen.key"])
@pytest.mark.parametrize("name", ["/proc/self/mem", "x" * 300])  # root cannot read the first either, nobody the second
def test_a_file_that_cannot_be_read_is_called_that(
    tmp_path: Path, config: dict[str, Any], certs: Certs, key: str, name: str
) -> None:
    """And not one that holds nothing: the services' own user may not read what root has put there."""
    section, _, last = key.partition(".")
    config["listen"]["certificate"] = str(certs.gateway)
    config[section][last] = name
    ended = _run(["-s", str(ENTRY), "--set", f"s3_config={_written(tmp_path, config)}"])
    assert re.fullmatch(rf"{key}: cannot read '.*{name}' \(.*\); make it readable", _refused(ended))


def test_a_key_with_a_passphrase_is_refused(tmp_path: Path, config: dict[str, Any], certs: Certs) -> None:
    """Nobody is asked for it at the terminal: at a reload all transfers would wait for the answer."""
    key = serialization.load_pem_private_key(certs.gateway.read_bytes(), None)
    locked = serialization.BestAvailableEncryption(b"word")
    (tmp_path / "locked").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    )
    config["listen"] |= {"certificate": str(certs.gateway), "key": str(tmp_path / "locked")}
    ours, theirs = os.openpty()
    with os.fdopen(ours, "rb", 0), os.fdopen(theirs, "rb", 0) as terminal:
        ended = _run(["-s", str(ENTRY), "--set", f"s3_config={_written(tmp_path, config)}"], terminal)
    assert _refused(ended) == (
        f"listen.key: '{tmp_path / 'locked'}' has a private key with a passphrase; "
        "take it off: openssl pkey -in KEY -out FILE"
    )


@pytest.mark.parametrize("endpoint", ["https://my host:9000", "https://a..b:9000", "https://${MINIO_HOST}:9000"])
def test_an_endpoint_that_mitmproxy_cannot_use_ends_it(tmp_path: Path, config: dict[str, Any], endpoint: str) -> None:
    """One line; mitmproxy would print a traceback and open its own proxy on port 8080 for a moment."""
    config["backend"]["endpoint"] = endpoint
    told = _refused(_run(["-s", str(ENTRY), "--set", f"s3_config={_written(tmp_path, config)}"]))
    assert told.startswith(f"backend.endpoint: '{endpoint}' does not name a host; ")


@pytest.mark.parametrize("option", ["s3_buffer_bodies=lots", "s3_buffer_bodies=-1"])
def test_an_option_of_the_gateway_s_that_is_wrong_ends_it(tmp_path: Path, config: dict[str, Any], option: str) -> None:
    """The same for options of the command line."""
    told = _refused(_run(["-s", str(ENTRY), "--set", f"s3_config={_written(tmp_path, config)}", "--set", option]))
    assert told.startswith("s3_buffer_bodies: ")


@pytest.mark.parametrize("error", ["exceptions.OptionsError('not so')", "KeyError('a secret')"])
def test_whatever_fails_at_the_start_ends_it(tmp_path: Path, config: dict[str, Any], error: str) -> None:
    """An exception that nobody thought of, at the last moment before it listens."""
    addons = tmp_path / "addons"
    shutil.copytree(ENTRY.parent, addons, ignore=shutil.ignore_patterns("__pycache__"))
    with (addons / "s3gateway" / "mitm" / "start" / "options.py").open("a", encoding="utf-8") as file:
        file.write(f"from mitmproxy import exceptions\ndef apply(*_):\n    raise {error}\n")
    told = _refused(_run(["-s", str(addons / ENTRY.name), "--set", f"s3_config={_written(tmp_path, config)}"]))
    assert told.startswith(
        "not so" if "not so" in error else "the configuration cannot be used: KeyError at options.py:"
    )
    assert "secret" not in told


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_its_own_port_taken_ends_it(tmp_path: Path, config: dict[str, Any], host: str) -> None:
    """mitmproxy's line would advise another ``--mode``, which the gateway then refuses."""
    config["listen"]["host"] = host
    port = config["listen"]["port"]
    with socket.create_server(("127.0.0.1", port)):
        told = _refused(_run(["-s", str(ENTRY), "--set", f"s3_config={_written(tmp_path, config)}"]))
    assert told == f"listen.port: {port} on {host} is in use; choose another or stop what listens there"


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("http://0.0.0.0", "is no host name or IP address; write it like 127.0.0.1 or ::, without port or scheme"),
        ("no-such-host.invalid", "does not resolve; name an address of this machine, 127.0.0.1 or 0.0.0.0"),
        ("192.0.2.1", "is no address of this machine; name an address of this machine, 127.0.0.1 or 0.0.0.0"),
    ],
)
def test_a_host_that_is_not_this_machine_ends_it(tmp_path: Path, config: dict[str, Any], host: str, told: str) -> None:
    """Neither what is no host, nor an unknown name, nor somebody else's address."""
    config["listen"]["host"] = host
    ended = _run(["-s", str(ENTRY), "--set", f"s3_config={_written(tmp_path, config)}"])
    assert _refused(ended) == f"listen.host: '{host}' {told}"


def test_the_drop_in_names_its_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in what mitmproxy's side refuses."""
    (tmp_path / "creds.yaml").write_text("static: {access_key_id: a, secret_access_key: in-a-file}")
    (tmp_path / "ca.crt").write_text("no certificate")
    monkeypatch.setenv("MINIO_ENDPOINT", "https://127.0.0.1:9")
    monkeypatch.setenv("CREDS_FILE", str(tmp_path / "creds.yaml"))
    port = free_port()
    monkeypatch.setenv("LOCAL_ENDPOINT", f"127.0.0.1:{port}")
    with socket.create_server(("127.0.0.1", port)):
        assert _refused(_run(["-s", str(ENTRY)])).startswith(f"LOCAL_ENDPOINT: {port} on 127.0.0.1 is in use; ")
    monkeypatch.setenv("MINIO_CACERT_FILE", str(tmp_path / "ca.crt"))
    assert _refused(_run(["-s", str(ENTRY)])).startswith(f"MINIO_CACERT_FILE: '{tmp_path / 'ca.crt'}' holds no PEM")


def test_a_connection_that_is_not_quite_over_keeps_no_port(gateway: GatewayFactory, config: dict[str, Any]) -> None:
    """A gateway is restarted while connections of the old one are in TIME_WAIT."""
    running = gateway(config)
    with socket.create_connection(("127.0.0.1", running.port)):
        running.stop()
    assert gateway(config).port == running.port


def test_a_home_that_cannot_be_written_ends_it(
    tmp_path: Path, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service's user may have none, and mitmproxy wants to keep a CA there; nothing listens, and no client is cut."""
    monkeypatch.setenv("HOME", "/proc")  # where root cannot make a folder either
    told = _refused(_run(["-s", str(ENTRY), "--set", f"s3_config={_written(tmp_path, config)}"]))
    assert re.fullmatch(r"--set confdir: mitmproxy cannot keep its CA in '/proc/.mitmproxy' \(.*\); add .*", told)


def test_no_configuration_ends_it() -> None:
    """mitmdump with the script alone must not become an open proxy."""
    ended = _run(["-s", str(ENTRY)])
    assert ended.returncode == 1
    assert "s3_config" in ended.stderr


class _ModeOnly(Gateway):
    """The backend's endpoint and the listener's port on the command line alone."""

    def __init__(self, config: dict[str, Any], arguments: Sequence[str]) -> None:
        super().__init__(config, arguments=arguments)
        self._written = {**config, "backend": {k: v for k, v in config["backend"].items() if k != "endpoint"}}
        del self._written["listen"]
        self._config = self._written


def test_the_backend_may_stand_on_the_command_line_alone(config: dict[str, Any]) -> None:
    """``--mode reverse:https://...`` and ``--listen-port`` fill what the file leaves out."""
    port = config["listen"]["port"]
    arguments = ["--mode", f"reverse:{config['backend']['endpoint']}", "--listen-port", str(port)]
    with _ModeOnly(config, arguments) as running:
        assert running.port == port
        assert {known for _, known in _listening(running.pid)} == {port}
        with Raw(port) as raw:
            assert raw.ask(sign("GET", Target("", "")).head).code == "ServiceUnavailable"
    with _ModeOnly(config, ["--mode", f"reverse:{config['backend']['endpoint']}@{port}"]) as running:
        assert accepts(port)


def test_the_listening_address_cannot_be_the_backend(certs: Certs) -> None:
    """A gateway in front of itself would forward for ever."""
    port = free_port()
    config = gateway_config(Nobody(certs), port=port)
    config["backend"]["endpoint"] = f"https://127.0.0.1:{port}"
    with pytest.raises(ProcessError, match="own address"), Gateway(config):
        pass
