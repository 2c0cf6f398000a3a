"""Which sockets can be read, by poll(2) where the system has it, by select(2) on Windows.

select fails for descriptors above 1023, which a busy service has. On Windows it has no such limit: there it
counts sockets, not descriptors.
"""

from __future__ import annotations

import select
import socket

POLLIN = 0x001  # poll(2); Python has the name only where the system has poll


def can_read(sockets: tuple[socket.socket, ...], wait_s: float) -> bool:
    """Whether one of the sockets can be read, or becomes readable in this time; its end counts.

    Raises:
        ValueError: one of them is closed.
        OSError: the system refuses to wait for one of them.
    """
    if not hasattr(select, "poll"):
        return bool(select.select(sockets, [], [], wait_s)[0])
    poll = select.poll()
    for sock in sockets:
        poll.register(sock, POLLIN)
    return bool(poll.poll(wait_s * 1000))
