"""compose.yaml, without a Docker engine: loaded as Docker Compose loads it, and its commands run as they stand.

tests/compose/main.go holds Compose's own loader and BuildKit's own Dockerfile parser.
"""

import base64
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab import CHECKOUT, MissingPartError, tools
from lab.backends import s3_client
from lab.cache import cache_dir, locked
from lab.certs import Certs
from lab.containers import Container, Host
from lab.proxies import haproxy_program
from s3gateway.config.gateway_yaml import parse
from s3gateway.config.model import KeyPair
from s3gateway.rules.encryption import SseKms
from tests.conftest import _have
from tests.real.waiting import eventually

COMPOSE = CHECKOUT / "compose.yaml"
LOADER = CHECKOUT / "tests" / "compose"
ROOT_ALLOWED = {"objects"}  # hands the volumes over, and ends
GATEWAYS = ("gateway1", "gateway2")
SERVERS = ("minio1", "minio2", "minio3", "minio4")
Load = Callable[[dict[str, str]], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def load() -> Load:
    """Load compose.yaml with these variables."""
    go = shutil.which("go")
    if go is None:
        reason = "Compose's own loader needs Go: install it (golang-go)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    sources = b"".join((LOADER / name).read_bytes() for name in ("main.go", "go.mod", "go.sum"))
    program = cache_dir("bin") / f"compose-load-{hashlib.sha256(sources).hexdigest()[:12]}"
    with locked("compose-load"):
        if not program.exists():
            build = [go, "build", "-o", str(program), "."]
            subprocess.run(build, cwd=LOADER, env=os.environ | {"GOFLAGS": "-mod=readonly"}, check=True)

    def run(env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, COMPOSE], env=env, capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="session")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What scripts/make_env writes."""
    file = tmp_path_factory.mktemp("compose") / ".env"
    subprocess.run([CHECKOUT / "scripts" / "make_env", file], check=True, capture_output=True)
    assert file.stat().st_mode & 0o777 == 0o600
    return dict(line.split("=", 1) for line in file.read_text().splitlines() if not line.startswith("#"))


@pytest.fixture(scope="session")
def loaded(load: Load, env: dict[str, str]) -> dict[str, Any]:
    """The project with its variables filled in, and the parsed Dockerfiles."""
    ended = load(env)
    assert (ended.returncode, ended.stderr) == (0, "")
    result: dict[str, Any] = json.loads(ended.stdout)
    return result


@pytest.fixture(scope="session")
def services(loaded: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = loaded["project"]["services"]
    return found


def test_it_has_these_services(services: dict[str, dict[str, Any]]) -> None:
    always = {name for name, service in services.items() if not service.get("profiles")}
    assert always == {"haproxy", *GATEWAYS, *SERVERS, "objects"}
    assert {name: service["profiles"] for name, service in services.items() if name not in always} == {
        "prometheus": ["monitoring"],
        "grafana": ["monitoring"],
        "slapd": ["ldap"],
    }


def test_without_env_it_names_the_remedy(load: Load) -> None:
    ended = load({})
    assert ended.returncode == 1
    assert "run scripts/make_env" in ended.stderr


SECRETS = (
    *("MINIO_ROOT_PASSWORD", "MINIO_KMS_SECRET_KEY", "S3_SECRET_ACCESS_KEY"),
    *("GRAFANA_PASSWORD", "LDAP_GATEWAY_PASSWORD", "LDAP_ALICE_PASSWORD"),
)


@pytest.mark.parametrize("name", ["RUN_AS", *SECRETS])
def test_no_secret_has_a_default(load: Load, env: dict[str, str], name: str) -> None:
    ended = load({key: value for key, value in env.items() if key != name})
    assert ended.returncode == 1
    assert f"required variable {name} is missing a value: run scripts/make_env" in ended.stderr


def test_every_secret_is_a_variable() -> None:
    """Whatever is called a password, a secret or a KMS key in the file stands as ${NAME:?...}."""
    lines = [line.partition("#")[0] for line in COMPOSE.read_text().splitlines()]
    values = [
        value for line in lines for value in re.findall(r"(?i)(?:password|secret)\w*: *(?:my-key:)?([^,}]+)", line)
    ]
    assert len(values) == 7
    assert all(re.fullmatch(r'"?\$\{[A-Z0-9_]+:\?run scripts/make_env"?', value.strip()) for value in values)


def test_each_env_is_new_and_the_first_one_stays(env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "env"
    command = [CHECKOUT / "scripts" / "make_env", file]
    subprocess.run(command, check=True, capture_output=True)
    first = file.read_text()
    subprocess.run(command, check=True, capture_output=True)
    assert file.read_text() == first
    for name in SECRETS:
        assert env[name] not in first
    assert len(base64.b64decode(env["MINIO_KMS_SECRET_KEY"], validate=True)) == 32


def test_an_env_of_an_earlier_release_gets_what_it_lacks(env: dict[str, str], tmp_path: Path) -> None:
    """And keeps what it has: a password, a comment, a last line without its end."""
    file = tmp_path / "env"
    file.write_text("# mine\nMINIO_ROOT_PASSWORD=kept\nRUN_AS=7:7")
    told = subprocess.run([CHECKOUT / "scripts" / "make_env", file], check=True, capture_output=True, text=True).stdout
    lines = file.read_text().splitlines()
    assert lines[:3] == ["# mine", "MINIO_ROOT_PASSWORD=kept", "RUN_AS=7:7"]
    assert [line.partition("=")[0] for line in lines[3:]] == [
        name for name in env if name not in {"MINIO_ROOT_PASSWORD", "RUN_AS"}
    ]
    assert told == f"added to {file}: {' '.join(line.partition('=')[0] for line in lines[3:])}\n"
    assert file.stat().st_mode & 0o777 == 0o600


def test_images_are_pinned_to_a_version(loaded: dict[str, Any], services: dict[str, dict[str, Any]]) -> None:
    stages = [stage for built in loaded["dockerfiles"].values() for stage in built]
    images = [service["image"] for service in services.values()] + [stage["base"] for stage in stages]
    assert len(images) == 14
    assert all(re.fullmatch(r"[a-z0-9./-]+:(RELEASE\.|v)?\d[\w.-]*", image) for image in images), images
    assert not any(image.startswith("minio/") for image in images)  # Docker Hub has them no more


def test_containers_can_do_little(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not service.get("privileged", False)
        if name not in ROOT_ALLOWED:
            user, group = service["user"].split(":")
            assert int(user) > 0
            assert int(group) >= 0
            assert "cap_add" not in service
    assert (services["objects"]["cap_add"], services["objects"]["network_mode"]) == (["CHOWN"], "none")


def test_read_only_containers_have_no_inline_configs(services: dict[str, dict[str, Any]]) -> None:
    """Compose refuses them (pkg/compose/secrets.go: "`file` is the sole supported option")."""
    assert not any(service.get("configs") or service.get("secrets") for service in services.values())


def test_mounts_are_read_only_and_what_make_certs_makes(services: dict[str, dict[str, Any]], certs: Certs) -> None:
    binds = {
        mount["source"]: mount
        for service in services.values()
        for mount in service["volumes"]
        if mount["type"] == "bind"
    }
    made = {str(CHECKOUT / "certs" / path.relative_to(certs.folder)) for path in certs.folder.rglob("*")}
    from_certs = {str(CHECKOUT / "certs" / name) for name in ("ca.crt", "gateway.pem", "backend")}
    assert from_certs <= made
    ours = set(binds) - from_certs
    assert all(Path(source).is_relative_to(CHECKOUT / "scripts" / "deploy") for source in ours)
    assert all(Path(source).exists() for source in ours)
    assert all(mount["read_only"] is True for mount in binds.values())
    assert all(not mount["bind"].get("create_host_path", False) for mount in binds.values())


def test_only_haproxy_and_who_watches_can_be_reached(
    loaded: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    ports = {name: [port["host_ip"] for port in service.get("ports", ())] for name, service in services.items()}
    assert {name: addresses for name, addresses in ports.items() if addresses} == {
        name: ["127.0.0.1"] for name in ("haproxy", "prometheus", "grafana")
    }
    for name in (*SERVERS, "slapd"):
        assert set(services[name]["networks"]) == {"storage"}
    for name in GATEWAYS:
        assert set(services[name]["networks"]) == {"front", "storage"}
    networks = loaded["project"]["networks"]
    assert [networks[name].get("internal", False) for name in ("storage", "front", "clients")] == [True, True, False]


def test_each_waits_until_what_it_needs_is_healthy(services: dict[str, dict[str, Any]]) -> None:
    waits = {
        name: {needed: how["condition"] for needed, how in service.get("depends_on", {}).items()}
        for name, service in services.items()
    }
    cluster = dict.fromkeys(SERVERS, "service_healthy")
    assert waits == {
        "haproxy": dict.fromkeys(GATEWAYS, "service_healthy"),
        "gateway1": cluster,
        "gateway2": cluster | {"gateway1": "service_started"},  # which builds the image
        **{name: {"objects": "service_completed_successfully"} for name in SERVERS},
        "objects": {},
        "prometheus": {},
        "grafana": {"prometheus": "service_healthy"},
        "slapd": {},
    }
    assert all(service["healthcheck"]["test"][0] == "CMD" for name, service in services.items() if name != "objects")


def test_image_holds_the_runtime_group_and_the_addon_and_runs_as_nobody(loaded: dict[str, Any]) -> None:
    packages, final = loaded["dockerfiles"]["gateway1"]
    texts = [step["text"] for step in packages["instructions"]]
    copied = [text.split() for text in texts if text.startswith("COPY")]
    sources = [word for words in copied for word in words[1:-1] if not word.startswith("--")]
    assert sources == ["requirements.lock", "pyproject.toml", "addons"]
    assert all((CHECKOUT / source).exists() for source in sources)
    assert any("--require-hashes --requirement requirements.lock" in text for text in texts)
    assert any("--no-index --find-links wheels --requirement runtime.txt" in text for text in texts)
    assert [step["text"] for step in final["instructions"] if step["name"] == "COPY"] == [
        "COPY --from=packages /opt/gateway /opt/gateway"
    ]
    assert final["instructions"][-1]["text"] == "USER 10001:10001"


def test_dockerfile_takes_the_runtime_group_from_pyproject(loaded: dict[str, Any], tmp_path: Path) -> None:
    (step,) = (one["text"] for one in loaded["dockerfiles"]["gateway1"][0]["instructions"] if "tomllib" in one["text"])
    command = step.removeprefix("RUN ").partition(" && ")[0].replace("python", f"'{sys.executable}'", 1)
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    names = [re.split("[<>=]", line)[0] for line in (tmp_path / "runtime.txt").read_text().splitlines()]
    assert names[:6] == ["mitmproxy", "botocore", "pyyaml", "awscrt", "prometheus-client", "cryptography"]
    assert names[6:] == ["ldap3", "dnspython", "pyjwt"]


def test_the_directory_is_debians_and_runs_as_nobody(loaded: dict[str, Any]) -> None:
    (stage,) = loaded["dockerfiles"]["slapd"]
    assert stage["base"].startswith("debian:12")
    assert stage["instructions"][-1]["text"] == "USER 10001:10001"


def gateway_yaml(services: dict[str, dict[str, Any]], name: str = "gateway1") -> str:
    text: str = services[name]["environment"]["S3_GATEWAY_CONFIG"]
    return text


def test_gateways_accept_their_configuration(
    services: dict[str, dict[str, Any]], env: dict[str, str], certs: Certs, tmp_path: Path
) -> None:
    assert gateway_yaml(services, "gateway1") == gateway_yaml(services, "gateway2")
    config = parse(gateway_yaml(services).replace("/certs/", f"{certs.folder}/"), tmp_path)

    assert isinstance(config.credentials, KeyPair)
    assert config.credentials.access_key_id == services["minio1"]["environment"]["MINIO_ROOT_USER"]
    assert list(config.clients) == [env["S3_ACCESS_KEY_ID"]]
    (kms,) = (rule.sse for rule in config.encryption if isinstance(rule.sse, SseKms))
    assert kms.key_id == services["minio1"]["environment"]["MINIO_KMS_SECRET_KEY"].partition(":")[0]
    document = yaml.safe_load(gateway_yaml(services))
    mounted = {mount["target"] for mount in services["gateway1"]["volumes"]}
    assert {document["listen"]["certificate"], document["backend"]["ca_file"]} == mounted


def test_nobody_polls_without_an_end(services: dict[str, dict[str, Any]]) -> None:
    """`mc ready` asks anonymously once a second, for ever, and each is a line in a log."""
    assert "mc ready" not in COMPOSE.read_text()
    for name, service in services.items():
        if name != "objects":
            check = service["healthcheck"]
            assert (check["interval"], check["timeout"], check["retries"]) == ("5s", "5s", 3)


class Composed:
    """The containers' commands, as they stand, as processes on this machine."""

    def __init__(self, host: Host, services: dict[str, dict[str, Any]], image: dict[str, str]) -> None:
        self.host = host
        self._services = services
        self._image = image
        self.containers: dict[str, Container] = {}

    def start(self, *names: str) -> None:
        """Start services, and wait until each is healthy by its own check."""
        for name in names:
            entrypoint = ["minio"] if name.startswith("minio") else ["prometheus"] if name == "prometheus" else []
            env = self._image if name.startswith("gateway") else {}
            self.containers[name] = self.host.start(name, entrypoint, env)
        for name in names:
            self.wait_healthy(name)

    def wait_healthy(self, name: str) -> None:
        """Wait; fail with what it has written."""
        try:
            eventually(lambda: self.is_healthy(name))
        except AssertionError:
            check = self.containers[name].run(*self._services[name]["healthcheck"]["test"][1:])
            pytest.fail(f"{name} does not get healthy: {check.stderr}\n{self.host.log(name)[-2000:]}", pytrace=False)

    def is_healthy(self, name: str) -> bool:
        """Whether the health check says so."""
        kind, *words = self._services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        container = self.containers[name]
        assert container.process.running, self.host.log(name)
        return container.run(*words).returncode == 0

    def stop(self, name: str) -> int | None:
        """End a service as `docker stop` does, and give its exit status."""
        self.containers[name].process.stop()
        return self.containers[name].process.returncode


