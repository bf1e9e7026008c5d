"""Other gateways in front of the same backend, for the benchmark: versitygw, s3proxy and nginx.

versitygw and s3proxy verify what they pass on, as this gateway does, and sign it anew; nginx is a plain reverse proxy.
Each serves HTTP, or TLS with the gateway's certificate, and verifies the backend's certificate.
"""

import os
import subprocess
from abc import abstractmethod
from pathlib import Path
from typing import Final, override

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from lab import MissingPartError, tools
from lab.backends import Backend
from lab.certs import Certs
from lab.java import java_home, trust_options
from lab.peer_parts import NGINX_RELEASE, S3PROXY_VERSION, nginx_program, nginx_version, s3proxy_jar
from lab.ports import accepts, free_port
from lab.process import Command, start
from lab.server import Server

_ACCESS_KEY: Final = "PEERKEY"
_SECRET_KEY: Final = "peer-secret-of-the-lab"
_STORE_PASSWORD: Final = "changeit"  # of a file that goes with the server's folder

_NGINX: Final = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_processes 1;
events {{ worker_connections 1024; }}
http {{
  access_log {folder}/access.log;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_max_body_size 0;
  keepalive_requests 100000000;
  upstream backend {{ server {backend}; keepalive 64; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port}{ssl};
    location / {{
      proxy_pass https://backend;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Connection "";
      proxy_request_buffering off;
      proxy_buffering off;
      proxy_ssl_trusted_certificate {ca};
      proxy_ssl_verify on;
      proxy_ssl_name localhost;
    }}
  }}
}}
"""


class Peer(Server):
    """A gateway in front of `backend`. `certs` are for its own TLS listener; None for plain HTTP."""

    verifies: bool = True

    def __init__(self, name: str, backend: Backend, certs: Certs | None) -> None:
        super().__init__(name, free_port())
        self.backend: Final = backend
        self.certs: Final = certs

    @property
    @abstractmethod
    def version(self) -> str:
        """What runs, for the report."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self.certs else 'http'}://127.0.0.1:{self.port}"

    @property
    def keys(self) -> tuple[str, str]:
        """The key pair of its clients."""
        return _ACCESS_KEY, _SECRET_KEY


class Versitygw(Peer):
    """Versity's gateway with its S3 backend, one user, and its access log switched off."""

    def __init__(self, backend: Backend, certs: Certs | None) -> None:
        super().__init__("versitygw", backend, certs)

    @property
    @override
    def version(self) -> str:
        return tools.VERSITYGW_VERSION

    @override
    def start(self) -> None:
        own = ["--access", _ACCESS_KEY, "--secret", _SECRET_KEY, "--port", f"127.0.0.1:{self.port}"]
        own += ["--region", self.backend.region, "--keep-alive", "--quiet"]
        if self.certs:
            own += ["--cert", str(self.certs.gateway_certificate), "--key", str(self.certs.gateway_key)]
        behind = ["s3", "--access", self.backend.access_key, "--secret", self.backend.secret_key]
        behind += ["--endpoint", self.backend.endpoint, "--region", self.backend.region, "--use-path-style"]
        # Otherwise it sends a body to the backend as one aws-chunk, and MinIO takes none of more than 16 MiB.
        behind += ["--disable-checksum", "--disable-data-integrity-check"]
        env = {"HOME": str(self.folder), "SSL_CERT_FILE": str(self.backend.ca_file)}
        command = Command("versitygw", [str(tools.versitygw()), *own, *behind], self.log_path, env, self.folder)
        self._process = start(command, lambda: accepts(self.port))


