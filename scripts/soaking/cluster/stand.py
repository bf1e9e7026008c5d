"""What runs: the cluster, the gateway before it, and beside that HAProxy; each with a bucket of its own."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lab.balancer import Balancer
from lab.certs import make_certs
from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from lab.minio_cluster import ADDRESSES, MinioCluster
from soaking.cluster.lane import Lane
from soaking.cluster.raw import standing

_HADOOP: Final = {"name": "s3a", "access_key_id": "HADOOPKEY", "secret_access_key": "hadoop-secret", "buckets": ["*"]}
GATEWAY: Final = "gateway"
HAPROXY: Final = "HAProxy"
S3A: Final = str(_HADOOP["name"])


@dataclass(frozen=True, slots=True)
class Stand:
    """`lanes` are the gateway's, and HAProxy's if it is there."""

    cluster: MinioCluster
    gateway: Gateway
    balancer: Balancer | None
    lanes: list[Lane]


@contextmanager
def running(*, beside: bool) -> Iterator[Stand]:
    """Start it all, with HAProxy if `beside`; the objects that are only read are there."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="s3gw-cluster-certs-")))
        certs, _ = make_certs(folder, ADDRESSES)
        cluster = stack.enter_context(MinioCluster(certs))
        config = gateway_config(cluster, clients=(SPARK_CLIENT, _HADOOP), log={"format": "json"})
        del config["backend"]["endpoint"]
        config["backend"]["endpoints"] = cluster.endpoints
        gateway = stack.enter_context(Gateway(config))
        balancer = stack.enter_context(Balancer(cluster)) if beside else None
        keys = str(SPARK_CLIENT["access_key_id"]), str(SPARK_CLIENT["secret_access_key"])
        hadoop = str(_HADOOP["access_key_id"]), str(_HADOOP["secret_access_key"])
        lanes = [Lane(GATEWAY, gateway.port, gateway.port, *keys, hadoop, "through-gateway")]
        if balancer is not None:
            direct = cluster.access_key, cluster.secret_key
            lanes.append(Lane(HAPROXY, balancer.port, balancer.s3a_port, *direct, direct, "through-haproxy"))
        s3 = cluster.client()
        for lane in lanes:
            s3.create_bucket(Bucket=lane.bucket)
            for key, content in standing(lane).items():
                s3.put_object(Bucket=lane.bucket, Key=key, Body=content)
        yield Stand(cluster, gateway, balancer, lanes)