@pytest.fixture(scope="module")
def composed(
    loaded: dict[str, Any], env: dict[str, str], certs: Certs, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Composed]:
    """All that `docker compose up` starts, in the order in which it does."""
    folder = tmp_path_factory.mktemp("composed") / "certs"
    shutil.copytree(certs.folder, folder)
    text = json.dumps(loaded["project"]["services"]).replace(str(CHECKOUT / "certs"), str(folder))
    services = json.loads(text)
    uid, gid = map(int, env["RUN_AS"].split(":"))
    for path in (folder / "gateway.pem", *(folder / "backend").rglob("*")):  # as scripts/make_env says
        os.chown(path, uid, gid)
    steps = loaded["dockerfiles"]["gateway1"][-1]["instructions"]
    ((_, *pairs),) = [step["text"].split() for step in steps if step["name"].upper() == "ENV"]
    image = dict(pair.replace("$PATH", "/usr/local/bin:/usr/bin:/bin").split("=", 1) for pair in pairs)
    with Host(services, {"minio": _have(tools.minio), "haproxy": _have(haproxy_program)}) as host:
        running = Composed(host, services, image)
        objects = host.start("objects")
        assert objects.process.wait(60) == 0, host.log("objects")
        assert {host.volume(f"objects{n}").stat().st_uid for n in range(1, 5)} == {uid}
        for name in SERVERS:
            running.containers[name] = host.start(name, ["minio"])
        for name in SERVERS:
            running.wait_healthy(name)
        running.start(*GATEWAYS)
        running.start("haproxy")
        yield running


