"""Forward proxies for the tests: HTTP (absolute form and CONNECT) and SOCKS5, as small as they can be.

A proxy is a script for `scripted_server` with `read_first=False`; what it was asked for is in `Proxy.requests`.
"""

import base64
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.prober.peers import Client


@dataclass
class Proxy:
    """One proxy, and what its clients asked it."""

    login: str = ""  # user:password that it wants
    requests: list[str] = field(default_factory=list)  # the first line, or the SOCKS destination
    headers: list[bytes] = field(default_factory=list)

    def http(self, client: Client) -> None:
        """Serve one connection of an HTTP client."""
        if not client.read_request():
            return
        self.requests.append(client.request.split(b"\r\n")[0].decode())
        self.headers.append(client.request)
        wanted = "Basic " + base64.b64encode(self.login.encode()).decode()
        if self.login and client.header("Proxy-Authorization") != wanted:
            client.respond(407, b"", extra='Proxy-Authenticate: Basic realm="test"\r\n')
            return
        method, target, _ = client.request.split(b" ", 2)
        if method == b"CONNECT":
            host, port = target.decode().rsplit(":", 1)
            with socket.create_connection((host.strip("[]"), int(port))) as service:
                client.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
                relay(client.sock, service)
            return
        parts = urlsplit(target.decode())
        path = f"{parts.path}?{parts.query}".encode()
        with socket.create_connection((parts.hostname or "", parts.port or 80)) as service:
            lines = client.request.replace(target, path, 1).replace(b"keep-alive", b"close").split(b"\r\n")
            # RFC 9110, section 11.7.2: for this proxy only.
            kept = [line for line in lines if not line.lower().startswith(b"proxy-authorization:")]
            service.sendall(b"\r\n".join(kept))
            relay(client.sock, service)

    def socks(self, client: Client) -> None:
        """Serve one connection of a SOCKS5 client."""
        sock = client.sock
        _, count = receive(sock, 2)
        methods = receive(sock, count)
        if self.login:
            if 2 not in methods:
                sock.sendall(b"\x05\xff")
                return
            sock.sendall(b"\x05\x02")
            _, size = receive(sock, 2)
            name = receive(sock, size)
            password = receive(sock, receive(sock, 1)[0])
            good = f"{name.decode()}:{password.decode()}" == self.login
            sock.sendall(b"\x01\x00" if good else b"\x01\x01")
            if not good:
                return
        else:
            sock.sendall(b"\x05\x00")
        kind = receive(sock, 4)[3]
        if kind == 3:
            host = receive(sock, receive(sock, 1)[0]).decode()
        else:
            family, size = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
            host = socket.inet_ntop(family, receive(sock, size))
        port = int.from_bytes(receive(sock, 2))
        self.requests.append(f"{'name' if kind == 3 else 'address'} {host}:{port}")
        try:
            service = socket.create_connection((host, port))
        except OSError:
            sock.sendall(b"\x05\x05\x00\x01" + bytes(6))
            return
        with service:
            # Byte by byte: a client may not take one read for one reply.
            for byte in b"\x05\x00\x00\x03\x04test\x00\x00":
                sock.sendall(bytes([byte]))
            relay(sock, service)


def receive(sock: socket.socket, size: int) -> bytes:
    """Receive exactly so many bytes."""
    data = b""
    while len(data) < size:
        more = sock.recv(size - len(data))
        if not more:
            raise ConnectionError("closed")
        data += more
    return data


def relay(one: socket.socket, other: socket.socket) -> None:
    """Copy bytes both ways until both sides have ended."""

    def copy(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    back = threading.Thread(target=copy, args=(other, one), daemon=True)
    back.start()
    copy(one, other)
    back.join()
