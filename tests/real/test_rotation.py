"""Keys rotate under load, at real MinIO, and no client has an error of it; the old one's last user is named."""

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lab import CHECKOUT
from lab.at_work import AtWork
from lab.backends import s3_client
from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from lab.minio import Minio
from lab.ports import free_port
from tests.canary import CANARY
from tests.conftest import GatewayFactory
from tests.mitm.test_admin import samples
from tests.real.test_mc import Mc
from tests.real.waiting import eventually
from tests.watched import DEBUG

RETRIES = Config(retries={"total_max_attempts": 4, "mode": "standard"})
"""What SDKs do by themselves."""

OLD, NEW = SPARK_CLIENT["secret_access_key"], "new-secret-of-the-lab"
ID = SPARK_CLIENT["access_key_id"]
ROLE_ARN = "arn:aws:iam::123456789012:role/gateway"


@pytest.fixture
def admin(mc: Path, minio: Minio, tmp_path: Path) -> Mc:
    """MinIO's administrator."""
    return Mc(mc, tmp_path / "mc", minio.endpoint, minio.ca_file, minio.access_key, minio.secret_key)


class Load(AtWork):
    """Threads that write and read back, each with a secret of its own, until the block ends."""

    def __init__(self, running: Gateway, bucket: str, secrets: list[str]) -> None:
        self._running, self._bucket = running, bucket
        self.failed: list[Exception] = []
        self.done = 0
        self.secrets = secrets
        super().__init__(partial(self._work, number) for number in range(len(secrets)))

    def goes_on(self) -> None:
        """Wait for some more requests."""
        before = self.done
        eventually(lambda: self.failed or self.done > before + 4 * len(self.secrets))

    def _work(self, number: int) -> None:
        count = 0
        while not self.is_over.is_set():
            s3 = s3_client(self._running.url, ID, self.secrets[number], config=RETRIES)
            data = b"%d %d" % (number, count)
            try:
                s3.put_object(Bucket=self._bucket, Key=f"{number}/{count}", Body=data)
                assert s3.get_object(Bucket=self._bucket, Key=f"{number}/{count}")["Body"].read() == data
            except (ClientError, BotoCoreError, OSError, AssertionError) as error:
                self.failed.append(error)
            count += 1
            self.done += 1


def entry(secret: str, **term: str) -> dict[str, Any]:
    return {"secret_access_key": secret} | term


def client(*keys: dict[str, Any]) -> dict[str, Any]:
    return {"name": "spark", "access_key_id": ID, "buckets": ["*"], "keys": list(keys)}


def day(days: int) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"


def test_a_clients_secret_rotates(gateway: GatewayFactory, minio: Minio, bucket: str, tmp_path: Path) -> None:
    """The recipe of the README, step by step, with users of both secrets; who still uses the old one is told."""
    state = tmp_path / "state.json"
    config = gateway_config(minio, state=str(state))
    running = gateway(config | {"clients": [client(entry(OLD))]})
    with Load(running, bucket, [OLD, OLD]) as load:
        load.goes_on()
        running.write_config(config | {"clients": [client(entry(OLD, not_after=day(5)), entry(NEW))]})
        eventually(lambda: running.log().count("configuration reloaded") == 1)
        load.secrets[0] = NEW
        load.goes_on()
        load.secrets[1] = NEW
        load.goes_on()
        running.write_config(config | {"clients": [client(entry(NEW))]})
        eventually(lambda: running.log().count("configuration reloaded") == 2)
        load.goes_on()
    assert load.failed == []
    running.stop()
    use = [one for marks in json.loads(state.read_text())["keys"].values() for one in marks.values()]
    assert sum(sum(one["hours"].values()) for one in use) == load.done * 2
    running.write_config(config | {"clients": [client(entry(OLD, not_after=day(5)), entry(NEW))]})
    told = subprocess.run([CHECKOUT / "scripts/keys", running.config_path], capture_output=True, text=True, check=False)
    assert told.returncode == 1, told.stderr
    assert re.search(r"^spark +SPARKKEY +1 of 2 +valid .* 5 days$", told.stdout, re.MULTILINE), told.stdout
    assert "secret 1 of access key SPARKKEY ends in 5 days and is still used: " in told.stdout


def test_metrics_and_warnings(gateway: GatewayFactory, minio: Minio) -> None:
    """At the start, and at each scrape."""
    port = free_port()
    config = gateway_config(minio, admin={"port": port}, clients=[client(entry(OLD, not_after=day(3)))])
    running = gateway(config)
    ending = "keys: client spark: access key SPARKKEY ends in 3 days, and no other one follows"
    eventually(lambda: ending in running.log())
    labels = (("access_key_id", ID), ("client", "spark"), ("secret", "1"))
    eventually(lambda: 3 < samples(port)["s3gateway_key_days_left", labels] < 4)


@pytest.fixture
def users(admin: Mc) -> Iterator[list[dict[str, str]]]:
    """Two users of MinIO, which may do everything."""
    made = [
        {"access_key_id": f"gateway-{uuid4().hex[:8]}", "secret_access_key": f"secret-{uuid4().hex}"} for _ in range(2)
    ]
    for user in made:
        admin.run("admin", "user", "add", "gw", user["access_key_id"], user["secret_access_key"])
        admin.run("admin", "policy", "attach", "gw", "readwrite", "--user", user["access_key_id"])
    yield made
    for user in made:
        admin.run("admin", "user", "rm", "gw", user["access_key_id"])


