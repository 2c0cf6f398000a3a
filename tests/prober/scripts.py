"""What a hostile or broken server sends, as scripts for `peers.scripted_server`."""

import time

from tests.prober.peers import Client, Script


def forever(first: bytes, again: bytes) -> Script:
    def script(client: Client) -> None:
        client.send(first)
        while True:
            client.send(again)

    return script


def drip(data: bytes) -> Script:
    def script(client: Client) -> None:
        client.send(data)
        while True:
            time.sleep(0.02)
            client.send(b"a")

    return script


def then(*parts: bytes) -> Script:
    return lambda client: client.send(b"".join(parts))


def broken(*parts: bytes) -> Script:
    def script(client: Client) -> None:
        client.send(b"".join(parts))
        client.wait_until_read()  # a reset overtakes what lies unread
        client.reset()

    return script


def silent(*parts: bytes) -> Script:
    def script(client: Client) -> None:
        client.send(b"".join(parts))
        client.wait_for_close()

    return script
