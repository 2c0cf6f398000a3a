"""A name with an IPv4 and an IPv6 address: `-4` and `-6` choose, and by itself each address is tried in turn."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from flushcheck.cli import main

NAME = "both.test"
V4, V6 = ("127.0.0.1", "::1")
EVENTS = {V4: 3, V6: 5}  # how many events the stream of each address has


@contextmanager
def listening(address: str, port: int = 0) -> Iterator[int]:
    """Serve a stream with this address's own number of events; yield the port."""
    family = socket.AF_INET6 if address == V6 else socket.AF_INET
    listener = socket.create_server((address, port), family=family, backlog=16)

    def serve() -> None:
        with suppress(OSError):
            while True:
                sock, _ = listener.accept()
                with sock, suppress(OSError):
                    while b"\r\n\r\n" not in sock.recv(65536):
                        pass
                    body = "".join(f"data: {seq}\n\n" for seq in range(EVENTS[address]))
                    head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
                    sock.sendall(f"{head}{body}".encode())

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.fixture
def resolves(monkeypatch: pytest.MonkeyPatch) -> Callable[[Sequence[str]], None]:
    """Give the name these addresses. No request leaves the machine: another name is not looked up."""

    def give(addresses: Sequence[str]) -> None:
        def found(host: str, port: int, family: int = 0, *rest: Any, **more: Any) -> list[Any]:
            if host != NAME:
                raise socket.gaierror(socket.EAI_NONAME, f"{host} is not part of this test")
            families = {V4: socket.AF_INET, V6: socket.AF_INET6}
            rows = [
                (families[address], socket.SOCK_STREAM, 6, "", (address, port))
                for address in addresses
                if family in (0, families[address])
            ]
            if not rows:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return rows

        monkeypatch.setattr(socket, "getaddrinfo", found)

    return give


CHOICES = [
    # name                           option    the name's addresses, in order    the address that was asked
    ("IPv6 is chosen",               ["-6"],   (V4, V6),                         V6),
    ("IPv4 is chosen",               ["-4"],   (V6, V4),                         V4),
    ("the first by itself",          [],       (V6, V4),                         V6),
    ("the first by itself, IPv4",    [],       (V4, V6),                         V4),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "option", "addresses", "asked"), CHOICES, ids=[choice[0] for choice in CHOICES]
)
def test_the_option_chooses_the_address(name, option, addresses, asked, resolves, capsys):
    with listening(V4) as port, listening(V6, port):
        resolves(addresses)
        main(["watch", f"http://{NAME}:{port}/chat", "--once", "--json", *option])
    assert json.loads(capsys.readouterr().out)["stream"]["records"] == EVENTS[asked]


def test_the_next_address_is_tried_where_the_first_refuses(resolves, capsys):
    with listening(V4) as port:
        resolves((V6, V4))
        main(["watch", f"http://{NAME}:{port}/chat", "--once", "--json"])
    assert json.loads(capsys.readouterr().out)["stream"]["records"] == EVENTS[V4]


def test_a_name_without_the_chosen_kind_of_address_is_said_so(resolves, capsys):
    with listening(V4) as port:
        resolves((V4,))
        assert main(["watch", f"http://{NAME}:{port}/chat", "--once", "-6"]) == 3
    output = capsys.readouterr()
    assert "IPv6" in output.out + output.err