@pytest.fixture(scope="module")
def port(composed: Composed, env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> int:
    """That of this machine which leads to HAProxy's; the README's bucket is there."""
    published = composed.host.published("haproxy", 8000)
    _paste_what_follows_compose(published, env, tmp_path_factory.mktemp("pasted"))
    return published


@pytest.mark.real
@pytest.mark.parametrize("url", ["http://127.0.0.1", "https://localhost"])
def test_objects_are_stored_encrypted(
    composed: Composed, port: int, env: dict[str, str], certs: Certs, url: str
) -> None:
    """By clients of HTTP and TLS, through HAProxy and a gateway, in a cluster of four servers."""
    client = s3_client(
        f"{url}:{port}",
        env["S3_ACCESS_KEY_ID"],
        env["S3_SECRET_ACCESS_KEY"],
        ca_file=certs.ca if url.startswith("https") else None,
    )
    client.put_object(Bucket="lake", Key="pii/a", Body=b"secret")
    client.put_object(Bucket="lake", Key="b", Body=b"not so" * 1_000_000)
    found = [client.get_object(Bucket="lake", Key=key)["ServerSideEncryption"] for key in ("pii/a", "b")]
    assert found == ["aws:kms", "AES256"]


@pytest.mark.real
def test_gateways_know_their_clients(composed: Composed, port: int) -> None:
    """By the address that HAProxy tells, which is not its own; health checks leave the log to the clients."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as client:
        client.request("GET", "/bucket/whose-is-it")
        assert client.getresponse().status == 403
    (line,) = eventually(
        lambda: [line for name in GATEWAYS for line in composed.host.log(name).splitlines() if "whose-is-it" in line]
    )
    assert json.loads(line)["address"].partition(":")[0] == "10.99.0.254"
    lines = [line for name in GATEWAYS for line in composed.host.log(name).splitlines() if "admin on" not in line]
    assert not any("healthz" in line or "readyz" in line for line in lines)


@pytest.mark.real
def test_containers_are_what_the_file_says(composed: Composed, env: dict[str, str]) -> None:
    """Nobody's, without capabilities, on a file system that they cannot write to.

    What has read its configuration has it no more in its environment.
    """
    for name, container in composed.containers.items():
        status = Path(f"/proc/{container.process.pid}/status").read_text()
        assert re.search(r"^Uid:\s+(\d+)", status, re.MULTILINE)[1] == env["RUN_AS"].split(":")[0]  # type: ignore[index]
        for kind in ("CapEff", "CapBnd"):
            assert re.search(rf"^{kind}:\s+0+$", status, re.MULTILINE), (name, status)
        for place in ("/", "/etc", "/opt/gateway"):
            assert container.run("touch", f"{place}/mark").returncode == 1
        assert container.run("touch", "/tmp/mark").returncode == 0
    environ = Path(f"/proc/{composed.containers['gateway1'].process.pid}/environ").read_bytes()
    assert b"S3_GATEWAY_CONFIG" not in environ
    assert composed.containers["gateway1"].run("stat", "-c", "%a", "/tmp/gateway.yaml").stdout == "600\n"


@pytest.mark.real
def test_one_gateway_less_is_not_noticed(composed: Composed, port: int, env: dict[str, str]) -> None:
    """HAProxy gives it no more connections; the other serves, and it is taken back."""

    def told(name: str, state: str) -> int:
        return composed.host.log("haproxy").count(f"gateways/{name} is {state}")

    for name in GATEWAYS:
        for each in GATEWAYS:  # on a busy machine a check may have been late
            eventually(lambda: told(each, "UP") >= told(each, "DOWN"), "it is not up")  # noqa: B023 - called at once
        down, up = told(name, "DOWN"), told(name, "UP")
        assert composed.stop(name) == 0
        # New connections: one that was idle in a gateway that has ended is closed, and an SDK makes another.
        client = s3_client(f"http://127.0.0.1:{port}", env["S3_ACCESS_KEY_ID"], env["S3_SECRET_ACCESS_KEY"])
        for _ in range(20):
            client.list_buckets()
        eventually(lambda: told(name, "DOWN") > down, "it is not taken out")  # noqa: B023 - called at once
        client.list_buckets()
        assert composed.is_healthy("haproxy")
        composed.start(name)
        eventually(lambda: told(name, "UP") > up, "it is not taken back")  # noqa: B023 - called at once


@pytest.mark.real
def test_one_server_less_is_not_noticed(composed: Composed, port: int, env: dict[str, str]) -> None:
    """The gateways serve with the three others of the cluster, writes as well; and with all of them again."""
    client = s3_client(f"http://127.0.0.1:{port}", env["S3_ACCESS_KEY_ID"], env["S3_SECRET_ACCESS_KEY"])
    composed.containers["minio1"].process.kill()
    for number in range(10):
        client.put_object(Bucket="lake", Key=f"less-{number}", Body=b"x")
        assert client.get_object(Bucket="lake", Key=f"less-{number}")["Body"].read() == b"x"
    composed.start("minio1")


@pytest.mark.real
def test_haproxy_reloads_without_losing_a_connection(composed: Composed, port: int) -> None:
    """By SIGUSR2 to its master, as the recipe says."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as before:

        def asks(client: HTTPConnection) -> int:
            client.request("GET", "/bucket/key")
            answer = client.getresponse()
            answer.read()
            return answer.status

        assert asks(before) == 403
        os.kill(composed.containers["haproxy"].process.pid, signal.SIGUSR2)
        eventually(lambda: composed.host.log("haproxy").count("Loading success") >= 2, composed.host.log("haproxy"))
        assert asks(before) == 403
        with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as after:
            assert asks(after) == 403


@pytest.mark.real
def test_prometheus_scrapes_both_gateways(composed: Composed) -> None:
    """With the flags and the file of its profile."""
    _have(lambda: _program("prometheus"))
    composed.start("prometheus")
    url = f"http://127.0.0.1:{composed.host.published('prometheus', 9090)}/api/v1/query?query="

    def value(query: str) -> list[tuple[str, str]]:
        with urllib.request.urlopen(url + query, timeout=30) as answer:
            found = json.load(answer)["data"]["result"]
        return sorted((one["metric"]["instance"], one["value"][1]) for one in found)

    eventually(lambda: value("up") == [("gateway1:9100", "1"), ("gateway2:9100", "1")], str(value("up")))
    assert [instance for instance, _ in value("s3gateway_requests_in_flight")] == ["gateway1:9100", "gateway2:9100"]
    with urllib.request.urlopen(url.replace("query?query=", "rules"), timeout=30) as answer:
        rules = [rule["name"] for group in json.load(answer)["data"]["groups"] for rule in group["rules"]]
    assert "S3GatewayNoBackend" in rules


def test_grafana_finds_the_dashboard_and_its_data(services: dict[str, dict[str, Any]]) -> None:
    """Where the provisioning files say that it is."""
    mounted = {mount["target"]: Path(mount["source"]) for mount in services["grafana"]["volumes"]}
    provisioned = "/etc/grafana/provisioning"
    (provider,) = yaml.safe_load(mounted[f"{provisioned}/dashboards/dashboards.yaml"].read_text())["providers"]
    dashboards = [path for target, path in mounted.items() if target.startswith(provider["options"]["path"] + "/")]
    assert [json.loads(path.read_text())["uid"] for path in dashboards] == ["s3gateway"]
    (source,) = yaml.safe_load(mounted[f"{provisioned}/datasources/datasource.yaml"].read_text())["datasources"]
    assert (source["type"], source["isDefault"]) == ("prometheus", True)


@pytest.mark.real
def test_the_directory_lets_in_who_is_in_it(composed: Composed, env: dict[str, str]) -> None:
    """Over TLS alone, by the passwords of .env, which are stored as hashes."""
    _have(lambda: _program("slapd"))
    _have(lambda: _program("ldapwhoami"))
    composed.start("slapd")
    slapd = composed.containers["slapd"]
    alice = ("-D", "uid=alice,ou=people,dc=example,dc=org")

    def whoami(url: str, *who: str) -> subprocess.CompletedProcess[str]:
        return slapd.run("env", "LDAPTLS_CACERT=/certs/ca.crt", "ldapwhoami", "-x", "-H", url, *who)

    assert whoami("ldaps://slapd:1636", *alice, "-w", env["LDAP_ALICE_PASSWORD"]).stdout == f"dn:{alice[1]}\n"
    assert whoami("ldaps://slapd:1636", *alice, "-w", "wrong").returncode == 49  # invalidCredentials
    environ = Path(f"/proc/{slapd.process.pid}/environ").read_bytes()
    assert b"PASSWORD" not in environ
    reader = ("-D", "cn=gateway,dc=example,dc=org", "-w", env["LDAP_GATEWAY_PASSWORD"])
    asks = ("ldapsearch", "-x", "-LLL", "-H", "ldaps://slapd:1636", *reader, "-b", "dc=example,dc=org")
    found = slapd.run(
        "env", "LDAPTLS_CACERT=/certs/ca.crt", *asks, "(member=uid=alice,ou=people,dc=example,dc=org)", "cn"
    )
    assert "cn: analysts" in found.stdout
    assert "userPassword" not in slapd.run("env", "LDAPTLS_CACERT=/certs/ca.crt", *asks).stdout


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        raise MissingPartError(f"no {name} on PATH: install {'ldap-utils' if name == 'ldapwhoami' else name}")
    return found


def _paste_what_follows_compose(port: int, env: dict[str, str], folder: Path) -> None:
    """Make the bucket as the README does, with what scripts/make_env has written."""
    blocks = re.findall(r"```console\n(.*?)```", (CHECKOUT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (block,) = [block for block in blocks if "docker compose up" in block]
    commands = block.partition("docker compose up")[2].partition("\n")[2].replace("$ ", "")
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in env.items()))
    ran = subprocess.run(
        ["sh", "-euc", commands.replace(":8000", f":{port}")], cwd=folder, capture_output=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