def test_the_gateways_own_key_rotates(
    gateway: GatewayFactory, minio: Minio, bucket: str, admin: Mc, users: list[dict[str, str]]
) -> None:
    """Replaced while it works; taken away at the backend while another one is there: clients see nothing of either."""
    first, second = users
    config = gateway_config(minio)
    config["backend"]["credentials"] = dict(first)
    running = gateway(config)
    with Load(running, bucket, [OLD, OLD]) as load:
        load.goes_on()
        wrong = {"access_key_id": second["access_key_id"], "secret_access_key": "not-yet-right"}
        config["backend"]["credentials"] = wrong
        running.write_config(config)
        eventually(lambda: f"{second['access_key_id']} is not used, as the backend refuses it" in running.log())
        load.goes_on()
        config["backend"]["credentials"] = {"keys": [dict(second), dict(first)]}
        running.write_config(config)
        switched = f"backend credentials: {second['access_key_id']} signs now, in place of {first['access_key_id']}"
        eventually(lambda: switched in running.log())
        load.goes_on()
        admin.run("admin", "user", "disable", "gw", second["access_key_id"])
        back = f"backend credentials: {first['access_key_id']} signs now, {second['access_key_id']} is refused there"
        eventually(lambda: back in running.log())
        load.goes_on()
    assert load.failed == []
    assert running.log().count(back) == 1


class Vendor(BaseHTTPRequestHandler):
    """Gives out sessions: what ``AWS_CONTAINER_CREDENTIALS_FULL_URI`` names, and an STS of ``AssumeRole`` alone."""

    give: Callable[[], dict[str, str]]

    def do_GET(self) -> None:
        self._answer(json.dumps(type(self).give()).encode())

    def do_POST(self) -> None:
        asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        assert (asked["Action"], asked["RoleArn"]) == (["AssumeRole"], [ROLE_ARN])
        found = type(self).give()
        found["SessionToken"] = found.pop("Token")
        inside = "".join(f"<{name}>{value}</{name}>" for name, value in found.items())
        self._answer(
            '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
            f"{inside}</Credentials></AssumeRoleResult></AssumeRoleResponse>".encode()
        )

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def vending(give: Callable[[], dict[str, str]]) -> Iterator[str]:
    handler = type("Vending", (Vendor,), {"give": staticmethod(give)})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/session"
        server.shutdown()
        thread.join()


def session(minio: Minio, seconds: int, **changes: str) -> dict[str, str]:
    """A session of MinIO's own STS, said to end in so many seconds."""
    found = minio.temporary_credentials()
    CANARY.watch("session's secret", found["SecretAccessKey"])
    CANARY.watch("session's token", found["SessionToken"])
    end = datetime.now(UTC) + timedelta(seconds=seconds)
    return {
        "AccessKeyId": found["AccessKeyId"],
        "SecretAccessKey": found["SecretAccessKey"],
        "Token": found["SessionToken"],
        "Expiration": f"{end:%Y-%m-%dT%H:%M:%SZ}",
    } | changes


@pytest.mark.parametrize(
    "changes", [{"AccessKeyId": "NOBODYKNOWSTHISKEY0"}, {"Token": "not-a-token-of-minio"}], ids=["key", "token"]
)
def test_a_session_that_minio_does_not_know_is_renewed(
    gateway: GatewayFactory, minio: Minio, bucket: str, changes: dict[str, str]
) -> None:
    """MinIO's 403 InvalidAccessKeyId and InvalidTokenId: the client reads its object, and no error."""
    minio.client().put_object(Bucket=bucket, Key="k", Body=b"there")
    given: list[dict[str, str]] = []

    def give() -> dict[str, str]:
        given.append(session(minio, 3600, **({} if given else changes)))
        return given[-1]

    config = gateway_config(minio)
    del config["backend"]["credentials"]
    with vending(give) as url:
        running = gateway(config, env={"AWS_CONTAINER_CREDENTIALS_FULL_URI": url})
        assert running.client().get_object(Bucket=bucket, Key="k")["Body"].read() == b"there"
    assert len(given) == 2
    eventually(lambda: "is refused there, renewed before its end" in running.log())
    assert all(one["Token"] not in running.log() and one["SecretAccessKey"] not in running.log() for one in given)


def by_container(url: str, folder: Path) -> dict[str, str]:
    """The environment of a task whose agent gives it sessions."""
    return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": url}


def by_profile(url: str, folder: Path) -> dict[str, str]:
    """A role in a profile, which botocore assumes with the keys of another profile."""
    (folder / "credentials").write_text("[base]\naws_access_key_id = B\naws_secret_access_key = base-secret\n")
    role = f"[default]\nrole_arn = {ROLE_ARN}\nsource_profile = base\nregion = us-east-1\n"
    (folder / "config").write_text(f"{role}[profile base]\nregion = us-east-1\n")
    return {
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "AWS_ENDPOINT_URL_STS": url,
    }


@pytest.mark.parametrize("env", [by_container, by_profile])
def test_a_session_is_renewed_ahead_of_its_end_once(
    gateway: GatewayFactory, minio: Minio, bucket: str, tmp_path: Path, env: Callable[[str, Path], dict[str, str]]
) -> None:
    """While requests go on; not again and again in its last quarter of an hour, as botocore would by itself."""
    given: list[float] = []

    def give() -> dict[str, str]:
        given.append(time.monotonic())
        return session(minio, 8)

    config = gateway_config(minio)
    del config["backend"]["credentials"]
    with vending(give) as url:
        # As a user has it at its most talkative: a script that turned botocore up would have it log its own requests.
        running = gateway(config, env=env(url, tmp_path), watched=False, arguments=DEBUG)
        with Load(running, bucket, [OLD, OLD]) as load:
            eventually(lambda: len(given) == 3)
            load.goes_on()
    assert load.failed == []
    assert running.log().count("backend credentials: ") == 2
    assert all(later - earlier > 4 for earlier, later in pairwise(given))
