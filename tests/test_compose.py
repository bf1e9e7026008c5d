"""compose.yaml, without a Docker engine: loaded as Docker Compose loads it, and its commands run as they stand.

tests/compose/main.go holds Compose's own loader and BuildKit's own Dockerfile parser.
"""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from botocore.exceptions import ClientError

from lab import CHECKOUT, MissingPartError, tools
from lab.backends import s3_client, verified_opener
from lab.cache import cache_dir, locked
from lab.certs import Certs
from lab.ports import accepts, free_port
from lab.process import Command, Process, start
from s3gateway.config.gateway_yaml import parse
from s3gateway.config.model import KeyPair
from s3gateway.rules.encryption import SseKms
from tests.real.waiting import eventually

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

COMPOSE = CHECKOUT / "compose.yaml"
LOADER = CHECKOUT / "tests" / "compose"
ROOT_ALLOWED = {"objects"}  # hands the volume over, and ends
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
    assert set(services) == {"gateway", "minio", "objects"}


def test_without_env_it_names_the_remedy(load: Load) -> None:
    ended = load({})
    assert ended.returncode == 1
    assert "run scripts/make_env" in ended.stderr


@pytest.mark.parametrize("name", ["RUN_AS", "MINIO_ROOT_PASSWORD", "MINIO_KMS_SECRET_KEY", "S3_SECRET_ACCESS_KEY"])
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
    assert len(values) == 4
    assert all(re.fullmatch(r'"?\$\{[A-Z0-9_]+:\?run scripts/make_env"?', value.strip()) for value in values)


