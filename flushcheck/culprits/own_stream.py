"""What a stream of the user's own app shows of a hold, and the evidence that several detectors put forward.

The app cannot be asked to send X-Accel-Buffering, so no experiment names an nginx here. What is left:
requests in other ways or at another address, the bytes of a compressor, and the headers with which servers
name themselves.
"""

from __future__ import annotations

from dataclasses import replace

from flushcheck.culprits.evidence import (
    MAX_HEADER,
    compressor_header_evidence,
    header_evidence,
    hold_evidence,
    variant_evidence,
)
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.measurement.repeats import ALONE
from flushcheck.model import Client, Evidence, Flow, Transport, Variant

# A header that arrives so much before the first record was not held with it.
EARLY_S = 0.3

# Names under which servers send Server, for rules.
NGINX, APACHE, CADDY, GUNICORN = "nginx", "apache", "caddy", "gunicorn"


def is_held(seen: Observations, transport: Transport) -> bool:
    """Whether this is a stream of the user's own app, and held."""
    return seen.is_own(transport) and seen.is_held(transport)


def by_compressor(seen: Observations, transport: Transport) -> bool:
    """Whether a compressor holds it: compressed it is held, and without compression it flows."""
    return (
        is_held(seen, transport)
        and bool(seen.compressed(transport))
        and _tried_without(seen, transport).frees(transport, Variant.IDENTITY) is Answer.YES
    )


def _tried_without(seen: Observations, transport: Transport) -> Observations:
    """The view on which the request without compression was made: the browser's, for every client.

    It stands for another client that got the same encoding, and was held as the browser was.
    """
    browser = seen.beside(Client.BROWSER)
    if browser is None or seen.tried(transport, Variant.IDENTITY):
        return seen
    same = browser.is_held(transport) and browser.compressed(transport) == seen.compressed(transport)
    return browser if same else seen


def without_compressor(seen: Observations, transport: Transport) -> bool:
    """Whether it is held, and not by a compressor, as far as that was tried."""
    return is_held(seen, transport) and (
        not seen.compressed(transport) or seen.frees(transport, Variant.IDENTITY) is Answer.NO
    )


def serves(seen: Observations, transport: Transport, name: str) -> bool:
    """Whether the outermost server that names itself is this one."""
    return seen.header(transport, "server").lower().startswith(name)


def header_is_early(seen: Observations, transport: Transport) -> bool:
    """Whether the response's header arrived well before the first record."""
    observation, _ = seen[seen.baseline(transport)]
    first_s = next((arrival.at_s for arrival in observation.arrivals if arrival.records), 0.0)
    return first_s - observation.headers_s >= EARLY_S


def compressor_evidence(seen: Observations, transport: Transport) -> tuple[Evidence, ...]:
    """The hold, that it is gone without compression, and what the bytes and the other encodings show."""
    return (
        hold_evidence(seen, transport),
        variant_evidence(_tried_without(seen, transport), transport, Variant.IDENTITY),
        *compressor_header_evidence(seen, transport),
        *_by_encoding(seen, transport),
        *server_evidence(seen, transport),
    )


def server_evidence(seen: Observations, transport: Transport) -> tuple[Evidence, ...]:
    """How the servers of the response name themselves, and how it flows at the app's own port."""
    headers: list[Evidence] = []
    for name in ("Via", "Server", "X-Powered-By"):
        headers += header_evidence(transport, name, seen.header(transport, name.lower()))
    if seen.control(transport) is Flow.FLOWING:
        headers.append(Evidence(f"{transport}: {seen.control_place(transport)} the same stream flows"))
    return tuple(headers)


def length_evidence(seen: Observations, transport: Transport) -> tuple[Evidence, ...]:
    """The length that something knew before it sent the header; nothing if there is none."""
    length = seen.header(transport, "content-length")
    if not length:
        return ()
    return (
        Evidence(
            f"{transport}: the response has Content-Length: {length[:MAX_HEADER]}, so something had all of "
            "it before it sent the header"
        ),
    )


def _by_encoding(seen: Observations, transport: Transport) -> tuple[Evidence, ...]:
    """Which encodings hold when each is offered alone; nothing if none was tried so."""
    baseline = seen.baseline(transport)
    words = []
    for variant, encoding in ALONE.items():
        answer, observation = seen.frees(transport, variant), seen.get(replace(baseline, variant=variant))
        if observation is None or answer is Answer.NOT_TRIED:
            continue
        sent = observation.header("content-encoding")[:MAX_HEADER] or "uncompressed"
        words.append(f"{encoding} gets it {sent}, {'flowing' if answer is Answer.YES else 'held'}")
    if not words:
        return ()
    return (Evidence(f"{transport}: a client that offers one encoding: {'; '.join(words)}"),)
