"""Loopback ports: free ones, and the ones a data folder used last time."""

import secrets
import socket

# Below the ports that Linux (32768 on) and macOS (49152 on) give to outgoing connections: a connection of any
# process could take one of those before the server it is meant for has bound it.
_LOW, _HIGH = 20_000, 32_768


def free_port() -> int:
    """A TCP port nobody listens on at 127.0.0.1 now; another one at nearly every call."""
    while not is_free(port := _LOW + secrets.randbelow(_HIGH - _LOW)):
        pass
    return port


def is_free(port: int) -> bool:
    """Whether a server could listen on this port now (a port in TIME_WAIT counts as free)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
