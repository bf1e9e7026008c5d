"""Free TCP ports on loopback."""

import random
import socket

# Below Linux's ephemeral range (32768 and up): no outgoing connection takes the port between our look and the bind.
_RANGE = range(20_000, 32_000)
_given: set[int] = set()


def free_port() -> int:
    """A port that nothing listens on now and that this process was not given before."""
    for port in random.sample(_RANGE, k=len(_RANGE)):
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    message = "no free TCP port between 20000 and 32000"
    raise OSError(message)


def accepts(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something accepts connections there."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True
