"""What a response says of HTTP/3: the header Alt-Svc (RFC 7838, section 3).

Only an alternative on the same host counts: another host would be a third party that the caller did not name.
"""

from __future__ import annotations

import re

from flushcheck.model import Client, Observation, Vantage

ALT_SVC = "alt-svc"

INSTALL = "pip install 'flushcheck[http3]'"  # the step where HTTP/3 cannot be spoken

_HTTP3 = "h3"  # drafts have names such as h3-29

# One alternative, for example `h3=":443"; ma=86400`.
_ALTERNATIVE = re.compile(
    r"""\s*(?P<protocol>[^=\s,;"]+)="(?P<authority>[^"]*)"(?P<parameters>(?:\s*;\s*[^=\s,;"]+=(?:"[^"]*"|[^\s,;"]*))*)\s*(?:,|$)"""
)
_EXPIRED = re.compile(r"""(?i);\s*ma="?0+"?\s*(?:;|$)""")


def http3_port(value: str, host: str) -> int:
    """Return the UDP port at which HTTP/3 is offered; 0 if it is not offered, or not on this host.

    Args:
        value: of the header; "clear" takes offers back.
        host: of the address that responded.
    """
    position = 0
    while found := _ALTERNATIVE.match(value, position):
        position = found.end()
        name, _, port = found["authority"].rpartition(":")
        if (
            found["protocol"] == _HTTP3
            and name.lower() in ("", host.lower(), f"[{host.lower()}]")
            and port.isascii()
            and port.isdecimal()
            and len(port) <= 5
            and 0 < int(port) <= 65_535
            and not _EXPIRED.search(found["parameters"])
        ):
            return int(port)
    return 0


def offered_port(observations: tuple[Observation, ...], host: str) -> int:
    """Return the UDP port at which the responses on the path offer HTTP/3; 0 if none does.

    Args:
        observations: of a run.
        host: of its address.
    """
    ports = (
        http3_port(observation.header(ALT_SVC), host)
        for observation in observations
        if observation.probe.vantage is Vantage.PATH and observation.probe.client is not Client.HTTP3
    )
    return next(filter(None, ports), 0)
