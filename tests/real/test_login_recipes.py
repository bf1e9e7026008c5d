"""The README's recipes of logins, as they are pasted: a directory, a pod of Kubernetes, a workflow of GitHub's.

slapd, an OpenID provider and MinIO are real, and so are the clients. Only addresses, files and names are the lab's.
"""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from lab import CHECKOUT
from lab.certs import Certs
from lab.gateway import Gateway, gateway_config
from lab.minio import Minio
from lab.oidc import OidcProvider
from lab.oidc import oidc_provider as _oidc_module
from lab.slapd import LOOKUP_DN, LOOKUP_PASSWORD, Person, Slapd
from lab.slapd import slapd as _slapd_program
from matrix.installing import python
from tests.canary import CANARY
from tests.conftest import GatewayFactory, _have

README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
HOST = "gateway.example.com:8000"
POD, BRANCH = "system:serviceaccount:spark:job", "repo:example/app:ref:refs/heads/main"
CLAIMS = {"kubernetes.io": {"namespace": "spark", "serviceaccount": {"name": "job"}}, "repository_id": "4711"}


def block(begins: str, names: str, language: str = "") -> str:
    """The README's only block that begins so and holds that name."""
    (found,) = [text for kind, text in BLOCKS if kind == language and text.startswith(begins) and names in text]
    return str(found)


@pytest.fixture(scope="module")
def provider(certs: Certs) -> Iterator[OidcProvider]:
    with OidcProvider(certs, machines=(POD, BRANCH), claims=CLAIMS, module=_have(_oidc_module)) as server:
        yield server


@pytest.fixture(scope="module", autouse=True)
def _buckets(minio: Minio) -> None:
    for name in ("lake", "builds"):
        minio.client().create_bucket(Bucket=name)


def started(minio: Minio, certs: Certs, gateway: GatewayFactory, text: str) -> Gateway:
    """A gateway with a recipe's configuration; nobody else is a client of it."""
    config = gateway_config(minio, certificate=certs.gateway)
    del config["clients"]
    return gateway(config | yaml.safe_load(text))


