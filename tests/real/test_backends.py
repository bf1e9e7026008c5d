"""Two real MinIO servers with the same objects behind one gateway: one is killed, and one stands still, under load."""

import json
import os
import re
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Event
from typing import Any

from botocore.config import Config

from lab import tools
from lab.certs import Certs
from lab.gateway import gateway_config
from lab.minio import Minio
from tests.conftest import GatewayFactory
from tests.real.waiting import eventually, whole_lines
from tests.watched import WatchedGateway

ONCE = Config(retries={"total_max_attempts": 1}, proxies={})
SMALL, LARGE = os.urandom(1000), os.urandom(24_000_000)  # more than the kernel holds between two processes


@contextmanager
def reading(gateway: WatchedGateway) -> Iterator[None]:
    """Readers that try nothing twice themselves, until the block ends; whatever they read is whole."""
    over = Event()

    def read(key: str, content: bytes) -> int:
        client, count = gateway.client(config=ONCE), 0
        while not over.is_set():
            assert client.get_object(Bucket="bucket", Key=key)["Body"].read() == content
            count += 1
        return count

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read, *what) for what in (("small", SMALL), ("large", LARGE)) * 2]
        try:
            yield
        finally:
            over.set()
        assert all(reader.result() for reader in readers)


def lines(gateway: WatchedGateway) -> list[dict[str, Any]]:
    return [json.loads(line) for line in whole_lines(gateway.log_path).splitlines() if line.startswith("{")]


def served(gateway: WatchedGateway, server: Minio) -> int:
    return sum(line.get("endpoint") == server.endpoint for line in lines(gateway))


def says(gateway: WatchedGateway, words: str) -> bool:
    return words in whole_lines(gateway.log_path)


def test_reads_go_on_while_servers_fail(certs: Certs, gateway: GatewayFactory) -> None:
    """No read fails, and each change is told once; who comes back serves again."""
    with ExitStack() as stack:
        servers = [stack.enter_context(Minio(certs, program=tools.minio())) for _ in range(2)]
        for server in servers:
            s3 = server.client()
            s3.create_bucket(Bucket="bucket")
            s3.put_object(Bucket="bucket", Key="small", Body=SMALL)
            s3.put_object(Bucket="bucket", Key="large", Body=LARGE)
        config = gateway_config(servers[0])
        config["backend"] |= {"endpoint": None, "endpoints": [server.endpoint for server in servers]}
        del config["backend"]["endpoint"]
        running = gateway(config)
        killed, stopped = servers
        with reading(running):
            eventually(lambda: served(running, killed) > 3 and served(running, stopped) > 3)
            killed.kill()
            eventually(lambda: says(running, f"backend {killed.endpoint} is down: "))
            before = served(running, stopped)
            eventually(lambda: served(running, stopped) > before + 10)
            killed.restart()
            eventually(lambda: says(running, f"backend {killed.endpoint} is up again"))
            os.kill(stopped.pid, signal.SIGSTOP)
            try:
                eventually(lambda: says(running, f"backend {stopped.endpoint} is used no more"))
                others, own = served(running, killed), served(running, stopped)
                eventually(lambda: served(running, killed) > others + 10)
                late = served(running, stopped) - own
            finally:
                os.kill(stopped.pid, signal.SIGCONT)
        assert late <= len(servers) * 2  # each reader's last one, that it had at most begun
        told = re.findall(rf"backend {killed.endpoint} is (down|up again|used no more)", running.log())
        assert told == ["down", "up again"]
