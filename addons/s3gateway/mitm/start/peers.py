"""Whom the gateway talks to: the one backend that is configured, and clients over TLS if there is a certificate."""

from collections.abc import Callable

from mitmproxy import http, tls
from mitmproxy.connection import Client
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from OpenSSL import SSL

from s3gateway.mitm import termination
from s3gateway.mitm.start.live import Live


class Peers:
    """Hooks of connections, from the moment that the script is loaded; ``live`` gives None until it is configured."""

    def __init__(self, live: Callable[[], Live | None]) -> None:
        self._live = live

    def http_connect(self, flow: http.HTTPFlow) -> None:
        """Refuse tunnels: only the backend is reached from here."""
        flow.response = http.Response.make(405, b"", {"Connection": "close"})

    def server_connect(self, data: ServerConnectionHookData) -> None:
        """Let mitmproxy connect to the configured backend and to nothing else, and verify that one's name.

        With ``keep_host_header`` mitmproxy would verify the certificate for the client's SNI.
        """
        backend = live.current.config.backend if (live := self._live()) else None
        if backend is None or data.server.address is None or data.server.address[:2] != (backend.host, backend.port):
            data.server.error = "not the configured backend"
            return
        data.server.sni = backend.host

    def server_disconnected(self, data: ServerConnectionHookData) -> None:
        """See to it that the end of a connection is one."""
        termination.close_left_open(data.client, data.server)

    def client_disconnected(self, client: Client) -> None:
        """See to it that the end of a connection is one."""
        termination.close_left_open(client, client)

    def tls_start_client(self, data: tls.TlsData) -> None:
        """Show clients the configured certificate."""
        live = self._live()
        if live and live.current.client_tls:
            data.ssl_conn = SSL.Connection(live.current.client_tls)
            data.ssl_conn.set_accept_state()