class S3proxy(Peer):
    """s3proxy with its AWS SDK backend."""

    def __init__(self, backend: Backend, certs: Certs | None) -> None:
        super().__init__("s3proxy", backend, certs)

    @property
    @override
    def version(self) -> str:
        return S3PROXY_VERSION

    @override
    def start(self) -> None:
        jar, java = s3proxy_jar(), java_home() / "bin" / "java"
        scheme = "s3proxy.secure-endpoint" if self.certs else "s3proxy.endpoint"
        settings = {
            scheme: self.url,
            "s3proxy.authorization": "aws-v4",
            "s3proxy.identity": _ACCESS_KEY,
            "s3proxy.credential": _SECRET_KEY,
            "s3proxy.v4-max-non-chunked-request-size": str(128 << 20),
            "jclouds.provider": "aws-s3-sdk",
            "jclouds.endpoint": self.backend.endpoint,
            "jclouds.identity": self.backend.access_key,
            "jclouds.credential": self.backend.secret_key,
            "jclouds.region": self.backend.region,
            "aws-s3-sdk.region": self.backend.region,
        }
        if self.certs:
            settings |= {
                "s3proxy.keystore-path": str(self._key_store(self.certs)),
                "s3proxy.keystore-password": _STORE_PASSWORD,
            }
        file = self.folder / "s3proxy.conf"
        file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()), encoding="utf-8")
        trust = trust_options(self.backend.ca_file, self.folder).split()
        arguments = [str(java), *trust, "-DLOG_LEVEL=warn", "-jar", str(jar), "--properties", str(file)]
        env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.folder)}
        command = Command("s3proxy", arguments, self.log_path, env, self.folder)
        self._process = start(command, lambda: accepts(self.port))

    def _key_store(self, certs: Certs) -> Path:
        certificate = x509.load_pem_x509_certificate(certs.gateway_certificate.read_bytes())
        key = serialization.load_pem_private_key(certs.gateway_key.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):  # what lab.issuing makes
            raise MissingPartError("s3proxy: the gateway's key is no elliptic curve key; make the certificates anew")
        lock = serialization.BestAvailableEncryption(_STORE_PASSWORD.encode())
        path = self.folder / "keys.p12"
        path.write_bytes(pkcs12.serialize_key_and_certificates(b"gateway", key, certificate, None, lock))
        return path


class Nginx(Peer):
    """nginx as a reverse proxy: it verifies nothing, so its clients sign with the backend's keys."""

    verifies = False

    def __init__(self, backend: Backend, certs: Certs | None) -> None:
        super().__init__("nginx", backend, certs)
        self._version = NGINX_RELEASE

    @property
    @override
    def version(self) -> str:
        return self._version

    @property
    @override
    def keys(self) -> tuple[str, str]:
        return self.backend.access_key, self.backend.secret_key

    @override
    def start(self) -> None:
        program = nginx_program()
        self._version = nginx_version(program)
        ssl = ""
        if self.certs:
            files = self.certs.gateway_certificate, self.certs.gateway_key
            ssl = " ssl; ssl_certificate {}; ssl_certificate_key {}".format(*files)
        text = _NGINX.format(
            folder=self.folder, port=self.port, ssl=ssl, ca=self.backend.ca_file,
            backend=self.backend.endpoint.removeprefix("https://"),
        )  # fmt: skip
        root = "" if os.geteuid() else "user root;\n"  # its worker must read the folder, which is ours alone
        file = self.folder / "nginx.conf"
        file.write_text(root + text, encoding="utf-8")
        arguments = [str(program), "-c", str(file), "-p", str(self.folder), "-e", str(self.folder / "error.log")]
        checked = subprocess.run([*arguments, "-t"], capture_output=True, text=True, check=False)
        if checked.returncode:
            raise MissingPartError(f"nginx does not take its configuration: {checked.stderr.strip()[-300:]}")
        command = Command("nginx", arguments, self.log_path, None, self.folder)
        self._process = start(command, lambda: accepts(self.port))


PEERS: Final[dict[str, type[Versitygw | S3proxy | Nginx]]] = {
    "versitygw": Versitygw,
    "s3proxy": S3proxy,
    "nginx": Nginx,
}
