"""HAProxy as people put it in front of a MinIO cluster: it checks who lives, and tries again all that it may."""

import subprocess
from typing import Final

from lab import MissingPartError
from lab.minio_cluster import MinioCluster
from lab.ports import accepts, free_port
from lab.process import Command, start
from lab.proxies import haproxy_program
from lab.server import Server

_CONFIG: Final = """
global
  maxconn 1000
  log stdout format raw local0 info

defaults
  mode http
  log global
  log-format "%ft %ST %ts %HM"
  option redispatch 1
  retries 3
  retry-on all-retryable-errors
  timeout connect 2s
  timeout client 120s
  timeout server 120s
  timeout http-keep-alive 75s
  timeout check 1s

frontend others
  bind 127.0.0.1:{port}
  default_backend minio

frontend s3a
  bind 127.0.0.1:{s3a_port}
  default_backend minio

backend minio
  balance leastconn
  http-request disable-l7-retry if METH_POST
  option httpchk
  http-check send meth GET uri /minio/health/live ver HTTP/1.1 hdr Host minio
  http-check expect status 200
  default-server check inter 1s fall 2 rise 2 ssl verify required ca-file {ca}
{servers}
"""


class Balancer(Server):
    """HAProxy in front of a cluster; `s3a_port` is another way in, of which its log tells apart."""

    def __init__(self, cluster: MinioCluster) -> None:
        super().__init__("haproxy", free_port())
        self.s3a_port: Final = free_port()
        self._cluster = cluster

    def start(self) -> None:
        """Start; return when both ports accept. `MissingPartError` if it is missing or refuses its configuration."""
        servers = "\n".join(
            f"  server minio{i} {endpoint.removeprefix('https://')}"
            for i, endpoint in enumerate(self._cluster.endpoints)
        )
        text = _CONFIG.format(port=self.port, s3a_port=self.s3a_port, ca=self._cluster.ca_file, servers=servers)
        file = self.folder / "haproxy.conf"
        file.write_text(text, encoding="utf-8")
        run = [str(haproxy_program()), "-db", "-f", str(file)]
        checked = subprocess.run([run[0], "-c", "-f", str(file)], capture_output=True, text=True, check=False)
        if checked.returncode:
            raise MissingPartError(f"haproxy does not take its configuration: {checked.stderr.strip()[-500:]}")
        ports = self.port, self.s3a_port
        self._process = start(
            Command(self.name, run, self.log_path, None, self.folder), lambda: all(map(accepts, ports))
        )
