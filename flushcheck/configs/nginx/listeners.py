"""Where the server of a block listens: over TLS or not, with HTTP/2 or not.

`ssl` and `http2` behind a `listen` belong to the socket: one server that writes them does so for every
server on that address. `http2 on` (from 1.25.1) and `ssl on` (until 1.25.1) belong to the server. Source:
nginx's "ngx_http_core_module" and ngx_http_add_addresses of nginx 1.30.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from flushcheck.configs.nginx.addresses import all_blocks, server_of, socket_key
from flushcheck.configs.tree import Block, Config, Directive, Listener

_MAX_LISTENERS = 50  # of one server that are looked at


@dataclass(slots=True)
class _Socket:
    tls: bool = False
    http2: bool = False


def with_listeners(blocks: Sequence[Block], config: Config) -> Sequence[Block]:
    """The same Blocks, each with the listeners of its server; without a server there are none."""
    sockets: dict[str, _Socket] = {}
    for server in all_blocks(config.directives, "server"):
        for line in _tcp_listens(server):
            socket = sockets.setdefault(socket_key(line.args[0], default_port="80"), _Socket())
            socket.tls |= "ssl" in line.args[1:]
            socket.http2 |= "http2" in line.args[1:]
    by_server: dict[int, tuple[Listener, ...]] = {}
    led = []
    for block in blocks:
        around = server_of(block)
        if around is None:
            led.append(block)
            continue
        if id(around) not in by_server:
            by_server[id(around)] = tuple(islice(_listeners(block, around, sockets), _MAX_LISTENERS))
        led.append(replace(block, listeners=by_server[id(around)]))
    return led


def _listeners(block: Block, server: Directive, sockets: dict[str, _Socket]) -> Iterator[Listener]:
    old_tls = block.value("ssl", "off").first == "on"
    own_http2 = block.value("http2", "off").first == "on"
    for line in _tcp_listens(server):
        socket = sockets.get(socket_key(line.args[0], default_port="80"), _Socket())
        tls = socket.tls or old_tls
        yield Listener(line, tls, tls and (socket.http2 or own_http2))
    if not any(line.name == "listen" for line in server.block or ()):
        yield Listener(server, old_tls, old_tls and own_http2)  # *:80


def _tcp_listens(server: Directive) -> Iterator[Directive]:
    """The `listen` lines for TCP: a browser meets HTTP/3 only after a response over TCP offered it."""
    for line in server.block or ():
        if line.name == "listen" and line.args and "quic" not in line.args[1:]:
            yield line