def test_each_env_is_new_and_the_first_one_stays(env: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "env"
    command = [CHECKOUT / "scripts" / "make_env", file]
    subprocess.run(command, check=True, capture_output=True)
    first = file.read_text()
    subprocess.run(command, check=True, capture_output=True)
    assert file.read_text() == first
    for name in ("MINIO_ROOT_PASSWORD", "MINIO_KMS_SECRET_KEY", "S3_SECRET_ACCESS_KEY"):
        assert env[name] not in first
    assert len(base64.b64decode(env["MINIO_KMS_SECRET_KEY"], validate=True)) == 32


def test_images_are_pinned_to_a_version(loaded: dict[str, Any], services: dict[str, dict[str, Any]]) -> None:
    stages = loaded["dockerfiles"]["gateway"]
    images = [service["image"] for service in services.values()] + [stage["base"] for stage in stages]
    assert len(images) == 5
    assert all(re.fullmatch(r"[a-z0-9/-]+:(RELEASE\.)?\d[\w.-]*", image) for image in images), images


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
    assert set(binds) == {str(CHECKOUT / "certs" / name) for name in ("ca.crt", "gateway.pem", "backend")}
    assert set(binds) <= made
    assert all(mount["read_only"] is True for mount in binds.values())
    assert all(not mount["bind"].get("create_host_path", False) for mount in binds.values())


def test_only_the_gateway_can_be_reached(loaded: dict[str, Any], services: dict[str, dict[str, Any]]) -> None:
    assert [port["host_ip"] for port in services["gateway"]["ports"]] == ["127.0.0.1"]
    assert "ports" not in services["minio"]
    assert set(services["minio"]["networks"]) == {"storage"}
    assert loaded["project"]["networks"]["storage"]["internal"] is True


def test_each_waits_until_what_it_needs_is_healthy(services: dict[str, dict[str, Any]]) -> None:
    waits = {
        name: {needed: how["condition"] for needed, how in service.get("depends_on", {}).items()}
        for name, service in services.items()
    }
    assert waits == {
        "gateway": {"minio": "service_healthy"},
        "minio": {"objects": "service_completed_successfully"},
        "objects": {},
    }
    assert all(services[name]["healthcheck"]["test"][0] == "CMD" for name in ("gateway", "minio"))


def test_image_holds_the_runtime_group_and_the_addon_and_runs_as_nobody(loaded: dict[str, Any]) -> None:
    packages, final = loaded["dockerfiles"]["gateway"]
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
    (step,) = (one["text"] for one in loaded["dockerfiles"]["gateway"][0]["instructions"] if "tomllib" in one["text"])
    command = step.removeprefix("RUN ").partition(" && ")[0].replace("python", f"'{sys.executable}'", 1)
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    names = [re.split("[<>=]", line)[0] for line in (tmp_path / "runtime.txt").read_text().splitlines()]
    assert names == ["mitmproxy", "botocore", "pyyaml", "awscrt", "prometheus-client", "cryptography"]


def gateway_yaml(services: dict[str, dict[str, Any]]) -> str:
    text: str = services["gateway"]["environment"]["S3_GATEWAY_CONFIG"]
    return text


def test_gateway_accepts_its_configuration(
    services: dict[str, dict[str, Any]], env: dict[str, str], certs: Certs, tmp_path: Path
) -> None:
    config = parse(gateway_yaml(services).replace("/certs/", f"{certs.folder}/"), tmp_path)

    assert config.backend.authority == "minio:9000"
    assert isinstance(config.credentials, KeyPair)
    assert config.credentials.access_key_id == services["minio"]["environment"]["MINIO_ROOT_USER"]
    assert list(config.clients) == [env["S3_ACCESS_KEY_ID"]]
    assert [port["target"] for port in services["gateway"]["ports"]] == [config.listen.port]
    (kms,) = (rule.sse for rule in config.encryption if isinstance(rule.sse, SseKms))
    assert kms.key_id == services["minio"]["environment"]["MINIO_KMS_SECRET_KEY"].partition(":")[0]
    mounted = {mount["target"] for mount in services["gateway"]["volumes"]}
    listen, backend = (
        yaml.safe_load(gateway_yaml(services))["listen"],
        yaml.safe_load(gateway_yaml(services))["backend"],
    )
    assert {listen["certificate"], backend["ca_file"]} == mounted


class Outside:
    """The containers' commands as processes of this machine: paths and ports that differ here are replaced, no more."""

    def __init__(self, services: dict[str, dict[str, Any]], certs: Certs, folder: Path) -> None:
        self.port, self.minio_port = free_port(), free_port()
        self._services = services
        self._folder = folder
        self._places = {
            "gateway": {
                "/certs/": f"{certs.folder}/",
                "/opt/gateway/addons/": f"{CHECKOUT}/addons/",
                "/tmp/": f"{folder}/",
                "0.0.0.0, port: 8000": f"127.0.0.1, port: {self.port}",
                '"127.0.0.1", 8000': f'"127.0.0.1", {self.port}',
                "https://minio:9000": f"https://127.0.0.1:{self.minio_port}",
            },
            "minio": {
                "/certs": str(certs.backend),
                "/data": f"{folder}/data",
                "localhost:9000": f"localhost:{self.minio_port}",
                ":9000": f"127.0.0.1:{self.minio_port}",
            },
        }

    def words(self, service: str, words: list[str]) -> list[str]:
        return [self._placed(service, word) for word in words]

    @contextmanager
    def running(self, service: str, command: list[str]) -> Iterator[Process]:
        given = {k: self._placed(service, v) for k, v in self._services[service]["environment"].items()}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        log = self._folder / f"{service}.log"
        env = {"PATH": path, "HOME": str(self._folder)} | given
        port = self.port if service == "gateway" else self.minio_port
        process = start(Command(service, command, log, env), lambda: accepts(port))
        try:
            yield process
        finally:
            process.stop()

    def health(self, service: str) -> int:
        """The exit status of the health check."""
        kind, *words = self.words(service, self._services[service]["healthcheck"]["test"])
        assert kind == "CMD"
        words[0] = sys.executable if words[0] == "python" else words[0]
        return subprocess.run(words, capture_output=True, timeout=120, check=False).returncode

    def _placed(self, service: str, text: str) -> str:
        places = self._places[service]
        any_place = "|".join(map(re.escape, places))
        return re.sub(any_place, lambda match: places[match[0]], text)  # in one pass: a replacement is not replaced


@pytest.fixture
def outside(services: dict[str, dict[str, Any]], certs: Certs, tmp_path: Path) -> Outside:
    return Outside(services, certs, tmp_path)


def test_gateway_command_starts_it_and_the_health_check_sees_it(
    services: dict[str, dict[str, Any]], outside: Outside, tmp_path: Path
) -> None:
    assert outside.health("gateway") == 1
    with outside.running("gateway", outside.words("gateway", services["gateway"]["command"])) as gateway:
        assert outside.health("gateway") == 0
        assert (tmp_path / "gateway.yaml").stat().st_mode & 0o777 == 0o600
        environ = Path(f"/proc/{gateway.pid}/environ").read_bytes()
        assert b"S3_GATEWAY_CONFIG" not in environ


def test_health_check_leaves_the_log_to_the_clients(services: dict[str, dict[str, Any]], outside: Outside) -> None:
    """What follows a dozen of them is the first line; in an hour they would be 720."""
    with outside.running("gateway", outside.words("gateway", services["gateway"]["command"])) as gateway:
        assert [outside.health("gateway") for _ in range(12)] == [0] * 12
        with closing(HTTPConnection("127.0.0.1", outside.port, timeout=30)) as client:
            client.request("GET", "/bucket/key")
            assert client.getresponse().status == 403
        eventually(lambda: "AccessDenied" in gateway.log())
        _, line = gateway.log().partition("S3 gateway on")[2].splitlines()
        assert '"key":"key"' in line.replace(" ", "")


def test_health_check_does_not_take_a_bare_proxy_for_the_gateway(outside: Outside, tmp_path: Path) -> None:
    bare = ["mitmdump", "--mode", f"reverse:https://127.0.0.1:{free_port()}", "--listen-port", str(outside.port)]
    with outside.running("gateway", [*bare, "--set", f"confdir={tmp_path}/confdir"]):
        assert outside.health("gateway") == 1


def _serves(client: "S3Client") -> bool:
    """Whether MinIO is past its own start, during which it is healthy and every request is 503."""
    try:
        client.list_buckets()
    except ClientError:
        return False
    return True


@pytest.mark.real
def test_both_commands_together_store_encrypted_objects(
    services: dict[str, dict[str, Any]],
    outside: Outside,
    env: dict[str, str],
    certs: Certs,
    minio_program: Path,
    tmp_path: Path,
) -> None:
    serve = [str(minio_program), *outside.words("minio", services["minio"]["command"])]
    keys = (env["S3_ACCESS_KEY_ID"], env["S3_SECRET_ACCESS_KEY"])
    with (
        outside.running("minio", serve),
        outside.running("gateway", outside.words("gateway", services["gateway"]["command"])),
    ):
        live = f"https://localhost:{outside.minio_port}/minio/health/live"
        verified_opener(certs.ca).open(live, timeout=60).close()
        if shutil.which("curl"):
            assert outside.health("minio") == 0
        for url, ca in (("http://127.0.0.1", None), ("https://localhost", certs.ca)):
            client = s3_client(f"{url}:{outside.port}", *keys, ca_file=ca)
            if ca is None:
                eventually(lambda: _serves(client), "MinIO does not get past its start")  # noqa: B023 - called at once
                _paste_what_follows_compose(outside, env, tmp_path)
            client.put_object(Bucket="lake", Key="pii/a", Body=b"secret")
            client.put_object(Bucket="lake", Key="b", Body=b"not so")
            found = [client.get_object(Bucket="lake", Key=key)["ServerSideEncryption"] for key in ("pii/a", "b")]
            assert found == ["aws:kms", "AES256"]


def _paste_what_follows_compose(outside: Outside, env: dict[str, str], folder: Path) -> None:
    """Make the bucket as the README does, with what scripts/make_env has written."""
    blocks = re.findall(r"```console\n(.*?)```", (CHECKOUT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (block,) = [block for block in blocks if "docker compose up" in block]
    commands = block.partition("docker compose up")[2].partition("\n")[2].replace("$ ", "")
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in env.items()))
    ran = subprocess.run(
        ["sh", "-euc", commands.replace(":8000", f":{outside.port}")], cwd=folder, capture_output=True, check=False
    )
    assert ran.returncode == 0, ran.stderr


@pytest.fixture
def minio_program() -> Path:
    try:
        return tools.minio()
    except MissingPartError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing), pytrace=False)
        pytest.skip(str(missing))
