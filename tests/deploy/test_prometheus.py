"""Alert rules and dashboard against a real Prometheus that scrapes a gateway under load.

``pytest tests/deploy/test_prometheus.py --update-pictures`` draws the README's picture anew.
"""

import json
import math
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
import yaml
from botocore.exceptions import BotoCoreError, ClientError

from lab import CHECKOUT
from lab.at_work import AtWork
from lab.dashboard import DASHBOARD, draw, panels
from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from lab.minio import Minio
from lab.ports import free_port
from lab.prometheus import RULES, Prometheus, promtool
from s3gateway.config.model import KeyPair
from s3gateway.rules.key_use import HOUR, Use
from s3gateway.sigv4.model import Secret
from s3gateway.wire import state_file
from tests.conftest import GatewayFactory, _have
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import Key, Target, put_chunked, sign
from tests.real.waiting import eventually

PICTURE = CHECKOUT / "scripts" / "pictures" / "dashboard.svg"
BUCKET = "load"
ANALYST = {
    "name": "analyst", "access_key_id": "ANALYSTKEY", "secret_access_key": "analyst-secret-of-the-lab",
    "buckets": [BUCKET], "read_only": True,
}  # fmt: skip
ALERTS = [rule for group in yaml.safe_load((RULES / "alerts.yml").read_text())["groups"] for rule in group["rules"]]


class Load(AtWork):
    """Traffic of several kinds, good and bad, in threads, until it is stopped."""

    def __init__(self, running: Gateway) -> None:
        self._running = running
        kinds = (self._write, self._write, self._read, self._deny, self._forge, self._break_off, self._hurry)
        super().__init__(partial(self._repeat, kind, i) for i, kind in enumerate(kinds))

    def _repeat(self, kind: Callable[[Random], None], seed: int) -> None:
        random = Random(seed)
        while not self.is_over.is_set():
            with suppress(ClientError, BotoCoreError, OSError):
                kind(random)
            self.is_over.wait(random.random() * 0.1)

    def _write(self, random: Random) -> None:
        client = self._running.client()
        for number in range(20):
            client.put_object(Bucket=BUCKET, Key=f"a/{random.randrange(50)}", Body=bytes(random.randrange(200_000)))
            if number % 5 == 0:
                client.list_objects_v2(Bucket=BUCKET)
            if self.is_over.wait(0.02 + 0.05 * (1 + math.sin(time.time() / 4))):
                return

    def _read(self, random: Random) -> None:
        client = self._running.client(name="analyst")
        for _ in range(20):
            with suppress(ClientError):
                client.get_object(Bucket=BUCKET, Key=f"a/{random.randrange(60)}")["Body"].read()

    def _deny(self, random: Random) -> None:
        with suppress(ClientError):
            self._running.client(name="analyst").delete_object(Bucket=BUCKET, Key="a/1")

    def _forge(self, random: Random) -> None:
        with Raw(self._running.port) as raw:
            raw.ask(sign("GET", Target(BUCKET, "a/1"), key=Key(secret="wrong")).head)

    def _break_off(self, random: Random) -> None:
        with Raw(self._running.port) as raw:
            raw.send(put_chunked(Target(BUCKET, "broken"), b"x" * 100_000).wire[:60_000])

    def _hurry(self, random: Random) -> None:
        with Raw(self._running.port) as raw:
            raw.ask(put_chunked(Target(BUCKET, "chunks"), b"x" * 300_000).wire)


@pytest.fixture(scope="module")
def seconds(request: pytest.FixtureRequest) -> float:
    return 90.0 if request.config.getoption("--update-pictures") else 8.0


