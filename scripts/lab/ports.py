"""Free TCP ports on loopback.

Between our look at a port and a server's bind another process may look as well: two workers of the suite, or two runs
of it. So a port is claimed by a name in Linux's abstract socket namespace, which ends with the process that holds it.
"""

import random
import socket
import sys

# Below Linux's ephemeral range (32768 and up): no outgoing connection takes the port between our look and the bind.
_RANGE = range(20_000, 32_000)
_given: dict[int, int] = {}
"""Port -> the descriptor of its claim, which is never closed."""


def free_port(within: range | None = None) -> int:
    """A port that nothing listens on now and that this process was not given before."""
    ports = within or _RANGE
    for port in random.sample(ports, k=len(ports)):
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                claim = _claim(port)
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given[port] = claim
        return port
    message = f"no free TCP port between {ports.start} and {ports.stop}"
    raise OSError(message)


def _claim(port: int) -> int:
    """Raise OSError where another process has claimed the port."""
    if sys.platform != "linux":
        return -1
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0s3-gateway-lab-port-{port}")
    except OSError:
        claim.close()
        raise
    return claim.detach()


def accepts(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something accepts connections there."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def lets_go(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something accepts connections there, and has ended ours: a server that counts them counts no probe."""
    try:
        with socket.create_connection((host, port), timeout=1) as probe:
            probe.shutdown(socket.SHUT_WR)
            while probe.recv(1024):
                pass
    except OSError:
        return False
    return True