def placed(text: str, changes: Mapping[str, object]) -> str:
    for name, ours in changes.items():
        assert name in text, name
        text = text.replace(name, str(ours))
    return text


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with `aws`, and `jq` as far as the workflow needs it."""
    folder = tmp_path / "programs"
    folder.mkdir()
    aws = _have(python("awscli_driver.py", "awscli==1.46.2")).env["CLIENT_FOLDER"]
    start = "import sys; from awscli.clidriver import main; sys.exit(main())"
    jq = "import json, sys; print(json.load(sys.stdin)[sys.argv[-1].removeprefix('.')])"
    for name, command in (("aws", start), ("jq", jq)):
        text = f'#!/bin/sh\nPYTHONPATH={aws} exec {sys.executable} -c "{command}" "$@"\n'
        (folder / name).write_text(text, encoding="utf-8")
        (folder / name).chmod(0o755)
    return folder


def run(script: str, folder: Path, programs: Path, certs: Certs, env: Mapping[str, str]) -> None:
    ours = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(folder), "AWS_CA_BUNDLE": str(certs.ca)}
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, env={**ours, **env}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr


def test_a_user_of_the_directory(minio: Minio, certs: Certs, gateway: GatewayFactory, tmp_path: Path) -> None:
    (tmp_path / "lookup").write_text(LOOKUP_PASSWORD)
    alice = Person("alice", "password", groups=("staff",))
    with Slapd(certs, people=(alice,), program=_have(_slapd_program)) as directory:
        text = placed(
            block("sts: {}\nldap:", "user_dn_search_filter"),
            {
                "ldap1.example.com:636, ldap2.example.com:636": f"127.0.0.1:{directory.tls_port}",
                "company-ca.crt": certs.ca,
                "cn=s3-gateway,ou=services,dc=example,dc=com": LOOKUP_DN,
                "/run/secrets/ldap": tmp_path / "lookup",
            },
        )
        running = started(minio, certs, gateway, text)
        recipe = placed(block("from minio import Minio", "", "python"), {HOST: f"127.0.0.1:{running.port}"})
        recipe += "\nclient.fput_object('lake', 'home/alice/a', __import__('sys').argv[1])\n"
        installed = _have(python("minio_driver.py", "minio==7.2.20"))
        env = os.environ | installed.env | {"SSL_CERT_FILE": str(certs.ca)}
        ended = subprocess.run(
            [sys.executable, "-c", recipe, tmp_path / "lookup"], env=env, capture_output=True, text=True, check=False
        )
    assert ended.returncode == 0, ended.stderr
    assert minio.client().head_object(Bucket="lake", Key="home/alice/a")["ContentLength"] == len(LOOKUP_PASSWORD)


def test_a_pod_of_kubernetes(
    minio: Minio, certs: Certs, gateway: GatewayFactory, provider: OidcProvider, programs: Path, tmp_path: Path
) -> None:
    token = provider.token(POD)
    CANARY.watch("token", token)
    (tmp_path / "token").write_text(token)
    issuer, files = "https://kubernetes.default.svc.cluster.local", "/var/run/secrets/kubernetes.io/serviceaccount"
    places = {f"{issuer}/openid/v1/jwks": f"{provider.issuer}/jwks", issuer: provider.issuer}
    places |= {f"{files}/ca.crt": str(certs.ca), f"{files}/token": str(tmp_path / "token")}
    running = started(minio, certs, gateway, placed(block("sts: {}\nweb_identity:", files), places))
    places = {HOST: f"127.0.0.1:{running.port}", "value: /var/run/secrets/s3/token": f"value: {tmp_path}/token"}
    pod = yaml.safe_load(placed(block("spec:\n", "AWS_WEB_IDENTITY_TOKEN_FILE"), places))
    env = {one["name"]: one["value"] for one in pod["spec"]["containers"][0]["env"]}
    run("echo data >a.csv; aws s3 cp a.csv s3://lake/spark/job/a.csv", tmp_path, programs, certs, env)
    assert minio.client().get_object(Bucket="lake", Key="spark/job/a.csv")["Body"].read() == b"data\n"


class Runner(BaseHTTPRequestHandler):
    """What gives tokens to a workflow, who has the request token, for the audience that it names."""

    provider: OidcProvider

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        known = self.headers["Authorization"] == "bearer of-the-request"
        token = self.provider.token(BRANCH, audience=asked["audience"][0]) if known else ""
        CANARY.watch("token", token)
        body = json.dumps({"value": token}).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def runner(provider: OidcProvider) -> Iterator[dict[str, str]]:
    """The environment of a workflow that may have tokens."""
    handler = type("OfProvider", (Runner,), {"provider": provider})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"http://127.0.0.1:{server.server_port}/?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-request",
            "GITHUB_REPOSITORY_ID": str(CLAIMS["repository_id"]),
        }
        server.shutdown()
        thread.join()


def test_a_workflow_of_github(
    minio: Minio, certs: Certs, gateway: GatewayFactory, provider: OidcProvider, programs: Path, tmp_path: Path
) -> None:
    issuer = "https://token.actions.githubusercontent.com"
    text = block("sts: {}\nweb_identity:", issuer)
    config: dict[str, Any] = yaml.safe_load(placed(text, {issuer: provider.issuer}))
    config["web_identity"][0]["ca_file"] = str(certs.ca)  # GitHub's is a public one
    running = started(minio, certs, gateway, yaml.safe_dump(config))
    places = {HOST: f"127.0.0.1:{running.port}", "/tmp/token": str(tmp_path / "token")}
    (job,) = yaml.safe_load(placed(block("name: deploy", "id-token"), places))["jobs"].values()
    git = "git init -q; git -c user.name=a -c user.email=a commit -q --allow-empty -m a\n"
    with runner(provider) as env:
        run(git + job["steps"][-1]["run"], tmp_path, programs, certs, {**job["env"], **env})
    assert minio.client().head_object(Bucket="builds", Key="4711/app.tar.gz")["ContentLength"] > 0
