"""Reverse proxies that people put in front of the gateway: nginx and HAProxy, as they come or as advised."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from lab import MissingPartError
from lab.peer_parts import nginx_program
from lab.ports import accepts, free_port
from lab.process import Command, start
from lab.server import Server

_ADDRESS: Final = re.compile(r"127\.0\.0\.1:8000\b")
_LISTEN: Final = re.compile(r"(?m)^(\s*(?:listen|bind)\s+)\S*?(\d+);?$")

NGINX_DEFAULT: Final = """
server {
  listen 80;
  location / {
    proxy_pass http://127.0.0.1:8000;
  }
}
"""
HAPROXY_DEFAULT: Final = """
frontend s3
  bind :80
  default_backend gateway

backend gateway
  server one 127.0.0.1:8000
"""

_NGINX_AROUND: Final = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
{server}
}}
"""
_HAPROXY_AROUND: Final = """
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
{server}
"""


class Proxy(Server):
    """One of them in front of the gateway at `port`. `text` is its configuration as the README has it.

    In it `127.0.0.1:8000` stands for the gateway, and the port that it listens on is replaced by a free one.
    """

    def __init__(self, program: str, text: str, gateway: int) -> None:
        super().__init__(program, free_port())
        self._text = _ADDRESS.sub(f"127.0.0.1:{gateway}", text)

    def start(self) -> None:
        """Start; return when it accepts. `MissingPartError` if the program is missing or refuses its configuration."""
        nginx = self.name == "nginx"
        listen = _LISTEN.sub(rf"\g<1>127.0.0.1:{self.port}" + (";" if nginx else ""), self._text)
        around = _NGINX_AROUND if nginx else _HAPROXY_AROUND
        root = "user root;\n" if nginx and not os.geteuid() else ""  # its worker must read the folder, which is ours
        file = self.folder / f"{self.name}.conf"
        file.write_text(root + around.format(folder=self.folder, server=listen), encoding="utf-8")
        if nginx:
            run = [str(nginx_program()), "-c", str(file), "-p", str(self.folder), "-e", str(self.folder / "error.log")]
            check = [*run, "-t"]
        else:
            run = [str(haproxy_program()), "-db", "-f", str(file)]
            check = [run[0], "-c", "-f", str(file)]
        checked = subprocess.run(check, capture_output=True, text=True, check=False)
        if checked.returncode:
            raise MissingPartError(f"{self.name} does not take its configuration: {checked.stderr.strip()[-500:]}")
        self._process = start(Command(self.name, run, self.log_path, None, self.folder), lambda: accepts(self.port))


def haproxy_program() -> Path:
    """The one on PATH. `MissingPartError` if there is none."""
    found = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise MissingPartError("no haproxy on PATH: install haproxy")
    return Path(found)