@pytest.fixture(scope="module")
def scraped(
    minio: Minio, session_gateway: GatewayFactory, seconds: float, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Prometheus, float, float]]:
    """A Prometheus that has scraped a gateway under load for some seconds, and the first and last of them."""
    port = free_port()
    state, now = tmp_path_factory.mktemp("state") / "state.json", time.time()
    used = KeyPair(SPARK_CLIENT["access_key_id"], Secret(SPARK_CLIENT["secret_access_key"]))
    state_file.add(state, [(used, Use(now - 60, now - 60, {int(now // HOUR): 3}))])  # as of an earlier process
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    minio.client().create_bucket(Bucket=BUCKET)
    config = gateway_config(
        minio,
        clients=(SPARK_CLIENT, ANALYST | {"not_after": tomorrow}),
        state=str(state),
        encryption=({"bucket": BUCKET, "prefix": "a/", "sse-kms": minio.kms_key_id}, {"sse-s3": True}),
        admin={"port": port},
        audit={"stdout": True, "webhook": {"url": "http://127.0.0.1:1/", "queue": 100}},
        canary={"bucket": BUCKET, "client": "spark", "timeout": 60},
    )
    server = _have(lambda: Prometheus([f"127.0.0.1:{port}"]))
    running = session_gateway(config)
    with server, Load(running):
        begin = time.time()
        time.sleep(seconds / 2)
        running.write_config(config | {"limits": {"headers": 100}})
        time.sleep(seconds / 4)
        running.write_config("nonsense: [")
        eventually(lambda: "configuration not reloaded" in running.log())
        time.sleep(seconds / 4)
        yield server, begin, time.time()


def test_every_query_of_the_dashboard_gives_data(scraped: tuple[Prometheus, float, float]) -> None:
    """As Grafana sends it: a series at least, and each with a number that is one."""
    server, _, _ = scraped
    asked = [(panel.title, query.expression) for panel in panels() for query in panel.queries]
    assert len(asked) > 30
    empty = [one for one in asked if not _numbers(server, one[1])]
    assert empty == []


def _numbers(server: Prometheus, expression: str) -> list[float]:
    values = [float(one["value"][1]) for one in server.query(expression)]
    return [value for value in values if math.isfinite(value)]


def test_every_metric_is_on_it(scraped: tuple[Prometheus, float, float]) -> None:
    """What is counted can be seen."""
    server, _, _ = scraped
    found = {one["metric"]["__name__"] for one in server.query('{__name__=~"s3gateway_.*", __name__!~".*_created"}')}
    text = DASHBOARD.read_text(encoding="utf-8")
    unseen = {name for name in found if re.sub(r"_(count|sum)$", "_bucket", name) not in text}
    assert unseen == set()


def test_alerts_are_loaded_and_see_what_happens(scraped: tuple[Prometheus, float, float]) -> None:
    """The refused reload and the lost audit lines fire; that the gateway is down does not."""
    server, _, _ = scraped
    wanted = {"S3GatewayReloadRefused", "S3GatewayAuditLost"}
    eventually(lambda: wanted <= {one["labels"]["alertname"] for one in server.alerts() if one["state"] == "firing"})
    quiet = {"S3GatewayDown", "S3GatewayNoBackend", "S3GatewayCanaryFails", "S3GatewayErrors"}
    assert quiet.isdisjoint(one["labels"]["alertname"] for one in server.alerts())
    assert [one["health"] for one in server.targets()] == ["up"]


def test_the_picture(scraped: tuple[Prometheus, float, float], request: pytest.FixtureRequest) -> None:
    """Drawn from what that Prometheus has; the README's is one of a longer run."""
    server, begin, end = scraped
    svg = draw(lambda expression: server.query_range(expression, begin, end), (begin, end))
    assert svg.count("<polyline") > 30
    if request.config.getoption("--update-pictures"):
        PICTURE.write_text(svg, encoding="utf-8")
    kept = PICTURE.read_text(encoding="utf-8")
    titles = [panel.title for panel in panels()]
    assert [title for title in titles if title not in kept] == []


@pytest.mark.parametrize(
    "arguments",
    [("check", "config", "prometheus.yml"), ("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")],
    ids=" ".join,
)
def test_promtool_finds_nothing_wrong(arguments: tuple[str, ...]) -> None:
    """Configuration, rules, and when each rule fires."""
    told = subprocess.run(
        [_have(promtool), *arguments], cwd=RULES, capture_output=True, text=True, check=False, timeout=120
    )
    assert told.returncode == 0, told.stdout + told.stderr


def test_each_alert_says_what_to_do_and_has_a_test() -> None:
    """A summary, a description, a severity; and an example of when it fires."""
    tested = (RULES / "alerts_test.yml").read_text(encoding="utf-8")
    for rule in ALERTS:
        assert set(rule["annotations"]) == {"summary", "description"}
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert f"alertname: {rule['alert']}\n        exp_alerts:" in tested, rule["alert"]


def test_the_dashboard_can_be_imported() -> None:
    """What Grafana's import needs: ids that are unique, places that do not overlap, one data source to choose."""
    document: dict[str, Any] = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    found = document["panels"]
    assert len({panel["id"] for panel in found}) == len(found)
    taken: set[tuple[int, int]] = set()
    for panel in found:
        grid = panel["gridPos"]
        cells = {(grid["x"] + i, grid["y"] + j) for i in range(grid["w"]) for j in range(grid["h"])}
        assert not cells & taken, panel["title"]
        assert grid["x"] + grid["w"] <= 24
        taken |= cells
        for target in panel.get("targets", ()):
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert [one["name"] for one in document["templating"]["list"]] == ["datasource", "instance"]
    assert document["uid"] == "s3gateway"
