"""nginx over TLS with a fixed answer: a backend that costs almost nothing, so that a gateway's own speed is visible."""

import os
from typing import Final

from lab.backends import REGION
from lab.certs import Certs
from lab.peer_parts import nginx_program
from lab.ports import accepts, free_port
from lab.process import Command, start
from lab.server import TlsServer

_CONFIG: Final = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_requests 100000000;
  client_max_body_size 0;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    location / {{
      if ($request_method = PUT) {{ return 200; }}
      return 200 "{body}";
    }}
  }}
}}
"""


class NginxFixed(TlsServer):
    """It, as a `lab.backends.Backend`: 1 KiB for each GET, nothing for a PUT, of which it reads the body."""

    access_key: Final = "fixedadmin"
    secret_key: Final = "fixed-secret-of-the-lab"
    region: Final = REGION

    def __init__(self, certs: Certs) -> None:
        super().__init__("nginx", free_port(), certs)

    def start(self) -> None:
        """Start; return when it accepts. `lab.MissingPartError` where there is no nginx."""
        file = self.folder / "nginx.conf"
        certificate, key = self._certs.backend_certificate, self._certs.backend_key
        text = _CONFIG.format(folder=self.folder, port=self.port, certificate=certificate, key=key, body="x" * 1024)
        root = "" if os.geteuid() else "user root;\n"  # its worker must read the folder, which is ours
        file.write_text(root + text, encoding="utf-8")
        run = [str(nginx_program()), "-c", str(file), "-p", str(self.folder), "-e", str(self.folder / "error.log")]
        self._process = start(Command("nginx", run, self.log_path, None, self.folder), lambda: accepts(self.port))
